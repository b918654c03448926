import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { appendFile, open } from 'node:fs/promises';
import { join } from 'node:path';
import { it } from 'node:test';
import { PartialFile } from '../../src/export/partial-file.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

it('a partial file puts its lines on the disk before the record says that they are there', async (t) => {
  const file = join(await temporaryFolder(t), 'events');
  const range = { from: 0, to: 1, given: { from: '0', to: null } };
  const partial = await PartialFile.open(file, { range, parameters: {} }, { isForced: false, now: () => 0 });

  const recorded = (): number =>
    (JSON.parse(readFileSync(`${file}.part.json`, 'utf8').split('\n')[0] ?? '') as { bytes: number }).bytes;
  const probe = await open(file + '.part');
  const handle = Object.getPrototypeOf(probe) as typeof probe;
  await probe.close();
  const atSync: number[] = [];
  t.mock.method(handle, 'datasync', async function (this: typeof probe) {
    atSync.push(recorded());
    await this.sync();
  });

  await partial.print(Buffer.from('{"n":1}\n'));
  await partial.flush();
  assert.deepEqual([atSync, recorded()], [[0], 8]);
  assert.ok(!existsSync(file));
  await partial.close();
});

it('a partial file is resumed behind what its record knows: what a killed run wrote after that is cut off', async (t) => {
  const file = join(await temporaryFolder(t), 'events');
  const key = { range: { from: 0, to: 1, given: { from: '0', to: null } }, parameters: {} };
  const options = { isForced: false, now: () => 0 };
  const first = await PartialFile.open(file, key, options);
  for (const line of ['{"n":1}\n', '{"n":22}\n']) await first.print(Buffer.from(line));
  await first.close();
  await appendFile(`${file}.part`, '{"half":"a li');
  const second = await PartialFile.open(file, key, options);
  assert.equal(readFileSync(`${file}.part`, 'utf8'), '{"n":1}\n{"n":22}\n');
  await second.complete();
  assert.equal(readFileSync(file, 'utf8'), '{"n":1}\n{"n":22}\n');
  assert.deepEqual([existsSync(`${file}.part`), existsSync(`${file}.part.json`)], [false, false]);
});

it('a partial file that nothing will come of is removed, with its record', async (t) => {
  const file = join(await temporaryFolder(t), 'events');
  const range = { from: 0, to: 1, given: { from: '0', to: null } };
  const partial = await PartialFile.open(file, { range, parameters: {} }, { isForced: false, now: () => 0 });
  await partial.discard();
  assert.deepEqual([existsSync(`${file}.part`), existsSync(`${file}.part.json`)], [false, false]);
});

it('a partial file records its progress once a second, and may be released twice', async (t) => {
  const file = join(await temporaryFolder(t), 'events');
  let now = 0;
  const key = { range: { from: 0, to: 1, given: { from: '0', to: null } }, parameters: {} };
  const partial = await PartialFile.open(file, key, { isForced: false, now: () => now });
  const recorded = (): unknown => JSON.parse(readFileSync(`${file}.part.json`, 'utf8').split('\n')[0] ?? '');
  await partial.print(Buffer.from('{}\n'));
  for (const [time, bytes] of [
    [999, 0],
    [1_000, 3],
  ] as const) {
    now = time;
    await partial.catchUp();
    assert.equal((recorded() as { bytes: number }).bytes, bytes);
  }
  await partial.close();
  await partial.close();
  assert.equal((recorded() as { owner: unknown }).owner, null);
});

it('an empty file may be replaced by an export, one that has something in it only by force', async (t) => {
  const file = join(await temporaryFolder(t), 'events');
  const key = { range: { from: 0, to: 1, given: { from: '0', to: null } }, parameters: {} };
  const start = (isForced: boolean) => PartialFile.open(file, key, { isForced, now: () => 0 });
  await appendFile(file, '');
  await (await start(false)).discard();
  await appendFile(file, 'x');
  await assert.rejects(start(false), {
    message: `--output: ${file} exists; choose another name, or replace it with --force`,
  });
  const partial = await start(true);
  assert.equal(readFileSync(file, 'utf8'), 'x');
  await partial.complete();
  assert.equal(readFileSync(file, 'utf8'), '');
});
