import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { EventSlice } from '../../src/events/event.ts';
import { EventReader, rejectedSlice } from '../../src/events/event.ts';
import { JsonReader } from '../../src/events/json-reader.ts';
import { emptyBatch } from '../../src/state/batch.ts';
import { parseBatch, toRecord } from '../../src/state/batch-record.ts';
import { EventId } from '../../src/events/event-id.ts';
import { refusalsOf } from '../../src/delivery/refusals.ts';
import type { Page } from '../../src/providers/provider.ts';
import { SourceProgress, noteDelivered, noteEntry } from '../../src/state/source-progress.ts';
import { parseState } from '../../src/state/parse-state.ts';
import type { SourceState } from '../../src/state/state.ts';

const NAME = 'ionos/31721060';
const NOW_S = Date.parse('2026-11-21T20:30:00Z') / 1000;
const CURSOR = '2026-11-21T20:25:00Z';
const reader = new EventReader({ id: ['@uuid'], time: ['time'] });
const nameless = new EventReader({ id: undefined, time: ['time'] });

function stateWith(source: object = {}): SourceState {
  const state = parseState(JSON.stringify({ version: 1, sources: { [NAME]: { cursor: CURSOR, ...source } } }));
  const [only] = Object.values(state.sources);
  assert.ok(only);
  return only;
}

function progressOf(state: SourceState): SourceProgress {
  return new SourceProgress(NAME, state);
}

/** An event of so many seconds before NOW_S. */
function event(uuid: string, secondsAgo?: number, by = reader): EventSlice {
  const time = secondsAgo === undefined ? undefined : new Date((NOW_S - secondsAgo) * 1000);
  return by.read(new JsonReader(Buffer.from(JSON.stringify({ '@uuid': uuid, time })), 0));
}

function page(events: readonly EventSlice[], rest: Partial<Page> = {}): Page {
  return { events, cursor: '2026-11-21T20:30:00Z', ...rest };
}

/** Takes a page and delivers all that is new in it. */
function deliver(progress: SourceProgress, one: Page): EventSlice[] {
  const events = progress.take(one);
  noteDelivered(progress.state, progress.batch(one, events, true), NOW_S * 1000);
  return events;
}

