import { EventIdMap } from '../events/event-id-map.ts';
import type { EventId } from '../events/event-id.ts';
import { formatSecond } from '../lib/duration.ts';
import type { Compared } from './compared.ts';
import { SIDES, type IdParts, type IdRecord, type Side } from './id-parts.ts';
import type { Finding } from './report.ts';

/** How often each side has an event. */
export interface Tally {
  readonly id: EventId;
  readonly second: number;
  readonly source: number;
  readonly isNamed: boolean;
  readonly counts: Record<Side, number>;
}

/** How often the journal has an event, besides what was delivered again on request. */
export function journalled({ delivered, excluded, set_aside }: Tally['counts']): number {
  return delivered + excluded + set_aside;
}

/**
 * The tally of each event. Records of the journal come first: they have checks, which an arrived line does not have,
 * since another program may have rewritten it. Without `bySource`, a tally has all records with its id and the source of
 * the first one, since an arrived line does not name its source.
 */
export function* talliesOf(parts: IdParts, bySource: boolean): Generator<Tally> {
  for (const records of parts.parts()) yield* talliesIn(records, bySource);
}

/** What is wrong with these events, as far as they are in the span of their source that is compared. */
export function* findingsIn(
  tallies: Iterable<Tally>,
  all: readonly Compared[],
  kindOf: (tally: Tally, source: Compared) => Finding['kind'] | undefined,
): Generator<{ readonly tally: Tally; readonly finding: Finding }> {
  for (const tally of tallies) {
    const { id, second, source } = tally;
    const one = all[source];
    if (one === undefined || second < one.from || second >= one.to) continue;
    const kind = kindOf(tally, one);
    if (kind === undefined) continue;
    yield { tally, finding: { kind, source: one.source.name, id: id.uuid, time: formatSecond(second) } };
  }
}

function talliesIn(records: Iterable<IdRecord>, bySource: boolean): Tally[] {
  const tallies: Tally[] = [];
  const places = new Map<number, EventIdMap>();
  const sorted = [...records].sort((a, b) => SIDES.indexOf(a.side) - SIDES.indexOf(b.side));
  for (const { id, second, side, source, isNamed } of sorted) {
    const group = bySource ? source : 0;
    let map = places.get(group);
    if (map === undefined) places.set(group, (map = new EventIdMap()));
    const place = map.set(id, tallies.length);
    const known = place === undefined ? undefined : tallies[place];
    if (known !== undefined && place !== undefined) {
      map.set(id, place);
      known.counts[side]++;
      continue;
    }
    const counts: Record<Side, number> = {
      delivered: 0,
      excluded: 0,
      set_aside: 0,
      redelivered: 0,
      api: 0,
      arrived: 0,
    };
    counts[side] = 1;
    tallies.push({ id, second, source, isNamed, counts });
  }
  return tallies;
}
