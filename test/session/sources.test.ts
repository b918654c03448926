import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { leastRecentFirst } from '../../src/session/sources.ts';
import { parseState } from '../../src/state/parse-state.ts';

const NOW = Date.parse('2026-11-21T20:30:00Z');
const CURSOR = '2026-11-21T20:25:00Z';

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