describe('SourceProgress', () => {
  it('begins where the state says', () => {
    assert.deepEqual(progressOf(stateWith({ start: '2026-11-01T00:00:00Z' })).checkpoint, {
      cursor: CURSOR,
      start: Date.parse('2026-11-01T00:00:00Z') / 1000,
    });
    const lastEvent = '2026-11-21T20:24:59.500Z';
    assert.equal(progressOf(stateWith({ last_event: lastEvent })).checkpoint.lastEvent, Date.parse(lastEvent));
  });

  it('takes an event that comes again with other content, on one page and in a later run, and says so once', () => {
    const state = stateWith();
    const progress = progressOf(state);
    const [a, altered, again] = [event('a', 10), event('a', 9), event('a', 8)];
    assert.deepEqual(deliver(progress, page([a, altered])), [a, altered]);
    assert.match(progress.alteredWarning ?? '', /1 event came with the id of another event but different content/);
    deliver(progress, page([event('a', 7)]));
    const warning = `${NAME}: 2 events came with the id of another event but different content; all of them were printed`;
    assert.equal(progress.alteredWarning, warning);
    const next = progressOf(state);
    assert.deepEqual(deliver(next, page([a, altered])), []);
    assert.equal(next.alteredWarning, undefined);
    assert.deepEqual(deliver(next, page([again])), [again]);
  });

  it('takes each event once, on one page and over several, and over several runs', () => {
    const state = stateWith();
    const progress = progressOf(state);
    const [a, b, c] = [event('a', 10), event('b', 9), event('c', 8)];
    assert.deepEqual(deliver(progress, page([a, b, a])), [a, b]);
    assert.deepEqual(deliver(progress, page([b, c])), [c]);
    assert.deepEqual(deliver(progressOf(state), page([a, b, c])), []);
    assert.equal(state.delivered, 3);
  });

  it('takes an event again that was printed and not delivered, in the next run and not in this one', () => {
    const state = stateWith();
    const progress = progressOf(state);
    const events = [event('a', 10), event('b', 9)];
    progress.take(page(events));
    assert.deepEqual(progress.take(page(events)), []);
    const nextRun = stateWith(JSON.parse(JSON.stringify(state)) as object);
    assert.deepEqual(progressOf(nextRun).take(page(events)), events);
  });

  it('takes every event where they have no identity', () => {
    const progress = progressOf(stateWith());
    const twin = event('a', 10, nameless);
    assert.deepEqual(deliver(progress, page([twin, twin])), [twin, twin]);
    assert.deepEqual(deliver(progress, page([twin])), [twin]);
    assert.deepEqual(progress.state.seen.upTo(Infinity), {});
    assert.equal(progress.state.delivered, 3);
  });

  it('moves the cursor at the end of a page, not before', () => {
    const state = stateWith();
    const progress = progressOf(state);
    const one = page([event('a', 10), event('b', 9)], { forgetBefore: NOW_S - 5 });
    const [first, second] = progress.take(one);
    assert.ok(first && second);
    noteDelivered(progress.state, progress.batch(one, [first], false), NOW_S * 1000);
    assert.deepEqual(
      [state.cursor, state.delivered, state.seen.upTo(Infinity)],
      [CURSOR, 1, { [NOW_S - 10]: [String(first.id)] }],
    );
    noteDelivered(progress.state, progress.batch(one, [second], true), NOW_S * 1000);
    assert.deepEqual([state.cursor, state.delivered, state.seen.upTo(Infinity)], [one.cursor, 2, {}]);
  });

  it('moves the cursor with a page that brings nothing new', () => {
    const state = stateWith();
    deliver(progressOf(state), page([]));
    assert.equal(state.cursor, '2026-11-21T20:30:00Z');
  });

  it('never begins before what it has forgotten: a longer overlap would find all of it new', () => {
    const state = stateWith({ start: '2026-11-21T20:00:00Z' });
    deliver(progressOf(state), page([], { forgetBefore: NOW_S - 600 }));
    assert.equal(state.start, '2026-11-21T20:20:00Z');
    deliver(progressOf(state), page([], { forgetBefore: NOW_S - 900 }));
    assert.equal(state.start, '2026-11-21T20:20:00Z');
  });

  it('remembers an identity for as long as its event may come again', () => {
    const between = { from: NOW_S - 60, to: NOW_S - 30 };
    const rows: [EventSlice, Partial<Page>, number][] = [
      [event('inside', 45), { between }, NOW_S - 45],
      [event('within a second', 44.5), { between }, NOW_S - 45],
      [event('at the beginning', 60), { between }, NOW_S - 60],
      [event('at the end', 30), { between }, NOW_S - 31],
      [event('says that it is older', 1000), { between }, NOW_S - 31],
      [event('says that it is newer', -1000), { between }, NOW_S - 31],
      [event('does not say'), { between }, NOW_S - 31],
      [event('alone', 45), {}, NOW_S - 45],
      [event('does not say, alone'), {}, 0],
    ];
    for (const [one, rest, time] of rows) {
      const state = stateWith();
      deliver(progressOf(state), page([one], rest));
      assert.deepEqual(state.seen.upTo(Infinity), { [time]: [String(one.id)] }, one.json.toString());
    }
  });

  it('counts events that came late, and how late', () => {
    const state = stateWith({ late: { count: 1, max_seconds: 5 } });
    const progress = progressOf(state);
    const lateBefore = NOW_S - 100;
    const events = [event('a', 142), event('b', 100.5), event('c', 100), event('d', 50), event('e')];
    deliver(progress, page(events, { lateBefore }));
    assert.deepEqual(state.late, { count: 3, max_seconds: 42 });
    assert.equal(progress.greatestLateness, 42);
    // Seen before, so it is not late: it is known.
    deliver(progress, page(events, { lateBefore: NOW_S }));
    assert.deepEqual(state.late, { count: 3, max_seconds: 42 });
    deliver(progress, page([event('f', 50)]));
    assert.deepEqual(state.late, { count: 3, max_seconds: 42 });
  });

  it('were an event dated 1970 makes late by 56 years: a time outside of its window says nothing', () => {
    const state = stateWith();
    const window = { from: NOW_S - 300, to: NOW_S };
    const odd = [event('a', NOW_S), event('b', -86_400), event('c', 200)];
    deliver(progressOf(state), page(odd, { lateBefore: NOW_S - 100, between: window }));
    assert.deepEqual(state.late, { count: 1, max_seconds: 100 });
  });

  it('knows when the last event happened that said so', () => {
    const state = stateWith();
    deliver(progressOf(state), page([event('a', 10), event('b', 20), event('c')]));
    assert.equal(state.last_event, new Date((NOW_S - 20) * 1000).toISOString());
    deliver(progressOf(state), page([event('d')]));
    assert.equal(state.last_event, new Date((NOW_S - 20) * 1000).toISOString());
  });
});

