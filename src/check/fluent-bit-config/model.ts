import path from 'node:path';

export interface Position {
  readonly file: string;
  /** From 1. */
  readonly line: number;
}

export interface Problem {
  readonly code: ProblemCode;
  readonly message: string;
  readonly at: Position;
}

/** What could not be read in a configuration, or has no effect. */
export type ProblemCode = 'include-missing' | 'include-twice' | 'section-unknown' | 'syntax';

/** A key as written: its name in lower case, its value before variables are replaced. */
export interface RawEntry {
  readonly key: string;
  readonly raw: string;
  readonly at: Position;
}

export interface Entry extends RawEntry {
  readonly value: string;
}

export type SectionKind = 'service' | 'custom' | 'input' | 'filter' | 'output' | 'parser' | 'multiline_parser';

export interface RawSection {
  readonly kind: SectionKind;
  readonly at: Position;
  readonly entries: RawEntry[];
}

export interface Section {
  readonly kind: SectionKind;
  readonly at: Position;
  readonly entries: readonly Entry[];
}

/** `@SET` or `env:`; they override the environment. */
export interface Variable {
  readonly value: string;
  readonly at: Position;
}

/** A file of either format with those that it includes. */
export interface RawConfig {
  readonly sections: RawSection[];
  readonly variables: Map<string, Variable>;
  readonly problems: Problem[];
  /** Real paths, in the order of reading. */
  readonly files: string[];
}

export interface FluentBitConfig {
  readonly file: string;
  readonly format: 'classic' | 'yaml';
  readonly files: readonly string[];
  readonly variables: ReadonlyMap<string, Variable>;
  readonly sections: readonly Section[];
  readonly parsers: readonly Section[];
  readonly problems: readonly Problem[];
}

/** The part of the file system that a reader needs. */
export interface ConfigFiles {
  isFile(file: string): boolean;
  read(file: string): string;
  /** Names in a folder; none when there is no such folder. */
  list(folder: string): string[];
  realPath(file: string): string;
}

export interface ReadOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Fluent Bit's working folder, where it looks before it looks beside its main file; under systemd, `/`. */
  readonly cwd?: string;
  readonly files?: ConfigFiles;
}

/**
 * Where Fluent Bit finds a relative path of a classic file or of Parsers_File: in its working folder or beside its main
 * file, never beside the file that names the path.
 */
export function locate(name: string, mainFolder: string, cwd: string, files: ConfigFiles): string | undefined {
  const candidates = path.isAbsolute(name) ? [name] : [path.join(cwd, name), path.join(mainFolder, name)];
  return candidates.find((candidate) => files.isFile(candidate));
}

interface Entries<E> {
  readonly entries: readonly E[];
}

/** Keys and values that belong together, such as a section, and where another one would go. */
export interface Scope extends Entries<Entry> {
  readonly at: Position | { readonly file: string };
}

export const entriesOf = <E extends RawEntry>({ entries }: Entries<E>, key: string): E[] =>
  entries.filter((entry) => entry.key === key);

/** The last entry of a key, which counts; undefined when there is none. */
export const entryOf = <E extends RawEntry>({ entries }: Entries<E>, key: string): E | undefined =>
  entries.findLast((entry) => entry.key === key);

export const valueOf = (section: Entries<Entry>, key: string): string | undefined => entryOf(section, key)?.value;
