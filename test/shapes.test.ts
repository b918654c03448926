import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { FieldScanner, type FieldPath } from '../src/event-scanner.ts';
import { JsonSyntaxError } from '../src/json-text.ts';
import { Shapes } from '../src/shapes.ts';
import { anyJson, anyJsonObject } from './helpers/arbitrary-json.ts';
import './helpers/properties.ts';

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

  it('does not learn what would take much memory, and goes on to know the rest', () => {
    const manyScalars = `{"a":[${'1,'.repeat(256)}1]}`;
    const longPiece = `{"${'a'.repeat(2000)}":1}`;
    const known = '{"z":1}';
    const shapes = knowing(known, manyScalars, longPiece);
    for (const json of [manyScalars, longPiece]) assert.equal(shapes.match(Buffer.from(json), 0), -1);
    assert.equal(shapes.match(Buffer.from(known), 0), known.length);
    const most = `{"a":[${'1,'.repeat(255)}1]}`;
    assert.equal(knowing(most).match(Buffer.from(most), 0), most.length);
  });

  it('learns a limited number of shapes, in one place and in all', () => {
    const keys = Array.from({ length: 20 }, (_, n) => `k${n}`);
    const alike = keys.map((key) => `{"${key}":1}`);
    const shapes = knowing(...alike);
    assert.equal(alike.filter((json) => shapes.match(Buffer.from(json), 0) > 0).length, 16);

    const nested = keys.flatMap((a) => keys.flatMap((b) => keys.map((c) => `{"${a}":1,"${b}":1,"${c}":1}`)));
    const full = knowing(...nested);
    const count = nested.filter((json) => full.match(Buffer.from(json), 0) > 0).length;
    assert.ok(count > 100 && count < 1000, String(count));
  });
});

describe('FieldScanner that knows shapes', () => {
  /** What a scanner says to a text, which lies in memory that held others before. */
  function said(scanner: FieldScanner, json: Buffer): unknown {
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

  it('says of any row of texts, valid and broken, what one says that sees each as its first', () => {
    const memory = Buffer.alloc(100_000);
    let valid = 0;
    fc.assert(
      fc.property(anyTexts, (texts) => {
        const experienced = new FieldScanner(PATHS);
        for (const text of texts) {
          const json = memory.subarray(0, memory.write(text));
          const expected = said(new FieldScanner(PATHS), json);
          if (Object.hasOwn(expected as object, 'end')) valid++;
          assert.deepEqual(said(experienced, json), expected, text);
        }
      }),
      { numRuns: 2000 },
    );
    assert.ok(valid > 3000, `only ${valid} were valid`);
  });
});
