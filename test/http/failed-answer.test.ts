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
      const error = connectionError(Object.assign(new Error('certificate'), { code }), url, Date.UTC(1970, 0, 1));
      assert.match(error.message, new RegExp(`^the certificate of api.example.com ${what} by this machine's clock, `));
      assert.match(error.message, /1970-01-01T00:00:00Z: either the clock is wrong \(timedatectl shows it\), or the /);
      assert.equal(error.retryable, false);
    });
  }

  it('does not blame the network where there is no memory for WebAssembly (ulimit -v)', () => {
    const thrown = new RangeError('WebAssembly.Instance(): Out of memory: Cannot allocate Wasm memory');
    const error = connectionError(thrown, url, NOW);
    assert.match(error.message, /not enough address space for WebAssembly .*ulimit -v.*--disable-wasm-trap-handler/);
    assert.equal(error.retryable, false);
  });
});
