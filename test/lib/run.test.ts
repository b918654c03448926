import assert from 'node:assert/strict';
import { getEventListeners, once } from 'node:events';
import { describe, it } from 'node:test';
import { Stopped, startRun, type Run } from '../../src/lib/run.ts';
import { moveTimers } from '../helpers/moved-timers.ts';

const AN_HOUR = 3_600_000;
const NOW = 1_795_292_755_000;
const sigterm = new Stopped('stopped by SIGTERM');

async function aborted(signal: AbortSignal): Promise<unknown> {
  if (!signal.aborted) await once(signal, 'abort');
  return signal.reason as unknown;
}

describe('startRun', () => {
  function start(outside: AbortSignal, deadlineMs = AN_HOUR): Run {
    return startRun(outside, deadlineMs, () => NOW);
  }

  it('knows its deadline, and begins undisturbed', () => {
    const run = start(new AbortController().signal);
    assert.equal(run.remainingMs(), AN_HOUR);
    assert.deepEqual([run.signal.aborted, run.giveUp.aborted], [false, false]);
    run.end();
  });

  it('stops at the deadline, and does not give stdout up for that', async () => {
    const run = start(new AbortController().signal, 1);
    const reason = await aborted(run.signal);
    assert.ok(reason instanceof Stopped);
    assert.equal(reason.message, 'the deadline was reached');
    assert.equal(run.giveUp.aborted, false);
    run.end();
  });

  it('has no deadline when that is infinite', async () => {
    const run = start(new AbortController().signal, Infinity);
    await new Promise((resolve) => setTimeout(resolve, 5));
    assert.deepEqual([run.remainingMs(), run.signal.aborted], [Infinity, false]);
    run.end();
  });

  it('stops on a signal from outside, and gives stdout up a little later', async () => {
    const outside = new AbortController();
    const run = start(outside.signal);
    outside.abort(sigterm);
    assert.equal(run.signal.reason, sigterm);
    assert.equal(run.giveUp.aborted, false);
    assert.equal(await aborted(run.giveUp), sigterm);
    run.end();
  });

  it('lets a page end for half a second after a signal, and its lines for another half', (t) => {
    const { tick } = moveTimers(t);
    const outside = new AbortController();
    const run = start(outside.signal);
    outside.abort(sigterm);
    tick(499);
    assert.equal(run.wrapUp.aborted, false);
    tick(1);
    assert.deepEqual([run.wrapUp.reason, run.giveUp.aborted], [sigterm, false]);
    tick(500);
    assert.equal(run.giveUp.reason, sigterm);
    run.end();
  });

  it('knows by the monotonic clock how much time is left', () => {
    let now = 0;
    const run = startRun(new AbortController().signal, AN_HOUR, () => now);
    now = AN_HOUR + 5;
    assert.equal(run.remainingMs(), -5);
    run.end();
  });

  it('is stopped from the beginning when the signal came before', () => {
    const run = start(AbortSignal.abort(sigterm));
    assert.equal(run.signal.reason, sigterm);
    run.end();
  });

  it('lets any number of requests listen: Node does not warn on stderr with --concurrency 20', async (t) => {
    const warn = t.mock.method(process, 'emitWarning', () => undefined);
    const run = start(new AbortController().signal);
    for (let request = 0; request < 20; request++) {
      for (const signal of [run.signal, run.wrapUp, run.giveUp]) signal.addEventListener('abort', () => undefined);
    }
    run.end();
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(warn.mock.callCount(), 0);
  });

  it('stops because of an error, whose reason stays when a signal follows', () => {
    const outside = new AbortController();
    const run = start(outside.signal);
    const error = new Error('no token');
    run.abort(error);
    outside.abort(sigterm);
    assert.equal(run.signal.reason, error);
    run.end();
  });

  it('has no time that runs out after its end', (t) => {
    const { tick } = moveTimers(t);
    const outside = new AbortController();
    const [run, stopped] = [start(new AbortController().signal), start(outside.signal)];
    outside.abort(sigterm);
    for (const one of [run, stopped]) one.end();
    tick(AN_HOUR);
    assert.deepEqual([run.signal.aborted, stopped.wrapUp.aborted, stopped.giveUp.aborted], [false, false, false]);
  });

  it('lets go of everything at its end', () => {
    const outside = new AbortController();
    const run = start(outside.signal);
    assert.equal(getEventListeners(outside.signal, 'abort').length, 1);
    run.end();
    assert.equal(getEventListeners(outside.signal, 'abort').length, 0);
    outside.abort(sigterm);
    assert.equal(run.signal.aborted, false);
  });
});
