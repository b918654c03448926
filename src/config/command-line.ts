import { parseArgs, type ParseArgsConfig } from 'node:util';
import { ConfigError } from '../lib/errors.ts';
import { closest } from '../lib/suggestion.ts';
import { COMMANDS, DEFAULT_COMMAND, GENERAL, NAME, type Command } from './commands.ts';
import type { Options } from './settings.ts';
import { TOPICS, type Topic } from './topics.ts';

/** Every option of any command. A name, and a letter, means the same in all of them. */
const ALL = new Map<string, { readonly short?: string; readonly value?: string }>([
  ...COMMANDS.flatMap(({ options }) => Object.entries(options)),
  ...Object.entries(GENERAL),
]);

/** What the arguments ask for. */
export interface CommandLine {
  /** The topic whose help is asked for. */
  readonly topic?: Topic;
  /** The help of the program or of a command, or the version, instead of running anything. */
  readonly shows?: 'help' | 'version';
  /** Undefined when none was named: then `collect` runs, and help is that of the program. */
  readonly named: Command | undefined;
  readonly command: Command;
  /** Those that were given, by name. A repeated option is an array, a switch is true. */
  readonly options: Options;
  /** What follows the command. */
  readonly argument: string | undefined;
}

/** Reads the arguments. Throws ConfigError that says what is wrong, with a suggestion where one is close. */
export function parseCommandLine(argv: readonly string[]): CommandLine {
  const { given, words } = takeApart(argv);
  const odd = given.find(
    ({ name, value }) => value !== undefined && ALL.has(name) && ALL.get(name)?.value === undefined,
  );
  if (odd !== undefined) throw new ConfigError(`${odd.written}: expected no value, got "${odd.value}"`);
  const isGiven = (wanted: string) => given.some(({ name }) => name === wanted);
  const [name, ...rest] = words;
  const named = name === undefined ? undefined : commandOf(name);
  const command = named ?? commandOf(DEFAULT_COMMAND);
  const basis = { named, command, options: {}, argument: undefined };
  if (isGiven('help')) return { ...basis, shows: 'help' };
  if (isGiven('version')) return { ...basis, shows: 'version' };
  if (command.name === 'help') {
    const about = argumentOf(command, rest);
    const topic = TOPICS.find((one) => one.name === about);
    if (topic !== undefined) return { ...basis, topic, shows: 'help' };
    return { ...basis, named: about === undefined ? undefined : commandOf(about), shows: 'help' };
  }

  for (const option of given) assertKnown(option, command);
  const options = valuesOf(given);
  return { ...basis, options: withLogLevel(options), argument: argumentOf(command, rest) };
}

interface Given {
  readonly name: string;
  /** As it was written: `-x`, `--Provider`. */
  readonly written: string;
  /** Undefined for a switch; empty where a value is missing. */
  readonly value: string | undefined;
}

/** Node takes the arguments apart; which of them a command takes is looked up afterwards, by name. */
function takeApart(argv: readonly string[]): { readonly given: readonly Given[]; readonly words: readonly string[] } {
  const options: ParseArgsConfig['options'] = {};
  const valued = new Set<string>();
  for (const [name, { short, value }] of ALL) {
    options[name] = { type: value === undefined ? 'boolean' : 'string', ...(short === undefined ? {} : { short }) };
    if (value === undefined) continue;
    valued.add(`--${name}`);
    if (short !== undefined) valued.add(`-${short}`);
  }
  // Another option is no value, but a lone dash is.
  const args = argv.flatMap((argument, at) =>
    valued.has(argument) && /^-./.test(argv[at + 1] ?? '--') ? [argument, ''] : [argument],
  );
  const { tokens } = parseArgs({ args, options, strict: false, tokens: true });
  const given: Given[] = [];
  const words: string[] = [];
  let valueOfUnknown = -1;
  for (const token of tokens) {
    if (token.kind === 'positional' && token.index !== valueOfUnknown) words.push(token.value);
    if (token.kind !== 'option') continue;
    given.push({ name: token.name, written: token.rawName, value: token.value });
    if (!ALL.has(token.name) && token.value === undefined) valueOfUnknown = token.index + 1;
  }
  return { given, words };
}

/** A repeated option is an array of its values; a switch that is repeated is still one switch. */
function valuesOf(given: readonly Given[]): Options {
  const values = new Map<string, string | string[] | true>();
  for (const { name, value = true } of given) {
    const before = values.get(name);
    if (value === true || before === undefined || before === true) values.set(name, value);
    else values.set(name, [before, value].flat());
  }
  return Object.fromEntries(values);
}

function commandOf(name: string): Command {
  const found = COMMANDS.find((command) => command.name === name);
  if (found !== undefined) return found;
  const meant = closest(name, COMMANDS.map((command) => command.name)); // prettier-ignore
  throw new ConfigError(`unknown command "${name}"${suggestion(meant)}${seeHelp()}`);
}

function argumentOf({ name, argument }: Command, [first, second]: readonly string[]): string | undefined {
  const unexpected = argument === undefined ? first : second;
  if (unexpected !== undefined) throw new ConfigError(`unexpected argument "${unexpected}"${seeHelp(name)}`);
  if (argument?.isRequired === true && first === undefined) {
    throw new ConfigError(`${name} requires ${argument.name}${seeHelp(name)}`);
  }
  return first;
}

function assertKnown({ name: key, written, value }: Given, { name, options }: Command): void {
  if (Object.hasOwn(options, key)) {
    if (value === '') throw new ConfigError(`--${key} needs a value`);
    return;
  }
  const meant = closest(key, Object.keys(options));
  if (meant !== undefined)
    throw new ConfigError(`unknown option ${written}${suggestion(`--${meant}`)}${seeHelp(name)}`);
  const owners = COMMANDS.filter((command) => Object.hasOwn(command.options, key)).map((command) => command.name);
  if (owners.length > 0) {
    throw new ConfigError(`${written} is an option of ${owners.join(', ')}, not of ${name}${seeHelp(name)}`);
  }
  const elsewhere = closest(key, COMMANDS.flatMap((command) => Object.keys(command.options))); // prettier-ignore
  throw new ConfigError(
    `unknown option ${written}${suggestion(elsewhere === undefined ? undefined : `--${elsewhere}`)}${seeHelp(name)}`,
  );
}

function suggestion(meant: string | undefined): string {
  return meant === undefined ? '' : `; did you mean ${meant}?`;
}

function seeHelp(command?: string): string {
  return ` (see ${NAME} ${command === undefined || command === DEFAULT_COMMAND ? '' : `${command} `}--help)`;
}

/** `--verbose` and `--quiet` are other words for a log level; one that is named counts more. */
function withLogLevel({ verbose, ...options }: Options): Options {
  const level = verbose === true ? 'debug' : options['quiet'] === true ? 'warn' : undefined;
  return level === undefined ? options : { 'log-level': level, ...options };
}
