import yargs, { type Argv, type Options as YargsOption } from 'yargs';
import { FIELD_NAMES } from './add-fields.ts';
import type { Options } from './config.ts';
import { AppError, ConfigError } from './errors.ts';
import { FORMATS } from './export-request.ts';
import { LOG_LEVELS } from './log.ts';
import { PROVIDERS } from './providers/index.ts';
import { closest } from './suggestion.ts';
import { VERSION } from './version.ts';

const NAME = 'fetch-activity-logs';

/** An option with a value. Its default is only described: when it is not given, the environment comes first. */
function option(group: string, describe: string, defaultDescription?: string): YargsOption {
  return {
    string: true,
    requiresArg: true,
    group: `${group}:`,
    describe,
    ...(defaultDescription === undefined ? {} : { defaultDescription }),
  };
}

const OPTIONS: Readonly<Record<string, YargsOption>> = {
  provider: option('Where from', `Whose audit log: ${Object.keys(PROVIDERS).join(' or ')}`, 'ionos'),
  'api-url': option('Where from', "The API's address", "the vendor's"),
  'token-file': option('Where from', 'The file that holds the API token; secrets are never options'),
  contract: option('Where from', 'Only this contract; may be given several times', 'all that the token sees'),
  since: option('Where from', 'How far back, or from which instant on, when there is no cursor yet', '300s'),
  overlap: option('Where from', 'How far behind the cursor late events are looked for', '5m'),
  'state-file': option('State', 'Where the cursors are kept', '/var/lib/fluent-bit/activity_log_state.json'),
  peek: { boolean: true, group: 'State:', describe: 'Print without lock, state or acknowledgement' },
  'add-fields': option('Output', `Fields to put in front of each event: ${FIELD_NAMES.join(',')}`, 'none'),
  'max-line-bytes': option('Output', 'A longer line goes to oversize.jsonl beside the state', '1000000'),
  'ack-url': option('Output', "Fluent Bit's HTTP server, to see that it took the lines", 'printed is delivered'),
  'ack-input': option('Output', 'The Alias of the input that runs this', 'activity_log'),
  'page-size': option('Limits', 'Events to ask for at once', '1000'),
  concurrency: option('Limits', 'Sources to poll at once', '4'),
  deadline: option('Limits', 'When a run ends and leaves the rest to the next', '4m'),
  'request-timeout': option('Limits', 'For one whole answer', '30s'),
  'metrics-file': option('Messages', 'A Prometheus textfile to write after each run'),
  'log-level': option('Messages', `What to say on stderr: ${LOG_LEVELS.join(', ')}`, 'info'),
};

interface CommandLine {
  readonly name: string;
  readonly describe: string;
  readonly options: Readonly<Record<string, YargsOption>>;
}

const COMMANDS: readonly CommandLine[] = [
  { name: 'collect', describe: 'Poll once, print what is new, remember how far that was (the default)', options: {} },
  {
    name: 'follow',
    describe: 'Poll until stopped',
    options: { interval: option('Limits', 'How long to wait between two polls', '2m') },
  },
  {
    name: 'export',
    describe: 'Write all events of a time range, once; no cursor is read or moved',
    options: {
      from: option('Range', 'The first instant: 2026-01-31T12:00:00Z, or how far back'),
      to: option('Range', 'The instant behind the last', 'now'),
      output: option('Output', 'The file to write; when it was stopped, the same command goes on with it', 'stdout'),
      format: option('Output', FORMATS.join(' or '), FORMATS[0]),
      deadline: option('Limits', 'When it ends, complete or not', 'none'),
    },
  },
  {
    name: 'status',
    describe: 'Show how far each source is, from the state file alone',
    options: { json: { boolean: true, group: 'Output:', describe: 'For programs' } },
  },
  {
    name: 'check',
    describe: 'Find what would cost events: token, API, clock, state, and all of the Fluent Bit configuration',
    options: {
      config: option('Where from', "Fluent Bit's main file", '/etc/fluent-bit/fluent-bit.conf'),
      json: { boolean: true, group: 'Output:', describe: 'For programs' },
    },
  },
];

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
    .usage(`$0 [command] [options]\n\nCollects cloud audit logs: one JSON event per line, byte for byte, none lost.`)
    .options(OPTIONS);
  for (const { name, describe, options } of COMMANDS) {
    commandLine = commandLine.command(name === 'collect' ? [name, '$0'] : name, describe, options);
  }
  return (
    commandLine
      .completion('completion', 'Print a script for shell completion')
      .example('$0 --peek --since 1h | head -n 3', 'A look at the newest events; nothing is remembered')
      .example('$0 --token-file token.txt --state-file state.json', 'One poll; the next one goes on from there')
      .example('$0 follow --provider cloudscale --since 1h', "A cloudscale.ch project's log, until Ctrl-C")
      .epilogue(
        'Every option but --peek has an environment variable, such as ACTIVITY_LOG_STATE_FILE for --state-file ' +
          '(IONOS_API_URL and CLOUDSCALE_API_URL for --api-url). The token comes from --token-file, from systemd ' +
          '(LoadCredential=activity-log-token:…), from IONOS_API_TOKEN, IONOS_TOKEN, IONOS_USERNAME with ' +
          'IONOS_PASSWORD, or CLOUDSCALE_API_TOKEN. stdout carries events and nothing else.',
      )
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

/** yargs' message, with what was probably meant. */
function explained(message: string, argv: readonly string[]): string {
  const unknown = /^Unknown (?:argument|command)s?: (\S+?)(?:,|$)/.exec(message)?.[1];
  const names = [...Object.keys(OPTIONS), ...COMMANDS.flatMap(({ options }) => Object.keys(options))];
  const isOption = unknown !== undefined && argv.some((argument) => argument.startsWith(`--${unknown}`));
  const meant =
    unknown === undefined ? undefined : closest(unknown, isOption ? names : COMMANDS.map(({ name }) => name));
  const suggestion = meant === undefined ? '' : `; did you mean ${isOption ? '--' : ''}${meant}?`;
  return `${message}${suggestion} (${NAME} --help lists all)`;
}
