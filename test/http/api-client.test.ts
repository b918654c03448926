import assert from 'node:assert/strict';
import { createServer as createTlsServer } from 'node:https';
import { createServer as createTcpServer, type LookupFunction } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { Agent } from 'undici';
import { type ApiClient, type ApiClientOptions } from '../../src/http/api-client.ts';
import { ApiError, PageError } from '../../src/lib/errors.ts';
import { ReusableMemory } from '../../src/lib/reusable-memory.ts';
import { captureLog } from '../helpers/captured-log.ts';
import { listen, serve } from '../helpers/loopback.ts';
import { loopbackCertificate } from '../helpers/loopback-certificate.ts';
import { clientFor } from '../helpers/test-client.ts';
import { NOW, sandboxFor } from '../sandbox/exchange.ts';
import { gatewayPage, retryLater, type Fault, type Sandbox } from '../sandbox/server.ts';

const CONTRACT = '9876543218374837483';
const MAX_ATTEMPTS = 5;
const never = new AbortController().signal;

interface Setting {
  readonly sandbox: Sandbox;
  readonly api: ApiClient;
  /** Gets a page of events, and takes only JSON for one. */
  readonly get: (signal?: AbortSignal) => Promise<unknown>;
}

async function set(t: TestContext, options: Partial<ApiClientOptions> = {}): Promise<Setting> {
  const sandbox = await sandboxFor(t);
  sandbox.generate(CONTRACT, { count: 50, from: NOW - 300_000, to: NOW });
  const api = clientFor(t, sandbox.url, options);
  const url = api.url(`/contracts/${CONTRACT}`);
  return { sandbox, api, get: (signal = never) => api.get(url, parse, signal) };
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString());
  } catch (error) {
    throw new PageError('no JSON', error);
  }
}

function text(body: Buffer): string {
  return body.toString();
}

describe('a request', () => {
  it('carries the credentials and says what it takes', async (t) => {
    const { sandbox, get } = await set(t);
    await get();
    const { headers, method, path } = sandbox.requests[0] ?? {};
    assert.deepEqual([method, path], ['GET', `/activitylog/v1/contracts/${CONTRACT}`]);
    assert.equal(headers?.['authorization'], 'Bearer sandbox-token');
    assert.equal(headers['accept'], 'application/json');
    assert.equal(headers['accept-encoding'], 'gzip');
    assert.equal(headers['user-agent'], 'fetch-activity-logs');
    const url = await serve(t, (request, response) => void response.end(`"${String(request.headers['x-more'])}"`));
    const other = clientFor(t, url);
    assert.equal(await other.get(other.url('/'), text, never, { headers: { 'x-more': 'yes' } }), '"yes"');
  });

  it('goes to paths below that of the API, whether that ends in a slash or not', async (t) => {
    for (const base of ['http://127.0.0.1/v1', 'http://127.0.0.1/v1/', 'http://127.0.0.1/v1//']) {
      const api = clientFor(t, base, { baseUrl: new URL(base) });
      assert.equal(api.url('/contracts').href, 'http://127.0.0.1/v1/contracts');
    }
    const { api } = await set(t);
    assert.match(api.url('/contracts').href, /^http:\/\/127\.0\.0\.1:\d+\/activitylog\/v1\/contracts$/);
  });

  it('is counted, with its bytes and tries', async (t) => {
    const { sandbox, api, get } = await set(t);
    sandbox.fail({ fault: { type: 'status', status: 503, body: 'busy' } });
    await get();
    const page = api.stats.bytes - 'busy'.length;
    await get();
    assert.deepEqual([page > 1000, api.stats.bytes], [true, 2 * page + 'busy'.length]);
    assert.deepEqual(
      [...api.stats.requests],
      [
        ['503', 1],
        ['200', 2],
      ],
    );
    assert.deepEqual([api.stats.retries, api.lastFailure?.message], [1, 'HTTP 503: busy']);
  });

  it('is answered in the memory that it is given', async (t) => {
    const { sandbox, api } = await set(t);
    sandbox.options.gzip = false;
    const memory = new ReusableMemory();
    const place = await api.get(api.url('/contracts'), ({ buffer }) => buffer, never, { memory });
    assert.equal(place, memory.ensureCapacity(0).buffer);
  });

  it('knows how far our clock is ahead of the server, whatever the status', async (t) => {
    let now = NOW + 90_500;
    const { sandbox, api, get } = await set(t, { now: () => now });
    assert.equal(api.clockSkewMs, undefined);
    await get();
    assert.equal(api.clockSkewMs, 90_500);
    now = NOW - 3000;
    sandbox.fail({ fault: { type: 'status', status: 404 } });
    await assert.rejects(get());
    assert.equal(api.clockSkewMs, -3000);
  });

  it('takes no date for none, and keeps what it knew', async (t) => {
    const dates = ['Sat, 21 Nov 2026 20:30:00 GMT', 'yesterday', undefined];
    const url = await serve(t, (_request, response) => {
      const date = dates.shift();
      response.sendDate = false;
      if (date !== undefined) response.setHeader('date', date);
      response.end('{}');
    });
    const api = clientFor(t, url, { now: () => NOW });
    for (const left of [2, 1, 0]) {
      await api.get(api.url('/'), text, never);
      assert.equal(dates.length, left);
      assert.equal(api.clockSkewMs, 0);
    }
  });
});

