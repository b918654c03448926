import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { leastRecentFirst, registerNew } from '../../src/session/sources.ts';
import { parseState } from '../../src/state/parse-state.ts';
import { emptyStore } from '../../src/state/state-store.ts';
import { newSource, stateOf } from '../../src/state/state.ts';

const NOW = Date.parse('2026-11-21T20:30:00Z');
const CURSOR = '2026-11-21T20:25:00Z';

const NEW = 'ionos/2';

interface Before {
  readonly clockLeadMs?: number;
  readonly lastRun?: string;
  readonly takenOver?: boolean;
  /** When another source was polled last. */
  readonly lastAttempt?: string;
}

/** Where a new source begins, which looks back for 5 minutes. */
function beginning({ clockLeadMs, lastRun, takenOver, lastAttempt }: Before): string {
  const store = emptyStore(() => NOW);
  if (lastAttempt !== undefined) store.register('ionos/1', { ...newSource(CURSOR), last_attempt: lastAttempt });
  if (lastRun !== undefined) store.state.last_run = lastRun;
  if (takenOver !== undefined) store.state.taken_over = takenOver;
  const session = { api: { clockLeadMs }, config: { since: (now: number) => now - 300_000 }, store, now: () => NOW };
  const sources = [{ name: NEW, id: '2' }];
  assert.ok(registerNew(sources, session));
  assert.equal(registerNew(sources, session), false);
  return stateOf(NEW, store.state).cursor;
}

describe('a source that was never polled', () => {
  it('begins as far back as --since says', () => {
    assert.equal(beginning({}), '2026-11-21T20:25:00Z');
  });

  it('begins by the clock of the API where that of this machine is ahead by more than 30 s', () => {
    assert.equal(beginning({ clockLeadMs: 3_600_000 }), '2026-11-21T19:25:00Z');
    assert.equal(beginning({ clockLeadMs: 30_000 }), '2026-11-21T20:25:00Z');
    assert.equal(beginning({ clockLeadMs: -3_600_000 }), '2026-11-21T20:25:00Z');
  });

  it('begins when the sources were listed last, where that is longer ago than --since', () => {
    assert.equal(beginning({ lastAttempt: '2026-11-21T18:00:00.000Z' }), '2026-11-21T18:00:00Z');
    assert.equal(beginning({ lastRun: '2026-11-21T18:00:00Z' }), '2026-11-21T18:00:00Z');
  });

  it('begins as far back as --since says where the sources were listed after that', () => {
    assert.equal(beginning({ lastAttempt: '2026-11-21T20:29:00.000Z' }), '2026-11-21T20:25:00Z');
  });

  it('begins where the Python fetcher ended, whatever --since says', () => {
    assert.equal(beginning({ takenOver: true, lastRun: '2026-11-21T20:29:00Z' }), '2026-11-21T20:29:00Z');
    assert.equal(beginning({ takenOver: true }), '2026-11-21T20:25:00Z');
  });
});

describe('leastRecentFirst', () => {
  it('polls the source first whose last poll is the longest ago; one that was never polled before all', () => {
    const attempts = { a: '2026-11-21T20:20:00.000Z', b: null, c: '2026-11-21T20:10:00.000Z' };
    assert.deepEqual(order(attempts), ['b', 'c', 'a']);
  });

  it('does not starve a source that was polled while the clock was ahead', () => {
    const attempts = { a: '2026-11-21T20:20:00.000Z', b: '2036-11-21T20:20:00.000Z' };
    assert.deepEqual(order(attempts), ['b', 'a']);
  });
});

function order(attempts: Record<string, string | null>): string[] {
  const entries = Object.entries(attempts).map(([name, last_attempt]) => [name, { cursor: CURSOR, last_attempt }]);
  const state = parseState(JSON.stringify({ version: 1, sources: Object.fromEntries(entries) as object }));
  const sources = Object.keys(attempts).map((name) => ({ name, id: name }));
  return leastRecentFirst(sources, state, NOW).map(({ name }) => name);
}
