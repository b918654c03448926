import { COMMANDS, DEFAULT_COMMAND, GENERAL, commandNamed, type Command } from './commands.ts';
import type { Option } from './options.ts';

/** The command that the shells' scripts call. It offers words and never does anything else. */
export const COMPLETE = '__complete';
/** Makes the shell offer file names. */
const FILES = ':files';

/** A word to offer, and what it means. */
type Offer = readonly [word: string, meaning: string];

/**
 * The completions of the last of these words, which follow the program's name: one per line, with its meaning after a
 * tab; `:files` for file names.
 */
export function complete(words: readonly string[]): string {
  return offersFor(joined(words))
    .map(([word, meaning]) => (meaning === '' ? `${word}\n` : `${word}\t${meaning}\n`))
    .join('');
}

/** bash splits `--format=csv`; the other shells do not, and expect the option in front of the value. */
function joined(words: readonly string[]): { before: readonly string[]; typed: string; prefix: string } {
  const typed = words.at(-1) ?? '';
  const before = words.slice(0, -1);
  if (typed === '=') return { before, typed: '', prefix: '' };
  if (before.at(-1) === '=') return { before: before.slice(0, -1), typed, prefix: '' };
  const [, option, value] = /^(--[^=]+)=(.*)$/s.exec(typed) ?? [];
  if (option === undefined || value === undefined) return { before, typed, prefix: '' };
  return { before: [...before, option], typed: value, prefix: `${option}=` };
}

function offersFor({ before, typed, prefix }: ReturnType<typeof joined>): Offer[] {
  const command = commandIn(before);
  const { options, argument } = command ?? commandNamed(DEFAULT_COMMAND) ?? { options: {}, argument: undefined };
  const pending = optionNamed(before.at(-1), options);
  if (pending?.value !== undefined) return valuesOf(pending, typed, prefix);
  if (typed.startsWith('-')) return matching(optionOffers(options, before), typed);
  if (command === undefined)
    return matching(
      COMMANDS.map(({ name, describe }): Offer => [name, describe]),
      typed,
    );
  const values = (argument?.values ?? []).map((value): Offer => [value, '']);
  return matching(values.length > 0 || typed !== '' ? values : optionOffers(options, before), typed);
}

/** The command among these words, which is the first that is not an option's value. */
function commandIn(words: readonly string[]): Command | undefined {
  const all: Command['options'] = Object.assign({}, ...COMMANDS.map(({ options }) => options)) as Command['options'];
  const isValue = (at: number) => words[at - 1] === '=' || optionNamed(words[at - 1], all)?.value !== undefined;
  const found = words.find((word, at) => !isValue(at) && commandNamed(word) !== undefined);
  return found === undefined ? undefined : commandNamed(found);
}

function optionNamed(word: string | undefined, options: Command['options']): Option | undefined {
  return Object.entries(options).find(([name, { short }]) => word === `--${name}` || word === `-${short ?? ''}`)?.[1];
}

/** Those that were not given yet, or may be given again. */
function optionOffers(options: Command['options'], before: readonly string[]): Offer[] {
  const given = new Set(before.map((word) => word.replace(/=.*/s, '')));
  return Object.entries({ ...options, ...(GENERAL as Command['options']) }).flatMap(([name, option]): Offer[] => {
    const isGiven = given.has(`--${name}`) || given.has(`-${option.short ?? ''}`);
    return isGiven && option.isRepeatable !== true ? [] : [[`--${name}`, option.describe]];
  });
}

function valuesOf({ value, values = [], isList }: Option, typed: string, prefix: string): Offer[] {
  if (value === 'FILE') return [[FILES, '']];
  const earlier = isList === true ? typed.slice(0, typed.lastIndexOf(',') + 1) : '';
  const given = earlier.split(',');
  const offers = values.filter((one) => !given.includes(one)).map((one): Offer => [`${earlier}${one}`, '']);
  return matching(offers, typed).map(([word, meaning]) => [prefix + word, meaning]);
}

function matching(offers: readonly Offer[], typed: string): Offer[] {
  return offers.filter(([word]) => word.startsWith(typed));
}
