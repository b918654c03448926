import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { SeenEvents } from '../src/seen-events.ts';
import './helpers/properties.ts';

function reread(seen: SeenEvents): SeenEvents {
  const groups = JSON.parse(JSON.stringify(seen)) as Record<string, string[]>;
  return new SeenEvents(Object.entries(groups).map(([second, ids]) => [Number(second), ids]));
}

describe('SeenEvents', () => {
  it('knows what came, and saves what was delivered', () => {
    const seen = new SeenEvents([[100, ['old', 'older']]]);
    assert.deepEqual([seen.note('old'), seen.note('new'), seen.note('new')], [false, true, false]);
    assert.deepEqual(seen.toJSON(), { 100: ['old', 'older'] });
    seen.add('new', 200);
    seen.add('also new', 200);
    assert.equal(seen.note('new'), false);
    assert.deepEqual(seen.toJSON(), { 100: ['old', 'older'], 200: ['new', 'also new'] });
  });

  it('takes what was delivered without having been noted, as from a run before', () => {
    const seen = new SeenEvents();
    seen.add('pending', 100);
    assert.equal(seen.note('pending'), false);
    assert.deepEqual(seen.toJSON(), { 100: ['pending'] });
  });

  it('forgets what was before an instant, at once', () => {
    const seen = new SeenEvents([
      [99, ['a']],
      [100, ['b']],
      [101, ['c']],
    ]);
    seen.forgetBefore(100);
    seen.forgetBefore(50);
    assert.deepEqual(seen.toJSON(), { 100: ['b'], 101: ['c'] });
    assert.deepEqual([seen.note('a'), seen.note('b')], [true, false]);
  });

  it('keeps ids that mean something else to JavaScript', () => {
    const ids = ['__proto__', 'constructor', '123456789012', ''];
    const again = reread(new SeenEvents([[1, ids]]));
    for (const id of ids) assert.equal(again.note(id), false, id);
  });

  it('lets each event through once, through any number of saves, as long as it is not forgotten', () => {
    const step = fc.oneof(
      fc.record({ event: fc.nat({ max: 30 }) }),
      fc.record({ deliver: fc.nat({ max: 30 }) }),
      fc.constant({ save: true } as const),
      fc.record({ forget: fc.nat({ max: 30 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        let seen = new SeenEvents();
        let [noted, delivered] = [new Set<number>(), new Set<number>()];
        let forgotten = 0;
        for (const one of steps) {
          if ('event' in one) {
            // An event's number is its time, too: what is forgotten does not come again.
            if (one.event < forgotten) continue;
            assert.equal(seen.note(String(one.event)), !noted.has(one.event) && !delivered.has(one.event));
            noted.add(one.event);
          } else if ('deliver' in one) {
            if (!noted.has(one.deliver)) continue;
            seen.add(String(one.deliver), one.deliver);
            delivered.add(one.deliver);
          } else if ('forget' in one) {
            forgotten = Math.max(forgotten, one.forget);
            seen.forgetBefore(one.forget);
          } else {
            // The next run knows what the file says, and nothing of what was printed only.
            const saved = seen.toJSON();
            delivered = new Set([...delivered].filter((event) => event >= forgotten));
            assert.deepEqual(Object.values(saved).flat().map(Number).toSorted(), [...delivered].toSorted());
            seen = reread(seen);
            noted = new Set();
          }
        }
      }),
      { numRuns: 300 },
    );
  });
});
