import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { EventId } from '../../src/events/event-id.ts';
import { SeenEvents } from '../../src/state/seen-events.ts';
import '../helpers/properties.ts';

const [A, B, C, D] = [1, 2, 3, 4].map((n) => new EventId(0, 0, 0, n)) as [EventId, EventId, EventId, EventId];

function reread(seen: SeenEvents): SeenEvents {
  const groups = JSON.parse(JSON.stringify(seen.upTo(Infinity))) as Record<string, string[]>;
  return new SeenEvents(Object.entries(groups).map(([second, ids]) => [Number(second), ids]));
}

describe('SeenEvents', () => {
  it('lets an event through once, and saves those that were delivered', () => {
    const seen = new SeenEvents([[100, [String(A), String(B)]]]);
    assert.deepEqual([seen.note(A), seen.note(C), seen.note(C)], ['known', 'new', 'known']);
    assert.deepEqual(seen.upTo(Infinity), { 100: [String(A), String(B)] });
    seen.add(C, 200);
    seen.add(D, 200);
    assert.equal(seen.note(C), 'known');
    assert.deepEqual(seen.upTo(Infinity), { 100: [String(A), String(B)], 200: [String(C), String(D)] });
  });

  it('knows what was delivered without having been noted, as a run before printed it', () => {
    const seen = new SeenEvents();
    seen.add(A, 100);
    assert.equal(seen.note(A), 'known');
    assert.deepEqual(seen.upTo(Infinity), { 100: [String(A)] });
  });

  it('tells an event from another one with the same id, also after a save', () => {
    const [one, other] = [new EventId(0, 0, 0, 1, 7), new EventId(0, 0, 0, 1, 8)];
    const seen = new SeenEvents();
    assert.deepEqual([seen.note(one), seen.note(other), seen.note(one)], ['new', 'altered', 'known']);
    seen.add(one, 100);
    const next = reread(seen);
    assert.deepEqual([next.note(one), next.note(other)], ['known', 'altered']);
  });

  it('forgets what is older than it should keep, and nothing that was not delivered', () => {
    const seen = new SeenEvents([
      [99, [String(A)]],
      [100, [String(B)]],
      [101, [String(C)]],
    ]);
    seen.note(D);
    seen.forgetBefore(100);
    seen.forgetBefore(50);
    assert.deepEqual(seen.upTo(Infinity), { 100: [String(B)], 101: [String(C)] });
    assert.deepEqual([seen.note(A), seen.note(B), seen.note(D)], ['new', 'known', 'known']);
  });

  it('saves what was added to a second since it was loaded or saved', () => {
    const seen = new SeenEvents([
      [100, [String(A)]],
      [100, [String(B)]],
    ]);
    assert.deepEqual(seen.upTo(Infinity), { 100: [String(A), String(B)] });
    seen.add(C, 100);
    assert.deepEqual(seen.upTo(Infinity), { 100: [String(A), String(B), String(C)] });
    seen.add(A, 101);
    assert.deepEqual(seen.upTo(Infinity), { 100: [String(B), String(C)], 101: [String(A)] });
    seen.forgetBefore(101);
    assert.deepEqual(seen.upTo(Infinity), { 101: [String(A)] });
  });

  it('does not save what was delivered and is old enough to be forgotten, and knows it for the run', () => {
    const seen = new SeenEvents();
    seen.forgetBefore(100);
    seen.note(A);
    seen.add(A, 99);
    assert.deepEqual(seen.upTo(Infinity), {});
    assert.equal(seen.note(A), 'known');
  });

  it('lets each event through once, through any number of saves, as long as it is not forgotten', () => {
    const step = fc.oneof(
      fc.record({ event: fc.nat({ max: 30 }) }),
      fc.record({ deliver: fc.nat({ max: 30 }) }),
      fc.constant({ save: true } as const),
      fc.record({ forget: fc.nat({ max: 30 }) }),
    );
    const idOf = (event: number) => EventId.of(String(event));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        let seen = new SeenEvents();
        let [noted, delivered] = [new Set<number>(), new Set<number>()];
        let forgotten = 0;
        for (const one of steps) {
          if ('event' in one) {
            // An event's number is its time, too: what is forgotten does not come again.
            if (one.event < forgotten) continue;
            const isNew = !noted.has(one.event) && !delivered.has(one.event);
            assert.equal(seen.note(idOf(one.event)), isNew ? 'new' : 'known');
            noted.add(one.event);
          } else if ('deliver' in one) {
            if (!noted.has(one.deliver)) continue;
            seen.add(idOf(one.deliver), one.deliver);
            delivered.add(one.deliver);
          } else if ('forget' in one) {
            forgotten = Math.max(forgotten, one.forget);
            seen.forgetBefore(one.forget);
          } else {
            // The next run knows what the file says, and nothing of what was printed only.
            const saved = Object.values(seen.upTo(Infinity)).flat();
            delivered = new Set([...delivered].filter((event) => event >= forgotten));
            assert.deepEqual(saved.toSorted(), [...delivered].map((event) => String(idOf(event))).toSorted());
            seen = reread(seen);
            noted = new Set();
          }
        }
      }),
      { numRuns: 300 },
    );
  });
});
