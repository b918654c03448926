import type { ConfigFiles, RawEntry, RawSection } from '../check/fluent-bit-config/model.ts';
import { readClassic } from '../check/fluent-bit-config/classic.ts';
import { truth } from '../check/fluent-bit-config/values.ts';
import { isMatch } from '../check/facts/routes.ts';
import { startsPythonFetcher } from '../check/facts/shell-command.ts';

const OUR_FILE = /^@include\s+(?:\S*\/)?activity-log\.conf\s*$/im;
const OUR_STORAGE = '/var/lib/fluent-bit/storage';
const API_KEY = /^apikey\s+/i;
const HTTPS_PORT = '443';
const OUR_LISTEN = '127.0.0.1';
const OUR_PORT = '2020';
const DEFAULT_LISTEN = '0.0.0.0';
/** Settings of an http output that the tutorial or our output has; tls and format are compared by value. */
const KNOWN_HTTP_KEYS = new Set(
  'name alias match host port uri retry_limit workers log_level storage.total_limit_size'.split(' '),
);

/** A section of fluent-bit.conf that ours replaces. */
export interface Block {
  readonly title: string;
  readonly first: number;
  readonly last: number;
  /** Lines with the key, which others could read there. */
  readonly keyLines: readonly number[];
}

/** What is in a fluent-bit.conf that the user has changed. */
export type Survey = Readonly<ReturnType<typeof survey>>;

/** Looks for the blocks from the vendor's tutorial: an exec input, and the outputs for its tag. */
export function survey(main: string, files: ConfigFiles) {
  const config = readClassic(main, files, '/');
  const sections = config.sections.filter(({ at }) => at.file === main);
  const text = files.read(main);
  const inputs = sections.filter(({ kind }) => kind === 'input');
  const fetchers = inputs.filter(isFetcher);
  const tags = new Set(fetchers.map(tagOf));
  const otherTags = new Set(inputs.filter((input) => !isFetcher(input)).map(tagOf));
  const outputs = sections.filter(({ kind }) => kind === 'output');
  const ownOutputs = outputs.filter((output) => {
    const tag = value(output, 'match') ?? '';
    return tags.has(tag) && !otherTags.has(tag);
  });
  const sending = ownOutputs.filter(isTutorialsHttp);
  const shown = outputs.filter((output) =>
    ownOutputs.includes(output) ? nameOf(output) === 'stdout' : isStockStdout(output),
  );
  const taken = [...fetchers, ...sending, ...(fetchers.length > 0 ? shown : [])];
  const doubled = outputs.filter(
    (output) => !taken.includes(output) && nameOf(output) === 'http' && gets(output, tags),
  );
  const [input] = fetchers;
  const [output] = sending;
  return {
    tag: input === undefined ? '' : tagOf(input),
    interval: input === undefined ? '' : (value(input, 'interval_sec') ?? ''),
    host: output === undefined ? '' : (value(output, 'host') ?? ''),
    key: output === undefined ? '' : (keyEntries(output)[0]?.raw.replace(API_KEY, '') ?? ''),
    hasStoragePath: serviceEntries(sections, 'storage.path').some(({ raw }) => raw !== OUR_STORAGE),
    includesUs: OUR_FILE.test(text),
    blocks: taken.map(blockOf).sort((a, b) => a.first - b.first),
    warnings: [
      ...fetchersElsewhere(config.sections, main),
      ...doubledParsers(sections),
      ...sending.flatMap(extras),
      ...doubled.map(
        (section) =>
          `the output http in ${linesOf(blockOf(section))} of fluent-bit.conf gets the events as well: if it sends to ` +
          'the same place, each arrives twice: delete it then',
      ),
      ...(OUR_FILE.test(text) ? [] : movedServer(sections)),
    ],
  };
}

/** `lines 3 to 9`. */
export function linesOf({ first, last }: Pick<Block, 'first' | 'last'>): string {
  return `lines ${first} to ${last}`;
}

function blockOf(section: RawSection): Block {
  return {
    title: `[${section.kind}] ${nameOf(section)}`,
    first: section.at.line,
    last: Math.max(section.at.line, ...section.entries.map(({ at }) => at.line)),
    keyLines: keyEntries(section).map(({ at }) => at.line),
  };
}

