import yargs, { type Argv } from 'yargs';
import { FIELD_NAMES } from './add-fields.ts';
import { collect } from './collect.ts';
import { readConfig, readLogLevel, type Config, type Options } from './config.ts';
import { AppError, ConfigError, ExitCode, messageOf } from './errors.ts';
import { LOG_LEVELS, createLog } from './log.ts';
import { PROVIDERS } from './providers/index.ts';
import { VERSION } from './version.ts';
import type { World } from './world.ts';

/** Runs the command that the arguments name and returns the exit code. Every error becomes one line on stderr. */
export async function main(argv: readonly string[], world: World): Promise<ExitCode> {
  let options: Options = {};
  try {
    const parsed = await parse(argv, world);
    if (parsed === undefined) return ExitCode.Done;
    options = parsed;
    const config = readConfig(options, world.env);
    return await commandOf(options)(config, world, options);
  } catch (error) {
    return report(error, options, world);
  }
}

type Command = (config: Config, world: World, options: Options) => Promise<ExitCode>;

/** Loaded when asked for: a poll starts faster without them. */
const COMMANDS: Readonly<Record<string, Command>> = {
  collect: async (config, world) => (await collect(config, world)).exitCode,
  follow: async (config, world) => (await import('./commands/follow.ts')).follow(config, world),
};

function commandOf(options: Options): Command {
  const [name] = Array.isArray(options['_']) ? (options['_'] as unknown[]) : [];
  const command = COMMANDS[typeof name === 'string' ? name : 'collect'];
  if (command === undefined) throw new ConfigError(`unknown command ${String(name)}`);
  return command;
}

function report(error: unknown, options: Options, world: World): ExitCode {
  const log = createLog({ ...world.log, level: logLevel(options, world) });
  // `| head` closing stdout is no failure worth a word; everything else is.
  if (error instanceof AppError && error.code === 'STDOUT') log.info(error.message);
  else log.error(messageOf(error));
  if (error instanceof Error && error.stack !== undefined) log.debug(error.stack);
  return error instanceof AppError ? error.exitCode : ExitCode.NothingCollected;
}

function logLevel(options: Options, { env }: World) {
  try {
    return readLogLevel(options, env);
  } catch {
    return 'info';
  }
}

/** The options that were given; undefined when help or the version was asked for, and printed. */
async function parse(argv: readonly string[], world: World): Promise<Options | undefined> {
  const parser = commandLine(argv);
  let shown = '';
  const options = await parser.parseAsync([...argv], {}, (_error, _argv, output) => {
    shown = output;
  });
  if (shown === '') return options;
  world.stdout.write(`${shown}\n`);
  return undefined;
}

function commandLine(argv: readonly string[]): Argv {
  return yargs([...argv])
    .scriptName('fetch-activity-logs')
    .locale('en')
    .usage('$0 [command] [options]\n\nCollects the audit logs of IONOS CLOUD: one JSON event per line, byte for byte.')
    .command(['collect', '$0'], 'Poll once, print what is new, and remember how far that was (the default)')
    .command('follow', 'Poll until stopped, every --interval', {
      interval: { string: true, describe: 'How long to wait between two polls [2m]', group: 'Source:' },
    })
    .options({
      provider: { string: true, choices: Object.keys(PROVIDERS), describe: 'Whose audit log', group: 'Source:' },
      'api-url': { string: true, describe: "The API's address, if not the vendor's own", group: 'Source:' },
      'token-file': { string: true, describe: 'The file that holds the API token', group: 'Source:' },
      contract: { string: true, describe: 'Only this contract; may be given several times', group: 'Source:' },
      since: {
        string: true,
        describe: 'How far back, or from which instant on, when there is no cursor yet [300s]',
        group: 'Source:',
      },
      overlap: {
        string: true,
        describe: 'How far behind the cursor late events are looked for [5m]',
        group: 'Source:',
      },
      'state-file': { string: true, describe: 'Where the cursors are kept', group: 'State:' },
      peek: { boolean: true, describe: 'Print without lock, state or acknowledgement', group: 'State:' },
      'add-fields': {
        string: true,
        describe: `Fields to put in front of each event: ${FIELD_NAMES.join(',')}`,
        group: 'Output:',
      },
      'max-line-bytes': { string: true, describe: 'The longest line to print [1000000]', group: 'Output:' },
      'ack-url': {
        string: true,
        describe: "Fluent Bit's HTTP server, to see that it took the lines",
        group: 'Output:',
      },
      'ack-input': { string: true, describe: 'The alias of the input that runs this [activity_log]', group: 'Output:' },
      'page-size': { string: true, describe: 'Events to ask for at once [1000]', group: 'Limits:' },
      concurrency: { string: true, describe: 'Sources to poll at once [4]', group: 'Limits:' },
      deadline: { string: true, describe: 'When a run ends and leaves the rest to the next [4m]', group: 'Limits:' },
      'request-timeout': { string: true, describe: 'For one whole answer [30s]', group: 'Limits:' },
      'metrics-file': { string: true, describe: 'A Prometheus textfile to write', group: 'Messages:' },
      'log-level': { string: true, choices: LOG_LEVELS, describe: 'What to say on stderr [info]', group: 'Messages:' },
    })
    .strict()
    .version(VERSION)
    .help()
    .alias({ help: 'h' })
    .epilogue(
      'Every option has an environment variable, such as ACTIVITY_LOG_STATE_FILE for --state-file. ' +
        'The token comes from --token-file, from systemd (LoadCredential=activity-log-token), or from IONOS_API_TOKEN.',
    )
    .exitProcess(false)
    .showHelpOnFail(false)
    .fail((message: string | null, error: Error | undefined) => {
      throw error ?? new ConfigError(`${message ?? 'wrong usage'}; fetch-activity-logs --help lists the options`);
    });
}
