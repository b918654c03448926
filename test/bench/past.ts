/** A state of many sources and the journal of many days, as so many polls would have left them. */

import { createWriteStream } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { EventId } from '../../src/events/event-id.ts';
import { formatSecond } from '../../src/lib/duration.ts';
import { ReusableMemory } from '../../src/lib/reusable-memory.ts';
import { emptyBatch } from '../../src/state/batch.ts';
import { FIRST_PREV, hashOf } from '../../src/state/chain.ts';
import { fileOfDay, journalFolder } from '../../src/state/journal-files.ts';
import { serializeLine } from '../../src/state/journal-line.ts';
import { noteDelivered } from '../../src/state/source-progress.ts';
import { Uncommitted } from '../../src/state/uncommitted.ts';
import { cursorsOf, emptyState, newSource, serializeState, stateOf } from '../../src/state/state.ts';

export interface Past {
  readonly sources: number;
  readonly days: number;
  /** Of each source, spread over the day. */
  readonly eventsADay: number;
  /** The first source has failed for so many days. */
  readonly failingDays: number;
}

const DAY_S = 86_400;
const POLL_S = 300;
const OVERLAP_S = 300;
/** As far back as the longest sweep looks for its hours. */
const HOURS_KEPT_S = 9 * DAY_S;

/** Writes a state file and its journal, whose last poll was at `now` (epoch seconds). Start-up reads all of the journal. */
export async function writePast(file: string, past: Past, now: number): Promise<void> {
  const folder = journalFolder(file);
  await mkdir(folder);
  const first = now - past.days * DAY_S;
  const failing = { name: nameOf(0), since: now - past.failingDays * DAY_S };
  const names = Array.from({ length: past.sources }, (_, index) => nameOf(index));
  const state = { ...emptyState(), generation: 1 };
  for (const name of names) state.sources[name] = newSource(formatSecond(first));
  let end = { seq: 0, hash: FIRST_PREV };
  let event = 0;

  const uncommitted = new Uncommitted();
  const memory = new ReusableMemory();

  function lineOf(poll: number, isFirst: boolean): Buffer | undefined {
    const due = Math.floor(((poll - first) / DAY_S) * past.eventsADay * names.length);
    for (; event < due; event++) {
      const name = nameOf(event % names.length);
      if (name === failing.name && poll > failing.since) continue;
      const entry = { key: idOf(event), keepUntil: poll - POLL_S + (event % POLL_S), kind: 'delivered' as const };
      const batch = { ...emptyBatch(), entries: [entry], cursor: formatSecond(poll), forget_before: poll - OVERLAP_S };
      noteDelivered(stateOf(name, state), batch, poll * 1000);
      uncommitted.add(name, batch);
    }
    const line = uncommitted.take(state);
    if (line === undefined) return undefined;
    const sources = isFirst ? { ...cursorsOf(state), ...line.sources } : line.sources;
    const commit = { seq: end.seq + 1, at: new Date(poll * 1000).toISOString(), prev: end.hash, sources };
    const bytes = Buffer.from(serializeLine(commit, memory));
    end = { seq: commit.seq, hash: hashOf(bytes.subarray(0, -1)) };
    return bytes;
  }

  function* linesOfDay(from: number, to: number): Generator<Buffer> {
    let isFirst = true;
    for (let poll = from + POLL_S; poll <= to; poll += POLL_S) {
      const line = lineOf(poll, isFirst);
      if (line === undefined) continue;
      isFirst = false;
      yield line;
    }
  }

  const endOfDay = (second: number) => Math.min(now, (Math.floor(second / DAY_S) + 1) * DAY_S);
  for (let from = first; from < now; from = endOfDay(from)) {
    const day = new Date(from * 1000).toISOString().slice(0, 10);
    await pipeline(Readable.from(linesOfDay(from, endOfDay(from))), createWriteStream(join(folder, fileOfDay(day))));
  }
  for (const name of names) {
    const source = stateOf(name, state);
    const polled = name === failing.name ? failing.since : now;
    source.cursor = formatSecond(polled);
    source.hours.forgetBefore(now - HOURS_KEPT_S);
    // Of the failing one, the last day's events may come again.
    source.start = formatSecond(polled - (name === failing.name ? DAY_S : OVERLAP_S));
    source.last_attempt = new Date(now * 1000).toISOString();
    source.last_success = new Date(polled * 1000).toISOString();
  }
  state.journal = { ...end, known_from: null, first: null };
  await writeFile(file, serializeState(state), { mode: 0o600 });
}

function nameOf(index: number): string {
  return `ionos/${31_721_060 + index}`;
}

/** Ids that are as far apart as UUIDs are. */
function idOf(event: number): EventId {
  return new EventId(Math.imul(event, 0x9e3779b1), event, 0x40008000, Math.imul(event, 0x85ebca6b), event);
}
