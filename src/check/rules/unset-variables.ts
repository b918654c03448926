import type { Section, Entry, FluentBitConfig } from '../fluent-bit-config/model.ts';
import { error, lineIn, unseen, warning, type Details, type Finding } from '../finding.ts';
import type { Environment } from '../facts/environment.ts';
import { ENV_FILE } from '../facts/paths.ts';
import { RESTART } from '../facts/service.ts';

/** What a tutorial, or our README, leaves the reader to fill in: `<TAG_NAME>`. */
const PLACEHOLDER = /<[A-Za-z][\w -]*>|\b(?:HOST|KEY|TAG|TOKEN)-OF-YOUR-[A-Z-]+|\bCHANGE-?ME\b/;
/** Keys that must have a value for events to arrive; others may be empty. */
const NEEDED = new Set([
  'tag',
  'host',
  'header',
  'shared_key',
  'uri',
  'match',
  'command',
  'brokers',
  'topics',
  'interval_sec',
]);
const WHEN_EMPTY: Readonly<Record<string, string>> = {
  interval_sec: 'the script is started every second',
  tag: 'Fluent Bit does not start',
};
const EXAMPLES: Readonly<Record<string, string>> = { ACTIVITY_LOG_TAG: 'activityLog', ACTIVITY_LOG_INTERVAL: '300' };

/** Placeholders that were copied but not filled in. */
export function checkPlaceholders(config: FluentBitConfig, sections: readonly Section[]): Finding[] {
  return sections
    .flatMap(({ entries }) => entries)
    .flatMap(({ key, raw, value, at }) => {
      const found = key === 'command' || key.endsWith('regex') ? null : PLACEHOLDER.exec(value);
      if (found === null) return [];
      const names = raw.includes(found[0]) ? [] : variablesIn(raw);
      const fix = names.length > 0 ? assignments(names) : lineIn(config, key, raw.replace(found[0], '…'));
      return error('placeholder', `${key} still contains ${found[0]}`, { at, impact: 'the events go nowhere', fix });
    });
}

interface UnsetVariable {
  readonly name: string;
  /** Where it is needed or, if it is not, where it is first used. */
  readonly entry: Entry;
  readonly isNeeded: boolean;
}

/**
 * Variables that are used but not set, each once. `ours`: the sections that our events pass through.
 */
export function checkVariables(config: FluentBitConfig, environment: Environment, ours: readonly Section[]): Finding[] {
  const our = new Set(ours.flatMap(({ entries }) => entries));
  const found = new Map<string, UnsetVariable>();
  for (const entry of [...config.sections, ...config.parsers].flatMap(({ entries }) => entries)) {
    const isNeeded = our.has(entry) && NEEDED.has(entry.key);
    for (const name of variablesIn(entry.raw)) {
      if ((config.variables.get(name)?.value ?? environment.variables[name] ?? '') !== '') continue;
      const before = found.get(name);
      if (before === undefined || (isNeeded && !before.isNeeded)) found.set(name, { name, entry, isNeeded });
    }
  }
  return [...found.values()].flatMap((variable) => describe(variable, environment));
}

function describe({ name, entry: { key, at }, isNeeded }: UnsetVariable, environment: Environment): Finding[] {
  const message = `variable \${${name}} is used but not set`;
  if (!environment.isKnown) {
    const impact = "the service's variables are in files that only root can read";
    return unseen('config-variable-unknown', `${message}, as far as this user can see`, impact, at);
  }
  const details = { at, ...howToSet(name, environment) };
  const text = `${message}${environment.hint(name)}`;
  if (!isNeeded)
    return warning('config-variable-unset', text, { ...details, impact: 'Fluent Bit uses an empty value' });
  return error('config-variable-unset', text, { ...details, impact: WHEN_EMPTY[key] ?? 'the events go nowhere' });
}

/** A variable in a file that the service does not read is not set by writing it there again. */
function howToSet(name: string, { service }: Environment): Pick<Details, 'fix' | 'command'> {
  const unread = service?.unread.get(name);
  if (unread === undefined) return { fix: assignments([name]) };
  const fix = `EnvironmentFile=${unread.at.file} below [Service] (sudo systemctl edit fluent-bit)`;
  return { ...(service?.needsReload === true ? {} : { fix }), command: RESTART };
}

/** The variables without a default in a value. */
export function variablesIn(raw: string): string[] {
  return [...new Set(Array.from(raw.matchAll(/\$\{([^}:]+)\}/g), ([, name = '']) => name))];
}

/** The lines that set these variables. */
function assignments(names: readonly string[]): string {
  return `${names.map((name) => `${name}=${EXAMPLES[name] ?? '…'}`).join(' and ')} in ${ENV_FILE}`;
}
