import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { progressLine } from '../../src/lib/progress-line.ts';
import type { World } from '../../src/lib/world.ts';

const CLEAR = '\r\u001b[K';

function scene(columns: number) {
  const written: string[] = [];
  let now = 0;
  const world = {
    terminal: { columns },
    log: { write: (text: string) => void written.push(text) },
    monotonic: () => now,
  };
  const line = progressLine(world as unknown as World, 'info');
  assert.ok(line);
  return { written, line, move: (ms: number) => (now += ms) };
}

describe('the line at the bottom of a terminal', () => {
  it('is redrawn in place, five times a second at most', () => {
    const { written, line, move } = scene(60);
    line.update(() => 'one');
    move(199);
    line.update(() => assert.fail('rendered for nothing'));
    move(1);
    line.update(() => 'two');
    assert.deepEqual(written, [`${CLEAR}one`, `${CLEAR}two`]);
  });

  it('is shorter than the terminal is wide, and than 80 columns where that is unknown', () => {
    for (const [columns, length] of [
      [10, 9],
      [0, 79],
    ] as const) {
      const { written, line } = scene(columns);
      line.update(() => 'x'.repeat(200));
      assert.equal(written[0], `${CLEAR}${'x'.repeat(length)}`);
    }
  });

  it('is erased before a message and at the end, if it is there', () => {
    const { written, line, move } = scene(60);
    line.message('first\n');
    line.update(() => 'one');
    line.message('second\n');
    line.clear();
    move(200);
    line.update(() => 'two');
    line.clear();
    assert.deepEqual(written, ['first\n', `${CLEAR}one`, CLEAR, 'second\n', `${CLEAR}two`, CLEAR]);
  });

  it('is none without a terminal, and when quiet', () => {
    const world = {
      terminal: { columns: 60 },
      log: { write: () => undefined },
      monotonic: () => 0,
    } as unknown as World;
    const levels = (['error', 'warn', 'info', 'debug'] as const).map((level) => progressLine(world, level));
    assert.deepEqual(levels.map((line) => line !== undefined), [false, false, true, true]); // prettier-ignore
    assert.equal(progressLine({ ...world, terminal: undefined }, 'info'), undefined);
  });
});
