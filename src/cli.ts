import { collect } from './commands/collect.ts';
import type { Settings } from './commands/service-settings.ts';
import { parseCommandLine, type CommandLine } from './config/command-line.ts';
import { readConfig, readLogLevel, type Config } from './config/config.ts';
import { SHELLS } from './config/commands.ts';
import { oneOf, read, type Options } from './config/settings.ts';
import { AppError, ConfigError, ExitCode, messageOf, StdoutError, codeOf } from './lib/errors.ts';
import { createLog } from './lib/log.ts';
import { columnsOf } from './lib/stdout.ts';
import { reasonToPeek } from './session/by-hand.ts';
import { VERSION } from './lib/version.ts';
import type { World } from './lib/world.ts';

/** Runs the command that the arguments name and returns the exit code. Every error becomes one line on stderr. */
export async function main(argv: readonly string[], world: World): Promise<ExitCode> {
  const exitCode = await runArguments(argv, world);
  // A report that a full disk did not take is lost. A reader that has seen enough is not a failure.
  const { errored } = world.stdout;
  const isLost = !['EPIPE', undefined].includes(codeOf(errored)) && exitCode !== ExitCode.NotDelivered;
  if (!isLost) return exitCode;
  createLog({ ...world.log, level: 'error' }).error(`cannot write to stdout: ${messageOf(errored)}`);
  return exitCode === ExitCode.Done ? ExitCode.NotDelivered : exitCode;
}

async function runArguments(argv: readonly string[], world: World): Promise<ExitCode> {
  // For install.sh only.
  if (argv[0] === 'setup') return (await import('./commands/setup.ts')).setup(argv.slice(1), world);
  let options: Options = {};
  try {
    const commandLine = parseCommandLine(argv);
    options = commandLine.options;
    if (commandLine.shows === 'version') world.stdout.write(`${VERSION}\n`);
    else if (commandLine.shows === 'help') world.stdout.write(await helpFor(commandLine, world));
    else return await run(commandLine, world);
    return ExitCode.Done;
  } catch (error) {
    return report(error, options, world);
  }
}

type Command = (config: Config, world: World, options: Options, argument?: string) => Promise<ExitCode>;

/** Loaded when asked for: a poll starts faster without them. */
const COMMANDS: Readonly<Record<string, Command>> = {
  collect: byHand(async (config, world) => (await collect(config, world)).exitCode),
  follow: byHand(async (config, world) => (await import('./commands/follow.ts')).follow(config, world)),
  export: async (config, world, options) => (await import('./commands/export.ts')).exportRange(config, world, options),
  verify: async (config, world, options) => (await import('./commands/verify.ts')).verify(config, world, options),
  redeliver: async (config, world, options) =>
    (await import('./commands/redeliver.ts')).redeliver(config, world, options),
  forget: async (config, world, _options, source) =>
    (await import('./commands/forget.ts')).forget(config, world, source),
  status: async (_config, world, options) => (await import('./commands/status.ts')).status(world, options),
  check: async (_config, world, options) => (await import('./commands/check.ts')).check(world, options),
};

/** Commands for people that are about one input: as root on its machine, they use its settings. */
const BY_INPUT = ['export', 'verify', 'redeliver', 'forget'];

/** The settings of the service's input, where there is one. */
async function settingsForOne(options: Options, world: World): Promise<Pick<Settings, 'options' | 'env'>> {
  return (await import('./commands/service-settings.ts')).settingsForOne(options, world);
}

/** A poll that a person started only peeks, and says so in its last line, unless the person named the state. */
function byHand(command: Command): Command {
  return async (config, world, options) => {
    const reason = reasonToPeek(options, config, world);
    if (reason === undefined && !config.peek) return command(config, world, options);
    const { options: own, env } = await settingsForOne(options, world);
    const exitCode = await untilReaderLeft(
      command({ ...readConfig(own, env), peek: true }, { ...world, env }, options),
    );
    if (reason === undefined) return exitCode;
    const log = createLog({ ...world.log, level: config.logLevel });
    log.info(`${reason}: this run only peeked (--peek) and moved no cursor; use --state-file FILE to move it`);
    return exitCode;
  };
}

/** `--peek | head`: a reader that has seen enough is not a failure. */
async function untilReaderLeft(look: Promise<ExitCode>): Promise<ExitCode> {
  return look.catch((error: unknown) => {
    if (error instanceof StdoutError && codeOf(error.cause) === 'EPIPE') return ExitCode.Done;
    throw error;
  });
}

async function run({ command: { name }, options, argument }: CommandLine, world: World): Promise<ExitCode> {
  if (name === 'completion') return await printCompletion(argument, world);
  const command = COMMANDS[name];
  if (command === undefined) throw new ConfigError(`${name} cannot be run`);
  if (!BY_INPUT.includes(name)) return await command(readConfig(options, world.env), world, options, argument);
  const { options: own, env } = await settingsForOne(options, world);
  return await command(readConfig(own, env), { ...world, env }, options, argument);
}

async function printCompletion(shell: string | undefined, { stdout }: World): Promise<ExitCode> {
  const { SCRIPTS } = await import('./config/completion-scripts.ts');
  stdout.write(SCRIPTS[read('completion', shell, oneOf(SHELLS))]);
  return ExitCode.Done;
}

async function helpFor({ named, topic }: CommandLine, { stdout }: World): Promise<string> {
  const { renderHelp, renderTopic } = await import('./config/help.ts');
  const width = columnsOf(stdout);
  return topic === undefined ? renderHelp(named, width) : renderTopic(topic, width);
}

function report(error: unknown, options: Options, world: World): ExitCode {
  const log = createLog({ ...world.log, level: logLevel(options, world) });
  // `| head` closes stdout, which is not a failure.
  if (error instanceof StdoutError && codeOf(error.cause) === 'EPIPE') log.info(error.message);
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
