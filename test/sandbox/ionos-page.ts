/** One page of a contract's events, as bytes. */

import type { StoredEvent } from './event-log.ts';
import type { SandboxOptions } from './options.ts';
import { hash } from './random.ts';

const GTE_CAP = 10_000;

/** Hits `from` (inclusive) to `to` (exclusive) of a window, in the order of the switch. */
export function hitsOf(
  window: readonly StoredEvent[],
  { from, to }: { from: number; to: number },
  { order, seed }: Pick<SandboxOptions, 'order' | 'seed'>,
  requestNumber: number,
): readonly StoredEvent[] {
  switch (order) {
    case 'ascending':
      return window.slice(from, to);
    case 'descending':
      return window.slice(Math.max(0, window.length - to), Math.max(0, window.length - from)).reverse();
    case 'shuffled':
      return shuffled(window, hash(seed, 'order')).slice(from, to);
    case 'reshuffled':
      return shuffled(window, hash(seed, 'order', requestNumber)).slice(from, to);
  }
}

/** An event's place among the others does not change when new ones come in between. */
function shuffled(window: readonly StoredEvent[], seed: number): StoredEvent[] {
  return window
    .map((event) => ({ event, key: hash(seed, event.sequence) }))
    .sort((a, b) => a.key - b.key || a.event.sequence - b.event.sequence)
    .map(({ event }) => event);
}

type PageStyle = Pick<SandboxOptions, 'shape' | 'hitExtras' | 'total' | 'overstatedBy'> &
  Partial<Pick<SandboxOptions, 'incomplete'>>;

export function pageOf(hits: readonly Buffer[], total: number, style: PageStyle): Buffer {
  const { open, close } = hitFrame(style);
  const [head, tail] = pageFrame(total, style);
  const separator = Buffer.from(`${close},${open}`);
  const parts: Buffer[] = [];
  for (const hit of hits) parts.push(parts.length === 0 ? Buffer.from(head + open) : separator, hit);
  parts.push(Buffer.from(hits.length === 0 ? head + tail : close + tail));
  return Buffer.concat(parts);
}

function pageFrame(total: number, style: PageStyle): [string, string] {
  if (style.shape === 'array') return ['[', ']'];
  if (style.shape === 'items') return ['{"items":[', ']}'];
  const { incomplete = 'no' } = style;
  if (incomplete !== 'no') {
    const why = incomplete === 'timed_out' ? '"timed_out":true' : '"_shards":{"total":2,"successful":1,"failed":1}';
    return [`{${why},"hits":{${totalMember(total, style)}"hits":[`, ']}}'];
  }
  const took = style.hitExtras ? '"took":3,"timed_out":false,"_shards":{"total":1,"successful":1,"failed":0},' : '';
  const score = style.hitExtras ? '"max_score":null,' : '';
  return [`{${took}"hits":{${totalMember(total, style)}${score}"hits":[`, ']}}'];
}

function totalMember(total: number, style: PageStyle): string {
  switch (style.total) {
    case 'number':
      return `"total":${total},`;
    case 'overstated':
      return `"total":${total + style.overstatedBy},`;
    case 'object':
      return `"total":{"value":${total},"relation":"eq"},`;
    case 'gte':
      return `"total":{"value":${Math.min(total, GTE_CAP)},"relation":"${total > GTE_CAP ? 'gte' : 'eq'}"},`;
    case 'missing':
      return '';
  }
}

function hitFrame({ shape, hitExtras }: PageStyle): { open: string; close: string } {
  if (shape !== 'hits/_source' && shape !== 'hits/source') return { open: '', close: '' };
  const name = shape === 'hits/_source' ? '_source' : 'source';
  if (!hitExtras) return { open: `{"${name}":`, close: '}' };
  return { open: `{"_index":"activity-log","_type":"_doc","_score":null,"${name}":`, close: ',"sort":[1]}' };
}
