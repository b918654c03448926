import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { EventId } from '../../src/events/event-id.ts';
import { formatSecond } from '../../src/lib/duration.ts';
import { RecentLines } from '../../src/state/recent-lines.ts';
import { newSource, type SourceState } from '../../src/state/state.ts';
import '../helpers/properties.ts';

const FAILING = 'ionos/1';
const BUSY = 'ionos/2';
const MEGABYTE = 1024 * 1024;

interface Line {
  readonly bytes: number;
  /** The seconds of each source's ids. */
  readonly ids: ReadonlyMap<string, readonly number[]>;
}

/** A journal, its snapshot, and a program that is started again and again. */
class Machine {
  readonly lines: Line[] = [];
  readonly starts = new Map([FAILING, BUSY].map((name) => [name, 0]));
  sources: Record<string, SourceState> = {};
  recent = new RecentLines();
  #snapshot: { readonly from: number; readonly kept: ReadonlyMap<string, readonly number[]> } = {
    from: 0,
    kept: new Map(),
  };

  constructor() {
    this.restart();
  }

  commit(bytes: number, ids: Record<string, readonly number[]>): void {
    this.lines.push({ bytes, ids: new Map(Object.entries(ids)) });
    this.#add(this.lines.length - 1);
  }

  snapshot(): { readonly from: number; readonly kept: string[] } {
    for (const [name, second] of this.starts) {
      const source = this.sources[name];
      if (source === undefined) continue;
      source.start = formatSecond(second);
      source.seen.forgetBefore(second);
    }
    const from = this.recent.oldestNeeded(this.sources)?.offset ?? 0;
    const kept = Object.keys(this.sources).filter((name) => this.recent.keptUntil(name) >= 0);
    const idsOf = (name: string) => this.#known(name).filter((second) => second <= this.recent.keptUntil(name));
    this.#snapshot = { from, kept: new Map(kept.map((name) => [name, idsOf(name)])) };
    return { from, kept };
  }

  restart(): void {
    this.sources = Object.fromEntries(
      Array.from(this.starts, ([name, second]) => [name, newSource(formatSecond(second))]),
    );
    const { from, kept } = this.#snapshot;
    for (const [name, seconds] of kept) this.#know(name, seconds);
    this.recent = new RecentLines(Array.from(kept, ([name, seconds]) => [name, Math.max(...seconds)]));
    for (let at = from; at < this.lines.length; at++) this.#add(at);
  }

  /** Ids that may come again and are not known. */
  unknown(): string[] {
    return this.lines.flatMap(({ ids }) =>
      Array.from(ids).flatMap(([name, seconds]) =>
        seconds
          .filter((second) => second >= (this.starts.get(name) ?? 0) && !this.#known(name).includes(second))
          .map((second) => `${name} ${second}`),
      ),
    );
  }

  #add(at: number): void {
    const line = this.lines[at];
    if (line === undefined) return;
    const newest = new Map<string, number>();
    for (const [name, seconds] of line.ids) {
      this.#know(name, seconds);
      newest.set(name, Math.max(...seconds));
    }
    this.recent.add({ file: 'journal', offset: at, bytes: line.bytes, newest });
  }

  #know(name: string, seconds: readonly number[]): void {
    for (const second of seconds) this.sources[name]?.seen.add(new EventId(1, 2, 3, second), second);
  }

  #known(name: string): number[] {
    return Array.from(this.sources[name]?.seen.entries() ?? [], ([, second]) => second);
  }
}

describe('where start-up begins to read the journal', () => {
  it('is not held by a source that fails for weeks', () => {
    const machine = new Machine();
    machine.commit(100, { [FAILING]: [1, 2] });
    for (let second = 3; second < 100; second++) {
      machine.commit(MEGABYTE / 10, { [BUSY]: [second] });
      machine.starts.set(BUSY, second);
      if (second % 7 === 0) machine.restart();
      machine.snapshot();
    }
    assert.deepEqual(machine.snapshot(), { from: 97, kept: [FAILING] });
    machine.restart();
    assert.deepEqual(machine.unknown(), []);
    // It recovers: its old ids are needed until the overlap has passed them.
    machine.commit(100, { [FAILING]: [200] });
    assert.deepEqual(machine.snapshot(), { from: 97, kept: [FAILING] });
    machine.restart();
    machine.starts.set(FAILING, 150);
    assert.deepEqual(machine.snapshot(), { from: 97, kept: [] });
    machine.restart();
    assert.deepEqual(machine.unknown(), []);
  });

  it('is the last line where no line is needed, so that the chain goes on from there', () => {
    const machine = new Machine();
    for (const second of [1, 2, 3]) machine.commit(100, { [BUSY]: [second] });
    machine.starts.set(BUSY, 10);
    assert.deepEqual(machine.snapshot(), { from: 2, kept: [] });
    assert.equal(machine.recent.oldestNeeded(machine.sources)?.offset, 2);
  });

  it('keeps the ids of the very second from which events may come again', () => {
    const machine = new Machine();
    machine.recent = new RecentLines([[FAILING, 5]]);
    machine.starts.set(FAILING, 5);
    assert.deepEqual(machine.snapshot().kept, [FAILING]);
    machine.starts.set(FAILING, 6);
    assert.deepEqual(machine.snapshot().kept, []);
  });

  it('is held as long as that costs little, or the ids are many', () => {
    const machine = new Machine();
    machine.commit(100, { [FAILING]: [1, 2] });
    machine.commit(MEGABYTE / 2, { [BUSY]: [3] });
    machine.starts.set(BUSY, 3);
    assert.deepEqual(machine.snapshot(), { from: 0, kept: [] });
    machine.commit(100, { [FAILING]: Array.from({ length: 10_000 }, (_, n) => n + 3) });
    machine.commit(2 * MEGABYTE, { [BUSY]: [20_000] });
    assert.deepEqual(machine.snapshot(), { from: 0, kept: [] });
    machine.commit(4 * MEGABYTE, { [BUSY]: [20_001] });
    machine.commit(100, { [BUSY]: [20_002] });
    machine.starts.set(BUSY, 20_002);
    assert.deepEqual(machine.snapshot(), { from: 5, kept: [FAILING] });
  });

  it('leaves no id unknown, whatever comes, fails and is started again', () => {
    const ids = fc.dictionary(fc.constantFrom(FAILING, BUSY), fc.array(fc.nat(50), { minLength: 1, maxLength: 3 }));
    const step = fc.oneof(
      fc.record({ bytes: fc.constantFrom(100, MEGABYTE, 3 * MEGABYTE), ids }),
      fc.record({ source: fc.constantFrom(FAILING, BUSY), start: fc.nat(10) }),
      fc.constant('snapshot' as const),
      fc.constant('restart' as const),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const machine = new Machine();
        for (const one of steps) {
          if (one === 'snapshot') machine.snapshot();
          else if (one === 'restart') machine.restart();
          else if ('ids' in one) machine.commit(one.bytes, one.ids);
          else machine.starts.set(one.source, (machine.starts.get(one.source) ?? 0) + one.start);
          assert.deepEqual(machine.unknown(), []);
        }
      }),
      { numRuns: 300 },
    );
  });
});
