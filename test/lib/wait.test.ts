import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { describe, it } from 'node:test';
import { pause, withTimeout } from '../../src/lib/wait.ts';
import { moveTimers } from '../helpers/moved-timers.ts';

const AN_HOUR = 3_600_000;
const stop = new Error('stop');
const tooLate = (): Error => new Error('too late');

function listeners(signal: AbortSignal): number {
  return getEventListeners(signal, 'abort').length;
}

describe('pause', () => {
  it('ends by itself', async () => {
    const { signal } = new AbortController();
    await pause(0, signal);
    assert.equal(listeners(signal), 0);
  });

  it("throws the signal's reason when it is aborted meanwhile, or was before", async () => {
    const controller = new AbortController();
    const waiting = pause(AN_HOUR, controller.signal);
    controller.abort(stop);
    await assert.rejects(waiting, stop);
    await assert.rejects(pause(AN_HOUR, controller.signal), stop);
  });
});

describe('withTimeout', () => {
  it('returns what the work returns, and leaves nothing behind', async () => {
    const { signal } = new AbortController();
    assert.equal(await withTimeout(signal, AN_HOUR, tooLate, () => Promise.resolve(42)), 42);
    assert.equal(listeners(signal), 0);
  });

  it('does not run out once the work is done', async (t) => {
    const { tick } = moveTimers(t);
    let inner: AbortSignal | undefined;
    await withTimeout(new AbortController().signal, AN_HOUR, tooLate, (signal) => {
      inner = signal;
      return Promise.resolve();
    });
    tick(AN_HOUR);
    assert.equal(inner?.aborted, false);
  });

  it('throws what the work throws', async () => {
    const { signal } = new AbortController();
    await assert.rejects(
      withTimeout(signal, AN_HOUR, tooLate, () => Promise.reject(new Error('own'))),
      { message: 'own' },
    );
    assert.equal(listeners(signal), 0);
  });

  it('throws the time-out in place of what the work makes of it', async () => {
    const { signal } = new AbortController();
    await assert.rejects(withTimeout(signal, 1, tooLate, untilAborted), { message: 'too late' });
    assert.equal(listeners(signal), 0);
  });

  it("throws the outer signal's reason in place of what the work makes of it", async () => {
    const controller = new AbortController();
    const working = withTimeout(controller.signal, AN_HOUR, tooLate, untilAborted);
    controller.abort(stop);
    await assert.rejects(working, stop);
    assert.equal(listeners(controller.signal), 0);
  });

  it('does not begin when the outer signal is aborted already', async () => {
    await assert.rejects(
      withTimeout(AbortSignal.abort(stop), AN_HOUR, tooLate, () => assert.fail()),
      stop,
    );
  });
});

/** Fails with an error of its own once the signal is aborted. */
function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(new Error('disturbed')), { once: true });
  });
}
