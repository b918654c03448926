import { entriesOf, valueOf, type Entry, type Section, type FluentBitConfig } from '../fluent-bit-config/model.ts';
import { sectionsOf } from '../fluent-bit-config/read.ts';

/** Outputs without a destination. */
const NO_DESTINATIONS = new Set(['stdout', 'null', 'counter', 'flowcounter', 'exit']);
/** The header in which the Logging Service expects its key. */
export const KEY_HEADER = 'APIKEY';
const LOGGING_SERVICE = /\.ionos\.com$/i;
/** The shipped outputs/ionos-tcp.conf, whatever its host. */
const TCP_ALIAS = 'activity_log_ionos_tcp';

export function pluginOf(section: Section): string {
  return valueOf(section, 'name')?.toLowerCase() ?? '';
}

/** The name of an output in messages. */
export function nameOf(section: Section): string {
  const alias = valueOf(section, 'alias') ?? '';
  return alias === '' ? `output ${pluginOf(section)}` : `output ${alias}`;
}

/** Whether events that reach it are sent somewhere. */
export function isDestination(section: Section): boolean {
  return !NO_DESTINATIONS.has(pluginOf(section));
}

/** Whether it sends to the IONOS CLOUD Logging Service, which is a Loki. */
export function isLoggingService(section: Section): boolean {
  const isItsHost = LOGGING_SERVICE.test(valueOf(section, 'host') ?? '');
  if (pluginOf(section) === 'http') return isItsHost || headerOf(section, KEY_HEADER) !== undefined;
  return pluginOf(section) === 'forward' && (isItsHost || valueOf(section, 'alias') === TCP_ALIAS);
}

export function isLoki(section: Section): boolean {
  return pluginOf(section) === 'loki' || isLoggingService(section);
}

/** The header of this name, as `Header NAME value` gives it. */
export function headerOf(section: Section, name: string): Entry | undefined {
  return entriesOf(section, 'header').find(({ raw }) => headerName(raw).toLowerCase() === name.toLowerCase());
}

export function headerName(raw: string): string {
  return raw.split(/\s/, 1).join('');
}

/** The outputs or filters that a tag reaches, in order. */
export function routesOf(config: FluentBitConfig, tag: string, kind: 'output' | 'filter'): Section[] {
  const sections = sectionsOf(config, kind);
  const [only] = sections;
  // A single input and a single output are connected without a Match (flb_router.c; measured).
  if (kind === 'output' && sections.length === 1 && only !== undefined && sectionsOf(config, 'input').length === 1) {
    if (valueOf(only, 'match') === undefined && valueOf(only, 'match_regex') === undefined) return sections;
  }
  return sections.filter((section) => matches(section, tag));
}

function matches(section: Section, tag: string): boolean {
  const pattern = valueOf(section, 'match');
  const regex = valueOf(section, 'match_regex');
  if (pattern !== undefined && isMatch(pattern, tag)) return true;
  if (regex === undefined) return false;
  try {
    return new RegExp(regex).test(tag);
  } catch {
    return true; // Ruby's syntax: assume that what JavaScript does not know matches
  }
}

/** `*` matches any text, including none. */
export function isMatch(pattern: string, tag: string): boolean {
  const source = pattern
    .split('*')
    .map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, String.raw`\$&`))
    .join('.*');
  // Both are empty when they use the same variable, which is not set.
  return pattern === '' ? tag === '' : new RegExp(`^${source}$`, 's').test(tag);
}
