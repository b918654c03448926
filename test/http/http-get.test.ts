import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { RequestListener, ServerResponse } from 'node:http';
import type { LookupFunction } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { Agent } from 'undici';
import { createDispatcher } from '../../src/http/proxy.ts';
import { get, type Answer, type GetOptions } from '../../src/http/http-get.ts';
import { ReusableMemory } from '../../src/lib/reusable-memory.ts';
import { serve } from '../helpers/loopback.ts';

const never = new AbortController().signal;

function agent(t: TestContext, options: Agent.Options = {}): Agent {
  const dispatcher = new Agent(options);
  t.after(() => dispatcher.destroy());
  return dispatcher;
}

/** Asks a server that answers so; more often when it is called more often. */
async function asking(t: TestContext, answer: RequestListener) {
  const url = new URL(await serve(t, answer));
  const dispatcher = agent(t);
  return (options: Partial<GetOptions> = {}): Promise<Answer> => get(url, dispatcher, { signal: never, ...options });
}

describe('get', () => {
  it('gives all of a body, announced or not, however it comes', async (t) => {
    const parts = Array.from({ length: 50 }, (_, n) => Buffer.alloc(n * 1000, n));
    const whole = Buffer.concat(parts);
    for (const headers of [{}, { 'content-length': whole.length }]) {
      const ask = await asking(t, (_request, response) => {
        response.writeHead(200, headers);
        for (const part of parts) response.write(part);
        response.end();
      });
      const { status, body } = await ask();
      assert.equal(status, 200);
      assert.ok(body.equals(whole));
    }
  });

  it('gives an empty body', async (t) => {
    const ask = await asking(t, (_request, response) => void response.writeHead(204).end());
    const { status, body } = await ask();
    assert.deepEqual([status, body.length], [204, 0]);
  });

  it('uses the memory that it is given again, for smaller and larger bodies, and after one that was cut off', async (t) => {
    const memory = new ReusableMemory();
    const bodies = ['x'.repeat(5000), 'y', 'z'.repeat(5001), 'w'.repeat(100_000), 'v'];
    let next = 0;
    const ask = await asking(t, (_request, response) => {
      const body = bodies[next++ >> 1] ?? '';
      if (next % 2 === 0) return void response.end(body);
      response.writeHead(200, { 'content-length': body.length + 1 }).write(body);
      setImmediate(() => response.destroy());
    });
    const places: ArrayBufferLike[] = [];
    for (const expected of bodies) {
      await assert.rejects(ask({ memory }));
      const { body } = await ask({ memory });
      assert.equal(body.toString(), expected);
      places.push(body.buffer);
    }
    assert.deepEqual(
      places.map((place) => places.indexOf(place)),
      [0, 0, 0, 3, 3],
    );
  });

  it('takes as many bytes as are allowed, and not one more', async (t) => {
    for (const length of [9, 10, 11]) {
      for (const headers of [{}, { 'content-length': length }]) {
        const ask = await asking(t, (_request, response) => {
          response.writeHead(200, headers);
          response.end('x'.repeat(length));
        });
        const answer = ask({ maxBytes: 10 });
        if (length > 10)
          await assert.rejects(answer, { name: 'ApiError', message: /^the page is larger than 10 bytes;/ });
        else assert.equal((await answer).body.length, length);
      }
    }
  });

  it('makes no room for a body because it is announced, if it is larger than allowed', async (t) => {
    const ask = await asking(t, (_request, response) => {
      response.writeHead(200, { 'content-length': 2 ** 52 }).write('x'.repeat(11));
    });
    await assert.rejects(ask({ maxBytes: 10 }), { name: 'ApiError', message: /^the page is larger than 10 bytes;/ });
  });

  it('reports the headers before the body is there, but not those of informational answers', async (t) => {
    let finish: () => unknown = () => undefined;
    const ask = await asking(t, (_request, response) => {
      response.writeProcessing();
      response.writeEarlyHints({ link: '</a>; rel=preload' });
      response.writeHead(200, { 'x-one': '1' }).write('{');
      finish = () => response.end('}');
    });
    const told: unknown[] = [];
    const { status, headers, body } = await ask({
      onHeaders: (...what) => {
        told.push([what[0], what[1]['x-one']]);
        finish();
      },
    });
    assert.deepEqual([status, headers['x-one'], body.toString(), told], [200, '1', '{}', [[200, '1']]]);
  });

  it('ends at once when the signal is aborted: before it begins, and while the connection is being made', async (t) => {
    const stop = new Error('stopped');
    const controller = new AbortController();
    const lookedUp = new Promise<void>((resolve) => {
      // A name server that does not answer.
      const lookup: LookupFunction = () => resolve();
      const dispatcher = agent(t, { connect: { lookup, timeout: 0 } });
      const url = new URL('http://audit.example.com/');
      const getting = get(url, dispatcher, { signal: controller.signal });
      t.after(() => assert.rejects(getting, stop));
      getting.catch(() => undefined);
    });
    await lookedUp;
    controller.abort(stop);
    const none = { dispatch: () => assert.fail('asked') } as unknown as Agent;
    await assert.rejects(get(new URL('http://audit.example.com/'), none, { signal: controller.signal }), stop);
  });

  it('bears a silence as long as it is told, longer than undici would, too', () => {
    const asked: unknown[] = [];
    const dispatcher = { dispatch: (options: unknown) => asked.push(options) } as unknown as Agent;
    const url = new URL('http://audit.example.com/v1?a=b');
    void get(url, dispatcher, { signal: never });
    void get(url, dispatcher, { signal: never, silenceMs: 600_000, headers: { accept: 'x' } });
    const plain = { method: 'GET', origin: 'http://audit.example.com', path: '/v1?a=b' };
    const patient = { headers: { accept: 'x' }, headersTimeout: 600_000, bodyTimeout: 600_000 };
    assert.deepEqual(asked, [plain, { ...plain, ...patient }]);
  });

  it('does not send what was aborted while it waited for a connection', async (t) => {
    const stop = new Error('stopped');
    const requests: string[] = [];
    let release: () => unknown = () => undefined;
    const base = await serve(t, (request, response) => {
      requests.push(request.url ?? '');
      release = () => response.end('first');
      if (requests.length > 1) response.end('third');
    });
    const dispatcher = agent(t, { connections: 1 });
    const at = (path: string, signal = never, onHeaders?: () => void) =>
      get(new URL(path, base), dispatcher, { signal, ...(onHeaders === undefined ? {} : { onHeaders }) });
    const first = at('/first');
    while (requests.length === 0) await new Promise(setImmediate);
    const controller = new AbortController();
    const second = assert.rejects(at('/second', controller.signal), stop);
    controller.abort(stop);
    await second;
    release();
    assert.equal((await first).body.toString(), 'first');
    assert.equal((await at('/third')).body.toString(), 'third');
    assert.deepEqual(requests, ['/first', '/third']);
  });

  it('has nothing written into its memory after a proxy has refused', async (t) => {
    let refused: ServerResponse | undefined;
    const proxy = await serve(t, (_request, response) => {
      if (refused !== undefined) return void response.end('{"good":"answer"}');
      refused = response.writeHead(407);
      refused.flushHeaders();
    });
    const dispatcher = await createDispatcher(new URL('http://api.example.com/'), { HTTP_PROXY: proxy }, 1);
    t.after(() => dispatcher.destroy());
    const memory = new ReusableMemory();
    const ask = () => get(new URL('http://api.example.com/x'), dispatcher, { signal: never, memory });
    await assert.rejects(ask(), { message: /407/ });
    assert.ok(refused);
    // Its connection is closed: what it sends from now on has nobody who takes it.
    if (!refused.closed) await once(refused, 'close');
    assert.equal((await ask()).body.toString(), '{"good":"answer"}');
  });

  it('leaves nothing behind on a signal that lives on', async (t) => {
    const controller = new AbortController();
    let listeners = 0;
    const { signal } = controller;
    const [add, remove] = [signal.addEventListener.bind(signal), signal.removeEventListener.bind(signal)];
    signal.addEventListener = (...what: Parameters<typeof add>) => {
      listeners++;
      add(...what);
    };
    signal.removeEventListener = (...what: Parameters<typeof remove>) => {
      listeners--;
      remove(...what);
    };
    let good = true;
    const ask = await asking(t, (_request, response) => {
      if (good) response.end('{}');
      else response.destroy();
    });
    await ask({ signal });
    good = false;
    await assert.rejects(ask({ signal }));
    assert.equal(listeners, 0);
  });
});
