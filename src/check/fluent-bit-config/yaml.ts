import path from 'node:path';
import { isMap, isScalar, isSeq, LineCounter, type Node, parseDocument, type YAMLMap } from 'yaml';
import { glob } from './classic.ts';
import type { ConfigFiles, Position, ProblemCode, RawConfig, RawEntry, SectionKind } from './model.ts';

const PLUGIN_LISTS: Readonly<Record<string, SectionKind>> = { inputs: 'input', filters: 'filter', outputs: 'output' };
const OTHER_LISTS: Readonly<Record<string, SectionKind>> = {
  customs: 'custom',
  parsers: 'parser',
  multiline_parsers: 'multiline_parser',
};
/** Known to Fluent Bit but irrelevant here. */
const PASSED_OVER = new Set(['plugins', 'upstream_servers', 'stream_processor', 'extensions']);

interface Place {
  readonly at: (node: unknown) => Position;
  readonly complain: (code: ProblemCode, message: string, node: unknown) => void;
}

/**
 * Reads a YAML file and all that it includes, by the rules of flb_cf_yaml.c: every scalar is text, and a relative
 * include is looked up beside the file that names it.
 */
export function readYaml(main: string, files: ConfigFiles): RawConfig {
  const result: RawConfig = { sections: [], variables: new Map(), problems: [], files: [] };
  readFile(main);
  return result;

  function readFile(file: string): void {
    result.files.push(files.realPath(file));
    const lines = new LineCounter();
    const document = parseDocument(files.read(file), { schema: 'failsafe', lineCounter: lines, prettyErrors: false });
    const at = (node: unknown): Position => {
      const start = (node as Partial<Node> | null | undefined)?.range?.[0];
      return { file, line: start === undefined ? 1 : lines.linePos(start).line };
    };
    const complain = (code: ProblemCode, message: string, node: unknown): void =>
      void result.problems.push({ code, message, at: at(node) });
    for (const { message, pos } of document.errors) {
      result.problems.push({ code: 'syntax', message, at: { file, line: lines.linePos(pos[0]).line } });
    }
    const place: Place = { at, complain };
    if (document.errors.length > 0) return;
    if (isMap(document.contents)) readTop(document.contents, path.dirname(file), place);
    else complain('syntax', 'the document is not a map', document.contents);
  }

  function readTop(top: YAMLMap, folder: string, place: Place): void {
    for (const { key, value } of top.items) {
      const name = text(key)?.toLowerCase() ?? '';
      const list = OTHER_LISTS[name];
      if (name === 'service') readService(key, value, place);
      else if (name === 'pipeline') readPipeline(value, place);
      else if (name === 'env') readVariables(value, place);
      else if (name === 'includes') readIncludes(value, folder, place);
      else if (list !== undefined) readSections(list, value, place);
      else if (!PASSED_OVER.has(name)) place.complain('section-unknown', `there is no section '${name}'`, key);
    }
  }

  function readService(key: unknown, value: unknown, place: Place): void {
    if (result.sections.some(({ kind }) => kind === 'service')) {
      place.complain('syntax', "there are two 'service' sections", key);
    } else if (isMap(value)) {
      result.sections.push({ kind: 'service', at: place.at(key), entries: entries(value, place) });
    } else place.complain('syntax', "'service' must be a map", key);
  }

  function readPipeline(value: unknown, place: Place): void {
    if (!isMap(value)) {
      place.complain('syntax', "'pipeline' must be a map", value);
      return;
    }
    for (const { key, value: list } of value.items) {
      const kind = PLUGIN_LISTS[text(key)?.toLowerCase() ?? ''];
      if (kind === undefined) place.complain('section-unknown', `a pipeline has no '${text(key) ?? ''}'`, key);
      else readSections(kind, list, place);
    }
  }

  function readSections(kind: SectionKind, list: unknown, place: Place): void {
    if (!isSeq(list)) {
      place.complain('syntax', `${kind}s must be a list`, list);
      return;
    }
    for (const item of list.items) {
      if (isMap(item)) result.sections.push({ kind, at: place.at(item), entries: entries(item, place) });
      else place.complain('syntax', `each ${kind} must be a map`, item);
    }
  }

  function readVariables(value: unknown, place: Place): void {
    const maps = isSeq(value) ? value.items : [value];
    for (const map of maps) {
      if (!isMap(map)) {
        place.complain('syntax', "'env' must be a map", map);
        continue;
      }
      const set = new Map(
        map.items.map((pair) => [text(pair.key) ?? '', { value: text(pair.value) ?? '', at: place.at(pair.key) }]),
      );
      const name = set.get('name');
      if (isSeq(value) && name !== undefined) {
        result.variables.set(name.value, { value: set.get('value')?.value ?? '', at: name.at });
      } else for (const [variable, content] of set) result.variables.set(variable, content);
    }
  }

  function readIncludes(value: unknown, folder: string, place: Place): void {
    if (!isSeq(value)) {
      place.complain('syntax', "'includes' must be a list", value);
      return;
    }
    for (const item of value.items) {
      const file = path.resolve(folder, text(item) ?? '');
      const found = file.includes('*') ? glob(file, files) : [file].filter((one) => files.isFile(one));
      if (found.length === 0) place.complain('include-missing', `included '${text(item) ?? ''}' does not exist`, item);
      for (const one of found) {
        if (result.files.includes(files.realPath(one))) place.complain('include-twice', `${one} is already read`, item);
        else readFile(one);
      }
    }
  }
}

/** A list becomes one entry per value; a nested map (processors, routes) becomes its key without a value. */
function entries(map: YAMLMap, { at, complain }: Place): RawEntry[] {
  return map.items.flatMap((pair): RawEntry[] => {
    const key = keyName(text(pair.key) ?? '');
    const value: unknown = pair.value;
    const add = (raw: string): RawEntry => ({ key, raw: raw.trim(), at: at(pair.key) });
    if (isSeq(value)) return value.items.map((item) => add(text(item) ?? ''));
    if (isMap(value)) return [add('')];
    const raw = text(value);
    if (raw !== undefined && raw !== '') return [add(raw)];
    complain('syntax', `key '${key}' has no value`, pair.key);
    return [];
  });
}

/** `bufSize` becomes `buf_size`; a key with an underscore, or that starts with a capital, stays as it is. */
function keyName(name: string): string {
  const camel = /^[a-z]/.test(name) && !name.includes('_');
  return (camel ? name.replaceAll(/(?!^)[A-Z]/g, '_$&') : name).trim().toLowerCase();
}

const text = (node: unknown): string | undefined =>
  isScalar(node) && typeof node.value === 'string' ? node.value : undefined;
