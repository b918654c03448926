import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { locate, type ConfigFiles } from '../../../src/check/fluent-bit-config/model.ts';
import { isKnownKey, meantKey } from '../../../src/check/fluent-bit-config/silent-keys.ts';
import { leadingInteger, sizeInBytes, truth } from '../../../src/check/fluent-bit-config/values.ts';
import { substitute } from '../../../src/check/fluent-bit-config/variables.ts';

describe('a value, as Fluent Bit reads it,', () => {
  for (const [text, bytes] of [
    ['10', 10],
    ['1', 1],
    ['2M', 2_000_000],
    ['2mb', 2_000_000],
    ['1.5k', 1_500],
    ['3KB', 3_000],
    ['1G', 1e9],
    ['1GB', 1e9],
    ['0.0015k', 1],
    ['False', 0],
    ['', undefined],
    ['2T', undefined],
    ['5 M', undefined],
    ['M', 0],
  ] as const) {
    it(`is a size of ${String(bytes)} bytes: ${JSON.stringify(text)}`, () => assert.equal(sizeInBytes(text), bytes));
  }

  for (const [word, is] of [
    ['True', true],
    ['ON', true],
    ['yes', true],
    ['false', false],
    ['Off', false],
    ['No', false],
    ['1', undefined],
    ['', undefined],
    [undefined, undefined],
  ] as const) {
    it(`is ${String(is)}: ${String(word)}`, () => assert.equal(truth(word), is));
  }

  it('is a number up to the first other character', () => {
    assert.deepEqual(['5m', ' 12', '-3', 'x5', '', '0x10'].map(leadingInteger), [5, 12, -3, 0, 0, 0]);
  });

  for (const [raw, value] of [
    ['${A}', 'a'],
    ['x${A}${A}y', 'xaay'],
    ['${NONE}', ''],
    ['${}', '${}'],
    ['$A {A}', '$A {A}'],
    ['${A:-b}', 'a'],
    ['${NONE:-b}', 'b'],
    ['${EMPTY:-b}', 'b'],
    ['${NONE:-b:-c}', 'b:-c'],
    ['${NONE:-}', ''],
    ['${NONE:-b\nc}', 'b\nc'],
    ['${:-b}', 'b'],
    ['${A:b}', ''],
  ] as const) {
    it(`is ${JSON.stringify(value)}: ${JSON.stringify(raw)}`, () => {
      assert.equal(
        substitute(raw, (name) => ({ A: 'a', EMPTY: '' })[name]),
        value,
      );
    });
  }
});

describe('a key that Fluent Bit ignores', () => {
  it('is the one that was probably meant, where it resembles one', () => {
    assert.equal(meantKey('service', 'flsh'), 'flush');
    assert.equal(meantKey('parser', 'time_fromat'), 'time_format');
    assert.equal(meantKey('service', 'something.of.a.later.version'), undefined);
  });

  it('is none of those that it knows', () => {
    const files = ['log_file', 'parsers_file', 'plugins_file', 'streams_file'];
    for (const key of [
      'flush',
      'grace',
      'daemon',
      ...files,
      'http_listen',
      'health_check',
      'hot_reload',
      'dns.mode',
      'scheduler.cap',
      'scheduler.base',
      'storage.keep.rejected',
      'storage.sync',
      'telemetry',
      'storage.path',
    ]) {
      assert.ok(isKnownKey('service', key));
      assert.equal(meantKey('service', key), undefined);
    }
    assert.ok(isKnownKey('parser', 'name') && isKnownKey('parser', 'decode_field_as'));
    assert.ok(!isKnownKey('parser', 'flush') && !isKnownKey('service', '') && !isKnownKey('parser', ''));
  });
});

it('a relative path is looked for in the working folder, then beside the main file', () => {
  const files = (...there: string[]): ConfigFiles => ({
    isFile: (file) => there.includes(file),
    read: () => '',
    list: () => [],
    realPath: (file) => file,
  });
  assert.equal(locate('a', '/main', '/cwd', files('/main/a', '/cwd/a')), '/cwd/a');
  assert.equal(locate('a', '/main', '/cwd', files('/main/a', '/cwd/b')), '/main/a');
  assert.equal(locate('a', '/main', '/cwd', files('/a')), undefined);
  assert.equal(locate('/a', '/main', '/cwd', files('/a', '/cwd/a')), '/a');
  assert.equal(locate('/a', '/main', '/cwd', files('/main/a', '/cwd/a')), undefined);
});
