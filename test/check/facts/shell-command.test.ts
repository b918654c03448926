import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { findScriptCall, shellCommands, startsPythonFetcher } from '../../../src/check/facts/shell-command.ts';

describe('the commands of a command line', () => {
  for (const [line, commands] of [
    ['a b', [['a', 'b']]],
    ['a; b && c | d || e & f', [['a'], ['b'], ['c'], ['d'], ['e'], ['f']]],
    ['a\nb', [['a'], ['b']]],
    ['a \\\n  b', [['a', 'b']]],
    ['a "b c" \'d $e\'', [['a', 'b c', 'd $e']]],
    ['a $B ${C}', [['a', '$B', '${C}']]],
    ['a > f 2>&1 b', [['a', 'b']]],
    ['a 2>> f < g b', [['a', 'b']]],
    ['a 22 b', [['a', '22', 'b']]],
    ['a *.log', [['a', '*.log']]],
    ['a; ; b', [['a'], ['b']]],
    ['', []],
  ] as const) {
    it(`are ${JSON.stringify(commands)} in ${JSON.stringify(line)}`, () => {
      assert.deepEqual(shellCommands(line), commands);
    });
  }
});

describe('a command line that starts this program', () => {
  const NONE = { interpreter: undefined, args: [], assignments: {}, hasExec: false, isAlone: true };

  for (const [line, call] of [
    ['fetch-activity-logs', { script: 'fetch-activity-logs' }],
    [
      'exec /opt/fetch-activity-logs --quiet x',
      { script: '/opt/fetch-activity-logs', args: ['--quiet', 'x'], hasExec: true },
    ],
    [
      'A=1 B=x=y exec ./fetch-activity-logs.mjs',
      { script: './fetch-activity-logs.mjs', assignments: { A: '1', B: 'x=y' }, hasExec: true },
    ],
    ['_A1=x fetch-activity-logs', { script: 'fetch-activity-logs', assignments: { _A1: 'x' } }],
    ['node fetch-activity-logs.js', { script: 'fetch-activity-logs.js', interpreter: 'node' }],
    [
      '/usr/bin/node-22 fetch-activity-logs.cjs',
      { script: 'fetch-activity-logs.cjs', interpreter: '/usr/bin/node-22' },
    ],
    [
      'env A= nodejs20 fetch-activity-logs',
      { script: 'fetch-activity-logs', interpreter: 'nodejs20', assignments: { A: '' } },
    ],
    ['/opt/node nodejs fetch-activity-logs', { script: 'fetch-activity-logs', interpreter: '/opt/node' }],
    ['nodemon exec fetch-activity-logs', { script: 'fetch-activity-logs' }],
    ['mynode fetch-activity-logs', { script: 'fetch-activity-logs' }],
    ['sleep 1; fetch-activity-logs a=b', { script: 'fetch-activity-logs', args: ['a=b'], isAlone: false }],
  ] as const) {
    it(`says how: ${line}`, () => assert.deepEqual(findScriptCall(line), { ...NONE, ...call }));
  }

  for (const line of [
    '',
    'my-fetch-activity-logs',
    'fetch-activity-logs.txt',
    'fetch-activity-logs.jsx',
    'cat fetch-activity-logs/x',
  ]) {
    it(`is none of another name: ${line}`, () => assert.equal(findScriptCall(line), undefined));
  }

  it("is not the tutorial's fetcher", () => {
    assert.ok(startsPythonFetcher('a; python3 /x/fetch_activity_logs.py >> log'));
    assert.ok(!startsPythonFetcher('python3 /x/fetch_activity_logs.py.old'));
    assert.ok(!startsPythonFetcher('a > fetch_activity_logs.py'));
  });
});
