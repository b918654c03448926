import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Delivery, type DeliveryOptions } from '../../src/delivery/delivery.ts';
import { rejectedSlice, toLines, type EventSlice } from '../../src/events/event.ts';
import type { Run } from '../../src/lib/run.ts';
import type { Page } from '../../src/providers/provider.ts';
import type { Batch } from '../../src/state/batch.ts';
import { SourceProgress, keyOf } from '../../src/state/source-progress.ts';
import { newSource } from '../../src/state/state.ts';
import { numberOf, numberedEvent } from '../helpers/known-events.ts';

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
  build: DeliveryOptions['lineBuilder']['build'] = (lines) => Promise.resolve({ lines, oversize: 0, rejected: 0 });
  keeps: (event: EventSlice) => boolean = () => true;

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
        build: (events, ...rest) => this.build(events, ...rest),
        reject: async (bad) => {
          await Promise.resolve();
          this.steps.push(`set aside ${bad.length}`);
        },
      },
      filter: { keeps: (event) => this.keeps(event) },
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
    return this.deliverPage({ events: numbers.map(numberedEvent), cursor: '2026-11-21T20:30:00Z' });
  }

  deliverPage(page: Page): Promise<void> {
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
    const two = toLines([1, 2].map(numberedEvent)).length;
    desk.print = () => two;
    await desk.deliver(1, 2, 3);
    assert.deepEqual(
      desk.batches.map(({ entries, cursor }) => [entries.length, cursor]),
      [[2, null]],
    );
    assert.deepEqual([desk.delivery.events, desk.delivery.bytes], [2, two]);
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

  it('adds up what it prints, page by page', async () => {
    const desk = new Desk();
    await desk.deliver(1, 2);
    await desk.deliver(3);
    const lines = toLines([1, 2, 3].map(numberedEvent));
    assert.deepEqual([desk.delivery.events, desk.delivery.bytes, desk.delivery.pages], [3, lines.length, 2]);
  });

  it('moves the cursor past a page with nothing new without printing', async () => {
    const desk = new Desk();
    await desk.deliver();
    assert.deepEqual(desk.steps, ['printed 0']);
    assert.deepEqual(
      desk.batches.map(({ cursor, entries }) => [cursor, entries.length]),
      [['2026-11-21T20:30:00Z', 0]],
    );
  });

  it('prints in the order of the page what the filter keeps; what it leaves out is noted before', async () => {
    const desk = new Desk();
    desk.keeps = (event) => numberOf(event) % 2 === 1;
    let printed = '';
    desk.print = (lines) => {
      printed = lines.toString();
      return lines.length;
    };
    await desk.deliver(1, 2, 3, 4, 5);
    assert.equal(printed, toLines([1, 3, 5].map(numberedEvent)).toString());
    assert.deepEqual(desk.steps, ['printed 0', 'make room', 'catch up', 'print 3', 'printed 3']);
    assert.deepEqual(
      desk.batches.map(({ cursor, entries }) => [cursor, entries.map(({ kind }) => kind).join(' ')]),
      [
        [null, 'excluded excluded'],
        ['2026-11-21T20:30:00Z', 'delivered delivered delivered'],
      ],
    );
    assert.deepEqual([desk.delivery.events, desk.delivery.excluded], [3, 2]);
  });

  it('is at the end of a page of which the filter leaves out everything', async () => {
    const desk = new Desk();
    desk.keeps = () => false;
    await desk.deliver(1, 2);
    assert.deepEqual(desk.steps, ['printed 0']);
    assert.deepEqual([desk.batches[0]?.cursor, desk.delivery.excluded], ['2026-11-21T20:30:00Z', 2]);
  });

  it('sets aside what is not an event before it notes that, and prints the events', async () => {
    const desk = new Desk();
    const rejected = ['null', '7'].map((text) => rejectedSlice(Buffer.from(text), 0, text.length));
    await desk.deliverPage({ events: [numberedEvent(1)], rejected, cursor: '2026-11-21T20:30:00Z' });
    assert.deepEqual(desk.steps.slice(0, 2), ['set aside 2', 'printed 0']);
    const [first, second] = desk.batches;
    assert.deepEqual([first?.rejected, first?.entries.map(({ kind }) => kind)], [2, ['set_aside', 'set_aside']]);
    assert.deepEqual([first?.cursor, second?.entries.length, second?.rejected], [null, 1, 0]);
  });

  it('notes how many events became stubs, and that one which Fluent Bit has refused for good was set aside', async () => {
    const desk = new Desk();
    desk.build = (lines) => Promise.resolve({ lines, oversize: 1, rejected: 0 });
    await desk.deliver(1);
    desk.build = () => Promise.resolve({ lines: [], oversize: 0, rejected: 1 });
    await desk.deliver(2);
    assert.deepEqual(
      desk.batches.map(({ oversize, rejected, entries }) => [oversize, rejected, entries[0]?.kind]),
      [
        [1, 0, 'delivered'],
        [0, 1, 'set_aside'],
      ],
    );
  });

  it('counts no stub and nothing set aside of a portion that was printed in part: that comes again', async () => {
    const desk = new Desk();
    desk.build = (lines) => Promise.resolve({ lines, oversize: 1, rejected: 1 });
    desk.print = () => 0;
    await desk.deliver(1);
    desk.print = (lines) => lines.length;
    await desk.deliver(2);
    assert.deepEqual(
      desk.batches.map(({ oversize, rejected }) => [oversize, rejected]),
      [
        [0, 0],
        [1, 1],
      ],
    );
  });

  it('says that a stopped run did not print all of a page, and nothing of that when it was not stopped', async () => {
    const desk = new Desk();
    desk.print = () => {
      desk.stop.abort(new Error('stopped'));
      return 0;
    };
    await assert.rejects(desk.deliver(1), /stopped/);
    assert.deepEqual([desk.delivery.events, desk.batches[0]?.entries.length], [0, 0]);
  });

  it('is done with a page that was printed whole, though the run was stopped meanwhile', async () => {
    const desk = new Desk();
    desk.print = (lines) => {
      desk.stop.abort(new Error('stopped'));
      return lines.length;
    };
    await desk.deliver(1, 2);
    assert.equal(desk.batches[0]?.cursor, '2026-11-21T20:30:00Z');
  });

  it('continues with the next page where one could not be printed', async () => {
    const desk = new Desk();
    desk.print = () => Promise.reject(new Error('stdout is closed'));
    const first = desk.deliver(1);
    const second = desk.deliver(2);
    await assert.rejects(first, /stdout is closed/);
    await assert.rejects(second, /stdout is closed/);
    desk.print = (lines) => lines.length;
    await desk.deliver(3);
    assert.equal(desk.delivery.events, 1);
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
