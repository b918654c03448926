import { EventIdMap } from '../events/event-id-map.ts';
import type { EventId } from '../events/event-id.ts';
import { SIDES, type IdParts, type IdRecord, type Side } from './id-parts.ts';

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
 * Calls `visit` for each event whose counts `isFine` does not accept, and returns how many these were. Records of the
 * journal come first: they have checks, which an arrived line does not have, since another program may have rewritten
 * it. Without `bySource`, a tally has all records with its id and the source of the first one, since an arrived line
 * does not name its source.
 */
export function forEachDifference(
  parts: IdParts,
  bySource: boolean,
  isFine: (tally: Tally) => boolean,
  visit: (tally: Tally) => void,
): number {
  let visited = 0;
  for (const records of parts.parts()) {
    for (const tally of tallyOf(records, bySource)) {
      if (isFine(tally)) continue;
      visit(tally);
      visited++;
    }
  }
  return visited;
}

function tallyOf(records: Iterable<IdRecord>, bySource: boolean): Tally[] {
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
