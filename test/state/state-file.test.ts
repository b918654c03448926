import assert from 'node:assert/strict';
import { readdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { it } from 'node:test';
import { removeLeftovers } from '../../src/state/state-file.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

const HELD_SINCE = Date.parse('2026-11-21T20:30:00Z');

it('what a killed run left beside the state file is removed, and an older copy that ends in a number is kept', async (t) => {
  const folder = await temporaryFolder(t);
  const write = async (name: string, at: number) => {
    await writeFile(join(folder, name), '');
    await utimes(join(folder, name), new Date(at), new Date(at));
  };
  await write('state.json.123', HELD_SINCE);
  await write('state.json.20261120', HELD_SINCE - 1_000);
  await write('state.json.bak', HELD_SINCE);
  await write('state.json', HELD_SINCE);
  const names = async () => (await readdir(folder)).sort();

  await removeLeftovers(join(folder, 'state.json'), undefined);
  assert.equal((await names()).length, 4);
  const predecessor = { pid: 1, host: 'a', boot: 'b', started: 'c', since: HELD_SINCE };
  await removeLeftovers(join(folder, 'state.json'), predecessor);
  assert.deepEqual(await names(), ['state.json', 'state.json.20261120', 'state.json.bak']);
});
