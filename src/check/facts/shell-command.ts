import { basename } from 'node:path';

const OUR_NAME = /^fetch-activity-logs(\.[cm]?js)?$/;
/** The fetcher of the vendor's tutorial. */
const PYTHON_NAME = 'fetch_activity_logs.py';
const ASSIGNMENT = /^([A-Za-z_]\w*)=(.*)$/s;
const OPERATOR = /^(?:&&|\|\||;;|[|&;()\n])/;
const REDIRECTION = /^\d*(?:>>|>&|<&|<<|<>|>\||[<>])/;

/** How a command line starts this program. */
export interface ScriptCall {
  /** As it stands in the command: a path, or a name that is sought on PATH. */
  readonly script: string;
  /** The Node that is named before it, if any. */
  readonly interpreter: string | undefined;
  readonly args: readonly string[];
  /** Variables that the command sets for it. */
  readonly assignments: Readonly<Record<string, string>>;
  /** The shell is replaced by what it starts. */
  readonly hasExec: boolean;
  /** The command line holds other commands as well. */
  readonly isAlone: boolean;
}

/** Undefined when the command line does not start this program. */
export function findScriptCall(commandLine: string): ScriptCall | undefined {
  const commands = shellCommands(commandLine);
  for (const { words } of commands) {
    const index = words.findIndex((word) => OUR_NAME.test(basename(word)));
    const script = words[index];
    if (script === undefined) continue;
    const before = words.slice(0, index);
    const isNode = (word: string) => /^node(js)?(-?\d+)?$/.test(basename(word));
    const assignments = before.flatMap((word) => {
      const [, name, value] = ASSIGNMENT.exec(word) ?? [];
      return name === undefined || value === undefined ? [] : [[name, value] as const];
    });
    return {
      script,
      interpreter: before.find(isNode),
      args: words.slice(index + 1),
      assignments: Object.fromEntries(assignments),
      hasExec: before.find((word) => !ASSIGNMENT.test(word)) === 'exec',
      isAlone: commands.length === 1,
    };
  }
  return undefined;
}

/** Whether a command line starts the fetcher of the vendor's tutorial. */
export function startsPythonFetcher(commandLine: string): boolean {
  return shellCommands(commandLine).some(({ words }) => words.some((word) => basename(word) === PYTHON_NAME));
}

/** A command as the shell takes it apart, as far as that can be told without running it. */
export interface ShellCommand {
  /** Quotation marks taken away; `$` and backquotes as they stand. */
  readonly words: readonly string[];
}

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
