/** How one setting is read from the options or the environment, and the forms that its value may have. */

import { parseDuration, parseInstant } from '../lib/duration.ts';
import { ConfigError } from '../lib/errors.ts';
import { withoutPassword } from '../lib/secrets.ts';
import { closest } from '../lib/suggestion.ts';

/** Options as the command line gives them, by name; the environment supplies those that are missing. */
export type Options = Readonly<Record<string, unknown>>;

/** Far below the 2^31 - 1 ms that Node's timers can take. */
export const MAX_TIMEOUT_MS = 86_400_000;
/** An empty list: an empty text would look like a forgotten value. */
export const NONE = 'none';

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
] as const;

/** Turns a text into a value. Throws Expected when it cannot. */
type Parser<T> = (value: string) => T;

/** What a parser expected; the caller adds the setting and its value. */
class Expected extends Error {
  /** The one wrong entry of a list. */
  readonly entry: string | undefined;
  /** What was probably meant. */
  readonly meant: string | undefined;

  constructor(expected: string, entry?: string, meant?: string) {
    super(expected);
    this.entry = entry;
    this.meant = meant;
  }
}

/** Reads a setting from its option, its environment variable or its default, in this order. Throws ConfigError. */
interface Setting {
  <T>(name: string, parse: Parser<T>, fallback: string, variable?: string): T;
  <T>(name: string, parse: Parser<T>, fallback: undefined, variable?: string): T | undefined;
}

/** A reader of settings. An empty environment variable counts as unset; the last of a repeated option counts. */
export function settings(options: Options, env: NodeJS.ProcessEnv): Setting {
  return <T>(name: string, parse: Parser<T>, fallback: string | undefined, variable = variableOf(name)) => {
    const option = options[name];
    const fromEnv = env[variable];
    if (option !== undefined) return read(`--${name}`, Array.isArray(option) ? option.at(-1) : option, parse);
    if (fromEnv !== undefined && fromEnv !== '') return read(variable, fromEnv, parse);
    return fallback === undefined ? undefined : parse(fallback);
  };
}

/** The environment variable of an option: ACTIVITY_LOG_STATE_FILE for `state-file`. */
export function variableOf(name: string): string {
  return `ACTIVITY_LOG_${name.toUpperCase().replaceAll('-', '_')}`;
}

/** Parses one value. Throws ConfigError that names the setting, what was expected and what came. */
export function read<T>(name: string, value: unknown, parse: Parser<T>): T {
  const given = String(value);
  try {
    return parse(given);
  } catch (error) {
    if (!(error instanceof Expected)) throw error;
    const got = withoutPassword(error.entry ?? given);
    const suggestion = error.meant === undefined ? '' : `; did you mean ${error.meant}?`;
    throw new ConfigError(`${name}: expected ${error.message}, got "${got}"${suggestion}`);
  }
}

/** Any text that is not blank. */
export function text(value: string): string {
  if (value.trim() === '') throw new Expected('a name');
  return value;
}

/** A path. A shell replaces ~ only at the start of a word: from `--output=~/x` it would become a folder of that name. */
export function path(value: string): string {
  if (/^~(?:\/|$)/.test(value)) throw new Expected('a path without ~, which no shell has replaced');
  return text(value);
}

/** A whole number, bounds included. */
export function integer(least: number, most: number): Parser<number> {
  return (value) => {
    const number = /^\d+$/.test(value.trim()) ? Number(value) : NaN;
    if (!(number >= least && number <= most)) throw new Expected(`a whole number from ${least} to ${most}`);
    return number;
  };
}

/** A duration in milliseconds, bounds included. */
export function duration(least: number, most: number): Parser<number> {
  return (value) => {
    const ms = parseDuration(value);
    if (ms === undefined) throw new Expected('a duration such as 90s, 5m, 24h or 7d');
    if (ms < least || ms > most) throw new Expected(`a duration from ${inUnits(least)} to ${inUnits(most)}`);
    return ms;
  };
}

/** `1d`, `90s`: in the largest unit that needs no fraction. */
function inUnits(ms: number): string {
  const [unit, length] = UNITS.find(([, each]) => ms > 0 && ms % each === 0) ?? ['s', 1_000];
  return `${ms / length}${unit}`;
}

/** A date in UTC, an instant, or a duration before `now` (epoch milliseconds), which is passed later. */
export function since(value: string): (now: number) => number {
  const ms = parseDuration(value);
  // Not before 1970: neither the API nor the state file can express a negative year.
  if (ms !== undefined) return (now) => Math.max(0, now - ms);
  const given = value.trim();
  const instant = parseInstant(/^\d{4}-\d\d-\d\d$/.test(given) ? `${given}T00:00:00Z` : given);
  if (instant !== undefined) return () => instant;
  if (parseInstant(`${given}Z`) !== undefined) throw new Expected(`a time zone, such as ${given}Z for UTC`);
  throw new Expected('a date such as 2026-01-31 (UTC), a time such as 2026-01-31T12:00:00Z, or a duration such as 24h');
}

/** An http or https URL without credentials, query and fragment. */
export function url(value: string): URL {
  const parsed = URL.canParse(value) ? new URL(value) : undefined;
  if (parsed === undefined || !['http:', 'https:'].includes(parsed.protocol)) {
    throw new Expected('a URL such as https://api.example.com');
  }
  if (parsed.username !== '' || parsed.password !== '') throw new Expected('a URL without user name and password');
  if (parsed.search !== '' || parsed.hash !== '') throw new Expected('a URL without query and fragment');
  return parsed;
}

/** A URL, or a bare host as the vendor's own tools take it, which means https. */
export function urlOrHost(value: string): URL {
  const isHost = /^[\w-]+(\.[\w-]+)+\.?(:\d+)?(\/.*)?$/.test(value);
  return url(isHost ? `https://${value}` : value);
}

/** One of these words. */
export function oneOf<T extends string>(values: readonly T[]): Parser<T> {
  return (value) => {
    const found = values.find((known) => known === value);
    if (found !== undefined) return found;
    throw new Expected(`one of ${values.join(', ')}`, value, closest(value.toLowerCase(), values));
  };
}

/** Some of these words, each once, separated by commas or blanks; `none` for an empty list. */
export function listOf<T extends string>(values: readonly T[]): Parser<readonly T[]> {
  return (value) => (value.trim() === NONE ? [] : [...new Set(words(value))].map(oneOf(values)));
}

/** Any words, each once, separated by commas or blanks; `none` for an empty list. */
export function names(value: string): readonly string[] {
  return value.trim() === NONE ? [] : [...new Set(words(value))];
}

/** Digits. Contract numbers of 19 digits exceed 2^53, so they are text from end to end. */
export function contractNumber(value: string): string {
  if (!/^\d+$/.test(value)) throw new Expected('a contract number');
  return value;
}

/** The words of a list, separated by commas or blanks. */
export function words(value: string): string[] {
  return value.split(/[\s,]+/).filter((word) => word !== '');
}
