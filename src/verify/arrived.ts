import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { createGunzip } from 'node:zlib';
import { EventId } from '../events/event-id.ts';
import { ConfigError, messageOf } from '../lib/errors.ts';
import { ShapeError } from '../lib/narrow.ts';

const GZIP = [0x1f, 0x8b];

export interface ArrivedReport {
  lines: number;
  /** How many lines have no id, and the number of the first one. */
  without: number;
  first_without: number | undefined;
  /** The number of the last line when it is not whole. */
  cut_off: number | undefined;
}

/**
 * Reads a copy of what arrived, line by line: JSON lines as printed or wrapped by another program, possibly gzipped.
 * `idKey` is the name of the field with the id; an event without one is known by its bytes, also as Fluent Bit changes
 * them. Throws ConfigError when the copy cannot be read, is empty, or has no id at all.
 */
export async function readArrived(
  file: string,
  stdin: Readable,
  idKey: string | undefined,
  visit: (id: EventId) => void,
): Promise<ArrivedReport> {
  const name = file === '-' ? 'stdin' : file;
  const report: ArrivedReport = { lines: 0, without: 0, first_without: undefined, cut_off: undefined };
  const pattern = idKey === undefined ? undefined : new RegExp(String.raw`\\*"${idKey}\\*"\s*:\s*\\*"([^"\\]+)`);
  try {
    const input = await unzipped(file === '-' ? stdin : createReadStream(file));
    let before = '';
    for await (const { line, isLast } of linesOf(input)) {
      if (line.trim() === '') continue;
      report.lines++;
      if (report.lines === 1 && /^\s*\[\s*\{/.test(line)) {
        throw new ShapeError('it is a JSON array, and not one event per line (jq -c .[] makes lines of it)');
      }
      // Not every copy is JSON; where one line is, all are.
      if (isLast && !isJson(line) && (before === '' ? line.trim().startsWith('{') : isJson(before))) {
        report.cut_off = report.lines;
        continue;
      }
      before = line;
      const id = pattern?.exec(line)?.[1];
      if (pattern !== undefined && id === undefined) {
        report.without++;
        report.first_without ??= report.lines;
      }
      // An event without an id is known by its bytes.
      if (id !== undefined) visit(EventId.of(id));
      else for (const text of printedForms(line)) visit(EventId.ofHash(Buffer.from(text)));
    }
  } catch (error) {
    throw new ConfigError(`--arrived: cannot read ${name}: ${messageOf(error)}`);
  }
  if (report.lines === 0) throw new ConfigError(`--arrived: ${name} is empty`);
  if (report.without > 0 && report.without === report.lines) {
    throw new ConfigError(`--arrived: no line of ${name} has an id (${idKey ?? ''}): is it a copy of the events?`);
  }
  return report;
}

/**
 * What may have been printed for a line of Fluent Bit's outputs: they put a date into it, or a tag and a time around it,
 * and escape what is not ASCII, which the API may have escaped as well.
 */
function printedForms(line: string): Set<string> {
  const event = line
    .trim()
    .replace(/^\S+: \[[\d.]+, (\{.*\})\]$/, '$1')
    .replace(/^\{"date":[\d.]+,/, '{');
  const unescaped = event.replace(/\\(?:u([0-9a-f]{4})|.)/gi, (text, hex?: string) => {
    const code = hex === undefined ? 0 : parseInt(hex, 16);
    return code < 0x80 ? text : String.fromCharCode(code);
  });
  return new Set([event, unescaped]);
}

/** readline's iterator would wait forever after an error of its input. */
async function* linesOf(input: Readable): AsyncGenerator<{ line: string; isLast: boolean }> {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  for await (const chunk of input) {
    const lines = (rest + decoder.write(chunk as Buffer)).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) yield { line, isLast: false };
  }
  yield { line: rest + decoder.end(), isLast: true };
}

function isJson(line: string): boolean {
  try {
    JSON.parse(line);
    return true;
  } catch {
    return false;
  }
}

async function unzipped(input: Readable): Promise<Readable> {
  const first = await new Promise<Buffer | undefined>((resolve, reject) => {
    input.once('error', reject);
    input.once('end', () => resolve(undefined));
    input.once('readable', () => resolve((input.read() as Buffer | null) ?? undefined));
  });
  if (first === undefined) return Readable.from([]);
  input.unshift(first);
  const isZipped = first[0] === GZIP[0] && first[1] === GZIP[1];
  if (!isZipped) return input;
  const gunzip = createGunzip();
  input.on('error', (error) => gunzip.destroy(error));
  return input.pipe(gunzip);
}
