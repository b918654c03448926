import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { forEachConcurrent } from '../../src/lib/concurrency.ts';
import '../helpers/properties.ts';

/** Work that ends when it is told to. */
class Desk {
  readonly begun: number[] = [];
  readonly #open = new Map<number, { resolve: () => void; reject: (error: Error) => void }>();

  readonly work = (item: number): Promise<void> => {
    this.begun.push(item);
    return new Promise((resolve, reject) => this.#open.set(item, { resolve, reject }));
  };

  get open(): number[] {
    return [...this.#open.keys()];
  }

  /** Ends one, and returns once what follows from that has happened. */
  async end(item: number, error?: Error): Promise<void> {
    const one = this.#open.get(item);
    assert.ok(one, `${item} is not at work`);
    this.#open.delete(item);
    if (error === undefined) one.resolve();
    else one.reject(error);
    await new Promise(setImmediate);
  }
}

describe('forEachConcurrent', () => {
  it('works on each item once, never on more than the limit, whatever ends first', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat({ max: 12 }),
        fc.integer({ min: 1, max: 5 }),
        fc.infiniteStream(fc.nat()),
        async (count, atOnce, choices) => {
          const items = Array.from({ length: count }, (_, index) => index);
          const desk = new Desk();
          const done = forEachConcurrent(items, atOnce, desk.work);
          while (desk.open.length > 0) {
            assert.ok(desk.open.length <= atOnce);
            assert.equal(desk.open.length, Math.min(atOnce, count - desk.begun.length + desk.open.length));
            const chosen = desk.open[(choices.next().value ?? 0) % desk.open.length];
            await desk.end(chosen ?? -1);
          }
          await done;
          assert.deepEqual(desk.begun, items);
        },
      ),
    );
  });

  it('begins nothing new once one has failed, and waits for the others', async () => {
    const desk = new Desk();
    let settled = false;
    const done = forEachConcurrent([1, 2, 3, 4], 2, desk.work).finally(() => {
      settled = true;
    });
    const rejected = assert.rejects(done, { message: 'first' });
    await desk.end(2, new Error('first'));
    assert.deepEqual([desk.begun, settled], [[1, 2], false]);
    await desk.end(1);
    await rejected;
    assert.deepEqual(desk.begun, [1, 2]);
  });

  it('throws one error when several fail, and leaves none unhandled', async () => {
    const desk = new Desk();
    const rejected = assert.rejects(forEachConcurrent([1, 2], 2, desk.work), { message: /one|two/ });
    await desk.end(2, new Error('two'));
    await desk.end(1, new Error('one'));
    await rejected;
  });

  it('takes work that throws at once for work that failed', async () => {
    const begun: number[] = [];
    const work = (item: number): Promise<void> => {
      begun.push(item);
      throw new Error('at once');
    };
    await assert.rejects(forEachConcurrent([1, 2], 1, work), { message: 'at once' });
    assert.deepEqual(begun, [1]);
  });

  it('has nothing to do for no items', async () => {
    await forEachConcurrent([], 4, () => assert.fail());
  });
});
