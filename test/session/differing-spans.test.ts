import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { startRun } from '../../src/lib/run.ts';
import type { Provider } from '../../src/providers/provider.ts';
import { differingSpans } from '../../src/session/differing-spans.ts';
import { HourCounts } from '../../src/state/hour-counts.ts';

const HOUR = 3_600;
const SOURCE = { name: 'ionos/1', id: '1' };
const run = startRun(new AbortController().signal, Infinity, () => 0);

/** Which hours differ, of an API and a journal that have events in these; and how many counts that took. */
async function differing(api: readonly number[], journal: readonly number[], to = 16, from = 0) {
  const hours = new HourCounts();
  for (const hour of journal) hours.add(hour * HOUR);
  let counts = 0;
  const provider: Provider = {
    sources: () => Promise.resolve([SOURCE]),
    pages: () => assert.fail('reads pages'),
    count: (_source, first, end) => {
      counts++;
      return Promise.resolve(api.filter((hour) => hour * HOUR >= first && hour * HOUR < end).length);
    },
  };
  const spans = await differingSpans({ provider, run }, SOURCE, { from: from * HOUR, to: to * HOUR }, hours);
  return { spans: spans.map((span) => [span.from / HOUR, span.to / HOUR]), counts };
}

describe('the hours in which the API and the journal differ', () => {
  it('are none, after one request, where both have as many', async () => {
    assert.deepEqual(await differing([1, 2], [1, 2]), { spans: [], counts: 1 });
  });

  it('are found by halves, in the order of time', async () => {
    const { spans, counts } = await differing([1, 5, 9, 9], [9]);
    assert.deepEqual(spans, [[1, 2], [5, 6], [9, 10]]); // prettier-ignore
    assert.ok(counts <= 23, String(counts));
    const all = [0, 1, 2, 3, 4, 5];
    assert.deepEqual(
      (await differing(all, [], 6)).spans,
      all.map((hour) => [hour, hour + 1]),
    );
  });

  it('may be the last, which is not whole, and the first', async () => {
    assert.deepEqual((await differing([3.2], [], 3.5)).spans, [[3, 3.5]]);
    assert.deepEqual((await differing([0.75], [], 3, 0.5)).spans, [[0.5, 1]]);
  });

  it('are all where the API does not count, or does not say how many there are', async () => {
    const span = { from: 0, to: 2 * HOUR };
    const provider: Provider = { sources: () => Promise.resolve([SOURCE]), pages: () => assert.fail('reads pages') };
    assert.deepEqual(await differingSpans({ provider, run }, SOURCE, span, new HourCounts()), [span]);
    provider.count = () => Promise.resolve(undefined);
    const hours = [{ from: 0, to: HOUR }, { from: HOUR, to: 2 * HOUR }]; // prettier-ignore
    assert.deepEqual(await differingSpans({ provider, run }, SOURCE, span, new HourCounts()), hours);
  });
});
