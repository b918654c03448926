import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { StateError } from '../../src/lib/errors.ts';
import {
  fileOfDay,
  firstCommit,
  journalBytes,
  journalFiles,
  journalFolder,
  linesOf,
} from '../../src/state/journal-files.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

const FILE = '2026-11-21.jsonl';

async function folderWith(t: TestContext, files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await temporaryFolder(t);
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  return folder;
}

async function allLines(folder: string, offset?: number) {
  const found: [number, number, string, boolean][] = [];
  for await (const { file, number, offset: at, bytes, isWhole } of linesOf(folder, FILE, offset)) {
    assert.equal(file, FILE);
    found.push([number, at, bytes.toString(), isWhole]);
  }
  return found;
}

const UNREADABLE = { code: 'STATE', message: /^cannot read the journal file \S+: ENOTDIR/ };

describe("the journal's folder", () => {
  it('is beside the state file and named after it, so that each input has its own', () => {
    for (const [state, folder] of [
      ['/var/lib/fal/activity_log_state.json', '/var/lib/fal/activity_log_journal'],
      ['/var/lib/fal/state.json', '/var/lib/fal/state.json.journal'],
      ['/var/lib/fal/my_state.json.old', '/var/lib/fal/my_state.json.old.journal'],
      ['relative_state.json', 'relative_journal'],
    ] as const) {
      assert.equal(journalFolder(state), folder);
    }
  });

  it('has a file for each day, told oldest first, and nothing else counts', async (t) => {
    const others = { 'verified.json': 'xxx', '2026-11-21.jsonl.tmp': 'xxx', 'x2026-11-21.jsonl': 'xxx' };
    const folder = await folderWith(t, { '2026-11-21.jsonl': 'ab', '2025-12-31.jsonl': 'c', ...others });
    assert.equal(fileOfDay('2026-11-21'), FILE);
    assert.deepEqual(await journalFiles(folder), ['2025-12-31.jsonl', FILE]);
    assert.equal(await journalBytes(folder), 3);
  });

  it('is empty where there is none, but not where it cannot be read', async (t) => {
    const folder = await folderWith(t, { file: '' });
    assert.deepEqual([await journalFiles(join(folder, 'none')), await journalBytes(join(folder, 'none'))], [[], 0]);
    await assert.rejects(journalFiles(join(folder, 'file')), { code: 'ENOTDIR' });
  });
});

describe('the first commit of a file', () => {
  it('is read from its beginning, however long the line is', async (t) => {
    const at = '2026-11-21T20:30:00.000Z';
    const folder = await folderWith(t, { [FILE]: `{"seq":12,"at":"${at}","prev":"${'x'.repeat(1_000)}` });
    assert.deepEqual(await firstCommit(folder, FILE), { seq: 12, at });
  });

  it('is unknown where the file is gone, empty, or begins with something else', async (t) => {
    const commit = '{"seq":12,"at":"2026-11-21T20:30:00.000Z"';
    const others = { empty: '', other: ` ${commit}`, undated: commit.replace('2026', 'x') };
    const folder = await folderWith(t, others);
    for (const name of [...Object.keys(others), 'gone']) assert.equal(await firstCommit(folder, name), undefined, name);
  });

  it('is an error where the file cannot be read', async (t) => {
    const folder = await folderWith(t, { file: '' });
    await mkdir(join(folder, FILE));
    await assert.rejects(firstCommit(join(folder, 'file'), FILE), UNREADABLE);
    await assert.rejects(firstCommit(folder, FILE), (error) => {
      assert.ok(error instanceof StateError);
      assert.ok(error.message.startsWith(`cannot read the journal file ${join(folder, FILE)}: EISDIR`), error.message);
      return true;
    });
  });
});

describe('the lines of a file', () => {
  it('have their numbers and places; the last may not be whole', async (t) => {
    const folder = await folderWith(t, { [FILE]: 'one\n\ntwo\nthr' });
    const all = [[1, 0, 'one', true], [2, 4, '', true], [3, 5, 'two', true], [4, 9, 'thr', false]]; // prettier-ignore
    assert.deepEqual(await allLines(folder), all);
    assert.deepEqual(await allLines(folder, 5), [[1, 5, 'two', true], [2, 9, 'thr', false]]); // prettier-ignore
    assert.deepEqual(await allLines(folder, 12), []);
  });

  it('may be longer than what is read at once, and cross its borders', async (t) => {
    const texts = [5, 300_000, 256 * 1024 - 1, 0, 600_000, 7].map((length, n) => String(n).repeat(length));
    const folder = await folderWith(t, { [FILE]: `${texts.join('\n')}\n` });
    let offset = 0;
    const expected = texts.map((text, n) => {
      const line = [n + 1, offset, text, true];
      offset += text.length + 1;
      return line;
    });
    assert.deepEqual(await allLines(folder), expected);
  });

  it('are none where the file is gone or empty, and an error where it cannot be read', async (t) => {
    const folder = await folderWith(t, { [FILE]: '' });
    assert.deepEqual(await allLines(folder), []);
    assert.deepEqual(await allLines(join(folder, 'none')), []);
    await assert.rejects(allLines(join(folder, FILE)), UNREADABLE);
  });
});
