import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import { describe, it } from 'node:test';
import { CountedAcknowledgement, printedIsDelivered } from '../../src/delivery/acknowledgement.ts';
import { EventId } from '../../src/events/event-id.ts';
import { startRun } from '../../src/lib/run.ts';
import { emptyBatch, type Batch } from '../../src/state/batch.ts';
import { emptyStore } from '../../src/state/store.ts';
import { newSource, stateOf } from '../../src/state/state.ts';
import { captureLog } from '../helpers/captured-log.ts';
import { MovedClock } from '../helpers/moved-clock.ts';
import { ToldFluentBit, type Answer } from '../helpers/told-fluent-bit.ts';

const SOURCE = 'ionos/31721060';
const OTHER = 'ionos/31721061';
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
  const run = startRun(new AbortController().signal, Infinity, clock.monotonic);
  const store = emptyStore(clock.now);
  store.register(SOURCE, newSource('2026-11-21T20:25:00Z'));
  store.register(OTHER, newSource('2026-11-21T20:25:00Z'));
  const fluentBit = new ToldFluentBit(STARTED_AT, ...answers);
  const acknowledgement = new CountedAcknowledgement(
    { fluentBit, input: 'activity_log', store, run, log, clock, patienceMs: PATIENCE_MS },
    { records: 10, startedAt: STARTED_AT, uptime: 100, countedAt: undefined, isPaused: false },
  );
  const delivered = (source = SOURCE) => stateOf(source, store.state).delivered;
  return { acknowledgement, clock, log, store, fluentBit, run, delivered };
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

  it('acknowledges all pages of all sources that were printed since it was read last', async () => {
    const { acknowledgement, delivered } = begin({ records: 14 });
    acknowledgement.printed(SOURCE, batchOf(1, 2), 2);
    acknowledgement.printed(OTHER, batchOf(3), 1);
    acknowledgement.printed(SOURCE, batchOf(4), 1);
    assert.ok(await acknowledgement.settle());
    assert.deepEqual([delivered(), delivered(OTHER)], [3, 1]);
  });

  it('is not asked about a page of which nothing was printed; behind printed ones, it counts with these', async () => {
    const { acknowledgement, delivered, fluentBit } = begin({ records: 11 });
    acknowledgement.printed(SOURCE, batchOf(1), 0);
    assert.ok(await acknowledgement.settle());
    assert.deepEqual([delivered(), fluentBit.looks, acknowledgement.waitedMs], [1, 0, 0]);
    acknowledgement.printed(SOURCE, batchOf(2), 1);
    acknowledgement.printed(OTHER, batchOf(3), 0);
    assert.equal(delivered(OTHER), 0);
    assert.ok(await acknowledgement.settle());
    assert.deepEqual([delivered(), delivered(OTHER)], [2, 1]);
  });

  it('is asked a second after the first line that it has not confirmed, however late in the run that comes', async () => {
    const { acknowledgement, clock, fluentBit, run } = begin({ records: 12 });
    await clock.pause(60_000, run.signal);
    for (const n of [1, 2]) {
      acknowledgement.printed(SOURCE, batchOf(n), 1);
      await acknowledgement.makeRoom(false);
      assert.equal(fluentBit.looks, 0);
      await clock.pause(999 / n, run.signal);
    }
    await acknowledgement.makeRoom(false);
    assert.equal(fluentBit.looks, 1);
  });

  it('is not asked again in a run in which it did not match, and the next run learns what it was', async () => {
    const { acknowledgement, delivered, fluentBit, store } = begin({ records: 11 }, { records: 11, uptime: 1_000 });
    acknowledgement.printed(SOURCE, batchOf(1, 2), 2);
    acknowledgement.printed(OTHER, batchOf(3), 1);
    assert.equal(await acknowledgement.settle(), false);
    const { looks } = fluentBit;
    assert.equal(await acknowledgement.settle(), false);
    assert.deepEqual([fluentBit.looks, delivered()], [looks, 0]);
    const { sources, ...pending } = store.state.pending ?? {};
    const expected = { host: hostname(), base: 10, lines: 3, started_at: STARTED_AT, printed_until: 1_000 };
    assert.deepEqual(pending, expected);
    assert.deepEqual(
      Object.entries(sources ?? {}).map(([name, { entries }]) => [name, entries.length]),
      [
        [SOURCE, 2],
        [OTHER, 1],
      ],
    );
  });

  it('that was read before anything was printed tells the uptime, where it cannot be read any more', async () => {
    const { acknowledgement, clock, store } = begin(new Error('connection refused'));
    clock.move(-60_000);
    acknowledgement.printed(SOURCE, batchOf(1), 1);
    assert.equal(await acknowledgement.settle(), false);
    assert.equal(store.state.pending?.printed_until, 100);
  });

  it('that cannot be read is said so at debug, and in the end', async () => {
    const { acknowledgement, log } = begin(new Error('connection refused'));
    acknowledgement.printed(SOURCE, batchOf(1), 1);
    assert.equal(await acknowledgement.settle(), false);
    assert.equal(log.messages[0], "debug: Fluent Bit's counter cannot be read: connection refused");
    assert.equal(
      log.messages.at(-1),
      'warn: Fluent Bit has counted an unknown number of the last 1 line; the next run will check again',
    );
  });

  it('is waited for no longer once the run gives up', async () => {
    const { acknowledgement, clock, run } = begin({ records: 10 });
    acknowledgement.printed(SOURCE, batchOf(1), 1);
    Object.assign(run, { giveUp: AbortSignal.abort() });
    assert.equal(await acknowledgement.settle(), false);
    assert.equal(clock.monotonic(), 0);
  });

  it('that does not match when the run gives up in the middle of the wait is decided by the next run', async () => {
    const { acknowledgement, run, fluentBit, store } = begin({ records: 10 });
    const giveUp = new AbortController();
    Object.assign(run, { giveUp: giveUp.signal });
    const { counter } = fluentBit;
    Object.assign(fluentBit, {
      counter: () => {
        giveUp.abort(new Error('stopped'));
        return counter();
      },
    });
    acknowledgement.printed(SOURCE, batchOf(1), 1);
    assert.equal(await acknowledgement.settle(), false);
    assert.deepEqual([fluentBit.looks, store.state.pending?.lines], [1, 1]);
  });

  it('adds up how long it was waited for', async () => {
    const { acknowledgement, clock } = begin({ records: 10 }, { records: 11 }, { records: 11 }, { records: 12 });
    for (const [n, waitedMs] of [
      [1, 100],
      [2, 200],
    ] as const) {
      clock.move(5_000);
      acknowledgement.printed(SOURCE, batchOf(n), 1);
      assert.ok(await acknowledgement.settle());
      assert.equal(acknowledgement.waitedMs, waitedMs);
    }
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
      const { acknowledgement, delivered, log } = begin(restarted);
      acknowledgement.printed(SOURCE, batchOf(1, 2), 2);
      assert.equal(await acknowledgement.settle(), false);
      assert.equal(delivered(), 0);
      assert.deepEqual(log.messages, ['warn: Fluent Bit restarted during the run']);
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

describe("without Fluent Bit's counter", () => {
  it('what was printed is delivered at once, and nothing is waited for', async () => {
    const store = emptyStore(() => NOW);
    store.register(SOURCE, newSource('2026-11-21T20:25:00Z'));
    const acknowledgement = printedIsDelivered(store);
    await acknowledgement.makeRoom(true);
    acknowledgement.printed(SOURCE, batchOf(1, 2), 2);
    assert.equal(stateOf(SOURCE, store.state).delivered, 2);
    assert.ok(await acknowledgement.settle());
    assert.equal(acknowledgement.waitedMs, 0);
  });
});
