import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { it } from 'node:test';
import { thisMachine } from '../../src/check/facts/machine.ts';
import { readService } from '../../src/check/facts/service.ts';
import { demandService } from '../../src/setup/service.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

it('a fluent-bit.conf that is a symbolic link, or not there, is not installed over', async (t) => {
  const root = await temporaryFolder(t);
  const machine = { ...thisMachine(), root, run: () => Promise.resolve(undefined) };
  const main = join(root, '/etc/fluent-bit/fluent-bit.conf');
  const demand = async () => demandService(await readService(machine), false, machine);
  await assert.rejects(demand(), /there is no \/etc\/fluent-bit\/fluent-bit\.conf/);
  mkdirSync(dirname(main), { recursive: true });
  writeFileSync(join(root, 'elsewhere.conf'), '');
  symlinkSync(join(root, 'elsewhere.conf'), main);
  await assert.rejects(demand(), /is a symbolic link, so something else looks after it/);
});
