import { existsSync } from 'node:fs';
import { entriesOf, valueOf, type FluentBitConfig, type Position, type Section } from '../fluent-bit-config/model.ts';
import type { Environment } from './environment.ts';
import { pathOn, type Machine } from './machine.ts';

/** Where Fluent Bit's packages install it. */
const INSTALLED_BINARY = '/opt/fluent-bit/bin/fluent-bit';
/** `[2026/11/26 09:42:21.851] [error] [config] TEXT`, or with a place in its source: `[….c:458 errno=2] TEXT`. */
const MESSAGE =
  /^\[[\d/]+ [\d:.]+\] \[ ?(error|warn|help|info)\] (?:\[(?:config|parser)\] |\[[^\]]*errno=\d+\] )?(.*)$/;
/** Messages that only follow from a previous error. */
const CONSEQUENCE =
  /contains errors, aborting|check properties for .* is failed|^yaml error$|could not configure service property/;
/** What is printed above all messages. */
const BANNER = /^(Fluent Bit v|[*_|\\/]|$)/;

/** Fluent Bit's own verdict on a configuration (`--dry-run`). */
export interface DryRun {
  readonly isAccepted: boolean;
  /** Its own words, in one line; empty when it accepts the configuration. */
  readonly message: string;
  readonly command: string;
}

/**
 * Asks the installed Fluent Bit, which takes about 10 ms and changes nothing. Undefined where there is none, or where
 * its environment is not known: the service's variables would be missing.
 */
export async function dryRun(
  { file }: FluentBitConfig,
  { service, variables, isKnown }: Environment,
  machine: Machine,
): Promise<DryRun | undefined> {
  if (!isKnown) return undefined;
  const installed = [service?.binary, INSTALLED_BINARY].find(
    (path) => path !== undefined && existsSync(pathOn(machine, path)),
  );
  const binary = installed === undefined ? 'fluent-bit' : pathOn(machine, installed);
  const result = await machine.run(binary, ['-c', pathOn(machine, file), '--dry-run'], variables);
  if (result === undefined) return undefined;
  return {
    isAccepted: result.exitCode === 0,
    message: result.exitCode === 0 ? '' : errorIn(result.output),
    command: `${installed ?? binary} -c ${file} --dry-run`,
  };
}

/** Its errors without time and level. */
function errorIn(output: string): string {
  const lines = output.split('\n').filter((line) => !BANNER.test(line));
  const errors: string[] = [];
  const warnings: string[] = [];
  for (const line of lines) {
    const [, level, text = ''] = MESSAGE.exec(line) ?? [];
    if (CONSEQUENCE.test(text)) continue;
    if (level === undefined || level === 'error') errors.push((text || line).trim());
    else if (level === 'warn') warnings.push(text);
  }
  const said = (errors.length > 0 ? errors : warnings).map((text) => text.replace(/(, skip)?\.$/, ''));
  return [...new Set(said)].join('; ');
}

/** The line that a message of Fluent Bit is about; undefined when it does not say. */
export function placeOf(message: string, config: FluentBitConfig): Position | undefined {
  const [, named = '', line] = /(?:in|at|file) "?([^\s":]+)"?(?::|, line )(\d+)/.exec(message) ?? [];
  const file = config.files.find((path) => path === named || path.endsWith(`/${named}`));
  if (line !== undefined && file !== undefined) return { file, line: Number(line) };

  const [, plugin = '', key] = /^([\w-]+)(?:\.\d+)?: .*property '([^']+)'/.exec(message) ?? [];
  if (key !== undefined) {
    const found = sectionsNamed(plugin, config.sections).flatMap((section) => entriesOf(section, key));
    return (found.find(({ value }) => value === '') ?? found.at(-1))?.at;
  }
  const [, parser] = /parser named '([^']+)'|found for '([^']+)'/.exec(message)?.filter(Boolean) ?? [];
  if (parser !== undefined) return sectionsNamed(parser, config.parsers).at(-1)?.at;
  if (message.includes("'parser' are not valid in the main")) {
    const named = config.sections.flatMap((section) => entriesOf(section, 'parsers_file'));
    return config.parsers.find(({ at }) => !named.some(({ value }) => at.file.endsWith(value)))?.at;
  }
  const [, nameless] = /section '(\w+)' is missing the 'name'/.exec(message) ?? [];
  if (nameless !== undefined) {
    return config.sections.find((section) => section.kind === nameless && valueOf(section, 'name') === undefined)?.at;
  }
  const [, unknown] = /section '([^']+)' tried to instance/.exec(message) ?? [];
  return unknown === undefined ? undefined : sectionsNamed(unknown, config.sections)[0]?.at;
}

function sectionsNamed(name: string, sections: readonly Section[]): Section[] {
  return sections.filter((section) => valueOf(section, 'name')?.toLowerCase() === name.toLowerCase());
}
