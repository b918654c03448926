import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ExportProgress } from '../../src/export/progress.ts';
import { newSource, type SourceState } from '../../src/state/state.ts';

const RANGE = { from: 1_000, to: 2_000, given: { from: '', to: null } };
const at = (second: number): string => new Date(second * 1000).toISOString();

function sourceAt(cursor: string, made: Partial<SourceState> = {}): SourceState {
  return { ...newSource(cursor), ...made };
}

function progressOf(hasContracts: boolean, ...sources: SourceState[]) {
  let time = 50_000;
  const progress = new ExportProgress({ range: RANGE, sources, hasContracts, now: () => time });
  return {
    progress,
    after: (ms: number): string => {
      time += ms;
      return progress.render();
    },
  };
}

describe('the progress of an export', () => {
  it('counts what this run has done, and estimates the rest from it', () => {
    const [one, two] = [sourceAt(at(1_000)), sourceAt(at(1_500), { delivered: 100 })];
    const { progress, after } = progressOf(true, one, two);
    assert.equal(after(999), '0 of 2 contracts, 0 windows, 100 events');
    assert.equal(after(1), '0 of 2 contracts, 0 windows, 100 events, 0/s');
    progress.step();
    two.delivered += 5_000;
    one.cursor = at(1_500);
    assert.equal(after(1_000), '0 of 2 contracts, 1 window, 5,100 events, 2,500/s, 4 s left');
    progress.step();
    progress.finish(two);
    progress.finish(two);
    assert.equal(after(2_000), '1 of 2 contracts, 2 windows, 5,100 events, 1,250/s, 2 s left');
    progress.finish(one);
    assert.equal(after(0), '2 of 2 contracts, 2 windows, 5,100 events, 1,250/s, 0 s left');
  });

  it('counts pages where there are no contracts, and goes by the last event where the cursor is no time', () => {
    const one = sourceAt('https://api.example/?cursor=1');
    const { progress, after } = progressOf(false, one);
    progress.step();
    one.delivered = 1;
    one.last_event = at(1_250);
    assert.equal(after(1_000), '1 page, 1 event, 1/s, 3 s left');
  });

  it('is between nothing and all, wherever a cursor is', () => {
    const [before, behind] = [sourceAt(at(500)), sourceAt(at(1_000))];
    const { after } = progressOf(true, before, behind);
    behind.cursor = at(9_000);
    assert.match(after(2_000), /, 2 s left$/);
    before.cursor = at(900);
    assert.match(after(0), /, 2 s left$/);
  });

  it('has nothing to estimate where there is no source', () => {
    assert.equal(progressOf(true).after(1_000), '0 of 0 contracts, 0 windows, 0 events, 0/s');
  });
});
