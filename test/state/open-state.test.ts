import assert from 'node:assert/strict';
import { appendFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { EventId } from '../../src/events/event-id.ts';
import { StateError } from '../../src/lib/errors.ts';
import { emptyBatch } from '../../src/state/batch.ts';
import { journalFolder } from '../../src/state/journal-files.ts';
import { cannot, openState, takeOver } from '../../src/state/open-state.ts';
import { StateStore } from '../../src/state/state-store.ts';
import { newSource } from '../../src/state/state.ts';
import { captureLog } from '../helpers/captured-log.ts';
import { MovedClock } from '../helpers/moved-clock.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

const SOURCE = 'ionos/31721060';
const START = '2026-11-21T20:00:00Z';
const START_S = Date.parse(START) / 1000;

async function place(t: TestContext) {
  const file = join(await temporaryFolder(t), 'state.json');
  const clock = new MovedClock('2026-11-21T20:30:00Z');
  const log = captureLog();
  const options = {
    file,
    log,
    signal: new AbortController().signal,
    now: clock.now,
    pause: clock.pause,
    initialLastRun: START,
    onFailure: assert.ifError,
  };
  /** A run that delivers an event. */
  const collect = async () => {
    const store = await StateStore.open(options);
    store.register(SOURCE, newSource(START));
    const entry = { key: new EventId(1, 2, 3, 4, 5), keepUntil: START_S + 1, kind: 'delivered' as const };
    store.commit(SOURCE, { ...emptyBatch(), entries: [entry], cursor: '2026-11-21T20:10:00Z' });
    await store.flush();
    await store.close();
  };
  const open = async () => {
    const opened = await openState(file, options);
    t.after(() => opened.journal.close());
    return opened;
  };
  return { file, log, clock, collect, open };
}

describe('a state that is opened', () => {
  it('is new where there is nothing, and nothing is said', async (t) => {
    const { log, open } = await place(t);
    const { state, previousSave, lastPoll, isOld } = await open();
    assert.deepEqual([state.last_run, previousSave, lastPoll, isOld], [START, 0, 0, false]);
    assert.deepEqual(log.messages, []);
  });

  it('is rebuilt from the journal where its file was deleted: one line says that nothing comes again', async (t) => {
    const { file, log, collect, open } = await place(t);
    await collect();
    await rm(file);
    const { state } = await open();
    assert.deepEqual([state.sources[SOURCE]?.cursor, state.sources[SOURCE]?.delivered], ['2026-11-21T20:10:00Z', 1]);
    assert.deepEqual(log.messages, [
      `warn: there was no state file ${file}: it was rebuilt from the journal ${journalFolder(file)}. ` +
        'Deleting it does not deliver anything again; the redeliver command does',
    ]);
  });

  it('is rebuilt from the journal where its file cannot be read', async (t) => {
    const { file, log, collect, open } = await place(t);
    await collect();
    await writeFile(file, '{');
    assert.equal((await open()).state.sources[SOURCE]?.delivered, 1);
    assert.equal(log.messages.length, 2);
    assert.match(log.messages[1] ?? '', /^warn: the state was rebuilt from the journal /);
  });

  it('starts over where its file cannot be read and there is no journal: an error says what to do', async (t) => {
    const { file, log, open } = await place(t);
    await writeFile(file, '{');
    const { state } = await open();
    assert.deepEqual([state.sources, state.last_run], [{}, START]);
    assert.deepEqual(log.messages.slice(1), [
      'error: there is no journal beside it, either: starting over from --since; use redeliver for the gap',
    ]);
  });

  it('continues from the copy that 0.1.0 kept where its file cannot be read, or is gone', async (t) => {
    for (const text of ['{', undefined]) {
      const { file, log, open } = await place(t);
      const source = { cursor: '2026-11-21T20:10:00Z', start: START, delivered: 3 };
      await writeFile(`${file}.bak`, JSON.stringify({ version: 1, last_run: START, sources: { [SOURCE]: source } }));
      if (text !== undefined) await writeFile(file, text);
      const { state, isOld } = await open();
      assert.deepEqual([isOld, state.sources[SOURCE]?.cursor], [true, source.cursor]);
      assert.equal(log.messages.at(-1), `warn: continuing from ${file}.bak, the copy that version 0.1.0 kept`);
    }
  });

  it('does not continue from a copy that somebody made of a later state', async (t) => {
    const { file, log, collect, open } = await place(t);
    await collect();
    await rename(file, `${file}.bak`);
    await rm(journalFolder(file), { recursive: true });
    const { state } = await open();
    assert.deepEqual([state.sources, log.messages], [{}, []]);
  });

  it('knows up to when any source was polled, by its cursor or, where that is a URL, its last poll', async (t) => {
    const { file, open } = await place(t);
    const sources = {
      a: { cursor: '2026-11-21T20:10:00Z', last_attempt: '2026-11-21T20:29:00Z' },
      b: { cursor: '2026-11-21T20:05:00Z' },
    };
    await writeFile(file, JSON.stringify({ version: 1, sources }));
    assert.equal((await open()).lastPoll, Date.parse('2026-11-21T20:10:00Z'));
    const url = { cursor: 'https://api.example.com/?poll=1' };
    const more = { c: { ...url, last_attempt: '2026-11-21T20:20:00Z' }, d: url };
    await writeFile(file, JSON.stringify({ version: 1, sources: { ...sources, ...more } }));
    const { lastPoll, previousSave, isOld } = await open();
    assert.deepEqual([lastPoll, isOld], [Date.parse('2026-11-21T20:20:00Z'), true]);
    assert.ok(previousSave > 0);
  });

  it('of an older version has its ids in a first line, from which the next run reads', async (t) => {
    const { file, open } = await place(t);
    const seen = { [START_S + 1]: [String(new EventId(1, 2, 3, 4))] };
    await writeFile(file, JSON.stringify({ version: 1, sources: { [SOURCE]: { cursor: START, start: START, seen } } }));
    const opened = await open();
    await takeOver(opened);
    assert.deepEqual(opened.recent.oldestNeeded(opened.state.sources), { file: '2026-11-21.jsonl', offset: 0 });
  });

  it('says which line of the journal cannot be read', async (t) => {
    const { file, log, collect, open } = await place(t);
    await collect();
    await appendFile(join(journalFolder(file), '2026-11-21.jsonl'), '{"seq":2}\n');
    await open();
    assert.equal(log.messages.length, 1);
    assert.match(
      log.messages[0] ?? '',
      /2026-11-21\.jsonl has a line at byte \d+ that cannot be read \(sources is missing/,
    );
  });
});

describe('what went wrong with the state', () => {
  const failure = (code: string) => Object.assign(new Error('no way'), { code });
  for (const [code, advice] of [
    ['EACCES', ' (run it as the user that owns it, or choose another with --state-file)'],
    ['EPERM', ' (run it as the user that owns it, or choose another with --state-file)'],
    ['EROFS', ' (the file system is read-only: choose another with --state-file)'],
    ['ENOSPC', ' (the disk is full)'],
    ['EDQUOT', ' (the disk quota is used up)'],
    ['EBUSY', ' (it is mounted on its own, so it cannot be replaced: mount its folder instead)'],
    ['EIO', ''],
  ]) {
    it(`is said with what to do: ${code}`, () => {
      const { message, cause } = cannot('write', '/var/state.json', failure(code ?? ''));
      assert.equal(message, `cannot write the state file /var/state.json or its journal: no way${advice}`);
      assert.ok(cause instanceof Error);
    });
  }

  it('is said once, where the error names the file already', () => {
    const named = new StateError('/var/state.json is not a regular file');
    assert.equal(cannot('use', '/var/state.json', named), named);
    const other = cannot('use', '/var/state.json', new StateError('the journal is closed'));
    assert.equal(other.message, 'cannot use the state file /var/state.json or its journal: the journal is closed');
  });
});
