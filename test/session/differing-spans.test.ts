import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { differingSpans } from '../../src/session/differing-spans.ts';
import type { Session } from '../../src/session/session.ts';
import { HourCounts } from '../../src/state/hour-counts.ts';

const HOUR = 3_600;
const SOURCE = { id: '1', name: 'ionos/1' };

/** Spans as hours since the epoch: those that differ, and those that the API was asked about. */
async function differing(
  [from, to]: [number, number],
  journal: readonly number[],
  api: readonly number[],
  mostCounted = Infinity,
): Promise<{ found: string[]; asked: string[] }> {
  const hours = new HourCounts();
  for (const hour of journal) if (hour >= from && hour < to) hours.add(hour * HOUR);
  const asked: string[] = [];
  const text = (span: { from: number; to: number }) => `${span.from / HOUR}-${span.to / HOUR}`;
  const count = (_: unknown, first: number, end: number) => {
    asked.push(text({ from: first, to: end }));
    const events = api.filter((hour) => hour * HOUR >= first && hour * HOUR < end).length;
    return Promise.resolve(events > mostCounted ? undefined : events);
  };
  const session = { provider: { count }, run: { signal: new AbortController().signal } } as unknown as Session;
  const found = await differingSpans(session, SOURCE, { from: from * HOUR, to: to * HOUR }, hours);
  return { found: found.map(text), asked };
}

describe('the hours that differ', () => {
  it('are none, after one request', async () => {
    assert.deepEqual(await differing([0, 168], [1, 2.5], [1, 2.5]), { found: [], asked: ['0-168'] });
  });

  it('are found by halves', async () => {
    const { found, asked } = await differing([0, 168], [1], [1, 70.5]);
    assert.deepEqual(found, ['70-71']);
    assert.ok(asked.length < 20, asked.join());
  });

  it('are whole hours, also where the span does not begin or end with one', async () => {
    assert.deepEqual((await differing([10, 11.6], [], [10.5])).found, ['10-11']);
    assert.deepEqual((await differing([10, 11.6], [], [11.5])).found, ['11-11.6']);
    assert.deepEqual((await differing([10.9, 11.2], [], [10.95, 11.1])).found, ['10.9-11', '11-11.2']);
    assert.deepEqual((await differing([10.2, 10.4], [], [10.3])).found, ['10.2-10.4']);
  });

  it('are those with more events than the API counts, too', async () => {
    const events = [1.1, 5.1, 5.2, 5.3];
    assert.deepEqual((await differing([0, 8], events, events, 2)).found, ['5-6']);
  });
});
