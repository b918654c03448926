import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { PageError } from '../../src/lib/errors.ts';
import { toLines } from '../../src/events/event.ts';
import { EventId } from '../../src/events/event-id.ts';
import { scanIonosPage } from '../../src/providers/ionos-page.ts';
import { anyJson, anyJsonObject, damagedJson, isJson, type JsonText } from '../helpers/arbitrary-json.ts';
import '../helpers/properties.ts';
import { pageOf } from '../sandbox/ionos-page.ts';
import { compactJson, prettyJson } from '../sandbox/json-text.ts';
import { withDefaults, type SandboxOptions } from '../sandbox/options.ts';

const SHAPES = ['hits/_source', 'hits/source', 'hits/bare', 'items', 'array'] as const;

/** What is printed of a page. */
function printed(page: string | Buffer): string {
  return toLines(scanIonosPage(Buffer.from(page)).events).toString();
}

function compactPage(events: readonly string[], settings: Partial<SandboxOptions>): string {
  return pageOf(
    events.map((event) => Buffer.from(event)),
    events.length,
    withDefaults(settings),
  ).toString();
}

describe('scanIonosPage cuts out each event byte for byte', () => {
  const events = fc.array(anyJsonObject, { maxLength: 4 });
  const linesOf = (texts: readonly JsonText[]): string => texts.map(({ line }) => `${line}\n`).join('');

  for (const shape of SHAPES) {
    it(`from the shape ${shape}, whatever the events`, () => {
      fc.assert(
        fc.property(events, fc.boolean(), (texts, hitExtras) => {
          const page = compactPage(
            texts.map(({ json }) => json),
            { shape, hitExtras },
          );
          assert.equal(printed(page), linesOf(texts));
        }),
        { numRuns: 300 },
      );
    });

    for (const newline of ['\n', '\r\n'] as const) {
      it(`from the shape ${shape}, pretty-printed with ${JSON.stringify(newline)}`, () => {
        fc.assert(
          fc.property(events, (texts) => {
            const compact = texts.map(({ line }) => compactJson(line));
            const page = prettyJson(compactPage(compact, { shape }), newline);
            assert.ok(isJson(Buffer.from(page)));
            const lines = printed(page).split('\n');
            assert.equal(lines.pop(), '');
            assert.deepEqual(lines.map(compactJson), compact);
            // Nothing but line breaks went: each line stands in the page when that is put on one line.
            const flat = page.replace(/[\r\n]/g, '');
            for (const line of lines) assert.ok(flat.includes(line));
            assert.equal(lines.join('').search(/[\r\n]/), -1);
          }),
          { numRuns: 100 },
        );
      });
    }
  }

  it('from any white space around it', () => {
    const gap = fc.constantFrom('', ' ', '\n', '\r\n\t');
    fc.assert(
      fc.property(anyJsonObject, fc.array(gap, { minLength: 9, maxLength: 9 }), ({ json, line }, gaps) => {
        const tokens = ['{', '"hits"', ':', '{"hits":[{', '"_source"', ':', json, '}]', '}}'];
        const page = tokens.map((token, index) => token + (gaps[index] ?? '')).join('');
        assert.equal(printed(`\r\n${page}`), `${line}\n`);
      }),
    );
  });

  const verbatim = [
    '{"n":[9007199254740993,1.0,1e400,-0]}',
    '{"a":1,"a":2}',
    '{"s":"\\ud83d","u":"\u2028\u2029"}',
    `{"deep":${'[{"a":'.repeat(50_000)}1${'}]'.repeat(50_000)}}`,
  ];
  for (const event of verbatim) {
    it(`${event.slice(0, 50)} in every shape`, () => {
      for (const shape of SHAPES) {
        assert.equal(
          printed(compactPage([event, '{}', event], { shape, hitExtras: true })),
          `${event}\n{}\n${event}\n`,
        );
      }
    });
  }
});

