import { ApiError, PageError, messageOf } from '../lib/errors.ts';
import { counted } from '../lib/words.ts';
import type { JsonReader } from '../events/json-reader.ts';
import { readPage } from '../events/read-page.ts';
import { readCount } from './ionos-page.ts';
import type { ProviderContext } from './provider.ts';

/** A page of the list of contracts. */
interface ContractList {
  /** As text: they exceed 2^53. */
  readonly numbers: readonly string[];
  /** How many entries the page has, including those without a number. */
  readonly entries: number;
  /** The address of the next page, as the API gives it. */
  readonly next: string | undefined;
  /** Whether it has links at all: then a missing `next` means that this is the last page. */
  readonly hasLinks: boolean;
  /** What the page says about itself. */
  readonly offset: number | undefined;
  readonly limit: number | undefined;
  readonly total: number | undefined;
}

/**
 * The numbers of all contracts that the token sees. A list of several pages is followed by its links or by offset, on
 * the API's own origin only; where that fails, a warning says so. Throws when the first page cannot be read, and
 * whenever the token is refused.
 */
export async function listContracts(
  { api, log }: Pick<ProviderContext, 'api' | 'log'>,
  signal: AbortSignal,
): Promise<string[]> {
  const first = api.url('/contracts');
  const numbers = new Set<string>();
  const visited = new Set<string>();
  let entries = 0;
  try {
    for (let url: URL | undefined = first; url !== undefined && !visited.has(url.href);) {
      visited.add(url.href);
      const page: ContractList = await api.get(url, scanContractList, signal);
      const before = numbers.size;
      for (const number of page.numbers) numbers.add(number);
      entries += page.entries;
      if (visited.size > 1 && numbers.size === before) url = undefined;
      else if (page.next !== undefined) url = api.ownUrl(new URL(page.next, url).href);
      else url = pageByOffset(page, entries, first);
      if (url === undefined && page.total !== undefined && page.total > entries) {
        throw new PageError(`it counts ${page.total}, and its pages end after ${entries}`);
      }
    }
  } catch (error) {
    const isPassing = error instanceof ApiError || error instanceof PageError || error instanceof TypeError;
    if (numbers.size === 0 || !isPassing || (error instanceof ApiError && error.status === 401)) throw error;
    log.warn(
      `the list of contracts has more than the ${counted(numbers.size, 'contract')} read so far, but cannot be read ` +
        `to its end (${messageOf(error)}); name the missing ones with --contract`,
    );
  }
  return [...numbers];
}

/** Where a list without links has more: a full page, or a total that is not reached. */
function pageByOffset(
  { hasLinks, limit, offset, total, entries }: ContractList,
  read: number,
  url: URL,
): URL | undefined {
  if (hasLinks || entries === 0) return undefined;
  const isFull = limit !== undefined && limit > 0 && entries >= limit && offset !== undefined;
  if (total === undefined ? !isFull : total <= read) return undefined;
  const next = new URL(url);
  next.searchParams.set('offset', String(read));
  next.searchParams.set('limit', String(limit ?? entries));
  return next;
}

/**
 * The contracts of an answer of `GET /contracts`: a bare array, or `items` in an object that may say where the next
 * page is, as other IONOS APIs do. Throws PageError when it is neither.
 */
export function scanContractList(json: Buffer): ContractList {
  return readPage(json, (reader) => {
    let numbers: string[] | undefined;
    let entries = 0;
    let next: string | undefined;
    let hasLinks = false;
    const counts = new Map<string, number | undefined>();
    if (reader.type() === 'array') [numbers, entries] = readContracts(reader);
    else if (reader.type() !== 'object') reader.refuse('it is neither an object nor an array');
    else {
      for (let more = reader.enterObject(); more; more = reader.nextMember()) {
        const key = reader.key();
        if (key === 'items' && reader.type() === 'array') [numbers, entries] = readContracts(reader);
        else if (key === '_links' && reader.type() === 'object') {
          hasLinks = true;
          for (let moreLinks = reader.enterObject(); moreLinks; moreLinks = reader.nextMember()) {
            if (reader.key() === 'next') next = readLink(reader) ?? next;
            else reader.skipValue();
          }
        } else if (key === 'next') next = readLink(reader) ?? next;
        else if (COUNTS.has(key)) counts.set(key, readCount(reader));
        else reader.skipValue();
      }
    }
    if (numbers === undefined) throw new PageError('it has no list of contracts (items or an array)');
    if (entries > 0 && numbers.length === 0) throw new PageError(`none of its ${entries} contracts has an id`);
    const total = counts.get('total') ?? counts.get('totalCount') ?? counts.get('count');
    return { numbers, entries, next, hasLinks, offset: counts.get('offset'), limit: counts.get('limit'), total };
  });
}

const COUNTS: ReadonlySet<string> = new Set(['offset', 'limit', 'total', 'totalCount', 'count']);

function readContracts(reader: JsonReader): [numbers: string[], entries: number] {
  const numbers: string[] = [];
  let entries = 0;
  for (let more = reader.enterArray(); more; more = reader.nextElement()) {
    entries++;
    if (reader.type() !== 'object') {
      reader.skipValue();
      continue;
    }
    let id = '';
    for (let moreMembers = reader.enterObject(); moreMembers; moreMembers = reader.nextMember()) {
      if (reader.key() !== 'id') reader.skipValue();
      else if (reader.type() === 'string') id = reader.string() ?? '';
      else id = reader.text();
    }
    if (id !== 'null' && id !== '') numbers.push(id);
  }
  return [numbers, entries];
}

/** A link: its address, or an object with it in `href`. */
function readLink(reader: JsonReader): string | undefined {
  if (reader.type() !== 'object') return reader.string();
  let href: string | undefined;
  for (let more = reader.enterObject(); more; more = reader.nextMember()) {
    if (reader.key() === 'href') href = reader.string();
    else reader.skipValue();
  }
  return href;
}
