import { basename } from 'node:path';
import { parse } from 'shell-quote';

const OUR_NAME = /^fetch-activity-logs(\.[cm]?js)?$/;
/** The fetcher of the vendor's tutorial. */
const PYTHON_NAME = 'fetch_activity_logs.py';
const ASSIGNMENT = /^([A-Za-z_]\w*)=(.*)$/s;
const REDIRECTIONS: ReadonlySet<string> = new Set(['>', '>>', '<', '>&', '<(']);
/** The number of a file descriptor before a redirection, which shell-quote takes for a word. */
const DESCRIPTOR = /(^|\s)\d+(?=[<>])/g;
/** A character that no command contains (Unicode's private use area). */
const DOLLAR = '\uE000';

/** How a command line starts this program. */
export interface ScriptCall {
  /** As written in the command: a path, or a name to be found on PATH. */
  readonly script: string;
  /** The Node.js named before it, if any. */
  readonly interpreter: string | undefined;
  readonly args: readonly string[];
  readonly assignments: Readonly<Record<string, string>>;
  /** The shell is replaced by what it starts. */
  readonly hasExec: boolean;
  /** False when the command line has other commands, too. */
  readonly isAlone: boolean;
}

/** Undefined when the command line does not start this program. */
export function findScriptCall(commandLine: string): ScriptCall | undefined {
  const commands = shellCommands(commandLine);
  for (const words of commands) {
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
  return shellCommands(commandLine).some((words) => words.some((word) => basename(word) === PYTHON_NAME));
}

/**
 * The words of each simple command of a command line, in order, without redirections and quotation marks. Variables are
 * not replaced.
 */
export function shellCommands(commandLine: string): string[][] {
  const commands: string[][] = [[]];
  let isTarget = false;
  // Keep variables as they are. A line break ends a command.
  const text = commandLine.replaceAll('\\\n', ' ').replaceAll('\n', ' ; ').replaceAll('$', DOLLAR);
  for (const part of parse(text.replaceAll(DESCRIPTOR, '$1'))) {
    const word = typeof part === 'string' ? part : 'pattern' in part ? part.pattern : undefined;
    if (word !== undefined) {
      if (!isTarget) commands.at(-1)?.push(word.replaceAll(DOLLAR, '$'));
      isTarget = false;
    } else if (typeof part !== 'string' && 'op' in part) {
      isTarget = REDIRECTIONS.has(part.op);
      if (!isTarget) commands.push([]);
    }
  }
  return commands.filter((words) => words.length > 0);
}
