import type { TestContext } from 'node:test';

/** Timers of this process that fire when the test says so, until it ends. (Node's own are still experimental.) */
export function moveTimers(t: TestContext): { tick: (ms: number) => void } {
  const timers = new Map<object, { at: number; fire: () => void }>();
  let now = 0;
  t.mock.method(globalThis, 'setTimeout', (fire: () => void, ms: number) => {
    const timer = {};
    timers.set(timer, { at: now + ms, fire });
    return timer;
  });
  t.mock.method(globalThis, 'clearTimeout', (timer: object) => timers.delete(timer));
  return {
    tick: (ms) => {
      now += ms;
      for (const [timer, { at, fire }] of timers) if (at <= now && timers.delete(timer)) fire();
    },
  };
}
