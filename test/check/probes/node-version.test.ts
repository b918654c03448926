import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { checkNode, isAtLeast } from '../../../src/check/probes/node-version.ts';

describe('a version', () => {
  for (const [version, least, isEnough] of [
    ['20.18.1', '20.18.1', true],
    ['20.18.2', '20.18.1', true],
    ['20.18.0', '20.18.1', false],
    ['20.9.5', '20.18.1', false],
    ['20.100.0', '20.18.1', true],
    ['22.0.0', '20.18.1', true],
    ['18.99.99', '20.18.1', false],
    ['21', '20.18.1', true],
    ['20', '20.18.1', false],
    ['v22.1.0-rc.1', '20.18.1', true],
    ['20.18.1-pre.9', '20.18.1', true],
    ['', '20.18.1', false],
  ] as const) {
    it(`${version} is ${isEnough ? '' : 'not '}at least ${least}`, () =>
      assert.equal(isAtLeast(version, least), isEnough));
  }

  it('of Node.js is named with its place, and with what to do where it is too old', () => {
    const at = { file: '/script', line: 1 };
    assert.deepEqual(checkNode('20.18.1', '/node', { at })[0], {
      level: 'ok',
      code: 'node',
      message: 'Node 20.18.1 at /node',
      ...at,
    });
    assert.deepEqual(checkNode('18.0.0', '/node')[0], {
      level: 'error',
      code: 'node',
      message: 'Node 18.0.0 at /node is older than 20.18.1',
      impact: 'the program may not start',
      command: 'sudo ./install.sh',
    });
  });
});
