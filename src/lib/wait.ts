import { setTimeout as sleep } from 'node:timers/promises';

/** Waits; throws the signal's reason when it is aborted first. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, { signal });
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
}

/**
 * Runs `work` with a signal that is aborted with the outer one, or after `ms`. What `work` throws then is replaced by
 * the reason: the outer signal's, or `timeout()`. No AbortSignal.any: it leaks with a long-lived signal on Node 20.
 */
export async function withTimeout<T>(
  outer: AbortSignal,
  ms: number,
  timeout: () => Error,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  outer.throwIfAborted();
  const inner = new AbortController();
  const follow = () => inner.abort(outer.reason);
  const timer = setTimeout(() => inner.abort(timeout()), ms);
  outer.addEventListener('abort', follow, { once: true });
  try {
    return await work(inner.signal);
  } catch (error) {
    inner.signal.throwIfAborted();
    throw error;
  } finally {
    clearTimeout(timer);
    outer.removeEventListener('abort', follow);
  }
}
