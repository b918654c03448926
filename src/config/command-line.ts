import { Parser } from 'yargs/helpers';
import { ConfigError } from '../lib/errors.ts';
import { closest } from '../lib/suggestion.ts';
import { COMMANDS, DEFAULT_COMMAND, GENERAL, NAME, commandNamed, type Command } from './commands.ts';
import type { OptionTable } from './options.ts';
import type { Options } from './settings.ts';
import { TOPICS } from './topics.ts';
import type { Topic } from './troubleshooting.ts';

/** What the arguments ask for. */
export interface CommandLine {
  readonly topic?: Topic;
  /** The help of the program or of a command, or the version, instead of running anything. */
  readonly shows?: 'help' | 'version';
  /** Undefined when none was named: then `collect` runs, and help is the program's. */
  readonly named: Command | undefined;
  readonly command: Command;
  /** Those that were given, by name. A repeated option is an array, a switch is true. */
  readonly options: Options;
  readonly argument: string | undefined;
}

/** Reads the arguments. Throws ConfigError that says what is wrong, with a suggestion where one is close. */
export function parseCommandLine(argv: readonly string[]): CommandLine {
  const odd = argv.find((argument) => isSwitch(/^--([^=]*)=/.exec(argument)?.[1]));
  if (odd !== undefined) throw new ConfigError(`${odd.replace('=', ': expected no value, got "')}"`);
  // It would be taken for switches, of which -h shows the help.
  const negative = argv.find((argument) => /^-\d/.test(argument));
  if (negative !== undefined)
    throw new ConfigError(`unexpected "${negative}": write a duration without a sign, such as 24h`);
  const { _: positional, ...given } = parse(argv);
  const [name, ...rest] = positional.map(String);
  const named = name === undefined ? undefined : commandOf(name);
  const command = named ?? commandOf(DEFAULT_COMMAND);
  const basis = { named, command, options: {}, argument: undefined };
  if (given['help'] === true || given['h'] === true) return { ...basis, shows: 'help' };
  if (given['version'] === true || given['V'] === true) return { ...basis, shows: 'version' };
  if (command.name === 'help') {
    const about = argumentOf(command, rest);
    const topic = TOPICS.find((one) => one.name === about);
    if (topic !== undefined) return { ...basis, topic, shows: 'help' };
    return { ...basis, named: about === undefined ? undefined : commandOf(about), shows: 'help' };
  }

  const options = Object.fromEntries(
    Object.entries(given).map(([key, value]) => [longName(key, command.options), value]),
  );
  for (const [key, value] of Object.entries(options)) assertKnown(key, value, command, argv);
  return { ...basis, options: withLogLevel(options), argument: argumentOf(command, rest) };
}

/** yargs takes the arguments apart; which of them a command takes is looked up afterwards, by name. */
function parse(argv: readonly string[]): Record<string, unknown> & { readonly _: readonly (string | number)[] } {
  const all = COMMANDS.flatMap(({ options }) => Object.entries(options));
  const withNames = (isWanted: (name: string) => boolean) =>
    all.flatMap(([name, { short }]) => (isWanted(name) ? [name, ...(short === undefined ? [] : [short])] : []));
  const general = Object.entries(GENERAL).flatMap(([name, { short }]) => [name, short]);
  return Parser(withDashes(argv), {
    string: withNames((name) => !isSwitch(name)),
    boolean: [...withNames(isSwitch), ...general],
    configuration: {
      'boolean-negation': false,
      'camel-case-expansion': false,
      'dot-notation': false,
      'parse-positional-numbers': false,
    },
  });
}

/** `--output -` as `--output=-`: yargs takes a lone dash behind a long option for another argument. */
function withDashes(argv: readonly string[]): string[] {
  const isJoined = (at: number) => argv[at] === '-' && /^--[^=]+$/.test(argv[at - 1] ?? '');
  return argv.flatMap((argument, at) => (isJoined(at) ? [] : [isJoined(at + 1) ? `${argument}=-` : argument]));
}

function isSwitch(name: string | undefined): boolean {
  if (name === undefined) return false;
  const option = COMMANDS.find(({ options }) => Object.hasOwn(options, name))?.options[name];
  return Object.hasOwn(GENERAL, name) || (option !== undefined && option.value === undefined);
}

function longName(key: string, options: OptionTable): string {
  return Object.entries(options).find(([, { short }]) => short === key)?.[0] ?? key;
}

function commandOf(name: string): Command {
  const found = commandNamed(name);
  if (found !== undefined) return found;
  const meant = closest(name, COMMANDS.map((command) => command.name)); // prettier-ignore
  throw new ConfigError(`unknown command "${name}"${suggestion(meant)}${seeHelp()}`);
}

function argumentOf({ name, argument }: Command, [first, second]: readonly string[]): string | undefined {
  const unexpected = argument === undefined ? first : second;
  if (unexpected !== undefined) throw new ConfigError(`unexpected argument "${unexpected}"${seeHelp(name)}`);
  if (argument?.isRequired === true && first === undefined) {
    const values = argument.values === undefined ? '' : ` (${argument.values.join(', ')})`;
    throw new ConfigError(`${name} requires ${argument.name}${values}${seeHelp(name)}`);
  }
  return first;
}

function assertKnown(key: string, value: unknown, { name, options }: Command, argv: readonly string[]): void {
  if (Object.hasOwn(options, key)) {
    const isMissing = value === '' || (Array.isArray(value) && value.includes(''));
    if (isMissing) throw new ConfigError(`--${key} needs a value`);
    return;
  }
  // As it was written: `-x`, `--Provider`.
  const written = argv.map((argument) => argument.replace(/=.*/s, '')).find((one) => one.replace(/^-+/, '') === key);
  const option = written ?? `-${key}`;
  const owners = COMMANDS.filter((command) => Object.hasOwn(command.options, key)).map((command) => command.name);
  if (owners.length > 0) {
    throw new ConfigError(`${option} is an option of ${owners.join(', ')}, not of ${name}${seeHelp(name)}`);
  }
  const elsewhere = COMMANDS.flatMap((command) => Object.keys(command.options));
  const meant = closest(key, Object.keys(options)) ?? closest(key, elsewhere);
  throw new ConfigError(`unknown option ${option}${suggestion(meant, '--')}${seeHelp(name)}`);
}

function suggestion(meant: string | undefined, dashes = ''): string {
  return meant === undefined ? '' : `; did you mean ${dashes}${meant}?`;
}

function seeHelp(command?: string): string {
  return ` (see ${NAME} ${command === undefined || command === DEFAULT_COMMAND ? '' : `${command} `}--help)`;
}

/** `--verbose` and `--quiet` set the log level, unless --log-level does. */
function withLogLevel({ verbose, ...options }: Options): Options {
  const level = verbose === true ? 'debug' : options['quiet'] === true ? 'warn' : undefined;
  return level === undefined ? options : { 'log-level': level, ...options };
}