describe('every status', () => {
  const retried = new Set([408, 429, 500, 502, 503, 504]);

  it('is taken for an answer, for a failure, or for one that may pass', async (t) => {
    const { sandbox, get, api } = await set(t);
    for (let status = 200; status < 600; status++) {
      const isEmpty = [204, 205, 304].includes(status);
      const body = isEmpty ? '' : '"ok"';
      const fault = sandbox.fail({ fault: { type: 'status', status, body }, times: Infinity });
      if (status < 300 && !isEmpty) {
        assert.equal(await get(), 'ok', `${status}`);
        assert.equal(fault.played, 1);
      } else if (status < 300) {
        await assert.rejects(get(), PageError, `${status} without a body is no page`);
      } else {
        const retryable = retried.has(status);
        await assert.rejects(get(), { name: 'ApiError', code: 'API', status, retryable, exitCode: 1 }, `${status}`);
        assert.equal(fault.played, retryable ? MAX_ATTEMPTS : 1, `${status}`);
      }
      fault.remove();
    }
    assert.equal(api.stats.requests.size, 400);
  });
});

describe('a fault that passes', () => {
  const faults: Fault[] = [
    { type: 'status', status: 408 },
    { type: 'status', status: 429 },
    { type: 'status', status: 500 },
    gatewayPage(502),
    { type: 'status', status: 503 },
    gatewayPage(504),
    retryLater(503, 0),
    retryLater(429, new Date(NOW - 60_000)),
    { type: 'cut' },
    { type: 'cut', afterBytes: 0 },
    { type: 'truncate', framing: 'length' },
    { type: 'truncate', framing: 'chunked' },
    { type: 'truncate', framing: 'close' },
    { type: 'reset' },
    { type: 'reset-body' },
    { type: 'body', body: '' },
    { type: 'body', body: '<html></html>', headers: { 'content-type': 'text/html' } },
    { type: 'corrupt-gzip' },
  ];
  for (const fault of faults) {
    it(`${JSON.stringify(fault).slice(0, 90)}, up to ${MAX_ATTEMPTS - 1} times`, async (t) => {
      const { sandbox, api, get } = await set(t);
      const usual = await get();
      for (let times = 1; times < MAX_ATTEMPTS; times++) {
        const scripted = sandbox.fail({ fault, times });
        assert.deepEqual(await get(), usual);
        assert.equal(scripted.played, times);
      }
      assert.equal(api.stats.retries, 1 + 2 + 3 + 4);
    });
  }

  const silent: Fault[] = [{ type: 'hang' }, { type: 'hang-body' }, { type: 'trickle', bytesPerSecond: 10 }];
  for (const fault of silent) {
    it(`${JSON.stringify(fault)}, once its time is over`, async (t) => {
      let isPlayed = (): boolean => false;
      const { sandbox, api, get } = await set(t, {
        // Short until the fault was met with, however long a slow machine takes for that; then long enough for any.
        get requestTimeoutMs() {
          return isPlayed() ? 3_600_000 : 50;
        },
        maxAttempts: 1000,
      });
      const scripted = sandbox.fail({ fault });
      isPlayed = () => scripted.played > 0;
      assert.notEqual(await get(), undefined);
      assert.ok(api.stats.retries > 0);
    });
  }
});

