import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { EventReader, toLines, type EventSlice } from '../../src/events/event.ts';
import { JsonReader } from '../../src/events/json-reader.ts';
import { EventId } from '../../src/events/event-id.ts';
import { JsonSyntaxError } from '../../src/events/json-tokens.ts';
import '../helpers/properties.ts';
import { anyJsonObject } from '../helpers/arbitrary-json.ts';

const reader = new EventReader({ id: ['@uuid'], time: ['meta', 'time'] });

function read(text: string): EventSlice {
  return reader.read(new JsonReader(Buffer.from(text), 0));
}

/** Read as if they stood in one page, with this between and behind them. */
function readAll(texts: readonly string[], between: string, behind = ''): EventSlice[] {
  const page = Buffer.from(`${texts.join(between)}${behind}`);
  let at = 0;
  return texts.map((text) => {
    const event = reader.read(new JsonReader(page, at));
    at += Buffer.byteLength(text + between);
    return event;
  });
}

describe('toLines', () => {
  it('prints any event as it came, less the line breaks between its tokens', () => {
    fc.assert(
      fc.property(
        fc.array(anyJsonObject, { minLength: 1, maxLength: 5 }),
        fc.constantFrom('', ', ', ',\n', ' ,\r\n  '),
        fc.constantFrom('', ']', '\n]}'),
        fc.array(fc.boolean(), { minLength: 5, maxLength: 5 }),
        fc.boolean(),
        (texts, between, behind, areWanted, isReversed) => {
          const all = texts.map(({ json }) => json);
          const wanted = readAll(all, between, behind)
            .map((event, index) => ({ event, line: texts[index]?.line }))
            .filter((_, index) => areWanted[index]);
          if (isReversed) wanted.reverse();
          const lines = toLines(wanted.map(({ event }) => event)).toString();
          assert.equal(lines, wanted.map(({ line }) => `${line}\n`).join(''));
        },
      ),
      { numRuns: 500 },
    );
  });

  it('prints one line an event that holds the same values', () => {
    fc.assert(
      fc.property(anyJsonObject, ({ json }) => {
        const line = toLines([read(json)]).toString();
        assert.equal(line.indexOf('\n'), line.length - 1);
        assert.ok(!line.includes('\r'));
        assert.deepEqual(JSON.parse(line), JSON.parse(json));
      }),
    );
  });

  const verbatim = [
    '{"n":[9007199254740993,1.0,1e400,-0,-0.0,1E+2,0.10]}',
    '{"n":12345678901234567890123456789012345678901234567890.000000000000000000001e-400}',
    '{"a":1,"a":2,"a":{"a":3,"a":4}}',
    '{"z":1,"a":2,"10":3,"9":4}',
    '{"s":"\\ud83d","t":"\\ude80\\uD83D","u":"\\u00e9é\\/\\u002f"}',
    '{"s":"a\u2028b\u2029c\u0085d\u007f"}',
    '{"s":"\\n\\r\\u000a\\u000d"}',
    '{"__proto__":{"x":1},"constructor":null,"":""}',
    '{ "spaces" :\t[ 1 , 2 ] }',
  ];
  for (const text of verbatim) {
    it(`prints ${text} byte for byte`, () => {
      assert.deepEqual(toLines([read(text)]), Buffer.from(`${text}\n`));
    });
  }

  it('prints bytes that are not UTF-8 as they came', () => {
    const bytes = Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xff, 0xc3, 0x28]), Buffer.from('"}')]);
    assert.deepEqual(toLines([reader.read(new JsonReader(bytes, 0))]), Buffer.concat([bytes, Buffer.from('\n')]));
  });

  it('prints 100,000 levels of nesting', () => {
    const text = `{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`;
    assert.equal(toLines([read(text)]).toString(), `${text}\n`);
  });

  it('prints events of several pages, of which only some have line breaks', () => {
    const events = [...readAll(['{\n"a":1}', '{"b":2}'], '\n'), read('{"c":3}'), read('{"d":\r\n4}')];
    assert.equal(toLines(events).toString(), '{"a":1}\n{"b":2}\n{"c":3}\n{"d":4}\n');
  });

  it('prints an event that is further behind in its page than the one before in another', () => {
    const [first] = readAll(['{"a":1}'], '', ']'.repeat(99));
    const [, second] = readAll(['{"x":0}', '{"b":2}'], ' '.repeat(30), ']');
    assert.ok(first !== undefined && second !== undefined);
    assert.equal(toLines([first, second]).toString(), '{"a":1}\n{"b":2}\n');
  });

  it('prints nothing for no events', () => {
    assert.equal(toLines([]).length, 0);
  });
});

