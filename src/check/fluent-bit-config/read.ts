import { readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import path from 'node:path';
import { readClassic } from './classic.ts';
import { substitute } from './variables.ts';
import {
  type ConfigFiles,
  entriesOf,
  type FluentBitConfig,
  locate,
  type Problem,
  type RawConfig,
  type RawSection,
  type ReadOptions,
  type Scope,
  type Section,
  type SectionKind,
} from './model.ts';
import { readYaml } from './yaml.ts';

export const localFiles: ConfigFiles = {
  isFile: (file) => statSync(file, { throwIfNoEntry: false })?.isFile() === true,
  read: (file) => readFileSync(file, 'utf8'),
  list: (folder) => (statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true ? readdirSync(folder) : []),
  realPath: (file) => realpathSync(file),
};

const isYaml = (file: string): boolean => /\.ya?ml$/i.test(file);
const isParser = ({ kind }: { readonly kind: SectionKind }): boolean =>
  kind === 'parser' || kind === 'multiline_parser';

/** Reads a main file, the files that it includes, and its parsers. Whether they are valid, Fluent Bit says (`--dry-run`). */
export function readFluentBitConfig(file: string, options: ReadOptions): FluentBitConfig {
  const { env, cwd = '/', files = localFiles } = options;
  const read = (from: string): RawConfig => (isYaml(from) ? readYaml(from, files) : readClassic(from, files, cwd));
  const main = read(file);
  const problems: Problem[] = [...main.problems];
  const filesRead = [...main.files];
  const lookup = (name: string): string | undefined => main.variables.get(name)?.value ?? env[name];
  const withVariables = (section: RawSection): Section => ({
    ...section,
    entries: section.entries.map((entry) => ({ ...entry, value: substitute(entry.raw, lookup) })),
  });
  const sections = main.sections.map(withVariables);
  const parsers = sections.filter(isParser);
  for (const { value, at } of sections.flatMap((section) => entriesOf(section, 'parsers_file'))) {
    const found = locate(value, path.dirname(files.realPath(file)), cwd, files);
    if (found === undefined) {
      problems.push({ code: 'include-missing', message: `Parsers_File '${value}' does not exist`, at });
      continue;
    }
    const more = read(found);
    problems.push(...more.problems);
    filesRead.push(...more.files);
    parsers.push(...more.sections.filter(isParser).map(withVariables));
    for (const { kind, at: where } of more.sections.filter((section) => !isParser(section))) {
      problems.push({ code: 'section-unknown', message: `[${kind}] has no effect in a parsers file`, at: where });
    }
  }
  return {
    file,
    format: isYaml(file) ? 'yaml' : 'classic',
    files: filesRead,
    variables: main.variables,
    sections: sections.filter((section) => !isParser(section)),
    parsers,
    problems,
  };
}

export const sectionsOf = (config: FluentBitConfig, kind: SectionKind): Section[] =>
  config.sections.filter((section) => section.kind === kind);

/** All [SERVICE] sections as one. What it lacks belongs in the last of them or, without one, in the main file. */
export function serviceOf(config: FluentBitConfig): Scope {
  const sections = sectionsOf(config, 'service');
  return { entries: sections.flatMap(({ entries }) => entries), at: sections.at(-1)?.at ?? { file: config.file } };
}
