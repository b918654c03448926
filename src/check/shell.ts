/** A command as the shell takes it apart, as far as that can be told without running it. */
export interface ShellCommand {
  /** Quotation marks taken away; `$` and backquotes as they stand. */
  readonly words: readonly string[];
}

const OPERATOR = /^(?:&&|\|\||;;|[|&;()\n])/;
const REDIRECTION = /^\d*(?:>>|>&|<&|<<|<>|>\||[<>])/;

/** The simple commands of a command line, in their order. */
export function shellCommands(commandLine: string): ShellCommand[] {
  const commands: string[][] = [[]];
  let rest = commandLine;
  while (rest !== '') {
    const blank = /^(?:[ \t]+|\\\n)/.exec(rest)?.[0] ?? '';
    rest = rest.slice(blank.length);
    const redirection = REDIRECTION.exec(rest)?.[0];
    const operator = OPERATOR.exec(rest)?.[0];
    if (redirection !== undefined) {
      rest = rest.slice(redirection.length).trimStart();
      rest = rest.slice(readWord(rest).length);
    } else if (operator !== undefined) {
      commands.push([]);
      rest = rest.slice(operator.length);
    } else if (rest !== '') {
      const { word, length } = readWord(rest);
      commands.at(-1)?.push(word);
      rest = rest.slice(length);
    }
  }
  return commands.filter((words) => words.length > 0).map((words) => ({ words }));
}

/** The word at the beginning of a text that begins with one. */
function readWord(text: string): { word: string; length: number } {
  let word = '';
  let quote = '';
  let index = 0;
  for (; index < text.length; index++) {
    const character = text.charAt(index);
    const next = text.charAt(index + 1);
    if (quote === "'") {
      if (character === quote) quote = '';
      else word += character;
    } else if (quote === '"') {
      if (character === quote) quote = '';
      else if (character === '\\' && '"\\$`'.includes(next)) {
        word += next;
        index++;
      } else word += character;
    } else if (character === '"' || character === "'") quote = character;
    else if (character === '\\') {
      if (next !== '\n') word += next;
      index++;
    } else if (/[\s|&;()<>]/.test(character)) break;
    else word += character;
  }
  return { word, length: Math.max(index, 1) };
}