/** As it is in an id's text. */
function checkOf(text: string): string {
  return String(read(text).id).slice(-8);
}

describe("an event's id", () => {
  const same: [string, string, string][] = [
    ['the same @uuid', '{"@uuid":"a","n":1}', '{"n":2,"@uuid":"a"}'],
    ['the same @uuid, one key escaped', '{"@uuid":"a","n":1}', '{"\\u0040uuid":"a"}'],
    ['the same number', '{"@uuid":9007199254740993}', '{"@uuid":9007199254740993,"n":1}'],
    ['the same number of one digit', '{"@uuid":0}', '{"@uuid":0,"n":1}'],
    ['the same negative number', '{"@uuid":-1}', '{"@uuid":-1,"n":1}'],
    ['the same number that begins with 9', '{"@uuid":9}', '{"@uuid":9,"n":1}'],
    ['the last of two @uuid', '{"@uuid":"b"}', '{"@uuid":"a","@uuid":"b"}'],
  ];
  const withoutCheck = (text: string) => String(read(text).id).slice(0, 36);
  for (const [name, one, other] of same) {
    it(`is the same but for the check: ${name}`, () => {
      assert.equal(withoutCheck(one), withoutCheck(other));
      assert.notDeepEqual(read(one).id, read(other).id);
    });
  }

  it('is the same for the same bytes', () => {
    for (const json of ['{"@uuid":"a","n":1}', '{"n":1}']) assert.deepEqual(read(json).id, read(json).id);
  });

  const different: [string, string, string][] = [
    ['another @uuid', '{"@uuid":"a"}', '{"@uuid":"b"}'],
    ['numbers that a JavaScript number takes for the same', '{"@uuid":9007199254740993}', '{"@uuid":9007199254740992}'],
    ['no @uuid and other bytes', '{"n":1}', '{"n":1.0}'],
    ['an empty @uuid', '{"@uuid":"","n":1}', '{"@uuid":"","n":2}'],
    ['null', '{"@uuid":null,"n":1}', '{"@uuid":null,"n":2}'],
    ['an object', '{"@uuid":{},"n":1}', '{"@uuid":{},"n":2}'],
    ['true', '{"@uuid":true,"n":1}', '{"@uuid":true,"n":2}'],
    ['a list', '{"@uuid":["a"],"n":1}', '{"@uuid":["a"],"n":2}'],
    ['an @uuid further down', '{"a":{"@uuid":"a"},"n":1}', '{"a":{"@uuid":"a"},"n":2}'],
  ];
  for (const [name, one, other] of different) {
    it(`is another, whatever the check says: ${name}`, () => assert.notEqual(withoutCheck(one), withoutCheck(other)));
  }

  it('does not depend on where the event is', () => {
    const [first, second] = readAll(['{"@uuid":"a"}', '{"@uuid":"a"}'], ',');
    assert.equal(String(first?.id), `${String(EventId.of('a'))}.${checkOf('{"@uuid":"a"}')}`);
    assert.deepEqual(second?.id, first?.id);
  });

  it('is a UUID itself, and a hash of what is as long and none', () => {
    const uuid = '6c8f4fb0-4e4a-4d5c-9a3e-0a4d5c6b7a89';
    const json = `{"@uuid":"${uuid}"}`;
    assert.equal(String(read(json).id), `${uuid}.${checkOf(json)}`);
    const number = '1'.repeat(38);
    const text = `{"@uuid":${number}}`;
    assert.equal(String(read(text).id), `${String(EventId.ofHash(Buffer.from(number)))}.${checkOf(text)}`);
  });

  it('is none where the source has none', () => {
    const anonymous = new EventReader({ id: undefined, time: ['timestamp'] });
    const event = anonymous.read(
      new JsonReader(Buffer.from('{"@uuid":"a","timestamp":"2026-11-21T20:25:55.123456Z"}'), 0),
    );
    assert.deepEqual([event.id, event.time], [undefined, Date.parse('2026-11-21T20:25:55Z')]);
  });
});

