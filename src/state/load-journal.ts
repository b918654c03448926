import { copyFile, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { parseInstant } from '../lib/duration.ts';
import type { Log } from '../lib/log.ts';
import { ShapeError } from '../lib/narrow.ts';
import { HourCounts } from './hour-counts.ts';
import { isKnownById, type Entry, type EntryKind } from './batch.ts';
import { hashOf, type ChainEnd } from './chain.ts';
import { journalFiles, linesOf, type RawLine } from './journal-files.ts';
import { visitLine, type JournalLine } from './journal-line.ts';
import { RecentLines } from './recent-lines.ts';
import { noteEntry, noteRest } from './source-progress.ts';
import { forgetSource, journalBegin, newSource, startOf, type State } from './state.ts';

/**
 * Completes a snapshot with the journal: the ids that may come again, and the commits that came after the snapshot. For
 * an empty state that is the whole journal. A torn last line is cut off, and a copy of its file is kept. Throws what
 * reading a file throws. `isOld`: the state is of a version without a journal; a first line was then made from this
 * state by a run that was killed, and adds nothing.
 */
export async function loadJournal(folder: string, state: State, log: Log, isOld = false) {
  const { seq, hash, known_from } = state.journal;
  // What an old state has of ids becomes the journal's first line.
  const recent = new RecentLines(isOld ? [] : newestSeen(state));
  let end: ChainEnd = { seq, hash };
  let isWhole = seq === 0;
  for (const file of await journalFiles(folder)) {
    if (known_from !== null && file < known_from.file) continue;
    for await (const raw of linesOf(folder, file, file === known_from?.file ? known_from.offset : 0)) {
      if (!raw.isWhole) {
        await cutOff(folder, raw, log);
        continue;
      }
      const line = visitLine(raw.bytes, (line) => {
        if (line.seq > (isOld ? 1 : seq)) apply(line, state);
        else knowIds(line, state);
        recent.add({ file, offset: raw.offset, bytes: raw.bytes.length + 1, newest: newestOf(line, state) });
      });
      if (line instanceof ShapeError) {
        log.warn(
          `the journal file ${join(folder, file)} has a line at byte ${raw.offset} that cannot be read ` +
            `(${line.message}): it was altered; its events may be printed again, and verify shows which`,
        );
        continue;
      }
      const lineHash = hashOf(raw.bytes);
      if (line.seq === seq) isWhole = lineHash === hash;
      // Where the state file knows another hash of a commit, the next one has that, and verify shows what was altered.
      if (line.seq > end.seq) end = { seq: line.seq, hash: lineHash };
    }
  }
  if (!isWhole) {
    log.warn(
      `the journal ${folder} does not have the commit ${seq} that the state file knows: it was altered or removed. ` +
        'Events inside the overlap may be printed again, and verify can compare only what is delivered from now on',
    );
    for (const source of Object.values(state.sources)) {
      source.journal_from = journalBegin(source);
      source.hours = new HourCounts();
    }
  }
  return { end, recent };
}

/** Cuts off what a killed run or a power cut left of a line. */
async function cutOff(folder: string, { file, offset }: RawLine, log: Log): Promise<void> {
  const whole = join(folder, file);
  const kept = `${whole}.torn-${offset}`;
  await copyFile(whole, kept);
  await truncate(whole, offset);
  log.warn(`the last line of the journal file ${whole} was not finished: it was cut off; the file is kept as ${kept}`);
}

function* newestSeen({ sources }: State): Generator<[source: string, second: number]> {
  for (const [name, { seen }] of Object.entries(sources)) {
    const seconds = Array.from(seen.entries(), ([, second]) => second);
    if (seconds.length > 0) yield [name, seconds.reduce((a, b) => Math.max(a, b))];
  }
}

/** The known sources of a line, each with which of its ids may come again. */
function* sourcesOf(line: JournalLine, state: State) {
  for (const [name, { forEachId }] of line.sources) {
    const source = state.sources[name];
    if (source === undefined) continue;
    const start = startOf(source);
    const isNeeded = (second: number, kind: EntryKind) => second >= start && isKnownById(kind);
    yield { name, source, forEachId, isNeeded };
  }
}

function knowIds(line: JournalLine, state: State): void {
  for (const { source, forEachId, isNeeded } of sourcesOf(line, state)) {
    forEachId((id, second) => source.seen.add(id, second), isNeeded);
  }
}

function apply(line: JournalLine, state: State): void {
  // What was pending is decided before anything else is committed.
  state.pending = null;
  if (state.generation === 0) state.last_run = line.at;
  const at = parseInstant(line.at) ?? 0;
  for (const [name, { batch, start, isForgotten, forEachId }] of line.sources) {
    if (isForgotten) forgetSource(name, state);
    const begin = start ?? batch.cursor;
    const source = state.sources[name] ?? (begin === null ? undefined : newSource(begin));
    if (source === undefined) continue;
    state.sources[name] = source;
    if (start !== null) source.start = start;
    const refused = Object.keys(source.strikes).length > 0;
    const entries: Entry[] = [];
    forEachId((key, keepUntil, kind) => {
      const entry = { key, keepUntil, kind };
      noteEntry(source, entry);
      if (refused) entries.push(entry);
    });
    noteRest(source, { ...batch, entries }, at);
  }
}

function newestOf(line: JournalLine, state: State): Map<string, number> {
  const newest = new Map<string, number>();
  for (const { name, forEachId, isNeeded } of sourcesOf(line, state)) {
    forEachId(
      () => undefined,
      (second, kind) => {
        if (isNeeded(second, kind)) newest.set(name, Math.max(second, newest.get(name) ?? 0));
        return false;
      },
    );
  }
  return newest;
}
