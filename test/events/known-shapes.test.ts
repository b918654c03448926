import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { FieldScanner, textAt, type FieldPath } from '../../src/events/field-scanner.ts';
import { JsonSyntaxError, skipSpace } from '../../src/events/json-tokens.ts';
import { Shapes } from '../../src/events/known-shapes.ts';
import { anyJson, anyJsonObject, isJson } from '../helpers/arbitrary-json.ts';
import '../helpers/properties.ts';

const PATHS: readonly FieldPath[] = [[], ['@uuid'], ['meta'], ['meta', 'time'], ['event', 'type'], ['time']];
/** Strings that are no keys, numbers and words. Keys are taken first, as they are. */
const TOKENS = /("(?:[^"\\]|\\.)*"\s*:)|"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|true|false|null/gs;

const anyScalar = anyJson.map(({ json }) => json).filter((json) => !/^[[{]/.test(json));

function withScalars(json: string, scalars: readonly string[]): string {
  let n = 0;
  return json.replace(TOKENS, (token, key?: string) =>
    key === undefined ? (scalars[n++ % scalars.length] ?? '') : token,
  );
}

const anyScalars = fc.array(anyScalar, { minLength: 1, maxLength: 5 });

function noFields(): { starts: Int32Array; ends: Int32Array; depths: Int32Array } {
  return { starts: new Int32Array(0), ends: new Int32Array(0), depths: new Int32Array(0) };
}

/** Shapes that know this object. */
function knowing(...objects: string[]): Shapes {
  const shapes = new Shapes(noFields());
  for (const object of objects) shapes.learn(Buffer.from(object), 0, Buffer.byteLength(object));
  return shapes;
}

describe('Shapes', () => {
  it('knows an object again, whatever its scalars are and wherever it stands', () => {
    fc.assert(
      fc.property(anyJsonObject, anyScalars, fc.constantFrom('', ' ', ',{}'), ({ json }, scalars, behind) => {
        const other = Buffer.from(`[[${withScalars(json, scalars)}${behind}`);
        assert.equal(knowing(json).match(other, 2), other.length - behind.length);
      }),
      { numRuns: 1000 },
    );
  });

  const rows: [string, string[]][] = [
    ['{}', ['{ }', '{"a":1}', '{', '']],
    [
      '{"a":1}',
      ['{}', '{"b":1}', '{"a" :1}', '{"a":[]}', '{"a":{}}', '{"a":1 }', '{"a":1,"b":2}', '{"aa":1}', '{"a":1'],
    ],
    ['{"a":[1,2]}', ['{"a":[1]}', '{"a":[1,2,3]}', '{"a":[]}', '{"a":[[1,2]]}', '{"a":[1,{}]}', '{"a":[1, 2]}']],
    ['{"a":{"b":1}}', ['{"a":1}', '{"a":{}}', '{"a":{"b":1},"c":1}', '{"a":{"b":[]}}', '{"\\u0061":{"b":1}}']],
    ['{"a":[]}', ['{"a":1}', '{"a":[1]}', '{"a":{}}', '{"a":"[]"}']],
  ];
  for (const [known, others] of rows) {
    it(`does not take anything else for ${known}`, () => {
      for (const other of others) assert.equal(knowing(known).match(Buffer.from(other), 0), -1, other);
    });
  }

  it('knows shapes of which one begins like the other, whichever came first', () => {
    const objects = ['{"a":1}', '{"a":[1]}', '{"a":[]}', '{"a":[{"b":1}]}', '{"a":[1],"b":1}', '{"a":1,"b":1}', '{}'];
    for (const order of [objects, objects.toReversed()]) {
      const shapes = knowing(...order);
      for (const object of objects) assert.equal(shapes.match(Buffer.from(object), 0), object.length, object);
    }
  });

  it('finds a scalar that is none, and says where', () => {
    for (const [json, offset] of [
      ['{"a":"x', 7],
      ['{"a":', 5],
      ['{"a":x}', 5],
      ['{"a":-}', 6],
      ['{"a":tru}', 8],
      ['{"a":"\u0001"}', 6],
    ] as const) {
      assert.throws(
        () => knowing('{"a":1}').match(Buffer.from(json), 0),
        (error) => error instanceof JsonSyntaxError && error.offset === offset,
        json,
      );
    }
  });

  it('keeps what it knows when the memory is used again', () => {
    const memory = Buffer.from('{"abcdefg":1}');
    const shapes = new Shapes(noFields());
    shapes.learn(memory, 0, memory.length);
    memory.fill(0);
    assert.equal(shapes.match(Buffer.from('{"abcdefg":2}'), 0), 13);
  });

  const numbers = (count: number) => `[${Array.from({ length: count }, () => '1').join(',')}]`;
  const bounds: [what: string, learnt: string, tooMuch: string][] = [
    ['scalars', `{"a":${numbers(256)}}`, `{"a":${numbers(257)}}`],
    ['bytes before a scalar', `{"${'k'.repeat(1020)}":1}`, `{"${'k'.repeat(1021)}":1}`],
    ['bytes between scalars', `{"a":1,"${'k'.repeat(1020)}":1}`, `{"a":1,"${'k'.repeat(1021)}":1}`],
    ['blanks', `{"a":${' '.repeat(1019)}1}`, `{"a":${' '.repeat(1020)}1}`],
    ['bytes at the end', `{"a":1${'}'.padStart(1024)}`, `{"a":1${'}'.padStart(2000)}`],
  ];
  for (const [what, learnt, tooMuch] of bounds) {
    it(`does not learn an object with too many ${what}, and none of its pieces`, () => {
      assert.equal(knowing(learnt).match(Buffer.from(learnt), 0), learnt.length);
      const shapes = knowing(...Array.from({ length: 20 }, (_, n) => tooMuch.replace('{', `{"${n}":1,`)), tooMuch);
      assert.equal(shapes.match(Buffer.from(tooMuch), 0), -1);
      shapes.learn(Buffer.from('{"z":1}'), 0, 7);
      assert.equal(shapes.match(Buffer.from('{"z":1}'), 0), 7);
    });
  }

  it('learns a limited number of shapes, in one place and in all', () => {
    const keys = Array.from({ length: 20 }, (_, n) => `k${n}`);
    const known = (objects: readonly string[]) => {
      const shapes = knowing(...objects);
      return objects.filter((json) => shapes.match(Buffer.from(json), 0) > 0).length;
    };
    assert.equal(known(keys.map((key) => `{"${key}":1}`)), 16);
    const pairs = keys.slice(0, 16).flatMap((a) => keys.slice(0, 16).map((b) => `{"${a}":1,"${b}":1}`));
    assert.equal(known(pairs), 256);
    const triples = pairs.flatMap((json) => keys.slice(0, 4).map((key) => json.replace('}', `,"${key}":1}`)));
    // One piece for a first key, one for each pair, two for each triple: room for 6 first keys, 14 pairs and a triple.
    assert.equal(known(triples), 6 * 64 + 14 * 4 + 1);
  });

  it('is not asked for a while where it knows too few, and is asked again later', () => {
    const shapes = knowing('{"a":1}');
    const [known, unknown] = [Buffer.from('{"a":1}'), Buffer.from('{"b":1}')];
    const misses = (count: number) => {
      for (let n = 0; n < count; n++) assert.equal(shapes.match(unknown, 0), -1);
    };
    for (let round = 0; round < 3; round++) {
      misses(33);
      assert.equal(shapes.match(known, 0), 7, 'it is still asked');
      misses(1);
      assert.equal(shapes.match(known, 0), -1, 'it rests');
      shapes.learn(Buffer.from(`{"c${round}":1}`), 0, 8);
      misses(1_999);
      assert.equal(shapes.match(known, 0), 7, 'it has rested');
      assert.equal(shapes.match(Buffer.from(`{"c${round}":1}`), 0), -1, 'it learnt nothing meanwhile');
      for (let n = 0; n < 10; n++) shapes.match(known, 0);
    }
  });

  it('is asked all the time where it knows three of four', () => {
    const shapes = knowing('{"a":1}');
    let found = 0;
    for (let n = 0; n < 10_000; n++) {
      if (shapes.match(Buffer.from(n % 4 === 0 ? '{"b":1}' : '{"a":1}'), 0) > 0) found++;
    }
    assert.equal(found, 7_500);
  });
});

describe('FieldScanner that knows shapes', () => {
  it('asks for them, and learns what it did not find', (t) => {
    const match = t.mock.method(Shapes.prototype, 'match');
    const scanner = new FieldScanner([['a']]);
    for (const json of ['{"a":1}', '{"a":2}', '{"b":2}', '{"b":"x"}']) scanner.scan(Buffer.from(json), 0);
    assert.deepEqual(
      match.mock.calls.map(({ result }) => result),
      [-1, 7, -1, 9],
    );
  });

  it('finds a field behind as many scalars as may be', () => {
    const scanner = new FieldScanner([['z']]);
    for (const last of ['"x1"', '"x2"', '12']) {
      const json = Buffer.from(`{"a":[${'1,'.repeat(254)}1],"z":${last} }`);
      scanner.scan(json, 0);
      assert.equal(textAt(json, scanner.field(0) ?? { start: 0, end: 0 }), last);
    }
  });

  /** What a scanner says to a text, which lies in memory that held others before. */
  function said(scanner: FieldScanner, json: Buffer): object {
    try {
      const end = scanner.scan(json, 0);
      return {
        end,
        fields: PATHS.map((_, index) => [scanner.field(index), scanner.field(index) && scanner.depth(index)]),
      };
    } catch (error) {
      assert.ok(error instanceof JsonSyntaxError);
      return { offset: error.offset, cutOff: error.cutOff };
    }
  }

  const anyTexts = fc
    .tuple(
      anyJsonObject,
      anyJsonObject,
      fc.array(
        fc.tuple(fc.boolean(), anyScalars, fc.nat(), fc.constantFrom('', '', '', '"', '{', '}', ',', '1', ' ')),
        {
          minLength: 2,
          maxLength: 8,
        },
      ),
    )
    .map(([one, other, changes]) =>
      changes.map(([isOne, scalars, place, inserted]) => {
        const json = withScalars((isOne ? one : other).json, scalars);
        const at = place % (json.length + 1);
        return json.slice(0, at) + inserted + json.slice(at);
      }),
    );

  it('says of any row of texts, valid and broken, what one says that sees each as its first', (t) => {
    const match = t.mock.method(Shapes.prototype, 'match');
    const memory = Buffer.alloc(100_000);
    let valid = 0;
    let known = 0;
    fc.assert(
      fc.property(anyTexts, (texts) => {
        const experienced = new FieldScanner(PATHS);
        for (const text of texts) {
          const json = memory.subarray(0, memory.write(text));
          const expected = said(new FieldScanner(PATHS), json);
          const isWhole = 'end' in expected && skipSpace(json, Number(expected.end)) === json.length;
          assert.equal(isWhole, json[0] === 0x7b && isJson(json), text);
          if ('end' in expected) valid++;
          match.mock.resetCalls();
          assert.deepEqual(said(experienced, json), expected, text);
          if ((match.mock.calls[0]?.result ?? -1) >= 0) known++;
        }
      }),
      { numRuns: 2000 },
    );
    assert.ok(valid > 3000, `only ${valid} were valid`);
    assert.ok(known > 1000, `only ${known} were known`);
  });
});
