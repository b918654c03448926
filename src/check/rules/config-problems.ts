import { basename } from 'node:path';
import { KEYS_OF_VERSION } from '../fluent-bit-config/keys.ts';
import {
  entriesOf,
  valueOf,
  type Entry,
  type FluentBitConfig,
  type Position,
  type Problem,
  type ProblemCode,
  type Section,
} from '../fluent-bit-config/model.ts';
import { sectionsOf } from '../fluent-bit-config/read.ts';
import type { Environment } from '../facts/environment.ts';
import { error, warning, type Finding, lineIn } from '../finding.ts';
import { assignments, checkVariables, variablesIn } from './unset-variables.ts';

const NO_START = 'Fluent Bit does not start';
const IN_SILENCE = 'Fluent Bit passes over it in silence';
const FATAL: ReadonlySet<ProblemCode> = new Set<ProblemCode>([
  'include-missing',
  'include-twice',
  'key-repeated',
  'name-missing',
  'parser-incomplete',
  'parser-misplaced',
  'syntax',
]);
/** Told elsewhere, with more, where they matter: by the rules for variables, inputs and outputs. */
const LEFT_TO_RULES: ReadonlySet<ProblemCode> = new Set<ProblemCode>([
  'match-missing',
  'parser-unknown',
  'plugin-unknown',
  'variable-unset',
]);

/** Whether some of the configuration could not be read: what is not there perhaps is. */
export function isIncomplete({ problems }: FluentBitConfig): boolean {
  return problems.some(({ code }) => code === 'syntax' || code === 'include-missing');
}

/** What reading the configuration has found. `ours` are the sections that our events pass. */
export function problemFindings(
  config: FluentBitConfig,
  environment: Environment,
  ours: readonly Section[],
): Finding[] {
  const twice = loadedTwice(config);
  const problems = config.problems.filter(
    ({ code, at }, index) =>
      (code !== 'parser-duplicate' || twice.length === 0) &&
      // What follows the first one in a file often follows from it.
      (code !== 'syntax' || index === config.problems.findIndex((one) => one.code === code && one.at.file === at.file)),
  );
  const empty = config.problems.filter(({ code }) => code === 'tag-empty' || code === 'value-empty');
  const told = new Set(empty.flatMap(({ at }) => variablesIn(entryAt(at, config)?.raw ?? '')));
  return [
    ...twice,
    ...problems.flatMap((problem) => finding(problem, config, environment, ours)),
    ...checkVariables(config, environment, ours, told),
  ];
}

function finding(
  { code, message, at }: Problem,
  config: FluentBitConfig,
  environment: Environment,
  ours: readonly Section[],
): Finding[] {
  if (LEFT_TO_RULES.has(code)) return [];
  const dryRun = { at, command: `/opt/fluent-bit/bin/fluent-bit -c ${config.file} --dry-run` };
  const entry = entryAt(at, config);
  if (FATAL.has(code)) return [error(`config-${code}`, message, { ...dryRun, impact: NO_START })];
  switch (code) {
    case 'tag-empty':
    case 'value-empty':
      return entry === undefined ? [] : [isEmpty(`config-${code}`, entry, config, environment)];
    case 'storage-path-missing': {
      const fix = lineIn(config, 'storage.path', '/var/lib/fluent-bit/storage');
      return [error('storage-path', message, { at, impact: NO_START, fix: `${fix}, in [SERVICE]` })];
    }
    case 'parser-duplicate': {
      const impact = `${NO_START}: a parser may be defined once, in whatever file`;
      const fix = lineIn(config, 'Name', 'a_name_of_its_own');
      return [error('config-parser-duplicate', message, { at, impact, fix })];
    }
    case 'alias-duplicate': {
      if (!ours.some((section) => valueOf(section, 'alias') === entry?.value)) return [];
      const impact = 'the counters of the two cannot be told apart, and what is dropped is lost unnoticed';
      const fix = lineIn(config, 'Alias', 'a_name_of_its_own');
      return [error('config-alias-duplicate', message, { at, impact, fix })];
    }
    case 'key-overridden': {
      if (entry === undefined || !ours.some(({ entries }) => entries.includes(entry))) return [];
      const impact = `this one counts, and what the other says has no effect`;
      return [warning('config-key-overridden', message, { at, impact, fix: '# delete one of them' })];
    }
    case 'key-unknown': {
      const plugins = [...sectionsOf(config, 'input'), ...sectionsOf(config, 'output')];
      const isPlugin = plugins.some(({ entries }) => entry !== undefined && entries.includes(entry));
      if (!isPlugin) return [warning('config-key-unknown', message, { ...dryRun, impact: IN_SILENCE })];
      const impact = `${NO_START} (as of version ${KEYS_OF_VERSION})`;
      return [error('config-key-unknown', message, { ...dryRun, impact })];
    }
    default: // a section of another name
      if (config.format === 'yaml') return [error(`config-${code}`, message, { ...dryRun, impact: NO_START })];
      return [warning(`config-${code}`, message, { ...dryRun, impact: IN_SILENCE })];
  }
}

/** What must not be empty is so because of a variable, as a rule. */
function isEmpty(code: string, { key, raw, at }: Entry, config: FluentBitConfig, environment: Environment): Finding {
  const names = variablesIn(raw);
  if (names.length === 0) {
    return error(code, `${key} is empty`, { at, impact: NO_START, fix: lineIn(config, key, '…') });
  }
  const message = `${key} is empty: ${names.map((name) => `\${${name}}`).join(' and ')} is not set`;
  if (!environment.isKnown) {
    const command = 'sudo fetch-activity-logs check';
    return warning(code, `${message}, as far as this user can see`, { at, impact: `then ${NO_START}`, command });
  }
  const hints = names.map(environment.hint).join('');
  return error(code, `${message}${hints}`, { at, impact: NO_START, fix: assignments(names) });
}

/** A file of parsers that is named twice defines all of them twice. */
function loadedTwice(config: FluentBitConfig): Finding[] {
  const first = new Map<string, Position>();
  const entries = sectionsOf(config, 'service').flatMap((section) => entriesOf(section, 'parsers_file'));
  return entries.flatMap(({ value, at }) => {
    const before = first.get(value);
    first.set(value, before ?? at);
    if (before === undefined) return [];
    const message = `Parsers_File ${value} a second time (first in ${basename(before.file)}:${before.line})`;
    const impact = `every parser in it is defined twice, and ${NO_START}`;
    return [error('config-parser-duplicate', message, { at, impact, fix: lineIn(config, '#Parsers_File', value) })];
  });
}

function entryAt({ file, line }: Position, { sections }: FluentBitConfig): Entry | undefined {
  return sections.flatMap(({ entries }) => entries).find(({ at }) => at.file === file && at.line === line);
}
