/**
 * What Fluent Bit refuses, and what it passes over in silence, as far as a double of it must know: `--dry-run` of the
 * real one says the first, and `check` asks that.
 */
import {
  entriesOf,
  type Position,
  type ProblemCode as ReadProblemCode,
  type Section,
  valueOf,
} from '../../src/check/fluent-bit-config/model.ts';
import { isKnownKey } from '../../src/check/fluent-bit-config/silent-keys.ts';
import {
  INPUT_KEYS,
  INPUT_PLUGIN_KEYS,
  KEYS_THAT_NEED_A_VALUE,
  knowsKey,
  OUTPUT_KEYS,
  OUTPUT_PLUGIN_KEYS,
  REPEATABLE_KEYS,
} from './fluent-bit-keys.ts';

export type ProblemCode =
  | ReadProblemCode
  | 'alias-duplicate'
  | 'key-overridden'
  | 'key-repeated'
  | 'key-unknown'
  | 'match-missing'
  | 'name-missing'
  | 'parser-duplicate'
  | 'parser-incomplete'
  | 'parser-misplaced'
  | 'parser-unknown'
  | 'plugin-unknown'
  | 'storage-path-missing'
  | 'tag-empty'
  | 'value-empty'
  | 'variable-unset';

export interface Problem {
  readonly code: ProblemCode;
  readonly message: string;
  readonly at: Position;
}

type Complain = (code: ProblemCode, message: string, at: Position) => void;

/** What keeps Fluent Bit from starting, and what it passes over in silence though it cannot be meant. */
export function verify(sections: readonly Section[], parsers: readonly Section[]): Problem[] {
  const problems: Problem[] = [];
  const complain: Complain = (code, message, at) => void problems.push({ code, message, at });
  const service = sections.filter(({ kind }) => kind === 'service');
  const inputs = sections.filter(({ kind }) => kind === 'input');
  const outputs = sections.filter(({ kind }) => kind === 'output');

  for (const { key, at } of service.flatMap((section) => section.entries)) {
    if (!isKnownKey('service', key)) complain('key-unknown', `[SERVICE] has no key '${key}'`, at);
  }
  const names = verifyParsers(parsers, complain);
  for (const input of inputs) {
    verifyPlugin(input, INPUT_KEYS, INPUT_PLUGIN_KEYS, complain);
    for (const { value, at } of entriesOf(input, 'parser')) {
      if (!names.has(value)) complain('parser-unknown', `parser '${value}' is not defined`, at);
    }
    const filesystem = entriesOf(input, 'storage.type').find(({ value }) => value.toLowerCase() === 'filesystem');
    if (filesystem !== undefined && !service.some((section) => valueOf(section, 'storage.path') !== undefined)) {
      complain('storage-path-missing', 'storage.type filesystem needs a storage.path in [SERVICE]', filesystem.at);
    }
  }
  for (const output of outputs) {
    verifyPlugin(output, OUTPUT_KEYS, OUTPUT_PLUGIN_KEYS, complain);
    if (!output.entries.some(({ key }) => key === 'match' || key === 'match_regex')) {
      complain('match-missing', 'an output without Match gets nothing', output.at);
    }
  }
  verifyAliases(inputs, complain);
  verifyAliases(outputs, complain);
  return problems;
}

function verifyParsers(parsers: readonly Section[], complain: Complain): Set<string> {
  const names = new Set<string>();
  for (const parser of parsers) {
    const name = valueOf(parser, 'name');
    if (name === undefined) complain('parser-incomplete', 'a parser needs a name', parser.at);
    else if (names.has(name)) complain('parser-duplicate', `parser '${name}' is defined twice`, parser.at);
    else names.add(name);
    if (parser.kind !== 'parser') continue;
    if (valueOf(parser, 'format') === undefined) complain('parser-incomplete', 'a parser needs a format', parser.at);
    for (const { key, at } of parser.entries) {
      if (!isKnownKey('parser', key)) complain('key-unknown', `a parser has no key '${key}'`, at);
    }
  }
  return names;
}

function verifyPlugin(
  section: Section,
  shared: ReadonlySet<string>,
  plugins: Readonly<Record<string, ReadonlySet<string>>>,
  complain: Complain,
): void {
  const name = valueOf(section, 'name')?.toLowerCase();
  if (name === undefined || name === '') {
    complain('name-missing', `this ${section.kind} has no name`, section.at);
    return;
  }
  const own = plugins[name];
  if (own === undefined) complain('plugin-unknown', `the keys of ${section.kind} '${name}' are not known`, section.at);

  const seen = new Set<string>();
  for (const { key, value, at } of section.entries) {
    const isOwn = own !== undefined && knowsKey(own, key);
    const isShared = knowsKey(shared, key);
    if (own !== undefined && !isOwn && !isShared)
      complain('key-unknown', `${section.kind} '${name}' has no key '${key}'`, at);
    if (value === '' && key === 'tag') complain('tag-empty', 'an empty Tag keeps Fluent Bit from starting', at);
    else if (value === '' && KEYS_THAT_NEED_A_VALUE.has(key)) complain('value-empty', `'${key}' must not be empty`, at);
    // Of a key that all plugins share the last value counts; of a plugin's own a second one is refused (measured).
    if (seen.has(key) && !REPEATABLE_KEYS.has(key) && (isOwn || isShared)) {
      complain(isOwn ? 'key-repeated' : 'key-overridden', `'${key}' stands more than once`, at);
    }
    seen.add(key);
  }
}

/** Counters are kept by alias: two of the same name cannot be told apart. */
function verifyAliases(sections: readonly Section[], complain: Complain): void {
  const seen = new Set<string>();
  for (const { value, at } of sections.flatMap((section) => entriesOf(section, 'alias'))) {
    if (seen.has(value)) complain('alias-duplicate', `alias '${value}' is taken`, at);
    seen.add(value);
  }
}
