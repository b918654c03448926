import { readFluentBitConfig, sectionsOf, serviceOf } from '../../src/check/fluent-bit-config/read.ts';
import {
  entriesOf,
  type FluentBitConfig,
  type ReadOptions,
  type Section,
} from '../../src/check/fluent-bit-config/model.ts';
import { truth } from '../../src/check/fluent-bit-config/values.ts';

export { localFiles, readFluentBitConfig, sectionsOf, serviceOf } from '../../src/check/fluent-bit-config/read.ts';

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
  const errors = config.problems.filter(({ code }) => code !== 'variable-unset');
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

/** What a configuration comes to, without where it stands, to compare one with another. */
export function pipelineOf(config: FluentBitConfig): Pipeline {
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
