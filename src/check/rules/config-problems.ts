import { basename } from 'node:path';
import { placeOf, type DryRun } from '../facts/dry-run.ts';
import type { Environment } from '../facts/environment.ts';
import { error, warning, type Finding, lineIn } from '../finding.ts';
import { entriesOf, valueOf, type FluentBitConfig, type Position, type Section } from '../fluent-bit-config/model.ts';
import { sectionsOf } from '../fluent-bit-config/read.ts';
import { meantKey } from '../fluent-bit-config/silent-keys.ts';
import { checkVariables, variablesIn } from './unset-variables.ts';

const NO_START = 'Fluent Bit does not start';
const IN_SILENCE = 'Fluent Bit ignores it without a message';
/** Keys that may have several values. */
const REPEATABLE = new Set(['header', 'add_option', 'processors']);

/** Whether a part of the configuration could not be read: what seems missing may be there. */
export function isIncomplete({ problems }: FluentBitConfig): boolean {
  return problems.some(({ code }) => code === 'syntax' || code === 'include-missing');
}

/**
 * What is wrong with the configuration as a whole: what Fluent Bit itself reports, and what it ignores without a
 * message. `ours`: the sections that our events pass through.
 */
export function problemFindings(
  config: FluentBitConfig,
  environment: Environment,
  ours: readonly Section[],
  tried: DryRun | undefined,
): Finding[] {
  const twice = loadedTwice(config);
  const own = [...twice, ...checkVariables(config, environment, ours)];
  const isTold = ({ file, line, message }: Finding) =>
    (twice.length > 0 && message.includes('parser named')) ||
    own.some((finding) => finding.level === 'error' && finding.file === file && finding.line === line);
  return [
    ...own,
    ...refusal(config, environment, tried).filter((finding) => !isTold(finding)),
    ...unknownSections(config),
    ...misspelt(config),
    ...aliasesTwice(config, ours),
    ...overridden(ours, tried),
  ];
}

/** What keeps Fluent Bit from starting, in its own words; where there is none to ask, what our reader found. */
function refusal(config: FluentBitConfig, environment: Environment, tried: DryRun | undefined): Finding[] {
  const [problem] = config.problems.filter(({ code }) => code !== 'section-unknown');
  if (tried === undefined) {
    if (problem === undefined) return [];
    return error(`config-${problem.code}`, problem.message, { at: problem.at, impact: NO_START });
  }
  if (tried.isAccepted) {
    if (problem === undefined) return [];
    const impact = 'Fluent Bit accepts it, but this check may miss something';
    return warning('config-unread', problem.message, { at: problem.at, impact });
  }
  const place = placeOf(tried.message, config);
  const at = place ?? problem?.at ?? { file: config.file };
  const isOurs = place === undefined || (place.file === problem?.at.file && place.line === problem.at.line);
  const details = isOurs && problem !== undefined ? ` (${problem.message})` : emptiness(place, config, environment);
  const message = `Fluent Bit says "${tried.message}"${details}`;
  return error('config-refused', message, { at, impact: NO_START, command: tried.command });
}

/** Explains a key without a value, which Fluent Bit refuses: usually its variable is not set. */
function emptiness(place: Position | undefined, config: FluentBitConfig, environment: Environment): string {
  const entry = config.sections
    .flatMap(({ entries }) => entries)
    .find(({ at }) => at.file === place?.file && at.line === place.line);
  if (entry?.value !== '') return '';
  const names = variablesIn(entry.raw);
  return ` (it is empty: ${names.map((name) => `\${${name}}${environment.hint(name)}`).join(' and ')} is not set)`;
}

/** A Parsers_File that is named twice defines all its parsers twice. */
function loadedTwice(config: FluentBitConfig): Finding[] {
  const first = new Map<string, Position>();
  const entries = sectionsOf(config, 'service').flatMap((section) => entriesOf(section, 'parsers_file'));
  return entries.flatMap(({ value, at }) => {
    const before = first.get(value);
    first.set(value, before ?? at);
    if (before === undefined) return [];
    const message = `Parsers_File ${value} a second time (first in ${basename(before.file)}:${before.line})`;
    const impact = `every parser in it is defined twice, and ${NO_START}`;
    return error('config-parser-duplicate', message, { at, impact, fix: lineIn(config, '#Parsers_File', value) });
  });
}

function unknownSections({ problems }: FluentBitConfig): Finding[] {
  return problems
    .filter(({ code }) => code === 'section-unknown')
    .flatMap(({ code, message, at }) =>
      warning(`config-${code}`, message, { at, impact: IN_SILENCE, fix: 'correct its name, or delete it' }),
    );
}

function misspelt(config: FluentBitConfig): Finding[] {
  return [...config.sections, ...config.parsers].flatMap(({ kind, entries }) => {
    if (kind !== 'service' && kind !== 'parser') return [];
    return entries.flatMap(({ key, raw, at }) => {
      const meant = meantKey(kind, key);
      if (meant === undefined) return [];
      const message = `a ${kind === 'service' ? '[SERVICE]' : kind} has no key '${key}'; '${meant}' was probably meant`;
      return warning('config-key-unknown', message, { at, impact: IN_SILENCE, fix: lineIn(config, meant, raw) });
    });
  });
}

/** Counters are kept by alias, so those of two sections with the same alias cannot be distinguished. */
function aliasesTwice(config: FluentBitConfig, ours: readonly Section[]): Finding[] {
  const impact = 'the counters of the two are mixed up, and dropped lines are lost without notice';
  const fix = lineIn(config, 'Alias', 'another_name');
  return (['input', 'output'] as const).flatMap((kind) => {
    const seen = new Set<string>();
    return sectionsOf(config, kind)
      .flatMap((section) => entriesOf(section, 'alias'))
      .flatMap(({ value, at }) => {
        const isFirst = !seen.has(value);
        seen.add(value);
        if (isFirst || !ours.some((section) => section.kind === kind && valueOf(section, 'alias') === value)) return [];
        return error('config-alias-duplicate', `alias '${value}' is already used`, { at, impact, fix });
      });
  });
}

/** For keys that all plugins share, the last value counts; Fluent Bit refuses a repeated key of a plugin. */
function overridden(ours: readonly Section[], tried: DryRun | undefined): Finding[] {
  if (tried?.isAccepted === false) return [];
  return ours.flatMap(({ entries }) =>
    entries
      .filter(({ key }, index) => !REPEATABLE.has(key) && entries.findIndex((entry) => entry.key === key) < index)
      .flatMap(({ key, at }) =>
        warning('config-key-overridden', `'${key}' is set more than once`, {
          at,
          impact: 'only this one has an effect',
          fix: 'delete one of them',
        }),
      ),
  );
}
