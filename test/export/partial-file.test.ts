import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, rmdirSync } from 'node:fs';
import { appendFile, open } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { PartialFile } from '../../src/export/partial-file.ts';
import { OutputError } from '../../src/lib/errors.ts';
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
    await this.sync();
    for (let n = 0; n < 9; n++) await new Promise((resolve) => setImmediate(resolve));
    atSync.push(recorded());
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
  assert.equal((recorded() as { owner: { pid: number } }).owner.pid, process.pid);
  for (const [time, bytes] of [
    [999, 0],
    [1_000, 6],
    [1_999, 6],
    [2_000, 12],
  ] as const) {
    now = time;
    await partial.catchUp();
    assert.equal((recorded() as { bytes: number }).bytes, bytes);
    await partial.print(Buffer.from('{}\n'));
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

describe('a partial file that cannot be written', () => {
  const key = { range: { from: 0, to: 1, given: { from: '0', to: null } }, parameters: {} };

  async function begun(t: TestContext) {
    const file = join(await temporaryFolder(t), 'events');
    const partial = await PartialFile.open(file, key, { isForced: false, now: () => 0 });
    await partial.print(Buffer.from('{}\n'));
    await partial.flush();
    const probe = await open(`${file}.part`);
    const handle = Object.getPrototypeOf(probe) as typeof probe;
    await probe.close();
    return { file, partial, handle, record: () => readFileSync(`${file}.part.json`, 'utf8') };
  }

  it('keeps the record of what was written, and says why', async (t) => {
    const { file, partial, handle, record } = await begun(t);
    const before = record();
    const write = t.mock.method(handle, 'write', () => Promise.reject(new Error('disk is full')));
    const message = `cannot write ${file}.part: disk is full`;
    await assert.rejects(partial.print(Buffer.from('{}\n')), new OutputError(message));
    write.mock.restore();
    assert.equal(partial.bytes, 3);
    await partial.close();
    assert.equal(record(), before);
  });

  it('writes the rest where the disk takes a part of the lines', async (t) => {
    const { file, partial, handle } = await begun(t);
    const write = t.mock.method(
      handle,
      'write',
      async function (this: typeof handle, bytes: Buffer, from: number, length: number, at: number) {
        write.mock.restore();
        return this.write(bytes, from, Math.min(4, length), at);
      },
    );
    await partial.print(Buffer.from('{"n":1}\n'));
    await partial.complete();
    assert.equal(readFileSync(file, 'utf8'), '{}\n{"n":1}\n');
  });

  it('stays where it is when it cannot get its name, after its lines are on the disk', async (t) => {
    const { file, partial, handle } = await begun(t);
    mkdirSync(join(file, 'folder'), { recursive: true });
    const sync = t.mock.method(handle, 'sync', async () => {
      rmdirSync(join(file, 'folder'));
      await new Promise((resolve) => setImmediate(resolve));
      mkdirSync(join(file, 'folder'));
    });
    await assert.rejects(partial.complete(), (error: Error) => {
      assert.ok(error instanceof OutputError);
      return error.message.startsWith(`cannot write ${file}.part: `);
    });
    assert.equal(sync.mock.callCount(), 1);
    await partial.close();
    assert.equal(readFileSync(`${file}.part`, 'utf8'), '{}\n');
  });

  it('says so where what is not an event cannot be set aside', async (t) => {
    const { file, partial } = await begun(t);
    mkdirSync(`${file}.rejected.jsonl`);
    await assert.rejects(partial.reject([]), (error: Error) => {
      assert.ok(error instanceof OutputError);
      return error.message.startsWith(`cannot write ${file}.rejected.jsonl: EISDIR`);
    });
    await partial.close();
  });
});