describe("an event's time", () => {
  const instant = Date.parse('2016-09-23T12:02:52Z');
  const rows: [string, number | undefined][] = [
    ['"2016-09-23T12:02:52Z"', instant],
    ['"2016-09-23T12:02:52.394Z"', instant],
    ['"2016-09-23T12:02:52.394417Z"', instant],
    ['"2016-09-23T13:02:52.394+01:00"', instant + 394],
    ['"2016-09-23T12:02:52.394+0000"', instant + 394],
    ['"2016-09-23t12:02:52z"', instant],
    ['"2016-09-23 12:02:52Z"', instant],
    ['"2016-09-23T12:02:52\\u005a"', instant],
    ['0', 0],
    ['1474632172', instant],
    ['"1474632172"', instant],
    ['1474632172394', instant + 394],
    ['1474632172.5', instant + 500],
    ['"2016-09-23T12:02:52"', instant],
    ['"2016-09-23 12:02:52.394"', instant + 394],
    ['"2016-09-23T24:00:00Z"', Date.parse('2016-09-24T00:00:00Z')],
    ['"2016-12-31T23:59:60Z"', Date.parse('2017-01-01T00:00:00Z')],
    ['99999999999', 99_999_999_999_000],
    ['100000000000', 100_000_000_000],
    ['"2016-99-23T12:02:52Z"', undefined],
    ['"2016-13-23T12:02:52Z"', undefined],
    ['"20x6-09-23T12:02:52Z"', undefined],
    ['"2016-09-23T25:02:52Z"', undefined],
    ['"2016-09-23T12:60:52Z"', undefined],
    ['"2016-09-23T12:02:61Z"', undefined],
    ['"2016-09-32T12:02:52Z"', undefined],
    ['"yesterday"', undefined],
    ['"request 5"', undefined],
    ['""', undefined],
    ['null', undefined],
    ['true', undefined],
    ['{}', undefined],
    ['[2016]', undefined],
    ['-5', undefined],
    ['1e400', undefined],
    ['"0001-01-01T00:00:00Z"', undefined],
    ['"1969-12-31T23:59:59+00:00"', undefined],
    ['"1970-01-01T00:00:00Z"', 0],
    ['"9999-12-31T23:59:59Z"', Date.parse('9999-12-31T23:59:59Z')],
    ['"9999-12-31T23:59:59-01:00"', undefined],
    ['1474632172394000', undefined],
    ['99999999999999999999', undefined],
    ['9'.repeat(400), undefined],
  ];
  const zone = process.env['TZ'];
  before(() => {
    process.env['TZ'] = 'America/New_York';
  });
  after(() => {
    if (zone === undefined) delete process.env['TZ'];
    else process.env['TZ'] = zone;
  });
  for (const [value, time] of rows) {
    it(`${value.slice(0, 40)} on a machine in New York`, () =>
      assert.equal(read(`{"meta":{"time":${value}}}`).time, time));
  }

  it('is undefined where a digit is something else', () => {
    const text = '2016-09-23T12:02:52Z';
    for (const [place] of Array.from(text).entries()) {
      if (!/\d/.test(text.charAt(place))) continue;
      for (const other of ['/', ':', 'a']) {
        const time = `${text.slice(0, place)}${other}${text.slice(place + 1)}`;
        assert.equal(read(`{"meta":{"time":"${time}"}}`).time, undefined, time);
      }
    }
  });

  it('is undefined when it is not there', () => {
    for (const text of ['{}', '{"meta":{}}', '{"meta":[]}', '{"time":"2016-09-23T12:02:52Z"}']) {
      assert.equal(read(text).time, undefined);
    }
  });

  it('is exact to the second for any instant', () => {
    fc.assert(
      fc.property(fc.date({ min: new Date(0), max: new Date('9999-12-31T23:59:59Z'), noInvalidDate: true }), (date) => {
        const { time } = read(JSON.stringify({ meta: { time: date } }));
        assert.equal(Math.floor((time ?? NaN) / 1000), Math.floor(date.getTime() / 1000));
      }),
    );
  });
});

describe('EventReader', () => {
  it('refuses what is not valid JSON or no object', () => {
    for (const text of ['', '[]', '1', '{"a":01}', '{"a":1', '{"@uuid":"a\u0000"}']) {
      assert.throws(() => read(text), JsonSyntaxError);
    }
  });
});
