import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { FieldScanner, stringAt, textAt } from '../../src/events/field-scanner.ts';
import type { FieldPath, Span } from '../../src/events/wanted-fields.ts';
import { JsonReader } from '../../src/events/json-reader.ts';
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

/** Scans the object at `at` and returns its end. */
function scan<Name extends string>(scanner: FieldScanner<Name>, json: Buffer, at = 0): number {
  const reader = new JsonReader(json, at);
  scanner.scan(reader);
  return reader.pos;
}

/** A copy of the field's span: the scanner's own is reused. */
function spanOf<Name extends string>(scanner: FieldScanner<Name>, name: Name): Span | undefined {
  const field = scanner.field(name);
  return field === undefined ? undefined : { start: field.start, end: field.end };
}

describe('FieldScanner', () => {
  const scanner = new FieldScanner(Object.fromEntries(PATHS.map((path, index) => [String(index), path])));

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
          assert.equal(scan(scanner, json, 2), json.length - 2);
          const parsed: unknown = JSON.parse(text);
          for (const [index, path] of PATHS.entries()) {
            const span = scanner.field(String(index));
            const value: unknown = span === undefined ? undefined : JSON.parse(textAt(json, span));
            assert.deepEqual(span === undefined ? undefined : { value }, follow(parsed, path), path.join('.'));
            if (span === undefined) continue;
            found++;
            const reader = new JsonReader(json, span.start);
            reader.skipValue();
            assert.equal(span.end, reader.pos, path.join('.'));
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
          end = scan(scanner, json);
        } catch (error) {
          assert.ok(error instanceof JsonSyntaxError);
        }
        assert.equal(end === json.length, json[0] === 0x7b && isJson(json));
      }),
      { numRuns: 2000 },
    );
  });

  it('forgets what it found before', () => {
    const one = new FieldScanner({ a: ['a'], c: ['b', 'c'], absent: ['absent'] });
    const full = Buffer.from('{"a":1,"b":{"c":2}}');
    scan(one, full);
    assert.deepEqual(
      [spanOf(one, 'a'), spanOf(one, 'c')],
      [
        { start: 5, end: 6 },
        { start: 16, end: 17 },
      ],
    );
    scan(one, Buffer.from('{}'));
    assert.deepEqual([one.field('a'), one.field('c'), one.field('absent')], [undefined, undefined, undefined]);
  });

  it('takes a field of the last of two equal objects only', () => {
    const one = new FieldScanner({ time: ['meta', 'time'], b: ['meta', 'a', 'b'] });
    for (const last of ['{}', 'null', '[]', '{"a":{}}', '{"a":1}', '"time"']) {
      scan(one, Buffer.from(`{"meta":{"time":1,"a":{"b":2}},"meta":${last}}`));
      assert.deepEqual([one.field('time'), one.field('b')], [undefined, undefined], last);
    }
  });

  it('finds a field, one inside of it, and the same one under two names', () => {
    const one = new FieldScanner({ meta: ['meta'], time: ['meta', 'time'], again: ['meta', 'time'] });
    const json = Buffer.from('{"time":0,"meta":{"meta":{"time":1},"time":[2]}}');
    scan(one, json);
    assert.equal(textAt(json, one.field('meta') ?? { start: 0, end: 0 }), '{"meta":{"time":1},"time":[2]}');
    for (const name of ['time', 'again'] as const) {
      assert.equal(textAt(json, one.field(name) ?? { start: 0, end: 0 }), '[2]', name);
    }
    scan(one, Buffer.from('{"meta":[{"time":1},{"meta":{"time":2}}]}'));
    assert.deepEqual(spanOf(one, 'meta'), { start: 8, end: 40 });
    assert.deepEqual([one.field('time'), one.field('again')], [undefined, undefined]);
  });

  it('works inside of a larger piece of memory', () => {
    const memory = Buffer.from('{"a":"wrong"}{"a":"right"}');
    const json = memory.subarray(13);
    const one = new FieldScanner({ a: ['a'] });
    assert.equal(scan(one, json), json.length);
    assert.equal(stringAt(json, one.field('a') ?? { start: 0, end: 0 }), 'right');
  });

  it('looks for nothing when it has no paths, and still finds the end', () => {
    assert.equal(scan(new FieldScanner({}), Buffer.from('{"a":{"b":[]}} ')), 14);
  });

  it('follows nesting of 100,000 levels in a field and beside it', () => {
    const nested = `${'[{"a":'.repeat(50_000)}1${'}]'.repeat(50_000)}`;
    const json = Buffer.from(`{"x":${nested},"a":${nested}}`);
    const one = new FieldScanner({ a: ['a'] });
    assert.equal(scan(one, json), json.length);
    assert.equal(textAt(json, one.field('a') ?? { start: 0, end: 0 }), nested);
  });
});
