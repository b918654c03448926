import assert from 'node:assert/strict';
import { open, readFile, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { it } from 'node:test';
import { writeDurably } from '../../src/lib/durable-file.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

it('a file that was written has its name after a power cut, too: its folder is synced', async (t) => {
  const folder = await temporaryFolder(t);
  const handle = await open(folder);
  const prototype = Object.getPrototypeOf(handle) as FileHandle;
  await handle.close();
  const sync = t.mock.method(prototype, 'sync');
  await writeDurably(join(folder, 'state.json'), 'text');
  assert.equal(await readFile(join(folder, 'state.json'), 'utf8'), 'text');
  assert.equal(sync.mock.callCount(), 1);
});
