import type { TestContext } from 'node:test';
import { Agent } from 'undici';
import { ApiClient, type ApiClientOptions } from '../../src/http/api-client.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { captureLog } from './captured-log.ts';

/** Makes every back-off 0 ms: no test waits. Real values are between 0 and 1. */
export const NO_WAIT = (): number => -1;

/** A pause that takes no time. */
export async function skipPause(_ms: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  return Promise.resolve();
}

/** A client for an API on loopback, with an hour for everything; its connections end with the test. */
export function clientFor(t: TestContext, url: string, options: Partial<ApiClientOptions> = {}): ApiClient {
  const dispatcher = options.dispatcher ?? new Agent({ connections: 4 });
  t.after(() => dispatcher.destroy());
  const defaults: ApiClientOptions = {
    baseUrl: new URL('/activitylog/v1', url),
    authorization: 'Bearer sandbox-token',
    dispatcher,
    requestTimeoutMs: 3_600_000,
    remainingMs: () => Infinity,
    log: captureLog(),
    ...systemClock,
    monotonic: options.now ?? systemClock.monotonic,
    pause: skipPause,
    random: NO_WAIT,
  };
  // A getter stays one.
  return new ApiClient(Object.defineProperties(defaults, Object.getOwnPropertyDescriptors(options)));
}
