import path from 'node:path';
import {
  type ConfigFiles,
  locate,
  type Position,
  type ProblemCode,
  type RawConfig,
  type RawSection,
  type SectionKind,
} from './model.ts';

/** The section headers of a classic file; Fluent Bit ignores all others without a message. */
const KINDS: Readonly<Record<string, SectionKind>> = {
  service: 'service',
  custom: 'custom',
  customs: 'custom',
  input: 'input',
  inputs: 'input',
  filter: 'filter',
  filters: 'filter',
  output: 'output',
  outputs: 'output',
  parser: 'parser',
  multiline_parser: 'multiline_parser',
};

/**
 * Reads a file of the classic format and all that it includes, by the rules of flb_cf_fluentbit.c: `#`, `@` and `[`
 * have a meaning only in the first column, a key is indented and ends at the first space, a value cannot be followed by
 * a comment, and all keys of a file have the same indentation.
 */
export function readClassic(main: string, files: ConfigFiles, cwd: string): RawConfig {
  const result: RawConfig = { sections: [], variables: new Map(), problems: [], files: [] };
  const mainFolder = path.dirname(files.realPath(main));
  readFile(main);
  return result;

  function readFile(file: string): void {
    result.files.push(files.realPath(file));
    const lines = files.read(file).split('\n').map((line) => (line.endsWith('\r') ? line.slice(0, -1) : line)); // prettier-ignore
    let at: Position = { file, line: 0 };
    let section: RawSection | 'unknown' | undefined;
    let indent: string | undefined;
    for (const [index, line] of lines.entries()) {
      at = { file, line: index + 1 };
      if (line === '' || line.startsWith('#')) continue;
      if (/^@include ./i.test(line)) include(line.slice('@INCLUDE '.length));
      else if (line.startsWith('@')) setVariable(line);
      else if (line.startsWith('[')) section = openSection(line);
      else readKey(line);
    }

    function complain(code: ProblemCode, message: string): void {
      result.problems.push({ code, message, at });
    }

    function include(name: string): void {
      const found = name.includes('*')
        ? glob(path.resolve(mainFolder, name), files)
        : [locate(name, mainFolder, cwd, files)].filter((one) => one !== undefined);
      if (found.length === 0) complain('include-missing', `@INCLUDE '${name}' does not exist`);
      for (const one of found) {
        if (result.files.includes(files.realPath(one))) complain('include-twice', `${one} is already read`);
        else readFile(one);
      }
    }

    function setVariable(line: string): void {
      const [, name, value] = /^@set +([^=]*)=(.*)$/i.exec(line.trimEnd()) ?? [];
      if (name === undefined || value === undefined) complain('syntax', 'neither @INCLUDE FILE nor @SET NAME=VALUE');
      else result.variables.set(name, { value, at });
    }

    function openSection(line: string): RawSection | 'unknown' {
      const [, name] = /^\[([^\]]*)\]/.exec(line) ?? [];
      const kind = KINDS[name?.toLowerCase() ?? ''];
      if (kind !== undefined) {
        const opened: RawSection = { kind, at, entries: [] };
        result.sections.push(opened);
        return opened;
      }
      if (name === undefined) complain('syntax', "a section's name ends with a bracket");
      else complain('section-unknown', `there is no section [${name}]`);
      return 'unknown';
    }

    function readKey(line: string): void {
      const blank = /^[ \t]*/.exec(line)?.[0] ?? '';
      indent ??= blank;
      if (blank === '') complain('syntax', 'a key must be indented');
      else if (!line.startsWith(indent)) complain('syntax', 'indented less than, or unlike, the lines above');
      else if (blank.length !== indent.length && blank.length !== 2 * indent.length && blank !== line) {
        complain('syntax', 'indented more than the lines above');
      } else if (blank !== line && line[blank.length] !== '#') addKey(line.slice(blank.length));
    }

    function addKey(text: string): void {
      const space = text.indexOf(' ');
      const key = (space === -1 ? text : text.slice(0, space)).trim().toLowerCase();
      const raw = space === -1 ? '' : text.slice(space + 1).trim();
      if (raw === '') complain('syntax', `key '${key}' has no value (a tab does not separate it)`);
      else if (section === undefined) complain('syntax', `key '${key}' is outside any section`);
      else if (section !== 'unknown') section.entries.push({ key, raw, at });
    }
  }
}

/** The files that match a pattern with `*`, `?` and `[…]` in any of its parts, sorted. */
export function glob(pattern: string, files: ConfigFiles): string[] {
  const [, ...parts] = path.resolve(pattern).split('/');
  let found = ['/'];
  for (const part of parts) {
    found = found.flatMap((folder) => {
      const names = /[*?[]/.test(part) ? files.list(folder).filter(matcher(part)).sort() : [part];
      return names.map((name) => path.join(folder, name));
    });
  }
  return found.filter((file) => files.isFile(file));
}

function matcher(part: string): (name: string) => boolean {
  const source = part
    .replaceAll(/[.+^${}()|\\]/g, String.raw`\$&`)
    .replaceAll('*', '.*')
    .replaceAll('?', '.')
    .replaceAll('[!', '[^');
  const pattern = new RegExp(`^${source}$`);
  return (name) => pattern.test(name) && (!name.startsWith('.') || part.startsWith('.'));
}
