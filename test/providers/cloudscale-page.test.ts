import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { PageError } from '../../src/lib/errors.ts';
import { toLines } from '../../src/events/event.ts';
import { scanCloudscalePage } from '../../src/providers/cloudscale-page.ts';
import { anyJson, anyJsonObject, damagedJson, isJson } from '../helpers/arbitrary-json.ts';
import '../helpers/properties.ts';
import { compactJson, prettyJson } from '../sandbox/json-text.ts';

const NEXT = 'https://api.cloudscale.ch/v1/project-logs?cursor=a%2Bb';
const MORE = 'https://api.cloudscale.ch/v1/project-logs?cursor=c';

function scan(json: string | Buffer): ReturnType<typeof scanCloudscalePage> {
  return scanCloudscalePage(Buffer.from(json));
}

function printed(json: string | Buffer): string {
  return toLines(scan(json).entries).toString();
}

function pageOf(entries: readonly string[], next: string | null = null, more = MORE): string {
  return `{"results":[${entries.join(',')}],"next":${JSON.stringify(next)},"poll_more":${JSON.stringify(more)}}`;
}

function refused(json: string, message: RegExp): void {
  assert.throws(
    () => scan(json),
    (error) => {
      assert.ok(error instanceof PageError, `${json}: ${String(error)}`);
      assert.match(error.message, message, json);
      return true;
    },
  );
}

describe('scanCloudscalePage cuts out each entry byte for byte', () => {
  it('whatever the entries', () => {
    fc.assert(
      fc.property(fc.array(anyJsonObject, { maxLength: 4 }), (texts) => {
        const page = pageOf(texts.map(({ json }) => json));
        assert.equal(printed(page), texts.map(({ line }) => `${line}\n`).join(''));
      }),
    );
  });

  for (const newline of ['\n', '\r\n'] as const) {
    it(`pretty-printed with ${JSON.stringify(newline)}`, () => {
      fc.assert(
        fc.property(fc.array(anyJsonObject, { maxLength: 4 }), (texts) => {
          const compact = texts.map(({ line }) => compactJson(line));
          const lines = printed(prettyJson(pageOf(compact), newline)).split('\n');
          assert.equal(lines.pop(), '');
          assert.deepEqual(lines.map(compactJson), compact);
        }),
        { numRuns: 50 },
      );
    });
  }

  it('what a parser would alter', () => {
    const entries = [
      '{"n":[9007199254740993,1.0,1e400,-0]}',
      '{"a":1,"a":2}',
      '{"s":"\\ud83d","u":"\u2028\u2029"}',
      '{"ip_address":null}',
      '{}',
    ];
    assert.equal(printed(pageOf(entries)), `${entries.join('\n')}\n`);
  });

  it('entries with members of the same names as the page', () => {
    const entry = '{"results":[{}],"next":"https://x.example/","poll_more":null}';
    const { entries, next, pollMore } = scan(pageOf([entry], NEXT));
    assert.deepEqual([entries.length, next, pollMore], [1, NEXT, MORE]);
    assert.equal(toLines(entries).toString(), `${entry}\n`);
  });

  it('alike to the byte, as often as they are there: they have no identity', () => {
    const { entries } = scan(pageOf(['{"n":1}', '{"n":1}']));
    assert.deepEqual(
      entries.map(({ id }) => id),
      [undefined, undefined],
    );
  });
});

