import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import { describe, it } from 'node:test';
import { setImmediate as immediate } from 'node:timers/promises';
import { SkipRun, beginAcknowledgement, withoutCounter } from '../../src/delivery/pending.ts';
import { EventId } from '../../src/events/event-id.ts';
import { NotTakenError } from '../../src/lib/errors.ts';
import { startRun } from '../../src/lib/run.ts';
import { emptyBatch } from '../../src/state/batch.ts';
import { emptyStore } from '../../src/state/store.ts';
import { newSource, stateOf, type Pending } from '../../src/state/state.ts';
import { captureLog } from '../helpers/captured-log.ts';
import { MovedClock } from '../helpers/moved-clock.ts';
import { ToldFluentBit, type Answer } from '../helpers/told-fluent-bit.ts';

const SOURCE = 'ionos/31721060';
const NOW = Date.parse('2026-11-21T20:30:00Z');
const STARTED_AT = NOW / 1000 - 100;
const KEY = new EventId(0, 0, 0, 1);
const PATIENCE_MS = 2_500;

interface Before {
  readonly pending?: Partial<Pending>;
  /** How long ago the last run saved, in milliseconds. */
  readonly savedAgo?: number;
}

/** A run after one that left 2 lines pending, unless it left none, where the counter said 10. */
function nextRun({ pending, savedAgo = 60_000 }: Before, fluentBit: ToldFluentBit) {
  const clock = new MovedClock(NOW);
  const log = captureLog();
  const stop = new AbortController();
  const run = startRun(stop.signal, Infinity, clock.monotonic);
  let saves = 0;
  const empty = emptyStore(clock.now);
  const store = {
    ...empty,
    previousSave: NOW - savedAgo,
    flush: async () => {
      await immediate();
      saves++;
    },
  };
  store.register(SOURCE, newSource('2026-11-21T20:25:00Z'));
  const batch = { ...emptyBatch(), entries: [{ key: KEY, keepUntil: 1, kind: 'delivered' as const }] };
  const left = { host: hostname(), base: 10, lines: 2, started_at: STARTED_AT, printed_until: 50 };
  if (pending !== undefined) store.state.pending = { ...left, sources: { [SOURCE]: batch }, ...pending };
  return {
    begin: () =>
      beginAcknowledgement({ fluentBit, input: 'activity_log', store, run, log, clock, patienceMs: PATIENCE_MS }),
    clock,
    log,
    store,
    stop,
    saves: () => saves,
    delivered: () => stateOf(SOURCE, store.state).delivered,
    refusals: () => stateOf(SOURCE, store.state).strikes[KEY.toString()],
  };
}

function says(...answers: Answer[]) {
  return new ToldFluentBit(STARTED_AT, ...answers);
}

