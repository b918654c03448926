import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { JsonReader } from '../../src/events/json-reader.ts';
import { readPage } from '../../src/events/read-page.ts';
import { JsonSyntaxError, endOfString as endOfStringIn, skipSpace } from '../../src/events/json-tokens.ts';
import { accepts, agreesOnTextsUpTo, endOfValue, errorIn } from '../helpers/json-acceptance.ts';
import '../helpers/properties.ts';
import { anyJson, anyJsonObject, damagedJson, isJson } from '../helpers/arbitrary-json.ts';

function endOfString(bytes: Uint8Array, at: number): number {
  return endOfStringIn(bytes, new DataView(bytes.buffer, bytes.byteOffset, bytes.length), at);
}

describe('JsonReader.skipValue accepts exactly what JSON.parse accepts', () => {
  it('in any valid text', () => {
    fc.assert(
      fc.property(anyJson, ({ json }) => {
        const bytes = Buffer.from(json);
        assert.ok(isJson(bytes));
        assert.equal(endOfValue(bytes, 0), bytes.length);
      }),
      { numRuns: 500 },
    );
  });

  it('in any text that was damaged', () => {
    fc.assert(
      fc.property(damagedJson, (text) => {
        const bytes = Buffer.from(text);
        assert.equal(accepts(bytes), isJson(bytes));
      }),
      { numRuns: 3000 },
    );
  });

  it('in every text of up to three characters that matter', () => agreesOnTextsUpTo(3));

  it('in every text that is one byte away from a valid one', () => {
    const valid = '{"a\\u00e9\\"":[-1.5e+3,true,false,null,{}],"b":"","c":[ [] ,\t0]}';
    for (let at = 0; at < valid.length; at++) {
      for (let byte = 0; byte < 0x80; byte++) {
        const bytes = Buffer.from(valid);
        bytes[at] = byte;
        if (accepts(bytes) !== isJson(bytes)) assert.fail(`JSON.parse disagrees on ${bytes.toString()}`);
      }
    }
  });

  const texts = [
    ...[
      '""',
      '"\\u00Ff"',
      '"\u007f\u2028"',
      '0',
      '-0',
      '0.0',
      '1e5',
      '1E-5',
      '-1.25e+09',
      '[]',
      '{}',
      ' [ ] ',
      '\r\n{\t}',
    ],
    ...['', ' ', '01', '-', '+1', '.5', '1.', '1.e1', '1e', '1e+', '0x1', 'NaN', 'Infinity', 'tru', 'True', 'nulll'],
    ...[
      '"',
      '"\\"',
      '"\\x"',
      '"\\u12g4"',
      '"\\u123"',
      '"\t"',
      '"\n"',
      "'a'",
      '[1,]',
      '[,1]',
      '[1 2]',
      '[',
      ']',
      '[1',
      '[}',
    ],
    ...[
      '{',
      '}',
      '{]',
      '{a:1}',
      '{"a"}',
      '{"a":}',
      '{"a":1,}',
      '{"a" 1}',
      '{"a":1 "b":2}',
      '{"a":1,,"b":2}',
      '{,}',
      '{1:2}',
    ],
    ...['1 2', '{}{}', '[] []', '// 1', '1 // one', '/* */ 1', '\uFEFF1', '\u00a01', '\u000b1', 'true false', 'null,'],
  ];
  for (const text of texts) {
    it(JSON.stringify(text), () => assert.equal(accepts(Buffer.from(text)), isJson(Buffer.from(text))));
  }
});

