import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { error, lineIn, ok, warning } from '../../src/check/finding.ts';
import { countLevels, renderJson, renderText } from '../../src/check/report.ts';

const SECRET = 'a-long-secret';
const FINDINGS = [
  ...ok('a', 'all is well'),
  ...warning('b', 'b is odd', { at: { file: '/etc/b' }, impact: 'b may happen' }),
  ...error('c', `c shows ${SECRET}`, {
    at: { file: '/etc/c', line: 3 },
    impact: 'c happens',
    fix: 'C on',
    command: 'run c',
  }),
  ...error('d', 'd\nis\u001b[2J odd', { fix: 'D on' }),
];

describe('the report of check', () => {
  it('has a line for each finding, with its place, impact, fix and command, and their number', () => {
    assert.equal(
      renderText(FINDINGS, { colours: false, secrets: [SECRET] }),
      '✓ all is well\n! /etc/b: b is odd: b may happen\n✗ /etc/c:3: c shows [redacted]: c happens. Fix: C on. Run: run c\n' +
        '✗ d is\\u001b[2J odd. Fix: D on\n2 errors, 1 warning\n',
    );
    assert.equal(renderText([], { colours: false, secrets: [] }), '0 errors, 0 warnings\n');
  });

  it('is coloured on a terminal: green, yellow, red', () => {
    const text = renderText(FINDINGS.slice(0, 3), { colours: true, secrets: [] });
    const symbols = text.split('\n').map((line) => line.slice(0, line.indexOf(' ')));
    assert.deepEqual(symbols.slice(0, 3), ['\u001b[32m✓\u001b[0m', '\u001b[33m!\u001b[0m', '\u001b[31m✗\u001b[0m']);
  });

  it('is JSON for programs, without the secrets', () => {
    const { errors, warnings, findings } = JSON.parse(renderJson(FINDINGS, { secrets: [SECRET] })) as Record<
      string,
      unknown
    >;
    assert.deepEqual([errors, warnings], [2, 1]);
    assert.deepEqual((findings as unknown[])[0], { level: 'ok', code: 'a', message: 'all is well' });
    assert.deepEqual((findings as unknown[])[2], {
      level: 'error',
      code: 'c',
      message: 'c shows [redacted]',
      file: '/etc/c',
      line: 3,
      impact: 'c happens',
      fix: 'C on',
      command: 'run c',
    });
    assert.deepEqual(countLevels(FINDINGS), { errors: 2, warnings: 1 });
  });
});

describe('a line to write into a configuration', () => {
  for (const [value, yaml] of [
    ['2M', '2M'],
    ['${A}', '${A}'],
    ['a:b', 'a:b'],
    ['a: b', "'a: b'"],
    ['a #b', "'a #b'"],
    ['a#b', 'a#b'],
    ['*', "'*'"],
    ['@x', "'@x'"],
    ['-x', "'-x'"],
    ["it's #1", "'it''s #1'"],
    ["'a' 'b'", "'''a'' ''b'''"],
    ['a ', "'a '"],
  ] as const) {
    it(`is in its format: ${value}`, () => {
      assert.equal(lineIn({ format: 'classic' }, 'Buf_Size', value), `Buf_Size ${value}`);
      assert.equal(lineIn({ format: 'yaml' }, 'Buf_Size', value), `buf_size: ${yaml}`);
    });
  }
});