describe('a fault that stays', () => {
  const host = '127\\.0\\.0\\.1:\\d+';
  const noAnswer = new RegExp(`^no answer from ${host}: .+$`);
  const rows: [Fault, number, object][] = [
    [{ type: 'reset' }, MAX_ATTEMPTS, { name: 'ApiError', status: undefined, message: noAnswer }],
    [{ type: 'reset-body' }, MAX_ATTEMPTS, { name: 'ApiError', status: undefined, message: noAnswer }],
    [{ type: 'cut' }, MAX_ATTEMPTS, { name: 'ApiError', status: undefined, message: noAnswer }],
    [{ type: 'truncate' }, MAX_ATTEMPTS, { name: 'PageError', message: 'no JSON' }],
    [{ type: 'corrupt-gzip' }, MAX_ATTEMPTS, { name: 'PageError', message: /^its gzip data is damaged or cut off: / }],
    [gatewayPage(502), MAX_ATTEMPTS, { name: 'ApiError', status: 502, message: 'HTTP 502' }],
    [{ type: 'status', status: 401, body: '' }, 1, { name: 'ApiError', status: 401, message: 'HTTP 401' }],
    [{ type: 'status', status: 403 }, 1, { status: 403, message: /^HTTP 403: [^{}]+$/ }],
    [{ type: 'status', status: 304, body: '' }, 1, { status: 304, message: 'HTTP 304' }],
    [{ type: 'status', status: 400, body: ' a\r\n\tb ' }, 1, { status: 400, message: 'HTTP 400: a b' }],
    [{ type: 'status', status: 400, body: 'x'.repeat(300) }, 1, { message: `HTTP 400: ${'x'.repeat(200)}…` }],
  ];
  for (const [fault, attempts, error] of rows) {
    it(`${JSON.stringify(fault).slice(0, 90)} is reported after ${attempts}`, async (t) => {
      const { sandbox, get } = await set(t);
      const scripted = sandbox.fail({ fault, times: Infinity });
      await assert.rejects(get(), error);
      assert.equal(scripted.played, attempts);
    });
  }

  for (const fault of [
    { type: 'hang' },
    { type: 'hang-body' },
    { type: 'trickle', bytesPerSecond: 100 },
  ] as const satisfies Fault[]) {
    it(`${JSON.stringify(fault)} ends with the time for a whole answer`, async (t) => {
      const { sandbox, api, get } = await set(t, { requestTimeoutMs: 50 });
      sandbox.fail({ fault, times: Infinity });
      await assert.rejects(get(), { name: 'ApiError', retryable: true, message: 'no complete answer within 0.05 s' });
      assert.equal(api.stats.retries, MAX_ATTEMPTS - 1);
    });
  }

  const quoted: [string, string, string][] = [
    ['Bearer sandbox-token', 'no such token: sandbox-token', 'HTTP 400: no such token: [redacted]'],
    ['Basic YW5uYTpwYTpzcw==', 'YW5uYTpwYTpzcw== is anna with pa:ss', 'HTTP 400: [redacted] is anna with [redacted]'],
    ['Basic YW5uYTo=', 'anna has no password', 'HTTP 400: anna has no password'],
  ];
  for (const [authorization, body, message] of quoted) {
    it(`is reported without the credentials that the server repeats: ${body}`, async (t) => {
      const { sandbox, get } = await set(t, { authorization });
      sandbox.fail({ fault: { type: 'status', status: 400, body } });
      await assert.rejects(get(), { message });
    });
  }

  it('is reported after the wanted number of attempts', async (t) => {
    const { sandbox, get } = await set(t, { maxAttempts: 2 });
    const scripted = sandbox.fail({ fault: { type: 'status', status: 503 }, times: Infinity });
    await assert.rejects(get(), { status: 503 });
    assert.equal(scripted.played, 2);
  });

  it('a port where nobody listens', async (t) => {
    const server = createTcpServer();
    const port = await listen(t, server);
    server.close();
    const log = captureLog();
    const api = clientFor(t, `http://127.0.0.1:${port}`, { log });
    await assert.rejects(api.get(api.url('/contracts'), text, never), {
      name: 'ApiError',
      retryable: true,
      message: `no answer from 127.0.0.1:${port}: connect ECONNREFUSED 127.0.0.1:${port}`,
    });
    assert.equal(log.messages.filter((message) => message.includes('; attempt ')).length, MAX_ATTEMPTS - 1);
  });

  const lookUps: [string, LookupFunction, RegExp][] = [
    [
      'a host that does not exist',
      (host, _options, callback) => {
        callback(Object.assign(new Error(`getaddrinfo ENOTFOUND ${host}`), { code: 'ENOTFOUND' }), '');
      },
      /^no answer from api\.invalid: getaddrinfo ENOTFOUND api\.invalid$/,
    ],
    [
      'a host with several addresses that do not answer',
      (_host, _options, callback) => {
        callback(
          null,
          ['127.0.0.1', '::1'].map((address, index) => ({ address, family: index === 0 ? 4 : 6 })),
        );
      },
      /^no answer from api\.invalid: ECONNREFUSED$/,
    ],
  ];
  for (const [name, lookup, message] of lookUps) {
    it(name, async (t) => {
      const closed = createTcpServer();
      const port = await listen(t, closed);
      closed.close();
      const url = `http://api.invalid:${port}`;
      const api = clientFor(t, url, { dispatcher: new Agent({ connect: { lookup } }) });
      await assert.rejects(api.get(api.url('/'), text, never), (error) => {
        assert.ok(error instanceof ApiError);
        assert.match(error.message.replace(`:${port}:`, ':'), message);
        return true;
      });
    });
  }

  it('a server that does not speak HTTP', async (t) => {
    const port = await listen(
      t,
      createTcpServer((socket) => {
        socket.on('error', () => undefined).end('SSH-2.0-OpenSSH_9.9\r\n');
      }),
    );
    const api = clientFor(t, `http://127.0.0.1:${port}`);
    await assert.rejects(api.get(api.url('/'), text, never), { name: 'ApiError', retryable: true, message: noAnswer });
  });
});

