import assert from 'node:assert/strict';
import { chmod, open, readFile, stat, writeFile, type FileHandle } from 'node:fs/promises';
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
  const prototype = Object.getPrototypeOf(handle) as FileHandle;
  const sync = t.mock.method(prototype, 'sync');
  // A slow disk: what is not waited for is not there yet when the file is synced.
  t.mock.method(prototype, 'appendFile', async function (this: FileHandle, bytes: Buffer) {
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(sync.mock.callCount(), Number(bytes.includes('2')));
    await this.write(bytes);
  });
  await handle.close();
  await chmod(file, 0o644);
  await appendDurably(file, Buffer.from('{"n":1}\n'));
  await appendDurably(file, Buffer.from('{"n":2}\n'));
  assert.equal(await readFile(file, 'utf8'), '{"half":\n{"n":1}\n{"n":2}\n');
  assert.equal(sync.mock.callCount(), 2);
  assert.equal((await stat(file)).mode & 0o777, 0o600);
});

it('only the owner may read what was written, unless another mode is asked for', async (t) => {
  const folder = await temporaryFolder(t);
  const modeOf = async (name: string) => (await stat(join(folder, name))).mode & 0o777;
  await writeDurably(join(folder, 'private'), 'text');
  await writeDurably(join(folder, 'public'), 'text', 0o644);
  await appendDurably(join(folder, 'appended'), Buffer.from('line\n'));
  assert.deepEqual(await Promise.all(['private', 'public', 'appended'].map(modeOf)), [0o600, 0o644, 0o600]);
  assert.equal(await readFile(join(folder, 'appended'), 'utf8'), 'line\n');
});
