import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Scratch, WindowReader } from '../../src/providers/ionos-window.ts';
import type { TimeSpan } from '../../src/lib/duration.ts';
import { MovedClock } from '../helpers/moved-clock.ts';
import { ScriptedApi } from '../helpers/scripted-api.ts';

const FROM = Date.parse('2026-11-21T20:00:00Z') / 1000;
const HOUR: TimeSpan = { from: FROM, to: FROM + 3_600 };
const SECOND: TimeSpan = { from: FROM, to: FROM + 1 };
const SPAN = 'between 2026-11-21T20:00:00Z and 2026-11-21T21:00:00Z';
const never = new AbortController().signal;

type Pages = (offset: number, limit: number) => readonly (number | 'null')[];

/** Reads a window of a server that counts so many events and gives these pages. */
async function read(total: number, pages: Pages, { window = HOUR, scratch = new Scratch(), pageSize = 100 } = {}) {
  const clock = new MovedClock(0);
  const api = new ScriptedApi(({ searchParams }) => {
    const [offset, limit] = ['offset', 'limit'].map((name) => Number(searchParams.get(name))) as [number, number];
    const hits = pages(offset, limit).map((n) => (n === 'null' ? n : `{"_source":{"@uuid":"${n}"}}`));
    return `{"hits":{"total":${total},"hits":[${hits.join(',')}]}}`;
  });
  const steps = new WindowReader({ api, pageSize, pause: clock.pause }).read('31721060', window, never, scratch);
  let events = 0;
  let step = await steps.next();
  for (; step.done !== true; step = await steps.next()) events += step.value.events.length;
  return { outcome: step.value, events, pauses: clock.pauses, requests: api.asked.length };
}

/** The events with these numbers, by offset. */
const all =
  (count: number): Pages =>
  (offset, limit) =>
    Array.from({ length: Math.max(0, Math.min(limit, count - offset)) }, (_, n) => offset + n);

describe('a window', () => {
  it('is done after one pass where all came that the API counts, and may be longer where that were few', async () => {
    for (const [count, isSparse] of [
      [0, true],
      [24, true],
      [124, true],
      [125, false],
      [300, false],
    ] as const) {
      const { outcome, events, pauses } = await read(count, all(count));
      assert.deepEqual([outcome, events, pauses], [{ parts: 1, isSparse, total: count }, count, []], String(count));
    }
  });

  it('counts what is there twice in one answer, and what is not an event', async () => {
    assert.equal((await read(3, () => [1, 1, 2])).requests, 1);
    const scratch = new Scratch(true);
    assert.deepEqual((await read(2, () => [1, 'null'], { scratch })).outcome, { parts: 1, isSparse: true, total: 2 });
  });

  it('is cut where its first page says that it has too many', async () => {
    assert.deepEqual((await read(501, all(501))).outcome, { parts: 2 });
  });

  it('is read again, with growing pauses, while fewer come than the API counts; then the gap is said', async () => {
    const { outcome, pauses, events } = await read(10, all(8));
    const gap = `the API counts 10 events ${SPAN}, but its pages end after 8`;
    assert.deepEqual([outcome, pauses, events], [{ parts: 1, total: 10, gap }, [500, 1_000, 2_000], 40]);
  });

  it('does not count again in a pass what came twice in the one before', async () => {
    const { outcome } = await read(6, (offset) => (offset === 0 ? [1, 1, 2] : []));
    assert.equal(outcome.gap, `the API counts 6 events ${SPAN}, but its pages end after 3`);
  });

  it('is done where a later pass brings the rest, and is patient as long as each brings something', async () => {
    let passes = 0;
    const growing: Pages = (offset, limit) => all(offset === 0 ? ++passes : passes)(offset, limit);
    const { outcome, pauses } = await read(8, growing);
    assert.deepEqual([outcome, pauses, passes], [{ parts: 1, isSparse: true, total: 8 }, [], 8]);
  });

  it('that counts events and gives none is an error', async () => {
    await assert.rejects(
      read(3, () => []),
      {
        name: 'PageError',
        message: `the API counts 3 events ${SPAN}, but returned none`,
      },
    );
  });

  it('of which the server leaves events out of its pages is passed after a second look, and the gap is said', async () => {
    const { outcome, pauses } = await read(90, (offset) => (offset === 0 ? [0, 1] : offset === 22 ? [9] : []));
    const gap = `the API counts 90 events ${SPAN}, but leaves some out of its pages: 3 came`;
    assert.deepEqual([outcome, pauses], [{ parts: 1, total: 90, gap }, []]);
  });

  const overlapping: Pages = (offset) => (offset === 0 ? [0, 1] : [1, 2]);

  it('whose pages overlap is halved after two passes without anything new', async () => {
    const { outcome, requests, pauses } = await read(4, overlapping);
    assert.deepEqual([outcome, requests, pauses], [{ parts: 2 }, 6, []]);
  });

  it('of one second whose pages overlap is passed, and the gap is said', async () => {
    const { outcome, pauses } = await read(4, overlapping, { window: SECOND });
    const account = 'the API counts 4 events between 2026-11-21T20:00:00Z and 2026-11-21T20:00:01Z';
    const gap = `${account}, but returned 3 distinct ones: pages overlap`;
    assert.deepEqual([outcome, pauses], [{ parts: 1, total: 4, gap }, [500, 1_000, 2_000]]);
    await assert.rejects(
      read(4, () => [0, 1], { window: SECOND }),
      { name: 'PageError', message: `${account}, but returned 2 distinct ones, again and again` },
    );
  });

  it('knows nothing of the one before it, though both use the same memory', async () => {
    const scratch = new Scratch();
    await read(3, all(3), { scratch });
    await assert.rejects(
      read(3, () => [], { scratch }),
      /but returned none$/,
    );
  });
});