describe('scanIonosPage', () => {
  it('knows identity and time of each event', () => {
    const page = '{"hits":{"hits":[{"_source":{"@uuid":"a","meta":{"time":"2016-09-23T12:02:52Z"}}},{"_source":{}}]}}';
    const [first, second] = scanIonosPage(Buffer.from(page)).events;
    assert.equal(String(first?.id).slice(0, 36), String(EventId.of('a')));
    assert.equal(first?.time, Date.parse('2016-09-23T12:02:52Z'));
    assert.notDeepEqual(second?.id, first.id);
    assert.equal(second?.time, undefined);
  });

  const shapes: [string, string, string[]][] = [
    ['no events', '{"hits":{"total":0,"hits":[]}}', []],
    ['null for no events', '{"hits":{"total":0,"hits":null}}', []],
    ['an empty list', '[]', []],
    ['empty items', ' {"items" : [ ] } ', []],
    ['a byte order mark', '\uFEFF[{"a":1}]', ['{"a":1}']],
    ['escaped keys', '{"h\\u0069ts":{"\\u0068its":[{"_sourc\\u0065":{"a":1}}]}}', ['{"a":1}']],
    ['_source before source', '{"hits":{"hits":[{"_source":{"a":1},"source":{"b":2}}]}}', ['{"a":1}']],
    ['_source behind source', '{"hits":{"hits":[{"source":{"b":2},"_source":{"a":1}}]}}', ['{"a":1}']],
    ['the last of two _source', '{"hits":{"hits":[{"_source":{"a":1},"_source":{"a":2}}]}}', ['{"a":2}']],
    ['the last of two _source, the first a number', '{"hits":{"hits":[{"_source":0,"_source":{"a":2}}]}}', ['{"a":2}']],
    [
      'source, when the last of two _source is null',
      '{"hits":{"hits":[{"_source":{"a":1},"_source":null,"source":{"b":2}}]}}',
      ['{"b":2}'],
    ],
    [
      'a bare event, when the last of two source is a text',
      '{"hits":{"hits":[{"source":{"a":1},"source":"x"}]}}',
      ['{"source":{"a":1},"source":"x"}'],
    ],
    ['source beside _source as null', '{"hits":{"hits":[{"_source":null,"source":{"a":1}}]}}', ['{"a":1}']],
    ['source before _source as null', '{"hits":{"hits":[{"source":{"a":1},"_source":null}]}}', ['{"a":1}']],
    ['a bare event with a source of its own', '{"hits":{"hits":[{"source":"DCD"}]}}', ['{"source":"DCD"}']],
    [
      'a bare event with an object for source',
      '{"hits":{"hits":[{"@uuid":"a","source":{"b":2}}]}}',
      ['{"@uuid":"a","source":{"b":2}}'],
    ],
    [
      'a bare hit whose source is an object',
      '{"hits":{"hits":[{"meta":{},"source":{"a":1}}]}}',
      ['{"meta":{},"source":{"a":1}}'],
    ],
    ['_source beside what an event has', '{"hits":{"hits":[{"_source":{"a":1},"event":{}}]}}', ['{"a":1}']],
    ['several shapes at once', '{"hits":{"hits":[{"a":1}]},"items":[{"b":2}]}', ['{"b":2}']],
    ['members that mean nothing', '{"took":3,"hits":{"max_score":null,"hits":[{"a":1}],"x":[]},"y":{}}', ['{"a":1}']],
    ['items that are no list', '{"items":{},"hits":{"hits":[{"a":1}]}}', ['{"a":1}']],
    ['hits further down', '{"data":{"hits":{}},"items":[{"a":1}]}', ['{"a":1}']],
  ];
  for (const [name, page, lines] of shapes) {
    it(`reads ${name}`, () => assert.equal(printed(page), lines.map((line) => `${line}\n`).join('')));
  }

  const totals: [string, number | undefined, boolean][] = [
    ['25000', 25_000, false],
    ['0', 0, false],
    ['"25000"', 25_000, false],
    ['{"value":25000,"relation":"eq"}', 25_000, false],
    ['{"value":10000,"relation":"gte"}', 10_000, true],
    ['{"relation":"gt\\u0065","value":10000}', 10_000, true],
    ['{"value":7}', 7, false],
    ['{"x":[],"value":7}', 7, false],
    ['{"value":"7","relation":1}', 7, false],
    ['{}', undefined, false],
    ['null', undefined, false],
    ['-1', undefined, false],
    ['1.5', undefined, false],
    ['1e3', undefined, false],
    ['9999999999999999', undefined, false],
    ['[]', undefined, false],
    ['true', undefined, false],
  ];
  for (const [text, total, totalIsLowerBound] of totals) {
    it(`takes the total ${text} for ${total ?? 'unknown'}`, () => {
      for (const page of [`{"hits":{"total":${text},"hits":[]}}`, `{"hits":{"hits":[],"total":${text}}}`]) {
        assert.deepEqual(scanIonosPage(Buffer.from(page)), { events: [], rejected: [], total, totalIsLowerBound });
      }
    });
  }

  it('knows no total where there is none', () => {
    for (const page of ['[]', '{"items":[]}', '{"total":5,"items":[]}', '{"hits":{"hits":[]}}']) {
      assert.equal(scanIonosPage(Buffer.from(page)).total, undefined, page);
    }
  });

  const refused: [string, string, RegExp][] = [
    ['nothing', '', /^it is not JSON: it ends after 0 bytes/],
    ['white space', ' \r\n', /^it is not JSON: it ends after 3 bytes/],
    ['HTML', '<html></html>', /^it is not JSON: unexpected byte at 0$/],
    ['text', 'Bad Gateway', /^it is not JSON: unexpected byte at 0$/],
    ['null', 'null', /^it is neither an object nor an array$/],
    ['a number', '42', /^it is neither/],
    ['a string', '"hits"', /^it is neither/],
    ['an object of another shape', '{"unexpected":[]}', /^it has no list of events \(hits\.hits, items or an array\)$/],
    ['an error of the API', '{"httpStatus":200,"messages":[]}', /^it has no list of events/],
    ['hits without hits', '{"hits":{"total":5}}', /^it has no list of events/],
    ['hits as null', '{"hits":null}', /^it has no list of events/],
    ['hits as a list', '{"hits":[{}]}', /^it has no list of events/],
    ['hits.hits as an object', '{"hits":{"hits":{}}}', /^hits\.hits is not a list$/],
    ['hits.hits as a number', '{"hits":{"hits":1}}', /^hits\.hits is not a list$/],
    ['items as null', '{"items":null}', /^it has no list of events/],
    ['an event that is a number', '{"hits":{"hits":[{"_source":{}},42]}}', /^event 2 of the page is not an object$/],
    [
      'a wrapped event that is text',
      '{"hits":{"hits":[{"_source":"text"}]}}',
      /^event 1 of the page is not an object$/,
    ],
    [
      'a wrapped event that is null',
      '{"hits":{"hits":[{"_source":null,"n":1}]}}',
      /^event 1 of the page is not an object$/,
    ],
    ['a wrapped event that is a list', '{"hits":{"hits":[{"_source":[]}]}}', /^event 1 of the page is not an object$/],
    ['an event that is null', '[{},{},null]', /^event 3 of the page is not an object$/],
    ['items of text', '{"items":["a"]}', /^event 1 of the page is not an object$/],
    ['more after its end', '{"items":[]}{}', /^there is more after its end at byte 12$/],
    [
      'two _source, the last of them null',
      '{"hits":{"hits":[{"_source":{"a":1},"_source":null}]}}',
      /^event 1 of the page is not an object$/,
    ],
    ['a number that is none in an event', '[{"a":01}]', /^it is not JSON: unexpected byte at 7$/],
    ['a comma too many', '{"items":[{},]}', /^it is not JSON: unexpected byte at 13$/],
    ['a literal that is cut off', '{"hits":{"hits":nul', /^it is not JSON: it ends after 19 bytes/],
  ];
  for (const [why, page] of [
    ['timed_out', '{"timed_out":true,"hits":{"hits":[{}]}}'],
    ['terminated_early', '{"hits":{"hits":[]},"terminated_early":true}'],
    ['is_partial', '{"is_partial":true,"hits":{"hits":[]}}'],
    ['2 of its shards failed', '{"_shards":{"total":5,"failed":2},"hits":{"hits":[{}]}}'],
  ] as const) {
    it(`refuses an answer that says that it is not complete, to be asked for again: ${why}`, () => {
      const message = `HTTP 200 with a page that says it is not complete (${why})`;
      assert.throws(() => scanIonosPage(Buffer.from(page)), { name: 'ApiError', retryable: true, message });
    });
  }

  it('sets aside what is not an event where it should', () => {
    for (const page of ['{"hits":{"hits":[{"_source":{}},null,{"_source":5},{}]}}', '[{},null,{"_source":5},{}]']) {
      const { events, rejected } = scanIonosPage(Buffer.from(page), true);
      const texts = [...events, ...rejected].map(({ json, start, end }) => json.toString('utf8', start, end));
      assert.deepEqual(texts.slice(-1), page.startsWith('[') ? ['null'] : ['{"_source":5}']);
      assert.equal(events.length + rejected.length, 4);
    }
  });

  it('accepts an answer that says that it is complete', () => {
    const complete =
      '{"timed_out":false,"terminated_early":false,"is_partial":false,"_shards":{"total":5,"failed":0,"skipped":1},"hits":{"hits":[{}]}}';
    assert.equal(scanIonosPage(Buffer.from(complete)).events.length, 1);
    for (const shards of ['{}', 'null', '5']) {
      assert.equal(scanIonosPage(Buffer.from(`{"_shards":${shards},"items":[{}]}`)).events.length, 1, shards);
    }
  });

  for (const [name, page, message] of refused) {
    it(`refuses ${name}`, () => assert.throws(() => scanIonosPage(Buffer.from(page)), { name: 'PageError', message }));
  }

  it('refuses a page that is cut off, wherever that was, and says so', () => {
    for (const shape of SHAPES) {
      const page = Buffer.from(compactPage(['{"@uuid":"ä","n":[1.5,null]}', '{}'], { shape, hitExtras: true }));
      for (let end = 0; end < page.length; end++) {
        // A buffer of its own, and nothing behind it.
        const cut = Buffer.from(new Uint8Array(page.subarray(0, end)).buffer);
        assert.throws(() => scanIonosPage(cut), {
          name: 'PageError',
          message: `it is not JSON: it ends after ${end} bytes, in the middle of a value`,
        });
      }
    }
  });

  it('accepts no page that JSON.parse refuses, and fails in no other way', () => {
    const page = fc
      .tuple(damagedJson, fc.constantFrom(...SHAPES))
      .map(([event, shape]) => compactPage([event], { shape }));
    fc.assert(
      fc.property(
        fc.oneof(
          page,
          damagedJson,
          anyJson.map(({ json }) => json),
        ),
        (text) => {
          const body = Buffer.from(text);
          try {
            scanIonosPage(body);
          } catch (error) {
            assert.ok(error instanceof PageError, String(error));
            if (isJson(body)) assert.doesNotMatch(error.message, /^it is not JSON/);
            return;
          }
          assert.ok(isJson(body));
        },
      ),
      { numRuns: 3000 },
    );
  });
});
