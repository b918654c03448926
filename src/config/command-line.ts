import yargs, { type Argv, type Options as YargsOption } from 'yargs';
import { COMMANDS, POLL, type Command } from './commands.ts';
import { AppError, ConfigError } from '../lib/errors.ts';
import { closest } from '../lib/suggestion.ts';
import { VERSION } from '../lib/version.ts';
import type { Options } from './settings.ts';

const NAME = 'fetch-activity-logs';
/** yargs tells by its text alone what is wrong. */
const NEEDS_VALUE = /^Not enough arguments following: (\S+)$/;
const UNKNOWN = /^Unknown (?:argument|command)s?: ([^,]+)/;

/**
 * The options that were given, with the command in `_`; undefined when help, the version or a completion was asked
 * for and shown. Throws ConfigError that names what it does not know, with a suggestion where one is close.
 */
export async function parseCommandLine(
  argv: readonly string[],
  show: (text: string) => void,
): Promise<Options | undefined> {
  if (argv[0] === 'completion') {
    // yargs prints it itself; with a default command it never gets there by way of its own completion command.
    parser(argv).showCompletionScript();
    return undefined;
  }
  const odd = argv.find((argument) => /^--(peek|json)=(?!true$|false$)/.test(argument));
  if (odd !== undefined) throw new ConfigError(`${odd.replace('=', ': expected no value, got "')}"`);
  let shown: string | undefined;
  const options = await parser(argv).parseAsync([...argv], {}, (_error, _argv, output) => {
    if (output !== '') shown = output;
  });
  if (shown === undefined) return options;
  show(`${shown}\n`);
  return undefined;
}

function parser(argv: readonly string[]): Argv {
  let commandLine = yargs([...argv])
    .scriptName(NAME)
    .locale('en')
    .wrap(100)
    .usage(`$0 [command] [options]\n\nCollects cloud audit logs: one JSON event per line, byte for byte, none lost.`);
  for (const command of COMMANDS) {
    const names = command.name === 'collect' ? [command.name, '$0'] : command.name;
    commandLine = commandLine.command(names, command.describe, (own: Argv) => withOptions(own, command));
  }
  return (
    commandLine
      .completion('completion', 'Print a script for shell completion')
      // yargs takes its own completion command for an unknown one when it does not end the process.
      .strict(argv[0] !== 'completion')
      .version(VERSION)
      .help()
      .alias({ help: 'h' })
      .exitProcess(false)
      .showHelpOnFail(false)
      .fail((message: string | null, error: Error | undefined) => {
        if (error instanceof AppError) throw error;
        throw new ConfigError(explained(message ?? error?.message ?? 'wrong usage', argv));
      })
  );
}

/** The options of a command; those of a poll that mean nothing to it are taken, too, but not shown. */
function withOptions(commandLine: Argv, { options, examples, epilogue = '' }: Command): Argv {
  const hidden = Object.entries(POLL).map(([name, one]): [string, YargsOption] => [name, { ...one, hidden: true }]);
  return examples
    .reduce((own, [call, meaning]) => own.example(call, meaning), commandLine)
    .options({ ...options, ...Object.fromEntries(hidden.filter(([name]) => !(name in options))) })
    .epilogue(epilogue);
}

/** yargs' message in words that help, with what was probably meant. */
function explained(message: string, argv: readonly string[]): string {
  const more = `(${NAME} --help lists all)`;
  const [, lacking] = NEEDS_VALUE.exec(message) ?? [];
  if (lacking !== undefined) return `--${lacking} needs a value`;
  const [, unknown] = UNKNOWN.exec(message) ?? [];
  if (unknown === undefined) return `${message} ${more}`;
  const option = argv
    .map((argument) => argument.replace(/=.*$/s, ''))
    .find((name) => /^--?(?!-)/.test(name) && name.replace(/^-+/, '') === unknown);
  if (option === undefined) {
    const command = closest(unknown, COMMANDS.map(({ name }) => name)); // prettier-ignore
    return `"${unknown}" is not understood${command === undefined ? '' : `; did you mean ${command}?`} ${more}`;
  }
  const owner = COMMANDS.find(({ options }) => unknown in options);
  if (owner !== undefined) return `${option} is an option of ${owner.name} ${more}`;
  const meant = closest(unknown, COMMANDS.flatMap(({ options }) => Object.keys(options))); // prettier-ignore
  return `there is no option ${option}${meant === undefined ? '' : `; did you mean --${meant}?`} ${more}`;
}
