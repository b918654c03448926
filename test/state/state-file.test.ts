import assert from 'node:assert/strict';
import fsPromises, { chmod, mkdir, readFile, readdir, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import {
  expectRegularFile,
  generationOf,
  loadState,
  makeFolder,
  realFile,
  removeLeftovers,
} from '../../src/state/state-file.ts';
import { captureLog } from '../helpers/captured-log.ts';
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

describe('a state file', () => {
  const NOW = Date.parse('2026-11-21T20:30:00.123Z');

  async function load(t: TestContext, text: string) {
    const file = join(await temporaryFolder(t), 'state.json');
    await writeFile(file, text);
    const log = captureLog();
    const names = async () => (await readdir(join(file, '..'))).sort();
    return { file, log, names, load: async () => loadState(file, { log, now: () => NOW }) };
  }

  it('that cannot be read is kept under another name, which one line says', async (t) => {
    const one = await load(t, '{"version":1,');
    const { state, isOld, isBroken } = await one.load();
    assert.deepEqual([state.sources, state.generation, isOld, isBroken], [{}, 0, false, true]);
    const kept = `${one.file}.corrupt-2026-11-21T203000123Z`;
    assert.deepEqual(one.log.messages, [
      `warn: the state file ${one.file} cannot be read: it is not JSON; it is kept as ${kept}`,
    ]);
    assert.deepEqual(await one.names(), ['state.json.corrupt-2026-11-21T203000123Z']);
    assert.equal(await readFile(kept, 'utf8'), '{"version":1,');
  });

  it('of a newer version ends the run, and stays as it is', async (t) => {
    const one = await load(t, '{"version":99}');
    await assert.rejects(one.load(), {
      name: 'StateError',
      message: `${one.file}: it has version 99, and this program knows versions up to 2: a newer one wrote it; it is left as it is`,
    });
    assert.deepEqual([await one.names(), one.log.messages], [['state.json'], []]);
  });

  it('is old where it has sources and no journal', async (t) => {
    const source = { cursor: '2026-11-21T20:25:00Z' };
    for (const [text, isOld] of [
      [{ version: 1, sources: { a: source } }, true],
      [{ version: 1, sources: {} }, false],
      [{ version: 2, sources: { a: source }, journal: { seq: 1, hash: '0', known_from: null } }, false],
    ] as const) {
      const loaded = await (await load(t, JSON.stringify(text))).load();
      assert.deepEqual([loaded.isOld, loaded.isBroken], [isOld, false]);
    }
  });

  it('that is not there is an empty state; one that is a folder is an error', async (t) => {
    const folder = await temporaryFolder(t);
    const options = { log: captureLog(), now: () => NOW };
    const { state, isOld, isBroken } = await loadState(join(folder, 'state.json'), options);
    assert.deepEqual([state.sources, isOld, isBroken], [{}, false, false]);
    await assert.rejects(loadState(folder, options), { code: 'EISDIR' });
  });

  it('tells its generation; none without one', async (t) => {
    const folder = await temporaryFolder(t);
    const file = join(folder, 'state.json');
    assert.equal(await generationOf(file), undefined);
    await writeFile(file, '{"version":2,"last_run":null,"generation":1812,"sources":{}}');
    assert.equal(await generationOf(file), 1812);
    await writeFile(file, '{}');
    assert.equal(await generationOf(file), undefined);
    await assert.rejects(generationOf(folder), { code: 'EISDIR' });
  });

  it('may be a link: both names are one file; it need not be there yet', async (t) => {
    const folder = await temporaryFolder(t);
    await mkdir(join(folder, 'there'));
    await symlink(join(folder, 'there'), join(folder, 'link'));
    assert.equal(await realFile(join(folder, 'link', 'state.json')), join(folder, 'there', 'state.json'));
    await writeFile(join(folder, 'there', 'state.json'), '');
    await symlink(join(folder, 'there', 'state.json'), join(folder, 'state.json'));
    assert.equal(await realFile(join(folder, 'state.json')), join(folder, 'there', 'state.json'));
    await symlink('loop', join(folder, 'loop'));
    await assert.rejects(realFile(join(folder, 'loop')), { code: 'ELOOP' });
    await assert.rejects(realFile(join(folder, 'nowhere', 'state.json')), { code: 'ENOENT' });
  });

  it('that is a device is refused, since a save would replace it', async (t) => {
    await assert.rejects(expectRegularFile('/dev/null'), {
      name: 'StateError',
      message: '/dev/null is not a regular file; use --peek to run without state',
    });
    const folder = await temporaryFolder(t);
    await expectRegularFile(join(folder, 'state.json'));
    await writeFile(join(folder, 'state.json'), '');
    await expectRegularFile(join(folder, 'state.json'));
  });
});

describe('the folder of a state file', () => {
  it('is made with those above it, for the owner alone; one that is there stays as it is', async (t) => {
    const folder = await temporaryFolder(t);
    const made = join(folder, 'a', 'b', 'c');
    await makeFolder(made);
    for (const one of [made, join(folder, 'a')]) assert.equal((await stat(one)).mode & 0o777, 0o700);
    await chmod(made, 0o755);
    await makeFolder(made);
    assert.equal((await stat(made)).mode & 0o777, 0o755);
  });

  it('is not tried for ever where the kernel refuses it below a folder that is there', async (t) => {
    const folder = await temporaryFolder(t);
    const refused = Object.assign(new Error('ENOENT'), { code: 'ENOENT' });
    const { mock } = t.mock.method(fsPromises, 'mkdir', () => Promise.reject(refused));
    syncBuiltinESMExports();
    t.after(() => {
      t.mock.restoreAll();
      syncBuiltinESMExports();
    });
    await assert.rejects(makeFolder(join(folder, 'a')), refused);
    assert.equal(mock.callCount(), 1);
  });

  it('is not made where a file is in the way', async (t) => {
    const folder = await temporaryFolder(t);
    await writeFile(join(folder, 'a'), '');
    await assert.rejects(makeFolder(join(folder, 'a', 'b')), { code: 'ENOTDIR' });
  });
});
