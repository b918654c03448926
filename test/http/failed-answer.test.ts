import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { connectionError, retryAfterMs, statusError } from '../../src/http/failed-answer.ts';
import { NOW } from '../sandbox/exchange.ts';

describe('retryAfterMs', () => {
  const rows: [string | string[] | undefined, number | undefined][] = [
    ['0', 0],
    ['120', 120_000],
    [' 120 ', 120_000],
    ['Sat, 21 Nov 2026 20:31:00 GMT', 60_000],
    ['Sat, 21 Nov 2026 20:29:00 GMT', 0],
    ['soon', undefined],
    ['', undefined],
    ['in 120', 0],
    [['1', '2'], undefined],
    [undefined, undefined],
  ];
  for (const [header, ms] of rows) {
    it(`${JSON.stringify(header)} is ${ms ?? 'nothing'}`, () => assert.equal(retryAfterMs(header, NOW), ms));
  }
});

describe('statusError', () => {
  const rows: [string, string, string][] = [
    [
      "IONOS's own words, not its JSON",
      '{"httpStatus":403,"messages":[{"errorCode":"309","message":"Insufficient privileges"}]}',
      'HTTP 403: Insufficient privileges',
    ],
    ['each of its messages', '{"messages":[{"message":"one"},{"message":"two"}]}', 'HTTP 403: one; two'],
    ["cloudscale's detail", '{"detail":"Invalid token."}', 'HTTP 403: Invalid token.'],
    ["cloudscale's complaint of a field", '{"start":["too old"]}', 'HTTP 403: start: too old'],
    ['each field that it complains of', '{"n":1,"none":[],"odd":["a",1],"start":["old"],"end":["new","odd"]}', 'HTTP 403: start: old; end: new odd'], // prettier-ignore
    [
      'only the messages that are text',
      '{"messages":["x",{"code":1},{"message":"one"},{"message":2}]}',
      'HTTP 403: one',
    ],
    ['a list as it is', '["a"]', 'HTTP 403: ["a"]'],
    ['null as it is', 'null', 'HTTP 403: null'],
    ['nothing of an empty object', ' {} ', 'HTTP 403'],
    ['nothing of white space', ' \n', 'HTTP 403'],
    ['a text of several lines on one', ' go\n\taway ', 'HTTP 403: go away'],
    ['other JSON as it is', '{"messages":[]}', 'HTTP 403: {"messages":[]}'],
    ['a text as it is', 'go away', 'HTTP 403: go away'],
    ['no markup', '<html>Forbidden</html>', 'HTTP 403'],
  ];
  for (const [name, body, message] of rows) {
    it(`shows ${name}`, () => {
      const answer = {
        status: 403,
        body: Buffer.from(body),
        retryAfter: undefined,
        authorization: 'Bearer x',
        now: NOW,
      };
      assert.equal(statusError(answer).message, message);
    });
  }

  it('cuts off a long text, and hides the credentials in it', () => {
    const answer = { status: 403, retryAfter: undefined, authorization: 'Bearer secret-token', now: NOW };
    const long = statusError({ ...answer, body: Buffer.from('x'.repeat(10_000)) }).message;
    assert.equal(long, `HTTP 403: ${'x'.repeat(200)}…`);
    assert.equal(
      statusError({ ...answer, body: Buffer.from('x'.repeat(200)) }).message,
      `HTTP 403: ${'x'.repeat(200)}`,
    );
    const said = (text: string, authorization: string) =>
      statusError({ ...answer, authorization, body: Buffer.from(`no ${text}!`) }).message;
    assert.doesNotMatch(said('secret-token', 'Bearer secret-token'), /secret/);
    const basic = Buffer.from('user:secret:word').toString('base64');
    for (const text of ['secret:word', basic]) {
      assert.ok(!said(text, `Basic ${basic}`).includes(text), text);
    }
  });

  it('says when to come again, unless that is at once', () => {
    const answer = { status: 503, body: Buffer.from('busy'), authorization: 'Bearer x', now: NOW };
    const { message, retryAfterMs: wait, retryable } = statusError({ ...answer, retryAfter: '30' });
    assert.equal(message, 'HTTP 503 (retry after 30 s, at 2026-11-21T20:30:30Z): busy');
    assert.deepEqual([wait, retryable], [30_000, true]);
    assert.equal(statusError({ ...answer, retryAfter: '0' }).message, 'HTTP 503: busy');
  });

  it('says that 429 is a rate limit', () => {
    const answer = { status: 429, body: Buffer.alloc(0), retryAfter: '30', authorization: 'Bearer x', now: NOW };
    assert.equal(statusError(answer).message, 'HTTP 429 (rate limit: retry after 30 s, at 2026-11-21T20:30:30Z)');
    assert.equal(statusError({ ...answer, retryAfter: undefined }).message, 'HTTP 429 (rate limit)');
  });
});

describe('connectionError', () => {
  const url = new URL('https://api.example.com/v1');

  for (const [code, what] of [
    ['CERT_NOT_YET_VALID', 'is not valid yet'],
    ['CERT_HAS_EXPIRED', 'has expired'],
  ] as const) {
    it(`names the clock and the certificate: ${code}`, () => {
      const error = connectionError(Object.assign(new Error('certificate'), { code }), url, Date.UTC(2026, 0, 1));
      assert.match(error.message, new RegExp(`^the certificate of api.example.com ${what} by this machine's clock, `));
      assert.match(error.message, /2026-01-01T00:00:00Z: either the clock is wrong \(timedatectl shows it\), or the /);
      assert.equal(error.retryable, false);
    });
  }

  it('looks for the code of a certificate in the cause as well', () => {
    const cause = Object.assign(new Error('certificate'), { code: 'CERT_HAS_EXPIRED' });
    const error = connectionError(new TypeError('fetch failed', { cause }), url, NOW);
    assert.match(error.message, /^the certificate of api\.example\.com has expired by/);
  });

  it('may pass where there was no answer, whatever the reason', () => {
    for (const thrown of [
      Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }),
      new Error('other side closed'),
      new Error('WebAssembly'),
      new RangeError('out of range'),
      new RangeError('no WebAssembly'),
      'a text',
    ]) {
      const { message, retryable, cause, status } = connectionError(thrown, url, NOW);
      const text = typeof thrown === 'string' ? thrown : thrown.message;
      assert.deepEqual(
        [message, retryable, cause, status],
        [`no answer from api.example.com: ${text}`, true, thrown, undefined],
      );
    }
  });

  it('does not blame the network where there is no memory for WebAssembly (ulimit -v)', () => {
    const thrown = new RangeError('WebAssembly.Instance(): Out of memory: Cannot allocate Wasm memory');
    const error = connectionError(thrown, url, NOW);
    assert.ok(error.message.includes(`WebAssembly (${thrown.message}): raise`), error.message);
    assert.equal(error.cause, thrown);
    assert.match(error.message, /not enough address space for WebAssembly .*ulimit -v.*--disable-wasm-trap-handler/);
    assert.equal(error.retryable, false);
  });
});
