/** A program for a process of its own: GETs the URL that it is given, as its environment wants it, and prints the body. */

import { ApiClient } from '../../src/http/api-client.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { createDispatcher } from '../../src/http/proxy.ts';
import { captureLog } from './captured-log.ts';

const url = new URL(process.argv[2] ?? '');
const api = new ApiClient({
  baseUrl: url,
  authorization: 'Bearer sandbox-token',
  dispatcher: await createDispatcher(url, process.env, 1),
  requestTimeoutMs: 60_000,
  remainingMs: () => 0,
  log: captureLog(),
  ...systemClock,
  random: Math.random,
});
process.stdout.write(await api.get(url, (body) => body.toString(), new AbortController().signal));
