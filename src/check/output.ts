import { entriesOf, valueOf, type Entry, type Section } from '../fluent-bit-config/model.ts';

/** Outputs that send nothing anywhere. */
const NO_DESTINATIONS = new Set(['stdout', 'null', 'counter', 'flowcounter', 'exit']);
/** The header in which the Logging Service wants its key. */
export const KEY_HEADER = 'APIKEY';
const LOGGING_SERVICE = /\.ionos\.com$/i;

export function pluginOf(section: Section): string {
  return valueOf(section, 'name')?.toLowerCase() ?? '';
}

/** What an output goes by in a message. */
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
  if (pluginOf(section) !== 'http') return false;
  return headerOf(section, KEY_HEADER) !== undefined || LOGGING_SERVICE.test(valueOf(section, 'host') ?? '');
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