describe('waiting before the next try', () => {
  /** How long each wait of a request is that fails again and again. */
  async function waits(t: TestContext, fault: Fault, options: Partial<ApiClientOptions>): Promise<number[]> {
    const waited: number[] = [];
    const pause = async (ms: number) => Promise.resolve(void waited.push(ms));
    const { sandbox, get } = await set(t, { now: () => NOW, pause, ...options });
    sandbox.fail({ fault, times: Infinity });
    await assert.rejects(get());
    assert.equal(sandbox.requests.length, waited.length + 1);
    return waited;
  }

  async function firstWait(t: TestContext, fault: Fault, options: Partial<ApiClientOptions>): Promise<number> {
    const [first] = await waits(t, fault, { ...options, maxAttempts: 2 });
    return first ?? assert.fail('it did not wait');
  }

  const busy: Fault = { type: 'status', status: 500 };

  it('grows with each try, up to half a minute', async (t) => {
    const all = await waits(t, busy, { random: () => 1, maxAttempts: 9 });
    assert.deepEqual(all, [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
  });

  it('is spread, so that not all collectors come back at once', async (t) => {
    assert.equal(await firstWait(t, busy, { random: () => 0 }), 250);
    assert.equal(await firstWait(t, busy, { random: () => 0.5 }), 375);
  });

  it('ends at once when the run is stopped', async (t) => {
    const stopped = new AbortController();
    const reason = new Error('stopped');
    const pause: ApiClientOptions['pause'] = async (_ms, signal) => {
      stopped.abort(reason);
      signal.throwIfAborted();
      return Promise.resolve();
    };
    const { sandbox, get } = await set(t, { pause });
    sandbox.fail({ fault: busy, times: Infinity });
    await assert.rejects(get(stopped.signal), reason);
    assert.equal(sandbox.requests.length, 1);
  });

  const asked: [string, Fault, number][] = [
    ['as many seconds', retryLater(429, 300), 300_000],
    ['until that date', retryLater(503, new Date(NOW + 90_000)), 90_000],
    ['no less than it would by itself', retryLater(503, 0), 250],
    ['no less for a date that is over', retryLater(503, new Date(NOW - 90_000)), 250],
    [
      'by itself where the header is nonsense',
      { type: 'status', status: 503, headers: { 'retry-after': 'soon' } },
      250,
    ],
  ];
  for (const [name, fault, ms] of asked) {
    it(`lasts ${name}, when the server asks for it`, async (t) => {
      assert.equal(await firstWait(t, fault, { random: () => 0, remainingMs: () => 300_001 }), ms);
    });
  }

  const tooLong: [string, Fault, RegExp][] = [
    ['an hour', retryLater(429, 3600), /^HTTP 429 \(rate limit: retry after 60 min, at 2026-11-21T21:30:00Z\)/],
    ['300 years', retryLater(429, 9_999_999_999), /^HTTP 429 \(rate limit: retry after 115741 d, at 2343-\S+Z\)/],
    [
      'more seconds than there are numbers',
      { type: 'status', status: 503, headers: { 'retry-after': '9'.repeat(400) } },
      /^HTTP 503 \(retry after \d+ d, at \S+\)/,
    ],
    [
      'a date of next week',
      retryLater(503, new Date(NOW + 7 * 86_400_000)),
      /^HTTP 503 \(retry after 7 d, at 2026-11-28/,
    ],
  ];
  for (const [name, fault, message] of tooLong) {
    it(`is not done, but said, where the server asks for ${name}`, async (t) => {
      const { sandbox, get, api } = await set(t, { now: () => NOW });
      const scripted = sandbox.fail({ fault, times: Infinity });
      await assert.rejects(get(), { name: 'ApiError', message });
      assert.deepEqual([scripted.played, api.stats.retries], [1, 0]);
    });
  }

  const beyond: [string, Fault, number][] = [
    ['seconds', retryLater(429, 60), 60_000],
    ['a date', retryLater(503, new Date(NOW + 60_000)), 60_000],
    ['its own back-off', busy, 250],
  ];
  for (const [name, fault, left] of beyond) {
    it(`does not begin when it would go beyond the deadline: ${name}`, async (t) => {
      const { sandbox, get, api } = await set(t, { now: () => NOW, random: () => 0, remainingMs: () => left });
      const scripted = sandbox.fail({ fault, times: Infinity });
      await assert.rejects(get(), ApiError);
      assert.deepEqual([scripted.played, api.stats.retries], [1, 0]);
    });
  }

  it('is a message where somebody looks on, and a detail elsewhere', async (t) => {
    for (const level of ['info', 'debug'] as const) {
      const log = captureLog();
      const { sandbox, get } = await set(t, { log, announce: log[level], random: () => 1 });
      sandbox.fail({ fault: { type: 'status', status: 503, body: 'busy' }, times: 2 });
      await get();
      const said = log.messages.filter((message) => message.includes('attempt'));
      assert.deepEqual(said, [
        `${level}: HTTP 503: busy; attempt 2 of 5 in 0.5 s`,
        `${level}: HTTP 503: busy; attempt 3 of 5 in 1.0 s`,
      ]);
    }
  });
});

describe('--log-level debug', () => {
  it('shows each request with its window, status, count and time', async (t) => {
    const log = captureLog();
    let ms = 7_000;
    const { sandbox, api } = await set(t, { log, monotonic: () => (ms += 40) });
    const url = api.url(`/contracts/${CONTRACT}`);
    url.search = '?dateStart=2026-11-21T20:25:00Z&offset=0';
    sandbox.fail({ fault: { type: 'status', status: 503, body: 'busy' } });
    await api.get(url, () => ({ events: [1, 2, 3] }), never);
    await api.get(api.url('/contracts'), () => ['one'], never);
    assert.match(log.messages.join('\n'), /^debug: GET \/activitylog\/v1\/contracts\/\d+\?dateStart=2026-11-21T20:25:00Z&offset=0: HTTP 503: busy, 40 ms$/m); // prettier-ignore
    assert.match(log.messages.join('\n'), /&offset=0: HTTP 200, [\d,]+ bytes, 3 items, 40 ms$/m);
    assert.match(log.messages.join('\n'), /contracts: HTTP 200, [\d,]+ bytes, 1 item, 40 ms$/m);
  });
});

describe('the signal', () => {
  const stop = new Error('stopped by SIGTERM');

  it('keeps a request from being sent', async (t) => {
    const { sandbox, get } = await set(t);
    await assert.rejects(get(AbortSignal.abort(stop)), stop);
    assert.equal(sandbox.requests.length, 0);
  });

  for (const fault of [{ type: 'hang' }, { type: 'hang-body' }] as const satisfies Fault[]) {
    it(`ends a request at once: ${fault.type}`, async (t) => {
      const { sandbox, get } = await set(t);
      const controller = new AbortController();
      sandbox.fail({ fault });
      const arrived = sandbox.nextRequest();
      const getting = assert.rejects(get(controller.signal), stop);
      await arrived;
      controller.abort(stop);
      await getting;
      assert.equal(sandbox.requests.length, 1);
    });
  }

  it('ends a request in the middle of its body', async (t) => {
    const controller = new AbortController();
    const url = await serve(t, (_request, response) => {
      response.write('[');
      controller.signal.addEventListener('abort', () => response.end(']'));
    });
    const api = clientFor(t, url);
    const getting = assert.rejects(api.get(api.url('/'), text, controller.signal), stop);
    // The answer has begun: the clock was read from its head.
    while (api.clockSkewMs === undefined) await new Promise(setImmediate);
    controller.abort(stop);
    await getting;
  });
});

describe('redirects', () => {
  it('are followed on the same origin, with the credentials', async (t) => {
    for (const status of [301, 302, 303, 307, 308] as const) {
      const { sandbox, get } = await set(t);
      const usual = await get();
      sandbox.fail({ fault: { type: 'redirect', status, location: ({ url }) => `${url}?limit=20` } });
      sandbox.fail({ fault: { type: 'redirect', status, location: ({ path }) => sandbox.url + path } });
      assert.deepEqual(await get(), usual);
      assert.deepEqual(
        sandbox.requests.slice(1).map(({ url, headers }) => [url, headers['authorization']]),
        ['', '?limit=20', ''].map((query) => [`/activitylog/v1/contracts/${CONTRACT}${query}`, 'Bearer sandbox-token']),
      );
    }
  });

  it('are not followed where two addresses are given', async (t) => {
    const requests: unknown[] = [];
    const url = await serve(t, (request, response) => {
      requests.push(request.url);
      response.setHeader('location', ['/b', '/c']).writeHead(302).end();
    });
    const api = clientFor(t, url);
    await assert.rejects(api.get(new URL('/a', url), text, never), { name: 'ApiError', message: 'HTTP 302' });
    assert.deepEqual(requests, ['/a']);
  });

  it('are followed three times, not in a circle', async (t) => {
    const { sandbox, get } = await set(t);
    const scripted = sandbox.fail({ fault: { type: 'redirect', location: ({ url }) => url }, times: Infinity });
    await assert.rejects(get(), { name: 'ApiError', retryable: false, message: /^more than 3 redirects from http:/ });
    assert.equal(scripted.played, 4);
  });

  it('to a port that is not ours get neither a request nor the token', async (t) => {
    const foreign = await sandboxFor(t);
    const { sandbox, get } = await set(t);
    const scripted = sandbox.fail({ fault: { type: 'redirect', location: foreign.url }, times: Infinity });
    await assert.rejects(get(), {
      name: 'ApiError',
      retryable: false,
      message: `refusing to follow ${sandbox.url} to another origin (${foreign.url}): the token would leak`,
    });
    assert.equal(scripted.played, 1);
    assert.equal(foreign.requests.length, 0);
  });

  const elsewhere: [string, (url: URL) => string][] = [
    ['another host', (url) => `http://localhost:${url.port}/`],
    ['another host without a scheme', (url) => `//localhost:${url.port}/`],
    ['another scheme', (url) => `https://${url.host}/`],
    ['a file', () => 'file:///etc/passwd'],
    ['data', () => 'data:application/json,[]'],
    ['a URL with a user name', (url) => `http://user@${url.host}/`],
    ['a URL with a password', (url) => `http://:secret@${url.host}/`],
  ];
  for (const [name, location] of elsewhere) {
    it(`to ${name} are not followed`, async (t) => {
      const { sandbox, get } = await set(t);
      sandbox.fail({ fault: { type: 'redirect', location: location(new URL(sandbox.url)) }, times: Infinity });
      await assert.rejects(get(), (error) => {
        assert.ok(error instanceof ApiError && !error.retryable);
        assert.match(error.message, /^refusing to follow http:\/\/127.* to another origin \(/);
        assert.ok(!error.message.includes('secret'));
        return true;
      });
      assert.equal(sandbox.requests.length, 1);
    });
  }

  it('to nowhere are errors', async (t) => {
    for (const location of ['', 'http://[', 'http://']) {
      const { sandbox, get } = await set(t);
      const headers = location === '' ? {} : { location };
      sandbox.fail({ fault: { type: 'status', status: 302, headers, body: '' }, times: Infinity });
      await assert.rejects(get(), { name: 'ApiError', status: 302, retryable: false, message: 'HTTP 302' });
    }
  });

  it('may not take the time of a whole answer twice', async (t) => {
    const { sandbox, get } = await set(t, { requestTimeoutMs: 50, remainingMs: () => 0 });
    sandbox.fail({ fault: { type: 'redirect', location: ({ url }) => url } });
    sandbox.fail({ fault: { type: 'hang' } });
    await assert.rejects(get(), { message: 'no complete answer within 0.05 s' });
    assert.ok(sandbox.requests.length <= 2);
  });
});

describe('ownUrl', () => {
  it('is a URL of the API itself, or an error', async (t) => {
    const { sandbox, api } = await set(t);
    assert.equal(api.ownUrl(`${sandbox.url}/v1?cursor=a%2Fb`).href, `${sandbox.url}/v1?cursor=a%2Fb`);
    const { host, port } = new URL(sandbox.url);
    for (const url of [`https://${host}/`, `http://localhost:${port}/`, `http://a:b@${host}/`, 'http://127.0.0.1:1/']) {
      assert.throws(() => api.ownUrl(url), ApiError, url);
    }
    const message = `"${'x'.repeat(200)}" is not a valid next-page URL`;
    assert.throws(() => api.ownUrl('x'.repeat(300)), { name: 'ApiError', message, retryable: false });
  });
});

describe('encodings', () => {
  it('gzip is asked for, and read', async (t) => {
    const { sandbox, get, api } = await set(t);
    const plain = await get();
    const before = api.stats.bytes;
    sandbox.options.gzip = true;
    assert.deepEqual(await get(), plain);
    assert.ok(api.stats.bytes - before < before);
  });

  const body = Buffer.from('["ä"]');
  const rows: [string, Buffer, string][] = [
    ['gzip', gzipSync(body), '["ä"]'],
    ['GZip', gzipSync(body), '["ä"]'],
    ['x-gzip', gzipSync(body), '["ä"]'],
    ['identity', body, '["ä"]'],
    ['', body, '["ä"]'],
    ['identity, gzip', gzipSync(body), '["ä"]'],
    ['gzip, gzip', gzipSync(gzipSync(body)), '["ä"]'],
    ['gzip', Buffer.concat([gzipSync(body.subarray(0, 3)), gzipSync(body.subarray(3))]), '["ä"]'],
  ];
  for (const [encoding, bytes, expected] of rows) {
    it(`${encoding} of ${bytes.length} bytes is read`, async (t) => {
      const url = await serve(t, (_request, response) => {
        response.writeHead(200, { 'content-encoding': encoding }).end(bytes);
      });
      const api = clientFor(t, url);
      assert.equal(await api.get(api.url('/'), text, never), expected);
    });
  }

  const refused: [string, Buffer, RegExp][] = [
    ['gzip, br', brotliCompressSync(gzipSync(body)), /^its encoding is br, only gzip was asked for$/],
    ['gzip', Buffer.alloc(0), /^its gzip data is damaged or cut off/],
    ['gzip', body, /^its gzip data is damaged or cut off: incorrect header check$/],
    ['gzip', gzipSync(body).subarray(0, -4), /^its gzip data is damaged or cut off/],
    ['gzip', gzipSync(body).subarray(0, 12), /^its gzip data is damaged or cut off/],
  ];
  for (const [encoding, bytes, message] of refused) {
    it(`${encoding} of ${bytes.length} bytes is not a page`, async (t) => {
      const url = await serve(t, (_request, response) => {
        response.writeHead(200, { 'content-encoding': encoding }).end(bytes);
      });
      const api = clientFor(t, url);
      await assert.rejects(api.get(api.url('/'), text, never), { name: 'PageError', message });
    });
  }

  const errors: [string, Buffer, string][] = [
    ['gzip', gzipSync('the reason'), 'HTTP 400: the reason'],
    ['gzip', Buffer.from('damaged'), 'HTTP 400'],
    ['br', brotliCompressSync('the reason'), 'HTTP 400'],
  ];
  for (const [encoding, bytes, message] of errors) {
    it(`an error in ${encoding} of ${bytes.length} bytes is reported as well as possible`, async (t) => {
      const url = await serve(t, (_request, response) => {
        response.writeHead(400, { 'content-encoding': encoding }).end(bytes);
      });
      const api = clientFor(t, url);
      await assert.rejects(api.get(api.url('/'), text, never), { name: 'ApiError', message });
    });
  }
});

describe('the size of a page', () => {
  const MEBIBYTE = 1024 * 1024;

  for (const gzip of [false, true]) {
    it(`may be the limit and no byte more${gzip ? ', unpacked' : ''}`, async (t) => {
      const page = Buffer.from(JSON.stringify('x'.repeat(998)));
      const url = await serve(t, (_request, response) => {
        if (gzip) response.setHeader('content-encoding', 'gzip');
        response.end(gzip ? gzipSync(page) : page);
      });
      const fits = clientFor(t, url, { maxPageBytes: 1000 });
      assert.equal((await fits.get(fits.url('/'), text, never)).length, 1000);
      const short = clientFor(t, url, { maxPageBytes: 999 });
      await assert.rejects(short.get(short.url('/'), text, never), { name: 'ApiError', retryable: false });
    });
  }

  const faults: Fault[] = [
    { type: 'oversized', mebibytes: 4 },
    { type: 'oversized', mebibytes: 4, announced: true },
    { type: 'oversized', mebibytes: 64, gzip: true },
  ];
  for (const fault of faults) {
    it(`has a limit, and no second try: ${JSON.stringify(fault)}`, async (t) => {
      const { sandbox, get } = await set(t, { maxPageBytes: MEBIBYTE });
      const scripted = sandbox.fail({ fault, times: Infinity });
      await assert.rejects(get(), {
        name: 'ApiError',
        retryable: false,
        message: 'the page is larger than 1048576 bytes; a smaller --page-size helps',
      });
      assert.equal(scripted.played, 1);
      scripted.remove();
      assert.notEqual(await get(), undefined);
    });
  }
});

describe('certificates', () => {
  async function serveTls(t: TestContext, address?: readonly number[]): Promise<{ url: string; ca: string }> {
    const certificate = loopbackCertificate(address);
    const server = createTlsServer(certificate, (_request, response) => void response.end('{}'));
    return { url: `https://127.0.0.1:${await listen(t, server)}`, ca: certificate.cert };
  }

  it('that a known authority has signed are accepted', async (t) => {
    const { url, ca } = await serveTls(t);
    const api = clientFor(t, url, { dispatcher: new Agent({ connect: { ca } }) });
    assert.equal(await api.get(api.url('/'), text, never), '{}');
  });

  it('that nobody knows are refused at once, with advice', async (t) => {
    const { url } = await serveTls(t);
    const log = captureLog();
    const api = clientFor(t, url, { log });
    await assert.rejects(api.get(api.url('/'), text, never), {
      name: 'ApiError',
      retryable: false,
      message:
        /^the certificate of 127\.0\.0\.1:\d+ is not accepted: self-signed certificate.*; NODE_EXTRA_CA_CERTS adds/,
    });
    assert.ok(!log.messages.some((message) => message.includes('attempt')));
  });

  it('of another address are refused at once', async (t) => {
    const { url, ca } = await serveTls(t, [127, 0, 0, 9]);
    const api = clientFor(t, url, { dispatcher: new Agent({ connect: { ca } }) });
    await assert.rejects(api.get(api.url('/'), text, never), {
      retryable: false,
      message: /^the certificate of 127\.0\.0\.1:\d+ is not accepted: .*127\.0\.0\.1/,
    });
  });
});
