import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CountedAcknowledgement } from '../../src/delivery/acknowledgement.ts';
import { EventId } from '../../src/events/event-id.ts';
import { startRun } from '../../src/lib/run.ts';
import { emptyBatch, type Batch } from '../../src/state/batch.ts';
import { emptyStore } from '../../src/state/store.ts';
import { newSource, stateOf } from '../../src/state/state.ts';
import { captureLog } from '../helpers/captured-log.ts';
import { MovedClock } from '../helpers/moved-clock.ts';
import { ToldFluentBit, type Answer } from '../helpers/told-fluent-bit.ts';

const SOURCE = 'ionos/31721060';
const NOW = Date.parse('2026-11-21T20:30:00Z');
const STARTED_AT = NOW / 1000 - 100;
const PATIENCE_MS = 2_500;

function batchOf(...numbers: number[]): Batch {
  const entries = numbers.map((n) => ({ key: new EventId(0, 0, 0, n), keepUntil: n, kind: 'delivered' as const }));
  return { ...emptyBatch(), entries };
}

/** An acknowledgement that begins where the counter says 10, and then hears these answers. */
function begin(...answers: Answer[]) {
  const clock = new MovedClock(NOW);
  const log = captureLog();
  const stop = new AbortController();
  const run = startRun(stop.signal, Infinity, clock.monotonic);
  const store = emptyStore(clock.now);
  store.register(SOURCE, newSource('2026-11-21T20:25:00Z'));
  const fluentBit = new ToldFluentBit(STARTED_AT, ...answers);
  const acknowledgement = new CountedAcknowledgement(
    { fluentBit, input: 'activity_log', store, run, log, clock, patienceMs: PATIENCE_MS },
    { records: 10, startedAt: STARTED_AT, uptime: 100, countedAt: undefined, isPaused: false },
  );
  return { acknowledgement, clock, log, store, fluentBit, delivered: () => stateOf(SOURCE, store.state).delivered };
}

describe("Fluent Bit's counter", () => {
  it('acknowledges all that was printed when it has grown by exactly as many lines', async () => {
    const { acknowledgement, delivered, store } = begin({ records: 11 }, { records: 12 });
    acknowledgement.printed(SOURCE, batchOf(1, 2), 2);
    assert.equal(delivered(), 0);
    assert.ok(await acknowledgement.settle());
    assert.equal(delivered(), 2);
    assert.equal(store.state.pending, null);
  });

  it('acknowledges nothing when it has grown by more: a line of somebody else may make up for a dropped one', async () => {
    const { acknowledgement, delivered, store } = begin({ records: 13 });
    acknowledgement.printed(SOURCE, batchOf(1, 2), 2);
    assert.equal(await acknowledgement.settle(), false);
    assert.equal(delivered(), 0);
    assert.equal(store.state.pending?.lines, 2);
  });

  it('acknowledges nothing when it stays behind for as long as the patience lasts', async () => {
    const { acknowledgement, delivered, clock, log } = begin({ records: 11 });
    acknowledgement.printed(SOURCE, batchOf(1, 2), 2);
    assert.equal(await acknowledgement.settle(), false);
    assert.equal(delivered(), 0);
    assert.equal(clock.monotonic(), PATIENCE_MS);
    assert.match(log.messages.join(), /warn: Fluent Bit has counted 1 of the last 2 lines/);
    assert.equal(acknowledgement.waitedMs, PATIENCE_MS);
  });

  it('adds up how long it was waited for', async () => {
    const { acknowledgement } = begin({ records: 10 }, { records: 11 }, { records: 11 }, { records: 12 });
    acknowledgement.printed(SOURCE, batchOf(1), 1);
    assert.ok(await acknowledgement.settle());
    const { waitedMs } = acknowledgement;
    assert.ok(waitedMs > 0);
    acknowledgement.printed(SOURCE, batchOf(2), 1);
    assert.ok(await acknowledgement.settle());
    assert.ok(acknowledgement.waitedMs > waitedMs);
  });

  it('is waited for as long as it grows, and read again when it could not be read', async () => {
    const slow = Array.from({ length: 60 }, (_, n) => ({ records: 10 + n }));
    const { acknowledgement, clock } = begin(new Error('connection refused'), ...slow);
    acknowledgement.printed(SOURCE, batchOf(1), 59);
    assert.ok(await acknowledgement.settle());
    assert.ok(clock.monotonic() > 2 * PATIENCE_MS);
  });

  it('acknowledges nothing when Fluent Bit restarted, also where its new counter would fit', async () => {
    for (const restarted of [{ records: 12, startedAt: STARTED_AT + 50 }, { records: 2 }]) {
      const { acknowledgement, delivered } = begin(restarted);
      acknowledgement.printed(SOURCE, batchOf(1, 2), 2);
      assert.equal(await acknowledgement.settle(), false);
      assert.equal(delivered(), 0);
    }
  });

  it('counts the next lines from what it has acknowledged', async () => {
    const { acknowledgement, delivered } = begin({ records: 12 }, { records: 13 });
    acknowledgement.printed(SOURCE, batchOf(1, 2), 2);
    assert.ok(await acknowledgement.settle());
    acknowledgement.printed(SOURCE, batchOf(3), 1);
    assert.ok(await acknowledgement.settle());
    assert.equal(delivered(), 3);
  });

  it('is asked before more is printed once a second of output waits for it, and before and after a suspect', async () => {
    const { acknowledgement, clock, fluentBit } = begin({ records: 11 }, { records: 12 }, { records: 13 });
    acknowledgement.printed(SOURCE, batchOf(1), 1);
    clock.move(999);
    await acknowledgement.makeRoom(false);
    assert.equal(fluentBit.looks, 0);
    clock.move(1);
    await acknowledgement.makeRoom(false);
    assert.equal(fluentBit.looks, 1);
    acknowledgement.printed(SOURCE, batchOf(2), 1);
    await acknowledgement.makeRoom(true);
    assert.equal(fluentBit.looks, 2);
    acknowledgement.printed(SOURCE, batchOf(3), 1);
    await acknowledgement.makeRoom(false);
    assert.equal(fluentBit.looks, 3);
  });

  it('lets nothing more be printed when it does not count', async () => {
    const { acknowledgement, clock } = begin({ records: 10 });
    acknowledgement.printed(SOURCE, batchOf(1), 1);
    clock.move(1_000);
    await assert.rejects(acknowledgement.makeRoom(false), /Fluent Bit does not take what is printed/);
  });

  it('decides for the next run only once it was taken after the end of this one, however old the last answer is', async () => {
    const { acknowledgement, clock, store } = begin({ records: 10, uptime: 100 });
    clock.move(60_000);
    acknowledgement.printed(SOURCE, batchOf(1), 1);
    await acknowledgement.settle();
    assert.equal(store.state.pending?.printed_until, Math.floor(clock.now() / 1000) - STARTED_AT);
    assert.deepEqual([store.state.pending.base, store.state.pending.lines], [10, 1]);
  });
});
