import assert from 'node:assert/strict';
import { open, readFile, writeFile, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { it } from 'node:test';
import { appendDurably, writeDurably } from '../../src/lib/durable-file.ts';
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

it('what was appended is on the disk, and begins a line of its own behind half a line', async (t) => {
  const file = join(await temporaryFolder(t), 'rejected.jsonl');
  await writeFile(file, '{"half":');
  const handle = await open(file);
  const sync = t.mock.method(Object.getPrototypeOf(handle) as FileHandle, 'sync');
  await handle.close();
  await appendDurably(file, Buffer.from('{"n":1}\n'));
  await appendDurably(file, Buffer.from('{"n":2}\n'));
  assert.equal(await readFile(file, 'utf8'), '{"half":\n{"n":1}\n{"n":2}\n');
  assert.equal(sync.mock.callCount(), 2);
});