describe('endOfString', () => {
  /** Byte by byte: where the string ends, or less the offset of what does not belong into it. */
  function slowly(bytes: Uint8Array): number {
    for (let p = 1; ; p++) {
      const byte = bytes[p] ?? 0;
      if (byte === 0x22) return p + 1;
      if (byte < 0x20) return -p;
      if (byte !== 0x5c) continue;
      const escaped = bytes[++p] ?? 0;
      if (escaped === 0x75) {
        for (const end = p + 4; p < end;) if (!/[0-9a-f]/i.test(String.fromCharCode(bytes[++p] ?? 0))) return -p;
      } else if (!'"\\/bfnrt'.includes(String.fromCharCode(escaped))) return -p;
    }
  }

  function quickly(bytes: Uint8Array): number {
    try {
      return endOfString(bytes, 0);
    } catch (error) {
      assert.ok(error instanceof JsonSyntaxError);
      return -error.offset;
    }
  }

  // A lead byte, a quote, a backslash, a control character, and their neighbours: what is subtracted from one of four
  // bytes may borrow from the next.
  const others = [0x00, 0x01, 0x1f, 0x20, 0x21, 0x22, 0x23, 0x5b, 0x5c, 0x5d, 0x7f, 0x80, 0xa2, 0xdc, 0xff];
  it('sees every byte in every place, whatever is beside it', (t) => {
    // Half a million errors: to write down where each comes from would take 2 seconds.
    const { stackTraceLimit } = Error;
    t.after(() => (Error.stackTraceLimit = stackTraceLimit));
    Error.stackTraceLimit = 0;
    for (const [before, after] of others.flatMap((one) => others.map((other) => [one, other] as const))) {
      for (let place = 1; place <= 9; place++) {
        for (let byte = 0; byte < 256; byte++) {
          const bytes = new Uint8Array(12).fill(0x61);
          bytes[0] = bytes[11] = 0x22;
          if (place > 1) bytes[place - 1] = before;
          bytes.set([byte, after], place);
          if (quickly(bytes) !== slowly(bytes)) assert.fail(`${bytes.toString()}: ${quickly(bytes)}`);
        }
      }
    }
  });

  it('does not look behind the end of the text, nor before its beginning in larger memory', () => {
    const memory = Buffer.from('"""""abc"""""');
    for (let end = 5; end <= 8; end++) {
      assert.throws(() => endOfString(memory.subarray(4, end), 0), { name: 'JsonSyntaxError', cutOff: true });
    }
    assert.equal(endOfString(memory.subarray(4, 9), 0), 5);
  });
});

describe('JsonReader.skipValue', () => {
  it('ends a value at the same place, whatever comes behind it', () => {
    fc.assert(
      fc.property(anyJson, fc.constantFrom('', ',', ']', '}', ' ', '\n', ':', ' garbage'), ({ json }, behind) => {
        const before = '  ';
        const length = Buffer.byteLength(json);
        assert.equal(endOfValue(Buffer.from(before + json + behind), before.length), before.length + length);
      }),
    );
  });

  const DEPTH = 100_000;
  const deep: [string, string, string][] = [
    ['arrays', '[', ']'],
    ['objects', '{"a":', '}'],
    ['both in turn', '[{"a":', '}]'],
  ];
  for (const [name, open, close] of deep) {
    it(`follows ${name} 100,000 levels deep, and finds the one that is not closed`, () => {
      const text = Buffer.from(`${open.repeat(DEPTH)}1${close.repeat(DEPTH)}`);
      assert.equal(endOfValue(text, 0), text.length);
      const cut = text.subarray(0, -1);
      assert.throws(() => endOfValue(cut, 0), { name: 'JsonSyntaxError', cutOff: true, offset: cut.length });
      const swapped = Buffer.from(text);
      swapped[text.length - 1] = text.at(-1) === 0x5d ? 0x7d : 0x5d;
      assert.throws(() => endOfValue(swapped, 0), { cutOff: false, offset: text.length - 1 });
      assert.equal(endOfValue(Buffer.from('[[],{}]'), 0), 7);
    });
  }
});

