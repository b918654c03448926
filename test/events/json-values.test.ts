import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { endOfValue, typeAt, walkArray, walkObject } from '../../src/events/json-values.ts';
import { JsonSyntaxError, endOfString, skipSpace } from '../../src/events/json-tokens.ts';
import '../helpers/properties.ts';
import { anyJson, anyJsonObject, damagedJson, isJson } from '../helpers/arbitrary-json.ts';

/** Whether the whole text is one JSON value, with white space around it. */
function accepts(bytes: Uint8Array): boolean {
  return errorIn(bytes) === undefined;
}

function errorIn(bytes: Uint8Array): JsonSyntaxError | undefined {
  try {
    const end = skipSpace(bytes, endOfValue(bytes, skipSpace(bytes, 0)));
    return end === bytes.length ? undefined : new JsonSyntaxError(bytes, end);
  } catch (error) {
    assert.ok(error instanceof JsonSyntaxError);
    return error;
  }
}

describe('endOfValue accepts exactly what JSON.parse accepts', () => {
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

  it('in every text of up to four characters that matter', () => {
    const alphabet = ['{', '}', '[', ']', '"', ',', ':', '\\', '0', '1', '-', '.', 'e', '+', ' ', 'u', '\n', '\u0000'];
    let checked = 0;
    const extend = (text: string) => {
      const bytes = Buffer.from(text);
      if (accepts(bytes) !== isJson(bytes)) assert.fail(`JSON.parse disagrees on ${JSON.stringify(text)}`);
      checked++;
      if (text.length < 4) for (const character of alphabet) extend(text + character);
    };
    extend('');
    assert.equal(checked, 1 + 18 + 18 ** 2 + 18 ** 3 + 18 ** 4);
  });

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
  it('sees every byte in every place, whatever stands beside it', () => {
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

describe('endOfValue', () => {
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

describe('walkObject and walkArray', () => {
  const json = Buffer.from(' {"a" : 1 , "b\\"":[2, {}] ,\n"":"}"} ');

  it('visit each member and return the end', () => {
    const members: string[] = [];
    const end = walkObject(json, 1, (keyStart, keyEnd, value) => {
      const valueEnd = endOfValue(json, value);
      members.push(`${json.toString('utf8', keyStart, keyEnd)}=${json.toString('utf8', value, valueEnd)}`);
      return valueEnd;
    });
    assert.deepEqual([members, end], [['a=1', 'b\\"=[2, {}]', '="}"'], json.length - 1]);

    const elements: string[] = [];
    const list = Buffer.from('[ 1,"x" , [],{}\r\n]');
    const listEnd = walkArray(list, 0, (start) => {
      const elementEnd = endOfValue(list, start);
      elements.push(list.toString('utf8', start, elementEnd));
      return elementEnd;
    });
    assert.deepEqual([elements, listEnd], [['1', '"x"', '[]', '{}'], list.length]);
  });

  it('visit nothing in empty ones', () => {
    const never = () => assert.fail();
    assert.equal(walkObject(Buffer.from('{ \n }'), 0, never), 5);
    assert.equal(walkArray(Buffer.from('[\t]'), 0, never), 3);
  });

  it('accept what JSON.parse accepts', () => {
    fc.assert(
      fc.property(damagedJson, (text) => {
        const bytes = Buffer.from(text);
        const start = skipSpace(bytes, 0);
        const type = typeAt(bytes, start);
        if (type !== 'object' && type !== 'array') return;
        let accepted = false;
        try {
          const end =
            type === 'object'
              ? walkObject(bytes, start, (_start, _end, value) => endOfValue(bytes, value))
              : walkArray(bytes, start, (element) => endOfValue(bytes, element));
          accepted = skipSpace(bytes, end) === bytes.length;
        } catch (error) {
          assert.ok(error instanceof JsonSyntaxError);
        }
        assert.equal(accepted, isJson(bytes));
      }),
      { numRuns: 2000 },
    );
  });

  it('refuse a value of another type', () => {
    assert.throws(() => walkObject(Buffer.from('[]'), 0, () => 0), { offset: 0 });
    assert.throws(() => walkArray(Buffer.from('{}'), 0, () => 0), { offset: 0 });
    assert.throws(() => endOfString(Buffer.from('1'), 0), { offset: 0 });
    assert.throws(() => walkArray(Buffer.from(''), 5, () => 0), { offset: 0, cutOff: true });
  });
});

describe('typeAt', () => {
  const rows = { '{': 'object', '[': 'array', '"': 'string', 1: 'other', t: 'other', '': 'other' };
  for (const [text, type] of Object.entries(rows)) {
    it(`${type} for ${JSON.stringify(text)}`, () => assert.equal(typeAt(Buffer.from(text), 0), type));
  }
});
