import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { it } from 'node:test';
import { checkProxy } from '../../../src/check/probes/proxy.ts';
import { listen } from '../../helpers/loopback.ts';
import { PATIENCE_MS } from '../../helpers/patience.ts';

it('a proxy that refuses connections is named with the reason, and a check that is stopped says why', async (t) => {
  const server = createServer();
  const port = await listen(t, server);
  await new Promise((resolve) => server.close(resolve));
  const proxy = { name: 'HTTPS_PROXY', uri: `http://127.0.0.1:${port}`, username: '', password: '' };
  const [{ level, code, message, impact }] = await checkProxy(proxy, new AbortController().signal);
  assert.deepEqual([level, code, impact], ['error', 'proxy', 'nothing is collected']);
  assert.equal(message, `the proxy 127.0.0.1:${port} (HTTPS_PROXY) to the API does not answer (ECONNREFUSED)`);
  await assert.rejects(checkProxy(proxy, AbortSignal.abort(new Error('stopped'))), /stopped/);
});

it('the connection that check opens to a proxy is closed again', async (t) => {
  const server = createServer();
  const port = await listen(t, server);
  const connected = once(server, 'connection') as Promise<[Socket]>;
  const proxy = { name: 'HTTP_PROXY', uri: `http://127.0.0.1:${port}`, username: '', password: '' };
  const [{ level }] = await checkProxy(proxy, new AbortController().signal);
  assert.equal(level, 'ok');
  await assert.rejects(checkProxy(proxy, AbortSignal.abort(new Error('stopped'))), /stopped/);
  const [socket] = await connected;
  t.after(() => socket.destroy());
  socket.resume();
  if (!socket.destroyed) await once(socket, 'close', { signal: AbortSignal.timeout(PATIENCE_MS) });
});

it('the address of a proxy may be one of IPv6, which is no name to look up', async () => {
  const proxy = { name: 'HTTPS_PROXY', uri: 'http://[::1]:1', username: '', password: '' };
  const [{ message }] = await checkProxy(proxy, new AbortController().signal);
  assert.match(message, /^the proxy \[::1\]:1 \(HTTPS_PROXY\) to the API does not answer \(E/);
  assert.doesNotMatch(message, /ENOTFOUND|EAI_AGAIN/);
});
