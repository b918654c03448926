import path from 'node:path';
import {
  localFiles,
  readFluentBitConfig as read,
  sectionsOf,
  serviceOf as scopeOfService,
} from '../../src/check/fluent-bit-config/read.ts';
import {
  entriesOf,
  type FluentBitConfig as ReadConfig,
  locate,
  type ReadOptions,
  type Section,
} from '../../src/check/fluent-bit-config/model.ts';
import { truth } from '../../src/check/fluent-bit-config/values.ts';
import { variablesIn } from '../../src/check/rules/unset-variables.ts';
import { verify, type Problem } from './fluent-bit-verify.ts';

export { localFiles, sectionsOf } from '../../src/check/fluent-bit-config/read.ts';

/** A configuration with all that is wrong with it, in the order of reading. */
export interface FluentBitConfig extends ReadConfig {
  readonly faults: readonly Problem[];
}

/** A configuration of one classic file with these sections, and nothing wrong with it. */
export function configOf(sections: readonly Section[]): ReadConfig {
  return {
    file: 'main.conf',
    format: 'classic',
    files: [],
    variables: new Map(),
    sections,
    parsers: [],
    problems: [],
  };
}

/** Reads a configuration and judges it as Fluent Bit does, which `check` leaves to the real one. */
export function readFluentBitConfig(file: string, options: ReadOptions): FluentBitConfig {
  const config = read(file, options);
  const problems: Problem[] = [...config.problems];
  for (const { raw, at } of [...config.sections, ...config.parsers].flatMap(({ entries }) => entries)) {
    for (const name of variablesIn(raw)) {
      if ((config.variables.get(name)?.value ?? options.env[name] ?? '') !== '') continue;
      problems.push({ code: 'variable-unset', message: `variable \${${name}} is used but not set`, at });
    }
  }
  if (config.format === 'classic') {
    const { files = localFiles, cwd = '/' } = options;
    const folder = path.dirname(files.realPath(file));
    const named = sectionsOf(config, 'service').flatMap((section) => entriesOf(section, 'parsers_file'));
    const parserFiles = named.map(({ value }) => locate(value, folder, cwd, files));
    for (const { kind, at } of config.parsers.filter((parser) => !parserFiles.includes(parser.at.file))) {
      const message = `[${kind}] belongs in a file that Parsers_File names`;
      problems.push({ code: 'parser-misplaced', message, at });
    }
  }
  return { ...config, faults: [...problems, ...verify(config.sections, config.parsers)] };
}

/**
 * As readFluentBitConfig(), but whatever is wrong is thrown, all of it in one error. Only unset variables remain as
 * problems of the result, since Fluent Bit, too, just warns of them.
 */
export function loadFluentBitConfig(
  file: string,
  env: Readonly<Record<string, string | undefined>>,
  options: Omit<ReadOptions, 'env'> = {},
): FluentBitConfig {
  const config = readFluentBitConfig(file, { ...options, env });
  const errors = config.faults.filter(({ code }) => code !== 'variable-unset');
  if (errors.length > 0) {
    throw new Error(errors.map(({ code, message, at }) => `${at.file}:${at.line}: ${message} [${code}]`).join('\n'));
  }
  return config;
}

export interface Pipeline {
  readonly service: Record<string, string>;
  readonly inputs: Record<string, string[]>[];
  readonly filters: Record<string, string[]>[];
  readonly outputs: Record<string, string[]>[];
  readonly parsers: Record<string, string[]>[];
}

/** The values of [SERVICE]; when several have a key, the last one counts. */
export function serviceOf(config: ReadConfig): Map<string, string> {
  return new Map(scopeOfService(config).entries.map(({ key, value }) => [key, value]));
}

/** What a configuration comes to, without where it stands, to compare one with another. */
export function pipelineOf(config: ReadConfig): Pipeline {
  const service = serviceOf(config);
  service.delete('parsers_file');
  const plain = (sections: readonly Section[]): Record<string, string[]>[] =>
    sections.map((section) => {
      const keys = [...new Set(section.entries.map(({ key }) => key))].sort();
      return Object.fromEntries(
        keys.map((key) => [key, entriesOf(section, key).map(({ value }) => plainValue(value))]),
      );
    });
  return {
    service: Object.fromEntries([...service].sort().map(([key, value]) => [key, plainValue(value)])),
    inputs: plain(sectionsOf(config, 'input')),
    filters: plain(sectionsOf(config, 'filter')),
    outputs: plain(sectionsOf(config, 'output')),
    parsers: plain(config.parsers),
  };
}

const plainValue = (value: string): string => {
  const on = truth(value);
  return on === undefined ? value : on ? 'on' : 'off';
};