function value({ entries }: RawSection, key: string): string | undefined {
  return entries.filter((entry) => entry.key === key).at(-1)?.raw;
}

function nameOf(section: RawSection): string {
  return (value(section, 'name') ?? '').toLowerCase();
}

function tagOf(section: RawSection): string {
  return value(section, 'tag') ?? '';
}

function keyEntries({ entries }: RawSection): RawEntry[] {
  return entries.filter(({ key, raw }) => key === 'header' && API_KEY.test(raw));
}

function serviceEntries(sections: readonly RawSection[], key: string): RawEntry[] {
  return sections
    .filter(({ kind }) => kind === 'service')
    .flatMap(({ entries }) => entries.filter((e) => e.key === key));
}

function isFetcher(section: RawSection): boolean {
  return nameOf(section) === 'exec' && startsPythonFetcher(value(section, 'command') ?? '');
}

function isTutorialsHttp(section: RawSection): boolean {
  return (
    nameOf(section) === 'http' &&
    keyEntries(section).length > 0 &&
    value(section, 'uri') === `/${value(section, 'match') ?? ''}` &&
    (value(section, 'port') ?? HTTPS_PORT) === HTTPS_PORT
  );
}

/** The package's example output, which copies events to the journal, where others may read them. */
function isStockStdout(section: RawSection): boolean {
  return nameOf(section) === 'stdout' && value(section, 'match') === '*' && section.entries.length === 2;
}

function gets(output: RawSection, tags: ReadonlySet<string>): boolean {
  return [...tags].some((tag) => isMatch(value(output, 'match') ?? '', tag));
}

function fetchersElsewhere(sections: readonly RawSection[], main: string): string[] {
  const found = sections.filter((section) => section.at.file !== main && isFetcher(section));
  return found.map(
    ({ at }) => `${at.file} runs the tutorial's fetcher: delete that input, or each event arrives twice`,
  );
}

/** Parsers files that are named twice; Fluent Bit finds a relative name beside its main file. */
function doubledParsers(sections: readonly RawSection[]): string[] {
  const seen = new Set<string>();
  return serviceEntries(sections, 'parsers_file').flatMap(({ raw, at }) => {
    const name = raw.replace(/^(?:\/etc\/fluent-bit\/+|\.\/+)/, '');
    if (!seen.has(name)) {
      seen.add(name);
      return [];
    }
    return `fluent-bit.conf has Parsers_File ${raw} twice, and Fluent Bit does not start with that: delete line ${at.line}`;
  });
}

/** Settings of the tutorial's output that the user has added. */
function extras({ entries }: RawSection): string[] {
  return entries
    .filter((entry) => isExtra(entry))
    .map(
      ({ key, at }) =>
        `${key} of the tutorial's output (line ${at.line} of fluent-bit.conf) is not taken over: if it is needed, it ` +
        'goes into /etc/fluent-bit/outputs/ionos.conf',
    );
}

function isExtra({ key, raw }: RawEntry): boolean {
  if (key === 'format') return raw.toLowerCase() !== 'json';
  if (key === 'tls' || key.startsWith('tls.verify')) return truth(raw) !== true;
  return key === 'header' ? !API_KEY.test(raw) : !KNOWN_HTTP_KEYS.has(key);
}

/** A warning when the HTTP server moves: the last [SERVICE] counts, which is ours. */
function movedServer(sections: readonly RawSection[]): string[] {
  const last = (key: string): string | undefined => serviceEntries(sections, key).at(-1)?.raw;
  if (truth(last('http_server')) !== true) return [];
  const listen = last('http_listen') ?? DEFAULT_LISTEN;
  const port = last('http_port') ?? OUR_PORT;
  const moved = [
    ...(listen === OUR_LISTEN ? [] : [`HTTP_Listen ${listen}`]),
    ...(port === OUR_PORT ? [] : [`HTTP_Port ${port}`]),
  ];
  if (moved.length === 0) return [];
  return [
    `fluent-bit.conf has ${moved.join(' and ')}, and activity-log.conf sets ${OUR_LISTEN} and ${OUR_PORT}: point ` +
      "whatever reads Fluent Bit's metrics there, or edit /etc/fluent-bit/activity-log.conf (--ack-url, too)",
  ];
}