describe('what came in the place of an event', () => {
  const bad = rejectedSlice(Buffer.from('null'), 0, 4);
  const one = page([], { rejected: [bad], between: { from: NOW_S - 10, to: NOW_S } });

  it('is set aside once, also over several runs', () => {
    const state = stateWith();
    const progress = progressOf(state);
    const rejected = progress.takeRejected(one);
    assert.deepEqual(rejected, [bad]);
    noteDelivered(state, progress.batch(one, rejected, false), NOW_S * 1000);
    assert.deepEqual(progress.takeRejected(one), []);
    assert.deepEqual(progressOf(stateWith({ seen: state.seen.upTo(Infinity) })).takeRejected(one), []);
    assert.deepEqual(progress.takeRejected(page([])), []);
  });

  it('is looked for after a run that failed because of it', () => {
    assert.equal(progressOf(stateWith()).checkpoint.isolatesBadEvents, undefined);
    assert.equal(progressOf(stateWith({ unreadable: 1 })).checkpoint.isolatesBadEvents, true);
  });
});

describe('events without identity', () => {
  it('are left out of the first page of the next run as often as they were delivered of it', () => {
    const state = stateWith();
    const [a, twin, b] = [event('a', 10, nameless), event('a', 10, nameless), event('b', 9, nameless)];
    const one = page([a, twin, b]);
    const progress = progressOf(state);
    noteDelivered(progress.state, progress.batch(one, [a, b], false), NOW_S * 1000);
    assert.equal(state.cursor, CURSOR);

    const nextRun = progressOf(stateWith(JSON.parse(JSON.stringify(state)) as object));
    assert.deepEqual(deliver(nextRun, one), [twin]);
    assert.deepEqual([nextRun.state.cursor, nextRun.state.partial], [one.cursor, []]);
    assert.deepEqual(deliver(nextRun, one), [a, twin, b]);
  });
});

describe('strikes', () => {
  it('are known by identity, or by the bytes of an event that has none', () => {
    const json = Buffer.from(`[${['x', 'y'].map((one) => event(one, 10, nameless).json.toString()).join()}]`);
    const [anonymous] = nameless.readList(new JsonReader(json, 0));
    assert.ok(anonymous);
    const { start, end } = anonymous;
    const known = event('a', 10);
    const strikes = { [String(known.id)]: 2, [String(EventId.ofHash(json.subarray(start, end)))]: 1 };
    const state = stateWith({ strikes });
    assert.deepEqual(
      [known, anonymous, event('b', 10)].map((one) => refusalsOf(one, state)),
      [2, 1, 0],
    );
    assert.equal(refusalsOf(known, stateWith()), 0);
  });

  it('are over once the event was delivered', () => {
    const one = event('a', 10);
    const state = stateWith({ strikes: { [String(one.id)]: 2, other: 1 } });
    deliver(progressOf(state), page([one]));
    assert.deepEqual(state.strikes, { other: 1 });
  });
});

describe('noteDelivered', () => {
  it('notes the batch of a run before', () => {
    const state = stateWith();
    const one = page([event('a', 10), event('b', 9, nameless)], { lateBefore: NOW_S, forgetBefore: 1 });
    const batch = progressOf(stateWith()).batch(one, one.events, true);
    const kept = parseBatch(JSON.parse(JSON.stringify(toRecord(batch))), 'pending');
    noteDelivered(state, kept, NOW_S * 1000);
    assert.deepEqual([state.cursor, state.delivered, state.late.count], [one.cursor, 2, 2]);
    assert.deepEqual(Object.keys(state.seen.upTo(Infinity)), [String(NOW_S - 10)]);
    assert.equal(state.last_error, null);
    noteDelivered(state, { ...emptyBatch(), oversize: 1, rejected: 2, found_missing: 3 }, NOW_S * 1000);
    assert.deepEqual([state.oversize, state.rejected, state.found_missing], [1, 2, 3]);
  });
});

describe('the counts of a source', () => {
  for (const [kind, counts] of [
    ['delivered', { delivered: 1, excluded: 0, redelivered: 0, hour: 1 }],
    ['delivered_unnamed', { delivered: 1, excluded: 0, redelivered: 0, hour: 1 }],
    ['excluded', { delivered: 0, excluded: 1, redelivered: 0, hour: 1 }],
    ['excluded_unnamed', { delivered: 0, excluded: 1, redelivered: 0, hour: 1 }],
    // The hour has it already: a sweep would take the count for that of one more event.
    ['redelivered', { delivered: 0, excluded: 0, redelivered: 1, hour: 0 }],
  ] as const) {
    it(`have an event that was ${kind} once`, () => {
      const state = stateWith();
      noteEntry(state, { key: new EventId(1, 2, 3, 4), keepUntil: NOW_S, kind });
      const { delivered, excluded, redelivered, hours } = state;
      assert.deepEqual({ delivered, excluded, redelivered, hour: hours.between(0, Infinity) }, counts);
    });
  }
});
