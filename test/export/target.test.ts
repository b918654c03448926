import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { readConfig } from '../../src/config/config.ts';
import { readExportRequest } from '../../src/config/export-request.ts';
import { asExportError, resumeHint } from '../../src/export/export-errors.ts';
import { openTarget } from '../../src/export/target.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { ConfigError, OutputError, StateError, StdoutError } from '../../src/lib/errors.ts';
import type { World } from '../../src/lib/world.ts';
import { sink } from '../helpers/sink.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

const NOW = Date.parse('2026-11-21T20:30:00Z');
const HASH_OF_ABC = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';

/** As `export --from 1h` with these options; what was printed. */
async function target(options: Readonly<Record<string, unknown>> = {}) {
  const printed: Buffer[] = [];
  const world: World = {
    ...systemClock,
    env: {},
    stdout: sink(printed),
    log: { write: () => undefined, journal: false },
    signal: new AbortController().signal,
    random: () => 0,
    now: () => NOW,
  };
  const all = { from: '1h', 'token-file': '/token', ...options };
  return { printed, opened: await openTarget(readExportRequest(all), readConfig(all, {}), world) };
}

const never = new AbortController().signal;

describe('the target of an export', () => {
  it('is stdout, with the size and the hash of what was printed, and nothing to resume', async () => {
    const { printed, opened } = await target();
    for (const text of ['a', 'bc']) await opened.outlet.print(Buffer.from(text), never, never);
    assert.deepEqual(await opened.digest(), { bytes: 3, sha256: HASH_OF_ABC });
    assert.equal(Buffer.concat(printed).toString(), 'abc');
    assert.deepEqual([opened.file, opened.isResumed, opened.tallies], [undefined, false, {}]);
    assert.deepEqual(opened.range, { from: NOW / 1000 - 3600, to: NOW / 1000, given: { from: '1h', to: null } });
    await opened.close();
  });

  it('is a file, which another run resumes with its range and tallies', async (t) => {
    const output = join(await temporaryFolder(t), 'events');
    const { opened: first } = await target({ output });
    assert.equal(first.isResumed, false);
    await first.outlet.print(Buffer.from('abc'), never, never);
    first.range = { ...first.range, to: first.range.to - 60 };
    first.tallies['a'] = { first: 1, last: 2, counted: 3, countedUpTo: 'x' };
    await first.close();
    const { opened: second } = await target({ output });
    assert.equal(second.isResumed, true);
    assert.deepEqual([second.range, second.tallies], [first.range, first.tallies]);
    await second.file?.complete();
    assert.deepEqual(await second.digest(), { bytes: 3, sha256: HASH_OF_ABC });
    await assert.rejects(target({ output }), /events exists; choose another name, or replace it with --force$/);
    await (await target({ output, force: true })).opened.close();
  });

  for (const [what, first, second, message] of [
    ['contracts in another order', { contract: ['1', '2'] }, { contract: ['2', '1'] }, undefined],
    [
      'contracts of the same digits',
      { contract: ['1', '23'] },
      { contract: ['12', '3'] },
      /\(--contract was 1,23, now 12,3\)/,
    ],
    ['other contracts', { contract: ['1'] }, { contract: ['2'] }, /\(--contract was 1, now 2\)/],
    [
      'the separator of csv',
      { format: 'csv' },
      { format: 'csv', separator: 'tab' },
      /\(--separator was comma, now tab\)/,
    ],
    ['a separator without csv', {}, { separator: 'tab' }, undefined],
    [
      'added fields',
      { 'add-fields': 'time' },
      { 'add-fields': 'time,contract' },
      /\(--add-fields was time, now time,contract\)/,
    ],
    [
      'another API',
      {},
      { 'api-url': 'https://other.example' },
      /\(--api-url was https:.*, now https:\/\/other\.example/,
    ],
    ['another page size', {}, { 'page-size': '7' }, undefined],
  ] as const) {
    it(`is ${message === undefined ? '' : 'not '}resumed with ${what}`, async (t) => {
      const output = join(await temporaryFolder(t), 'events');
      await (await target({ output, ...first })).opened.close();
      const again = target({ output, ...second });
      if (message === undefined) await (await again).opened.close();
      else await assert.rejects(again, message);
    });
  }
});

describe('an error of an export', () => {
  const ofFile = async (folder: string) => {
    const output = join(folder, 'events');
    await writeFile(output, '');
    const { opened } = await target({ output });
    await opened.close();
    return opened;
  };
  const messageOf = (error: unknown, of: Parameters<typeof asExportError>[1]): string =>
    (asExportError(error, of) as Error).message;

  it('says that what was printed is not complete', () => {
    const closed = new StdoutError('x', Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
    assert.equal(messageOf(closed, { file: undefined }), 'stdout was closed; the export is not complete');
    const full = new StdoutError('x', new Error('disk is full'));
    assert.equal(
      messageOf(full, { file: undefined }),
      'cannot write to stdout: disk is full; the export is not complete',
    );
    assert.ok(asExportError(full, { file: undefined }) instanceof StdoutError);
  });

  it('says how to get the rest into a file, or how to start over', async (t) => {
    const opened = await ofFile(await temporaryFolder(t));
    const part = opened.file?.name ?? '';
    assert.equal(resumeHint(opened), `; run the same command again to resume from ${part}`);
    assert.equal(resumeHint({ file: undefined }), '');
    const broken = asExportError(new OutputError('disk is full'), opened);
    assert.ok(broken instanceof OutputError);
    assert.equal(broken.message, `disk is full; run the same command again to resume from ${part}`);
    const state = asExportError(new StateError('cursor is gone'), opened);
    assert.ok(state instanceof StateError);
    assert.equal(state.message, `cursor is gone; remove ${part} and ${part}.json to start over`);
    assert.equal(messageOf(new StateError('x'), { file: undefined }), 'x');
    const other = new ConfigError('y');
    assert.equal(asExportError(other, opened), other);
  });
});
