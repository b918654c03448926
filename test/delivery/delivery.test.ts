import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Delivery, type DeliveryOptions } from '../../src/delivery/delivery.ts';
import { toLines } from '../../src/events/event.ts';
import type { Run } from '../../src/lib/run.ts';
import type { Page } from '../../src/providers/provider.ts';
import type { Batch } from '../../src/state/batch.ts';
import { SourceProgress, keyOf } from '../../src/state/source-progress.ts';
import { newSource } from '../../src/state/state.ts';
import { numberedEvent } from '../helpers/known-events.ts';

const SOURCE = { name: 'ionos/31721060', id: '31721060' };
const CURSOR = '2026-11-21T20:25:00Z';

/** A delivery whose counter, disk and stdout are the test's; `steps` has what it did, in order. */
class Desk {
  readonly steps: string[] = [];
  readonly batches: Batch[] = [];
  readonly stop = new AbortController();
  readonly progress = new SourceProgress(SOURCE.name, newSource(CURSOR));
  readonly delivery: Delivery;
  /** How many bytes stdout takes of what it is given. */
  print: (lines: Buffer) => number | Promise<number> = (lines) => lines.length;
  catchUp = (): Promise<void> => Promise.resolve();

  constructor() {
    const { signal } = this.stop;
    const run: Run = {
      signal,
      wrapUp: signal,
      giveUp: signal,
      remainingMs: () => Infinity,
      abort: (error) => this.stop.abort(error),
      end: () => undefined,
    };
    const options: DeliveryOptions = {
      run,
      outlet: {
        print: async (lines) => {
          this.steps.push(`print ${lines.toString().split('\n').length - 1}`);
          return this.print(lines);
        },
      },
      lineBuilder: {
        build: (lines) => Promise.resolve({ lines, oversize: 0, rejected: 0 }),
        reject: () => Promise.resolve(),
      },
      store: {
        catchUp: () => {
          this.steps.push('catch up');
          return this.catchUp();
        },
      },
      acknowledgement: {
        makeRoom: (isSuspect) => {
          this.steps.push(`make room${isSuspect ? ' for a suspect' : ''}`);
          return Promise.resolve();
        },
        printed: (_, batch, lines) => {
          this.steps.push(`printed ${lines}`);
          this.batches.push(batch);
        },
        settle: () => Promise.resolve(true),
        waitedMs: 0,
      },
    };
    this.delivery = new Delivery(options);
  }

  deliver(...numbers: number[]): Promise<void> {
    const page: Page = { events: numbers.map(numberedEvent), cursor: '2026-11-21T20:30:00Z' };
    return this.delivery.deliver(SOURCE, this.progress, page);
  }

  /** Fluent Bit has refused these events once. */
  refused(...numbers: number[]): void {
    for (const n of numbers) this.progress.state.strikes[keyOf(numberedEvent(n)).toString()] = 1;
  }
}

describe('delivery', () => {
  it('has what was delivered before on the disk before it prints more, and notes it only once it is printed', async () => {
    const desk = new Desk();
    await desk.deliver(1, 2);
    assert.deepEqual(desk.steps, ['make room', 'catch up', 'print 2', 'printed 2']);
    assert.deepEqual([desk.delivery.events, desk.delivery.pages], [2, 1]);
  });

  it('prints nothing more once the disk takes nothing', async () => {
    const desk = new Desk();
    desk.catchUp = () => Promise.reject(new Error('the disk is full'));
    await assert.rejects(desk.deliver(1), /the disk is full/);
    assert.deepEqual(desk.steps, ['make room', 'catch up']);
  });

  it('prints suspects first and apart, each portion acknowledged before the next, and the cursor moves with the last', async () => {
    const desk = new Desk();
    desk.refused(2);
    await desk.deliver(1, 2, 3);
    const portion = (n: number) => ['catch up', `print ${n}`, `printed ${n}`];
    assert.deepEqual(desk.steps, ['make room for a suspect', ...portion(1), 'make room', ...portion(2)]);
    assert.deepEqual(
      desk.batches.map(({ cursor }) => cursor),
      [null, '2026-11-21T20:30:00Z'],
    );
  });

  it('stops between two portions of a page when the run is stopped', async () => {
    const desk = new Desk();
    desk.refused(2);
    desk.print = (lines) => {
      desk.stop.abort(new Error('stopped'));
      return lines.length;
    };
    await assert.rejects(desk.deliver(1, 2, 3), /stopped/);
    assert.equal(desk.delivery.events, 1);
    assert.equal(desk.batches[0]?.cursor, null);
  });

  it('counts whole lines only of what stdout took, and leaves the cursor where it is', async () => {
    const desk = new Desk();
    const line = toLines([numberedEvent(1)]).length;
    desk.print = () => line;
    await desk.deliver(1, 2, 3);
    assert.deepEqual(
      desk.batches.map(({ entries, cursor }) => [entries.length, cursor]),
      [[1, null]],
    );
    assert.deepEqual([desk.delivery.events, desk.delivery.bytes], [1, line]);
  });

  it('never writes over what stdout still holds after it was given up', async () => {
    const desk = new Desk();
    let held: Buffer = Buffer.alloc(0);
    desk.print = (lines) => {
      held = lines;
      return 0;
    };
    await desk.deliver(1);
    const [first, text] = [held, held.toString()];
    desk.print = (lines) => lines.length;
    await desk.deliver(2);
    assert.equal(first.toString(), text);
  });

  it('begins no page once the run is stopped, and prints one page after the other', async () => {
    const desk = new Desk();
    let takeFirst: (bytes: number) => void = () => undefined;
    desk.print = (lines) =>
      new Promise((resolve) => {
        takeFirst = () => resolve(lines.length);
      });
    const [first, second] = [desk.deliver(1), desk.deliver(2)];
    const both = Promise.allSettled([first, second]);
    await new Promise(setImmediate);
    assert.deepEqual(desk.steps, ['make room', 'catch up', 'print 1']);
    desk.stop.abort(new Error('stopped'));
    takeFirst(0);
    const [, { status }] = await both;
    assert.equal(status, 'rejected');
    assert.equal(desk.delivery.pages, 1);
  });
});