describe('scanCloudscalePage reads', () => {
  const members = ['"results":[{"n":1}]', `"next":${JSON.stringify(NEXT)}`, `"poll_more":${JSON.stringify(MORE)}`];
  const [results = '', next = '', more = ''] = members;

  it('its members in any order, among others', () => {
    for (const order of [
      [results, next, more],
      [more, results, next],
      [next, '"count":7', more, '"x":{"results":7}', results],
    ]) {
      const page = scan(`\uFEFF\r\n {${order.join(' ,\n')}}\n`);
      assert.deepEqual([page.entries.length, page.next, page.pollMore], [1, NEXT, MORE]);
    }
  });

  it('members whose names and URLs are written with escapes', () => {
    const page = scan(`{"r\\u0065sults":[],"n\\u0065xt":null,"poll\\u005fmore":"https:\\/\\/h.example\\/\\u0061"}`);
    assert.deepEqual({ ...page }, { entries: [], rejected: [], next: null, pollMore: 'https://h.example/a' });
  });

  it('no next, and a next of null, as the last page', () => {
    assert.equal(scan(`{${results},${more}}`).next, null);
    assert.equal(scan(`{${results},"next":null,${more}}`).next, null);
  });

  it('the time with microseconds, and entries that have none', () => {
    const times = ['"2026-11-21T20:30:00.123456Z"', '"2026-11-21T21:30:00+01:00"', 'null', '"soon"', '{}'];
    const entries = [...times.map((time) => `{"timestamp":${time}}`), '{}'];
    const at = Date.parse('2026-11-21T20:30:00Z');
    assert.deepEqual(
      scan(pageOf(entries)).entries.map(({ time }) => time),
      [at, at, undefined, undefined, undefined, undefined],
    );
  });
});

describe('scanCloudscalePage refuses', () => {
  const ROWS: readonly (readonly [what: string, json: string, message: RegExp])[] = [
    ['nothing at all', '', /not JSON/],
    ['HTML', '<html></html>', /not JSON/],
    ['a list', '[]', /it is not an object/],
    ['a page without results', `{"next":null,"poll_more":"${MORE}"}`, /no list of entries \(results\)/],
    ['results of null', `{"results":null,"poll_more":"${MORE}"}`, /no list of entries \(results\)/],
    ['results that are an object', `{"results":{},"poll_more":"${MORE}"}`, /no list of entries \(results\)/],
    ['a page without poll_more', '{"results":[],"next":null}', /where to continue \(poll_more\)/],
    ['poll_more of null', '{"results":[],"next":null,"poll_more":null}', /where to continue \(poll_more\)/],
    ['poll_more that is not a URL', '{"results":[],"poll_more":"/v1/project-logs"}', /its poll_more is not a URL/],
    ['poll_more that is no text', '{"results":[],"poll_more":7}', /its poll_more is not a URL/],
    ['next that is not a URL', pageOf([], 'cursor=7'), /its next is not a URL/],
    ['an empty next', pageOf([], ''), /its next is not a URL/],
    ['next that is no text', `{"results":[],"next":false,"poll_more":"${MORE}"}`, /its next is not a URL/],
    ['an entry that is no object', pageOf(['{}', '42']), /event 2 of the page is not an object/],
    ['something behind its end', `${pageOf([])}{}`, /more after its end/],
  ];
  for (const [what, json, message] of ROWS) it(what, () => refused(json, message));

  it('what follows an entry without a comma, which is set aside without the entry before it', () => {
    const rest = ' {"b":[1]},{"c":"]"}';
    const json = Buffer.from(`{"results":[{"a":[]}${rest}],"next":null,"poll_more":"https://api.example.com/"}`);
    const { entries, rejected } = scanCloudscalePage(json, true);
    assert.deepEqual([...entries, ...rejected].map(({ start, end }) => json.toString('utf8', start, end)), ['{"a":[]}', rest]); // prettier-ignore
  });

  it('a page that is cut off anywhere', () => {
    const page = pageOf(['{"a":[1,"\\u00e4"]}', '{}'], NEXT);
    for (let end = 0; end < page.length; end++) refused(page.slice(0, end), /./);
  });

  it('whatever is not JSON, with a PageError and nothing else', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          damagedJson,
          anyJson.map(({ json }) => json),
        ),
        (text) => {
          for (const json of [text, pageOf([text])]) {
            try {
              scan(json);
            } catch (error) {
              assert.ok(error instanceof PageError);
              continue;
            }
            assert.ok(isJson(Buffer.from(json)), json);
          }
        },
      ),
    );
  });
});
