import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { earliest } from '../../src/providers/earliest.ts';
import { acceptedRange } from '../../src/providers/ionos-range.ts';
import { ScriptedApi, refusal, unreadable } from '../helpers/scripted-api.ts';

const END = Date.parse('2026-11-21T20:00:00Z') / 1000;
const DAY = 86_400;
const never = new AbortController().signal;

/** What an API accepts of a window that ends so long before END, if it keeps so much and takes so long a range. */
async function accepted(
  window: { from: number; to: number },
  {
    keeps = Infinity,
    longest = Infinity,
    answer = '[]',
  }: { keeps?: number; longest?: number; answer?: string | Error } = {},
) {
  const api = new ScriptedApi(({ searchParams }) => {
    const [from, to] = ['dateStart', 'dateEnd'].map((name) => Date.parse(searchParams.get(name) ?? '') / 1000);
    if (from === undefined || to === undefined) return refusal();
    return from < END - keeps || to - from > longest || to > END ? refusal() : answer;
  });
  const range = await acceptedRange(api, '31721060', { from: END + window.from, to: END + window.to }, END, never);
  return { range: range && { from: range.from - END, width: range.width }, api };
}

describe('what the API accepts of a window that it refused', () => {
  it('is what it keeps, and a second later, since that moves with the clock', async () => {
    const { range, api } = await accepted({ from: -100 * DAY, to: 0 }, { keeps: 90 * DAY });
    assert.deepEqual(range, { from: -90 * DAY + 1, width: 90 * DAY });
    assert.ok(api.asked.length < 30, String(api.asked.length));
    assert.deepEqual(new Set(api.parameter('limit')), new Set(['1']));
  });

  it('is as long a range as it takes, from where the window begins', async () => {
    const { range } = await accepted({ from: -100 * DAY, to: 0 }, { longest: 30 * DAY });
    assert.deepEqual(range, { from: -100 * DAY, width: 25 * DAY });
  });

  it('is at least a minute, and at most the last one', async () => {
    const { range } = await accepted({ from: -100, to: 0 }, { longest: 60 });
    assert.deepEqual(range, { from: -100, width: 50 });
    const minute = await accepted({ from: -240, to: 0 }, { longest: 60 });
    // The last minute, the first one, and 240 and 120 seconds: that a minute is accepted is known by then.
    assert.deepEqual([minute.range?.width, minute.api.asked.length], [60, 4]);
    const last = await accepted({ from: -100 * DAY, to: 0 }, { keeps: 60 });
    assert.deepEqual(last.range, { from: -60, width: 60 });
  });

  it('is nothing where it refuses the last minute as well, and nothing else is asked then', async () => {
    const { range, api } = await accepted({ from: -100 * DAY, to: 0 }, { keeps: 30 });
    assert.deepEqual([range, api.asked.length], [undefined, 1]);
    const short = await accepted({ from: -50, to: 0 }, { keeps: 0 });
    assert.deepEqual([short.range, short.api.asked.length], [undefined, 0]);
    assert.deepEqual((await accepted({ from: -50, to: -20 }, {})).range, { from: -50, width: 30 });
  });

  it('is accepted where the answer cannot be read, and unknown where the API fails', async () => {
    const { range } = await accepted({ from: -100 * DAY, to: 0 }, { longest: 30 * DAY, answer: unreadable() });
    assert.deepEqual(range?.width, 25 * DAY);
    await assert.rejects(accepted({ from: -100 * DAY, to: 0 }, { answer: refusal(503) }), { status: 503 });
  });
});

describe('the earliest second that is accepted', () => {
  it('is found by bisection, without asking for the ends', async () => {
    for (let wanted = 1; wanted <= 20; wanted++) {
      const asked: number[] = [];
      const found = await earliest(0, 20, (second) => {
        asked.push(second);
        return Promise.resolve(second >= wanted);
      });
      assert.equal(found, wanted);
      assert.ok(asked.length <= 5 && asked.every((second) => second > 0 && second < 20), asked.join());
    }
  });
});