describe('JsonSyntaxError', () => {
  it('says that a text was cut off, wherever that was', () => {
    fc.assert(
      fc.property(anyJsonObject, fc.nat(), ({ json }, place) => {
        const whole = Buffer.from(json);
        const cut = whole.subarray(0, place % whole.length);
        const error = errorIn(cut);
        assert.deepEqual([error?.cutOff, error?.offset], [true, cut.length]);
        assert.match(error?.message ?? '', new RegExp(`^it ends after ${cut.length} bytes`));
      }),
    );
  });

  it('names the first byte that does not fit: what is before may go on, what includes it may not', () => {
    fc.assert(
      fc.property(damagedJson, (text) => {
        const bytes = Buffer.from(text);
        const error = errorIn(bytes);
        if (error === undefined || error.cutOff) return;
        const before = errorIn(bytes.subarray(0, error.offset));
        assert.ok(before === undefined || before.cutOff);
        assert.equal(errorIn(bytes.subarray(0, error.offset + 1))?.offset, error.offset);
        assert.equal(error.message, `unexpected byte at ${error.offset}`);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('JsonReader', () => {
  it('goes through the members of an object and the elements of an array', () => {
    const json = Buffer.from(' {"a" : 1 , "b\\"":[2, {}] ,\n"":"}"} ');
    const reader = new JsonReader(json, 1);
    const members: [string, string][] = [];
    for (let more = reader.enterObject(); more; more = reader.nextMember()) members.push([reader.key(), reader.text()]);
    assert.deepEqual(members, [
      ['a', '1'],
      ['b"', '[2, {}]'],
      ['', '"}"'],
    ]);
    assert.equal(reader.pos, json.length - 1);

    const list = new JsonReader(Buffer.from('[ 1,"x" , [],{}\r\n]'));
    const elements: [string, string][] = [];
    for (let more = list.enterArray(); more; more = list.nextElement()) elements.push([list.type(), list.text()]);
    assert.deepEqual(elements, [
      ['other', '1'],
      ['string', '"x"'],
      ['array', '[]'],
      ['object', '{}'],
    ]);
    assert.equal(list.pos, list.json.length);
  });

  it('has read an empty object or array when it entered it', () => {
    const [object, array] = [new JsonReader(Buffer.from('{ \n }')), new JsonReader(Buffer.from('[\t]'))];
    assert.deepEqual([object.enterObject(), object.pos, array.enterArray(), array.pos], [false, 5, false, 3]);
  });

  it('accepts what JSON.parse accepts, member by member and element by element', () => {
    fc.assert(
      fc.property(damagedJson, (text) => {
        const bytes = Buffer.from(text);
        const reader = new JsonReader(bytes);
        reader.skipSpace();
        const type = reader.type();
        if (type !== 'object' && type !== 'array') return;
        let accepted = false;
        try {
          if (type === 'object')
            for (let more = reader.enterObject(); more; more = reader.nextMember()) reader.skipValue();
          else for (let more = reader.enterArray(); more; more = reader.nextElement()) reader.skipValue();
          accepted = skipSpace(bytes, reader.pos) === bytes.length;
        } catch (error) {
          assert.ok(error instanceof JsonSyntaxError);
        }
        assert.equal(accepted, isJson(bytes));
      }),
      { numRuns: 2000 },
    );
  });

  it('refuses a value of another type', () => {
    assert.throws(() => new JsonReader(Buffer.from('[]')).enterObject(), { offset: 0 });
    assert.throws(() => new JsonReader(Buffer.from('{}')).enterArray(), { offset: 0 });
    assert.throws(() => endOfString(Buffer.from('1'), 0), { offset: 0 });
    assert.throws(() => new JsonReader(Buffer.from(''), 5).enterArray(), { offset: 0, cutOff: true });
    assert.throws(() => new JsonReader(Buffer.from('[1]')).refuse('no list'), {
      name: 'PageError',
      message: 'no list',
    });
    assert.throws(() => new JsonReader(Buffer.from('[1')).refuse('no list'), { name: 'JsonSyntaxError' });
  });

  it('reads what JSON.parse reads of a string, and of nothing else', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        assert.equal(new JsonReader(Buffer.from(JSON.stringify(text))).string(), text);
      }),
    );
    for (const other of ['1', 'null', '{}', '["a"]']) {
      const reader = new JsonReader(Buffer.from(other));
      assert.deepEqual([reader.string(), reader.pos], [undefined, other.length]);
    }
  });

  const rows = { '{': 'object', '[': 'array', '"': 'string', 1: 'other', t: 'other', '': 'other' };
  for (const [text, type] of Object.entries(rows)) {
    it(`knows ${type} from ${JSON.stringify(text)}`, () =>
      assert.equal(new JsonReader(Buffer.from(text)).type(), type));
  }

  const names = ['hits', 'total', 'hi', 'ü'].map((name) => Buffer.from(name));
  const keys: [string, number][] = [
    ['hits', 0],
    ['total', 1],
    ['hi', 2],
    ['ü', 3],
    ['h\\u0069ts', 0],
    ['\\u0068\\u0069', 2],
    ['\\u00fc', 3],
    ['u\\u0308', -1],
    ['hit', -1],
    ['Hits', -1],
    ['', -1],
    ['hits\\u0000', -1],
    ['\\ud83d', -1],
  ];
  for (const [key, index] of keys) {
    it(`finds the key ${key} among names: ${index}`, () => {
      const reader = new JsonReader(Buffer.from(`{"${key}":1}`));
      reader.enterObject();
      assert.equal(reader.keyAmong(names), index);
    });
  }
});

describe('readPage', () => {
  const text = (body: string) => readPage(Buffer.from(body), (reader) => reader.text());

  it('reads one value, with white space and a byte-order mark around it', () => {
    assert.equal(text(' {"a": 1}\r\n'), '{"a": 1}');
    assert.equal(text('\uFEFF[]'), '[]');
  });

  it('throws PageError for whatever is wrong', () => {
    for (const body of ['', '{', '1 2', '{}\uFEFF']) assert.throws(() => text(body), { name: 'PageError' }, body);
  });
});
