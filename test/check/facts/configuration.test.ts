import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { readConfiguration } from '../../../src/check/facts/configuration.ts';
import type { Environment } from '../../../src/check/facts/environment.ts';
import { thisMachine } from '../../../src/check/facts/machine.ts';
import { temporaryFolder } from '../../helpers/temporary-folder.ts';

const ENVIRONMENT: Environment = { variables: {}, service: undefined, isKnown: true, hint: () => '' };

it('what no user can read is an error of the configuration, whoever looks at it', async (t) => {
  const machine = { ...thisMachine(), root: await temporaryFolder(t) };
  mkdirSync(join(machine.root, 'folder'));
  for (const uid of [0, 1000, undefined]) {
    const read = readConfiguration('/folder', true, ENVIRONMENT, { ...machine, uid });
    const message = 'it cannot be read (EISDIR)';
    assert.deepEqual(read, { findings: [{ level: 'error', code: 'config', message, file: '/folder', impact: 'Fluent Bit does not start' }] }); // prettier-ignore
  }
});

it('a fault of this program is not one of the configuration', async (t) => {
  const machine = { ...thisMachine(), root: await temporaryFolder(t) };
  writeFileSync(join(machine.root, 'main.conf'), '[INPUT]\n    Name ${A}\n');
  const variables = Object.defineProperty({}, 'A', {
    get: () => {
      throw new TypeError('a fault');
    },
  });
  const read = () => readConfiguration('/main.conf', true, { ...ENVIRONMENT, variables }, machine);
  assert.throws(read, new TypeError('a fault'));
});
