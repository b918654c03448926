import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { ENTRY_KINDS, addLateness, append, emptyBatch, type Batch, type Entry } from '../../src/state/batch.ts';
import { EventId } from '../../src/events/event-id.ts';
import { noteDelivered } from '../../src/state/source-progress.ts';
import { parseState } from '../../src/state/parse-state.ts';
import { serializeState, type SourceState } from '../../src/state/state.ts';
import '../helpers/properties.ts';

const SOURCE = 'ionos/31721060';
const NOW = Date.parse('2026-11-21T20:30:00Z');

function sourceState(): SourceState {
  const source = {
    cursor: '2026-11-21T20:00:00Z',
    start: '2026-11-21T20:00:00Z',
    strikes: { [String(EventId.of('a'))]: 1, [String(EventId.of('b'))]: 2 },
  };
  const state = parseState(JSON.stringify({ version: 1, sources: { [SOURCE]: source } })).sources[SOURCE];
  assert.ok(state);
  return state;
}

const second = fc.integer({ min: 1_795_292_000, max: 1_795_293_000 });
const nullable = <T>(values: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(values, { nil: null });

/** What a page gives; its identities come up in other pages, too. */
const batches: fc.Arbitrary<Batch> = fc
  .record({
    events: fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'), second, fc.constantFrom(...ENTRY_KINDS)), {
      maxLength: 4,
    }),
    partial: fc.array(fc.constantFrom('x', 'y'), { maxLength: 2 }),
    cursor: nullable(second.map((time) => new Date(time * 1000).toISOString())),
    last_event: nullable(second.map((time) => time * 1000)),
    forget_before: nullable(second),
    late: fc
      .record({ count: fc.nat(5), max_seconds: fc.nat(600) }, { noNullPrototype: true })
      .map((late) => (late.count === 0 ? { count: 0, max_seconds: 0 } : late)),
    oversize: fc.nat(2),
    rejected: fc.nat(2),
    found_missing: fc.nat(2),
    gap: nullable(fc.constant('the API counts more')),
  })
  .map(({ events, partial, ...rest }) => ({
    ...rest,
    partial: rest.cursor === null ? partial : [],
    entries: events.map(([key, keepUntil, kind]) => ({ key: EventId.of(key), keepUntil, kind })),
  }));

const shown = ({ key, keepUntil, kind }: Entry): string => `${kind} ${keepUntil} ${key.toString()}`;
const copyOf = (batch: Batch): Batch => ({ ...structuredClone(batch), entries: [...batch.entries] });

describe('a batch', () => {
  it('is empty at first: nothing changes when it is delivered', () => {
    const state = sourceState();
    const before = JSON.stringify(state);
    noteDelivered(state, emptyBatch(), NOW);
    assert.equal(JSON.stringify(state), before);
  });

  it('makes no difference to what is delivered when it is appended to another', () => {
    fc.assert(
      fc.property(fc.array(batches, { minLength: 1, maxLength: 5 }), (pages) => {
        // What is forgotten moves on with the cursor.
        const instants = pages.flatMap(({ forget_before }) => forget_before ?? []).sort((a, b) => a - b);
        for (const page of pages) page.forget_before &&= instants.shift() ?? null;
        const apart = sourceState();
        for (const page of pages) noteDelivered(apart, page, NOW);
        const together = sourceState();
        const sum = emptyBatch();
        for (const page of pages) append(sum, copyOf(page));
        noteDelivered(together, sum, NOW);
        assert.deepEqual(JSON.parse(JSON.stringify(together)), JSON.parse(JSON.stringify(apart)));
      }),
    );
  });

  it('leaves what is appended as it is', () => {
    fc.assert(
      fc.property(batches, batches, (first, next) => {
        const before = copyOf(next);
        append(copyOf(first), next);
        assert.deepEqual(next, before);
      }),
    );
  });

  it('is the same when it has waited in the state file', () => {
    fc.assert(
      fc.property(batches, (batch) => {
        const state = parseState('{"version":1}');
        const sources = { [SOURCE]: batch };
        state.pending = { host: 'vm-1', base: 1, lines: 2, started_at: 3, printed_until: 4, sources };
        const { entries = [], ...rest } = parseState(serializeState(state)).pending?.sources[SOURCE] ?? {};
        const { entries: expected, ...expectedRest } = batch;
        assert.deepEqual([rest, entries.map(shown).sort()], [expectedRest, expected.map(shown).sort()]);
      }),
    );
  });

  it('may be as large as a second of output', () => {
    const many = 300_000;
    const sum = emptyBatch();
    const large = {
      ...emptyBatch(),
      entries: Array<Entry>(many).fill({ key: EventId.of('a'), keepUntil: 1, kind: 'delivered' }),
    };
    append(sum, large);
    append(sum, large);
    assert.equal(sum.entries.length, 2 * many);
  });
});

describe('lateness', () => {
  it('is counted, and the greatest kept', () => {
    const sum = { count: 1, max_seconds: 5 };
    addLateness(sum, { count: 2, max_seconds: 3 });
    assert.deepEqual(sum, { count: 3, max_seconds: 5 });
    addLateness(sum, { count: 1, max_seconds: 9 });
    assert.deepEqual(sum, { count: 4, max_seconds: 9 });
  });
});
