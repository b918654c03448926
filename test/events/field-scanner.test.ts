import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { FieldScanner, indexOfKey, stringAt, textAt, type FieldPath } from '../../src/events/field-scanner.ts';
import { depthOfLastValue, endOfValue } from '../../src/events/json-values.ts';
import { JsonSyntaxError } from '../../src/events/json-tokens.ts';
import '../helpers/properties.ts';
import { anyJsonObject, damagedJson, isJson } from '../helpers/arbitrary-json.ts';

const PATHS: readonly FieldPath[] = [
  ['@uuid'],
  ['meta'],
  ['meta', 'time'],
  ['meta', 'time', 'type'],
  ['event', 'type'],
  ['event', 'meta', 'time'],
  [''],
  ['__proto__'],
  ['größe', '🚀'],
  [],
  ['meta'],
];

/** What the path leads to in a value that JSON.parse returned, through objects only. */
function follow(value: unknown, path: FieldPath): { value: unknown } | undefined {
  const [key, ...rest] = path;
  if (key === undefined) return { value };
  if (typeof value !== 'object' || value === null || Array.isArray(value) || !Object.hasOwn(value, key)) {
    return undefined;
  }
  return follow(Object.getOwnPropertyDescriptor(value, key)?.value, rest);
}

/** The key as a JSON string, some of its characters as escapes. */
function spelled(key: string): fc.Arbitrary<string> {
  const characters = Array.from(key);
  return fc
    .array(fc.boolean(), { minLength: characters.length, maxLength: characters.length })
    .map((escaped) => `"${characters.map((plain, at) => (escaped[at] === true ? escapes(plain) : plain)).join('')}"`);
}

function escapes(character: string): string {
  const units = Array.from({ length: character.length }, (_, at) => character.charCodeAt(at));
  return units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('');
}

/** Objects made of the keys of PATHS, so that paths are found at every depth, and found twice. */
const objectsOfPaths = fc.letrec<{ object: string; value: string }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom('1', 'null', '"text"', '1e400', '[{"time":1}]', '[]', '{}', '9007199254740993', '"\\ud83d"'),
    tie('object'),
    tie('object').map((object) => `[${object}]`),
  ),
  object: fc
    .array(
      fc.tuple(
        fc.constantFrom(...new Set(PATHS.flat()), 'other', 'Meta', 'meta ').chain(spelled),
        fc.constantFrom(':', ' : ', '\r\n:\t'),
        tie('value'),
      ),
      { maxLength: 6 },
    )
    .map((members) => `{${members.map((member) => member.join('')).join(', ')}}`),
})).object;

describe('FieldScanner', () => {
  const scanner = new FieldScanner(PATHS);

  it('finds the fields that JSON.parse finds: the last of equal keys, through escaped keys, at any depth', () => {
    let found = 0;
    fc.assert(
      fc.property(
        fc.oneof(
          objectsOfPaths,
          anyJsonObject.map(({ json }) => json),
        ),
        (text) => {
          const json = Buffer.from(`  ${text} ,`);
          assert.equal(scanner.scan(json, 2), json.length - 2);
          const parsed: unknown = JSON.parse(text);
          for (const [index, path] of PATHS.entries()) {
            const span = scanner.field(index);
            const value: unknown = span === undefined ? undefined : JSON.parse(textAt(json, span));
            assert.deepEqual(span === undefined ? undefined : { value }, follow(parsed, path), path.join('.'));
            if (span === undefined) continue;
            found++;
            endOfValue(json, span.start);
            assert.equal(scanner.depth(index), depthOfLastValue, path.join('.'));
          }
        },
      ),
      { numRuns: 2000 },
    );
    assert.ok(found > 1000, `only ${found} fields came up`);
  });

  it('accepts what JSON.parse accepts, as long as it is an object', () => {
    fc.assert(
      fc.property(damagedJson, (text) => {
        const json = Buffer.from(text.trim());
        let end = -1;
        try {
          end = scanner.scan(json, 0);
        } catch (error) {
          assert.ok(error instanceof JsonSyntaxError);
        }
        assert.equal(end === json.length, json[0] === 0x7b && isJson(json));
      }),
      { numRuns: 2000 },
    );
  });

  it('forgets what it found before', () => {
    const one = new FieldScanner([['a'], ['b', 'c']]);
    const full = Buffer.from('{"a":1,"b":{"c":2}}');
    one.scan(full, 0);
    assert.deepEqual(
      [one.field(0), one.field(1)],
      [
        { start: 5, end: 6 },
        { start: 16, end: 17 },
      ],
    );
    one.scan(Buffer.from('{}'), 0);
    assert.deepEqual([one.field(0), one.field(1), one.field(2)], [undefined, undefined, undefined]);
  });

  it('takes a field of the last of two equal objects only', () => {
    const one = new FieldScanner([
      ['meta', 'time'],
      ['meta', 'a', 'b'],
    ]);
    for (const last of ['{}', 'null', '[]', '{"a":{}}', '{"a":1}', '"time"']) {
      one.scan(Buffer.from(`{"meta":{"time":1,"a":{"b":2}},"meta":${last}}`), 0);
      assert.deepEqual([one.field(0), one.field(1)], [undefined, undefined], last);
    }
  });

  it('works inside of a larger piece of memory', () => {
    const memory = Buffer.from('{"a":"wrong"}{"a":"right"}');
    const json = memory.subarray(13);
    const one = new FieldScanner([['a']]);
    assert.equal(one.scan(json, 0), json.length);
    assert.equal(stringAt(json, one.field(0) ?? { start: 0, end: 0 }), 'right');
  });

  it('looks for nothing when it has no paths, and still finds the end', () => {
    assert.equal(new FieldScanner([]).scan(Buffer.from('{"a":{"b":[]}} '), 0), 14);
  });

  it('follows nesting of 100,000 levels in a field and beside it', () => {
    const nested = `${'[{"a":'.repeat(50_000)}1${'}]'.repeat(50_000)}`;
    const json = Buffer.from(`{"x":${nested},"a":${nested}}`);
    const one = new FieldScanner([['a']]);
    assert.equal(one.scan(json, 0), json.length);
    assert.equal(textAt(json, one.field(0) ?? { start: 0, end: 0 }), nested);
  });
});

describe('indexOfKey', () => {
  const names = ['hits', 'total', 'hi', 'ü'].map((name) => Buffer.from(name));
  const rows: [string, number][] = [
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
  for (const [key, index] of rows) {
    it(`${index} for ${key}`, () => {
      const json = Buffer.from(`"${key}"`);
      assert.equal(indexOfKey(json, 1, json.length - 1, names), index);
    });
  }
});

describe('stringAt', () => {
  it('reads what JSON.parse reads, and nothing but strings', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const json = Buffer.from(JSON.stringify(text));
        assert.equal(stringAt(json, { start: 0, end: endOfValue(json, 0) }), text);
      }),
    );
    for (const other of ['1', 'null', '{}', '["a"]']) {
      assert.equal(stringAt(Buffer.from(other), { start: 0, end: other.length }), undefined);
    }
  });
});