describe('what the last run left pending', () => {
  it('is delivered when Fluent Bit has counted exactly that, and saved before anything is printed', async () => {
    const { begin, delivered, refusals, saves, store } = nextRun({ pending: {} }, says({ records: 12 }));
    await begin();
    assert.deepEqual([delivered(), refusals(), saves(), store.state.pending], [1, undefined, 1, null]);
  });

  it('is printed again without --ack-url, and does not count again when a later run has a counter', async () => {
    const { begin, delivered, log, saves, store } = nextRun({ pending: {} }, says({ records: 12 }));
    await withoutCounter(store, log);
    assert.equal(saves(), 1, 'before anything is printed: a run that is killed then must not count it twice');
    assert.deepEqual(log.messages, [
      'warn: Fluent Bit may not have taken the last 2 lines of the last run (--ack-url is not set): they are printed again',
    ]);
    await begin();
    assert.deepEqual([delivered(), store.state.pending, log.messages.length], [0, null, 1]);
  });

  it('is printed again when Fluent Bit has counted fewer, and any of it may be what it refuses', async () => {
    const { begin, delivered, refusals, log } = nextRun({ pending: {} }, says({ records: 11 }));
    await begin();
    assert.deepEqual([delivered(), refusals()], [0, 1]);
    assert.match(log.messages.join(), /it has counted 1\): they are printed again/);
  });

  it('is printed again, and nothing is suspected, when Fluent Bit has counted more', async () => {
    const { begin, delivered, refusals } = nextRun({ pending: {} }, says({ records: 13 }));
    await begin();
    assert.deepEqual([delivered(), refusals()], [0, undefined]);
  });

  it('is printed again, and nothing is suspected, when Fluent Bit restarted or it was printed on another machine', async () => {
    for (const pending of [{ started_at: STARTED_AT - 500 }, { host: 'elsewhere' }]) {
      const { begin, delivered, refusals } = nextRun({ pending }, says({ records: 12 }));
      await begin();
      assert.deepEqual([delivered(), refusals()], [0, undefined]);
    }
  });

  it('is taken by Fluent Bit, or may not have been, in one line that says why', async () => {
    const lines = 'the last 2 lines of the last run';
    const again = (why: string) => `warn: Fluent Bit may not have taken ${lines} (${why}): they are printed again`;
    for (const [pending, records, message] of [
      [{}, 12, `info: Fluent Bit has taken ${lines}`],
      [{}, 11, again('it has counted 1')],
      [{ started_at: 1 }, 12, again('it has restarted since')],
      [{ started_at: 1, host: '' }, 12, again('it has restarted since')],
      [{ host: 'elsewhere' }, 12, again('they were printed on elsewhere')],
    ] as const) {
      const { begin, log } = nextRun({ pending }, says({ records }));
      await begin();
      assert.deepEqual(log.messages, [message]);
    }
  });

  it('of a source that is not known any more is passed over', async () => {
    const { begin, store } = nextRun({ pending: { sources: { 'ionos/gone': emptyBatch() } } }, says({ records: 12 }));
    await begin();
    assert.deepEqual([Object.keys(store.state.sources), store.state.pending], [[SOURCE], null]);
  });

  it('is decided by a counter that was taken after its last line', async () => {
    const early = { records: 11, countedAt: 50 };
    const { begin, delivered } = nextRun({ pending: {} }, says(early, early, { records: 12, countedAt: 51 }));
    await begin();
    assert.equal(delivered(), 1);
  });

  it('is left as it is, and nothing is fetched, when Fluent Bit does not count', async () => {
    const { begin, store, clock } = nextRun({ pending: {} }, says({ records: 11, countedAt: 50 }));
    await assert.rejects(begin(), {
      message: 'Fluent Bit has not counted the lines of the last run yet (is its input Threaded?); skipping this run',
    });
    assert.notEqual(store.state.pending, null);
    assert.equal(clock.monotonic(), PATIENCE_MS);
  });
});

describe('the first look at the counter', () => {
  it('waits for the next figures when the last run ended within 3 s, also where the clock was set back', async () => {
    for (const [savedAgo, waits] of [
      [0, true],
      [2_999, true],
      [3_000, false],
      [-2_999, true],
      [-3_000, false],
    ] as const) {
      const { begin, clock } = nextRun({ savedAgo }, says({}));
      await begin();
      assert.deepEqual(clock.pauses, waits ? [1_200] : [], `${savedAgo} ms`);
    }
  });

  it('is repeated while Fluent Bit has no figures yet, just after its start', async () => {
    const none = new Error('it has no input yet');
    const { begin, clock } = nextRun({}, says(none, none, {}));
    await begin();
    assert.deepEqual(clock.pauses, [100, 100]);
  });

  it('fails when Fluent Bit answers nothing for longer than it refreshes its figures, and says how to mend it', async () => {
    const { begin, clock } = nextRun({}, says(new Error('connection refused')));
    await assert.rejects(begin(), {
      name: NotTakenError.name,
      message:
        "cannot read Fluent Bit's counter: connection refused. Nothing was fetched, since it could not be checked that " +
        'Fluent Bit takes it: set HTTP_Server On in its [SERVICE] section and Alias activity_log in the input, ' +
        'or correct --ack-url and --ack-input',
    });
    assert.equal(clock.monotonic(), 1_200);
  });

  it("skips the run when Fluent Bit's input is paused: it would drop what it is given", async () => {
    const { begin } = nextRun({}, says({ isPaused: true }));
    await assert.rejects(begin(), SkipRun);
    await assert.rejects(begin(), { message: "Fluent Bit's input is paused; skipping this run" });
  });

  it('ends with the reason of the run that is stopped meanwhile', async () => {
    const fluentBit = says(new Error('connection refused'));
    const { begin, stop } = nextRun({}, fluentBit);
    const { counter } = fluentBit;
    Object.assign(fluentBit, {
      counter: () => {
        stop.abort(new Error('stopped by SIGTERM'));
        return counter();
      },
    });
    await assert.rejects(begin(), /^Error: stopped by SIGTERM$/);
    assert.equal(fluentBit.looks, 1);
  });
});
