import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import fsPromises, {
  appendFile,
  copyFile,
  cp,
  mkdir,
  open,
  readFile,
  readdir,
  rm,
  stat,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { basename, join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import { EventId } from '../../src/events/event-id.ts';
import type { StateError } from '../../src/lib/errors.ts';
import { FIRST_PREV, hashOf } from '../../src/state/chain.ts';
import { emptyBatch, type Batch } from '../../src/state/batch.ts';
import { journalFiles, journalFolder } from '../../src/state/journal-files.ts';
import { Journal } from '../../src/state/journal.ts';
import { StateStore } from '../../src/state/state-store.ts';
import { newSource } from '../../src/state/state.ts';
import { captureLog, type CapturedLog } from '../helpers/captured-log.ts';
import '../helpers/properties.ts';
import type { StateDocument } from '../helpers/collector.ts';
import { MovedClock } from '../helpers/moved-clock.ts';
import { idsIn, journalLines, journalOf, savedState } from '../helpers/saved-state.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { skipPause } from '../helpers/test-client.ts';

const SOURCE = 'ionos/31721060';
const START = '2026-11-21T20:00:00Z';
const START_S = Date.parse(START) / 1000;
const DAY_MS = 86_400_000;

class Place {
  readonly file: string;
  readonly log: CapturedLog = captureLog();
  readonly failures: StateError[] = [];
  now = Date.parse('2026-11-21T20:30:00Z');
  journalDays: number | undefined;
  /** Every store of this place, so that none stays open. */
  store: StateStore | undefined;

  constructor(folder: string) {
    this.file = join(folder, 'state.json');
  }

  get journal(): string {
    return journalFolder(this.file);
  }

  async open(): Promise<StateStore> {
    await this.store?.close();
    this.store = undefined;
    this.store = await StateStore.open({
      file: this.file,
      log: this.log,
      signal: new AbortController().signal,
      now: () => this.now,
      pause: skipPause,
      initialLastRun: START,
      onFailure: (error) => this.failures.push(error),
      ...(this.journalDays === undefined ? {} : { journalDays: this.journalDays }),
    });
    if (!Object.hasOwn(this.store.state.sources, SOURCE)) this.store.register(SOURCE, newSource(START));
    return this.store;
  }
}

async function place(t: TestContext): Promise<Place> {
  const one = new Place(await temporaryFolder(t));
  t.after(async () => one.store?.close());
  return one;
}

/** The events with these numbers, each a second after the one before. */
function delivered(...numbers: number[]): Batch {
  const entries = numbers.map((n) => ({ key: idOf(n), keepUntil: START_S + n, kind: 'delivered' as const }));
  return { ...emptyBatch(), entries };
}

function idOf(n: number): EventId {
  return new EventId(1, 2, 3, n, 7);
}

function isKnown(store: StateStore, n: number): boolean {
  return store.state.sources[SOURCE]?.seen.note(idOf(n)) === 'known';
}

/** The file of the next day cannot be opened while the reserve is there. */
function refuseNewDay(t: TestContext, reserve: string, code: string): void {
  const real = fsPromises.open;
  t.mock.method(fsPromises, 'open', async (path: string, ...rest: [string | number, number]) => {
    if (path.endsWith('22.jsonl') && existsSync(reserve)) throw Object.assign(new Error(code), { code });
    return real(path, ...rest);
  });
  syncBuiltinESMExports();
  t.after(() => {
    t.mock.restoreAll();
    syncBuiltinESMExports();
  });
}

describe('the journal', () => {
  it('has a line for each commit, chained by hash, and the state file no ids', async (t) => {
    const p = await place(t);
    const store = await p.open();
    store.commit(SOURCE, delivered(1, 2));
    await store.flush();
    store.commit(SOURCE, { ...delivered(3), cursor: '2026-11-21T20:10:00Z' });
    await store.flush();
    const lines = journalLines(p.file);
    assert.deepEqual(
      lines.map(({ seq }) => seq),
      [1, 2],
    );
    const [file = ''] = journalOf(p.file);
    assert.equal(basename(file), '2026-11-21.jsonl');
    const texts = (await readFile(file, 'utf8')).split('\n');
    assert.deepEqual(
      lines.map(({ prev }) => prev),
      [FIRST_PREV, hashOf(Buffer.from(texts[0] ?? ''))],
    );
    const { cursor, delivered: groups } = lines[1]?.sources[SOURCE] ?? {};
    assert.deepEqual([cursor, groups], ['2026-11-21T20:10:00Z', { [START_S + 3]: [String(idOf(3))] }]);
    assert.ok(!(await readFile(p.file, 'utf8')).includes(String(idOf(3))));
    assert.deepEqual([(await stat(p.journal)).mode & 0o777, (await stat(file)).mode & 0o777], [0o700, 0o600]);
  });

  it('ends with a whole line when the disk is full in the middle of one, even without its reserve', async (t) => {
    const p = await place(t);
    const store = await p.open();
    store.commit(SOURCE, delivered(1));
    await store.flush();
    const [file = ''] = journalOf(p.file);
    const before = await readFile(file, 'utf8');
    const probe = await open(file);
    const handle = Object.getPrototypeOf(probe) as typeof probe;
    await probe.close();
    const { mock } = t.mock.method(handle, 'write', async function (this: typeof probe, line: Buffer) {
      await this.appendFile(line.subarray(0, 10));
      throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
    });
    store.commit(SOURCE, delivered(2));
    await assert.rejects(store.flush(), /the disk is full|no space left/);
    assert.ok(mock.callCount() >= 2, 'tried again without the reserve');
    mock.restore();
    assert.equal(await readFile(file, 'utf8'), before);
  });

  it('begins the file of a new day on a full disk by giving up its reserve', async (t) => {
    const p = await place(t);
    const store = await p.open();
    store.commit(SOURCE, delivered(1));
    await store.flush();
    const reserve = join(p.journal, 'reserve');
    refuseNewDay(t, reserve, 'ENOSPC');
    p.now += DAY_MS;
    store.commit(SOURCE, delivered(2));
    await store.flush();
    assert.deepEqual([journalLines(p.file).length, existsSync(reserve), p.failures], [2, false, []]);
  });

  it('gives up its reserve also where a quota is used up, and for no other error', async (t) => {
    for (const [code, isGivenUp] of [
      ['EDQUOT', true],
      ['EIO', false],
    ] as const) {
      const p = await place(t);
      const store = await p.open();
      refuseNewDay(t, join(p.journal, 'reserve'), code);
      p.now += DAY_MS;
      store.commit(SOURCE, delivered(2));
      if (isGivenUp) await store.flush();
      else
        await assert.rejects(store.flush(), { name: 'StateError', message: /^cannot write the state file .*: EIO$/ });
      assert.equal(existsSync(join(p.journal, 'reserve')), !isGivenUp);
      t.mock.restoreAll();
      syncBuiltinESMExports();
    }
  });

  it('has a reserve of 32 KiB from the first run on, for the owner alone; half of one is not left behind', async (t) => {
    const p = await place(t);
    const real = fsPromises.writeFile;
    t.mock.method(fsPromises, 'writeFile', async (file: string, data: Buffer, ...rest: never[]) => {
      if (data.length < 32_768) return real(file, data, ...rest);
      await real(file, data.subarray(0, 100), ...rest);
      throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
    });
    syncBuiltinESMExports();
    t.after(() => {
      t.mock.restoreAll();
      syncBuiltinESMExports();
    });
    await assert.rejects(p.open(), /^StateError: cannot use the state file .* \(the disk is full\)$/);
    assert.deepEqual(await readdir(p.journal), []);
    t.mock.restoreAll();
    syncBuiltinESMExports();
    for (let run = 0; run < 2; run++) {
      await p.open();
      const { size, mode } = await stat(join(p.journal, 'reserve'));
      assert.deepEqual([size, mode & 0o777], [32_768, 0o600]);
    }
  });

  it('keeps its newest file, however long ago that was', async (t) => {
    const folder = join(await temporaryFolder(t), 'journal');
    const clock = new MovedClock('2026-01-01T12:00:00Z');
    const journal = await Journal.open(folder, { seq: 0, hash: FIRST_PREV }, clock.now);
    t.after(() => journal.close());
    for (let day = 0; day < 3; day++) {
      await journal.append({ a: { cursor: `${day}` } }, {});
      clock.move(DAY_MS);
    }
    const begins: unknown[] = [];
    const note = (begin: unknown) => {
      begins.push(begin);
      return Promise.resolve();
    };
    await journal.removeBefore(Date.parse(START), { seq: 1, file: '2026-01-01.jsonl' }, note);
    assert.deepEqual(await journalFiles(folder), ['2026-01-03.jsonl']);
    assert.deepEqual(begins, [{ seq: 3, at: '2026-01-03T12:00:00.000Z', file: '2026-01-03.jsonl' }]);
  });

  it('says where a commit is, and takes none when it is closed', async (t) => {
    const folder = join(await temporaryFolder(t), 'journal');
    const journal = await Journal.open(folder, { seq: 0, hash: FIRST_PREV }, () => Date.parse(START));
    const probe = await open(folder);
    const handle = Object.getPrototypeOf(probe) as typeof probe;
    await probe.close();
    const [lines, folders] = [t.mock.method(handle, 'datasync').mock, t.mock.method(handle, 'sync').mock];
    const one = await journal.append({ a: { cursor: 'x' } }, {});
    assert.deepEqual([lines.callCount(), folders.callCount()], [1, 1], 'the line and the name of its file are synced');
    const two = await journal.append({ a: { cursor: 'y' } }, { b: { cursor: 'z' } });
    assert.deepEqual([lines.callCount(), folders.callCount()], [2, 1]);
    const text = await readFile(join(folder, '2026-11-21.jsonl'), 'utf8');
    assert.deepEqual(
      [one, two].map(({ position, bytes }) => text.slice(position.offset, position.offset + bytes)),
      text.split(/(?<=\n)/),
    );
    assert.equal(two.position.file, '2026-11-21.jsonl');
    assert.deepEqual(journal.end, { seq: 2, hash: hashOf(Buffer.from(text.split('\n')[1] ?? '')) });
    await journal.close();
    await assert.rejects(journal.append({ a: { cursor: 'x' } }, {}), /^StateError: the journal is closed$/);
  });

  it('has all cursors in the first line of a day, and what that line delivers beside its own', async (t) => {
    const folder = join(await temporaryFolder(t), 'journal');
    const journal = await Journal.open(folder, { seq: 4, hash: 'abc' }, () => Date.parse(START));
    t.after(() => journal.close());
    await journal.append({ a: { cursor: 'of the line', oversize: 1 } }, { a: { cursor: 'x' }, b: { cursor: 'y' } });
    assert.deepEqual(JSON.parse(await readFile(join(folder, '2026-11-21.jsonl'), 'utf8')), {
      seq: 5,
      at: '2026-11-21T20:00:00.000Z',
      prev: 'abc',
      sources: { a: { cursor: 'x', oversize: 1 }, b: { cursor: 'y' } },
    });
  });

  it('has no cursor in the first line of a day that is ahead of what the line delivers', async (t) => {
    const p = await place(t);
    const store = await p.open();
    store.commit(SOURCE, { ...delivered(1), cursor: '2026-11-21T20:01:00Z' });
    const written = store.flush();
    await setImmediate();
    store.commit(SOURCE, { ...delivered(2), cursor: '2026-11-21T20:02:00Z' });
    await written;
    const [first] = journalLines(p.file);
    assert.deepEqual(
      [first?.sources[SOURCE]?.cursor, idsIn(first?.sources[SOURCE]?.delivered)],
      ['2026-11-21T20:01:00Z', [String(idOf(1))]],
    );
  });

  it('of a day to come, which a clock began that was ahead, takes the commits; one line says so', async (t) => {
    const p = await place(t);
    const first = await p.open();
    p.now += 1000 * DAY_MS;
    first.commit(SOURCE, delivered(1));
    await first.flush();
    p.now -= 1000 * DAY_MS;
    const store = await p.open();
    store.commit(SOURCE, delivered(2));
    await store.flush();
    assert.deepEqual(
      journalLines(p.file).map(({ seq }) => seq),
      [1, 2],
    );
    assert.ok(isKnown(store, 1));
    assert.deepEqual(p.log.messages, [
      `warn: the journal file ${join(p.journal, '2029-08-17.jsonl')} is dated in the future: this machine's clock was ` +
        'ahead, or is behind now. Commits are appended to it until that day is over',
    ]);
  });

  it('is not removed by a run whose clock is years ahead', async (t) => {
    const p = await place(t);
    p.journalDays = 2;
    for (const [days, cursor] of [
      [0, '2026-11-21T20:30:00Z'],
      [1, '2026-11-22T20:30:00Z'],
      [1000, '2026-11-22T20:31:00Z'],
      [-996, '2026-11-26T20:31:00Z'],
    ] as const) {
      p.now += days * DAY_MS;
      const store = await p.open();
      store.commit(SOURCE, { ...delivered(Math.abs(days)), cursor });
      await store.flush();
    }
    const files = async () => {
      await p.open();
      return journalOf(p.file).map((file) => basename(file));
    };
    assert.deepEqual(await files(), ['2026-11-21.jsonl', '2026-11-22.jsonl', '2029-08-18.jsonl']);
    assert.deepEqual(await files(), ['2029-08-18.jsonl']);
    const { state } = await p.open();
    assert.deepEqual(state.journal.first, { seq: 3, file: '2029-08-18.jsonl' });
    assert.equal(state.sources[SOURCE]?.journal_from, Math.ceil(p.now / 1000), 'not a day to come');
  });

  it('keeps an old file a day longer when the first line of the next one was altered', async (t) => {
    const p = await place(t);
    const poll = async (n: number) => {
      const store = await p.open();
      store.commit(SOURCE, { ...delivered(n), cursor: new Date(p.now).toISOString() });
      await store.flush();
    };
    for (let day = 0; day < 4; day++, p.now += DAY_MS) await poll(day);
    const names = () => journalOf(p.file).map((file) => basename(file, '.jsonl'));
    const days = names();
    const altered = journalOf(p.file)[2] ?? '';
    await writeFile(altered, (await readFile(altered, 'utf8')).replace('"seq"', '"sex"'));
    p.journalDays = 2;
    await poll(4);
    await poll(5);
    await p.open();
    assert.deepEqual(names().slice(0, 3), days.slice(1));
    p.now += DAY_MS;
    await poll(6);
    await poll(7);
    await p.open();
    assert.deepEqual(names().slice(0, 1), days.slice(3));
    assert.equal(p.store?.state.journal.first?.file, `${days[3] ?? ''}.jsonl`);
  });

  it('is named after the state file', () => {
    assert.equal(journalFolder('/a/activity_log_state.json'), '/a/activity_log_journal');
    assert.equal(journalFolder('/a/cloudscale_log_state.json'), '/a/cloudscale_log_journal');
    assert.equal(journalFolder('/a/state.json'), '/a/state.json.journal');
  });

  it('gets no line from an idle poll, and the cursor is in the snapshot', async (t) => {
    const p = await place(t);
    await (await p.open()).flush();
    const store = await p.open();
    store.commit(SOURCE, { ...emptyBatch(), cursor: '2026-11-21T20:20:00Z' });
    await store.flush();
    assert.equal(journalLines(p.file).length, 1);
    assert.equal((await p.open()).state.sources[SOURCE]?.cursor, '2026-11-21T20:20:00Z');
    assert.deepEqual(p.log.messages, []);
  });

  it('has the last cursor of a source that delivered something', async (t) => {
    const p = await place(t);
    const store = await p.open();
    store.commit(SOURCE, delivered(1));
    await store.catchUp();
    await store.flush();
    store.commit(SOURCE, { ...emptyBatch(), cursor: '2026-11-21T20:20:00Z' });
    await store.flush();
    assert.equal(journalLines(p.file).at(-1)?.sources[SOURCE]?.cursor, '2026-11-21T20:20:00Z');
  });

  it('keeps the ids inside the overlap, over any number of runs, and is read no further back', async (t) => {
    const p = await place(t);
    let store = await p.open();
    for (let n = 0; n < 20; n++) {
      store.commit(SOURCE, { ...delivered(n), forget_before: START_S + n - 5 });
      await store.flush();
      store = await p.open();
    }
    assert.equal(savedState(p.file).journal?.known_from?.offset, await offsetOf(p, 15));
    assert.deepEqual(
      [13, 14, 15, 19, 20].map((n) => isKnown(store, n)),
      [false, true, true, true, false],
    );
  });

  it('is not read back to when a source failed weeks ago: the snapshot has its ids', async (t) => {
    const p = await place(t);
    const store = await p.open();
    store.register('ionos/busy', newSource(START));
    store.commit(SOURCE, delivered(1));
    await store.flush();
    store.commit('ionos/busy', delivered(...Array.from({ length: 25_000 }, (_, n) => n)));
    await store.flush();
    store.commit('ionos/busy', { ...delivered(30_000), forget_before: START_S + 30_000 });
    await store.flush();
    const again = await p.open();
    assert.equal(savedState(p.file).journal?.known_from?.offset, await offsetOf(p, 3));
    assert.deepEqual([isKnown(again, 1), isKnown(again, 2)], [true, false]);
    again.commit(SOURCE, { ...delivered(3), forget_before: START_S + 2 });
    await again.flush();
    assert.ok(!(await readFile(p.file, 'utf8')).includes('"seen"'), 'what cannot come again is nowhere');
  });

  async function offsetOf(p: Place, line: number): Promise<number> {
    const text = await readFile(journalOf(p.file)[0] ?? '', 'utf8');
    return (
      text
        .split('\n')
        .slice(0, line - 1)
        .join('\n').length + 1
    );
  }

  it('begins a file a day, with all cursors; a clock that is set back does not bring an old day back', async (t) => {
    const p = await place(t);
    const store = await p.open();
    store.register('ionos/idle', newSource(START));
    store.commit(SOURCE, delivered(1));
    await store.flush();
    p.now += DAY_MS;
    store.commit(SOURCE, delivered(2));
    await store.flush();
    p.now -= 2 * DAY_MS;
    store.commit(SOURCE, delivered(3));
    await store.flush();
    assert.deepEqual(
      journalOf(p.file).map((file) => basename(file)),
      ['2026-11-21.jsonl', '2026-11-22.jsonl'],
    );
    const lines = journalLines(p.file);
    assert.deepEqual([lines.length, Object.keys(lines[1]?.sources ?? {})], [3, ['ionos/31721060', 'ionos/idle']]);
    await rm(journalOf(p.file)[0] ?? '');
    await rm(p.file);
    assert.equal((await p.open()).state.sources['ionos/idle']?.cursor, START);
  });
});

describe('a run that is killed', () => {
  it('counts no event twice: the snapshot never says more than the journal up to its line', async (t) => {
    const p = await place(t);
    const store = await p.open();
    await store.flush();
    store.commit(SOURCE, delivered(1));
    const isSaved = store.flush().then(() => true);
    for (let n = 2; n < 200; n++) {
      store.commit(SOURCE, delivered(n));
      if (await Promise.race([isSaved, setImmediate(false)])) break;
    }
    await isSaved;
    const { journal, sources } = JSON.parse(await readFile(p.file, 'utf8')) as StateDocument;
    const upToThen = journalLines(p.file).filter(({ seq }) => seq <= (journal?.seq ?? 0));
    assert.equal(sources[SOURCE]?.delivered, upToThen.flatMap((line) => idsIn(line.sources[SOURCE]?.delivered)).length);
  });

  it('has delivered what Fluent Bit had refused before: status does not warn of it for ever', async (t) => {
    const p = await place(t);
    const store = await p.open();
    const source = store.state.sources[SOURCE];
    assert.ok(source);
    source.strikes = { [idOf(1).toString()]: 1, [idOf(2).toString()]: 1 };
    await store.flush();
    store.commit(SOURCE, delivered(1));
    p.now += 2000;
    await store.catchUp();
    assert.deepEqual((await p.open()).state.sources[SOURCE]?.strikes, { [idOf(2).toString()]: 1 });
  });
});

describe('a clock that was ahead when the first run began, and was set right', () => {
  it('does not have the overlap printed again in each run until the wrong time is reached', async (t) => {
    const p = await place(t);
    let store = await p.open();
    store.register('ionos/new', newSource('2026-11-22T20:00:00Z'));
    await store.flush();
    for (let n = 0; n < 3; n++) {
      store = await p.open();
      const cursor = new Date((START_S + n) * 1000).toISOString().replace('.000', '');
      store.commit('ionos/new', { ...delivered(n), cursor, forget_before: START_S + n - 300 });
      await store.flush();
    }
    store = await p.open();
    assert.deepEqual(
      [0, 1, 2].map((n) => store.state.sources['ionos/new']?.seen.note(idOf(n))),
      ['known', 'known', 'known'],
    );
  });
});

describe('a journal that is not whole', () => {
  async function withTwoCommits(t: TestContext): Promise<Place> {
    const p = await place(t);
    const store = await p.open();
    store.commit(SOURCE, delivered(1));
    await store.flush();
    store.commit(SOURCE, delivered(2));
    await store.flush();
    await store.close();
    p.store = undefined;
    return p;
  }

  it('has a torn last line: it is cut off and kept beside it, and one line says so', async (t) => {
    const p = await withTwoCommits(t);
    const [file = ''] = journalOf(p.file);
    const whole = await readFile(file);
    await appendFile(file, '{"seq":3,"at":"2026-');
    const store = await p.open();
    assert.deepEqual(await readFile(file), whole);
    const kept = (await readdir(p.journal)).filter((name) => name.includes('.torn-'));
    assert.deepEqual(kept, [`2026-11-21.jsonl.torn-${whole.length}`]);
    assert.deepEqual(p.log.messages, [
      `warn: the last line of the journal file ${file} was not finished: it was cut off; ` +
        `the file is kept as ${file}.torn-${whole.length}`,
    ]);
    store.commit(SOURCE, delivered(3));
    await store.flush();
    assert.deepEqual(
      journalLines(p.file).map(({ seq }) => seq),
      [1, 2, 3],
    );
  });

  it('is gone: one line says so, and only the overlap may come again', async (t) => {
    const p = await withTwoCommits(t);
    await rm(p.journal, { recursive: true });
    const store = await p.open();
    assert.match(p.log.messages.join('\n'), /^warn: the journal .* does not have the commit 2 .*printed again/);
    assert.equal(p.log.messages.length, 1);
    store.commit(SOURCE, delivered(3));
    await store.flush();
    assert.equal(journalLines(p.file)[0]?.seq, 3);
    await p.open();
    assert.equal(p.log.messages.length, 1);
  });

  it('has a line that was altered: one line says where, and the others count', async (t) => {
    const p = await withTwoCommits(t);
    const [file = ''] = journalOf(p.file);
    const text = await readFile(file, 'utf8');
    await writeFile(file, text.replace('"delivered":{"', '"delivered":{x'));
    const store = await p.open();
    assert.match(p.log.messages.join('\n'), /has a line at byte 0 that cannot be read .*it was altered/);
    assert.deepEqual([isKnown(store, 1), isKnown(store, 2)], [false, true]);
  });

  it('has an id that was altered: one line says where, and the others count', async (t) => {
    const p = await withTwoCommits(t);
    const [file = ''] = journalOf(p.file);
    await rm(p.file);
    await writeFile(file, (await readFile(file, 'utf8')).replace(String(idOf(1)), `x${String(idOf(1)).slice(1)}`));
    const store = await p.open();
    assert.deepEqual([isKnown(store, 1), isKnown(store, 2)], [false, true]);
    assert.match(p.log.messages.join('\n'), /^warn: the journal file .* has a line at byte \d+ that cannot be read/);
  });

  it('is a file: nothing is collected, and one line says why', async (t) => {
    const p = await withTwoCommits(t);
    await rm(p.journal, { recursive: true });
    await writeFile(p.journal, '');
    await assert.rejects(p.open(), /cannot use the state file .*journal: ENOTDIR/);
  });

  it('has a folder in the place of a file: one line says which', async (t) => {
    const p = await withTwoCommits(t);
    const [file = ''] = journalOf(p.file);
    await rm(file);
    await mkdir(file);
    await assert.rejects(p.open(), ({ message }: Error) =>
      message.includes(`cannot read the journal file ${file}: EISDIR`),
    );
  });

  it('is written by somebody else, or removed, during the run: the run ends', async (t) => {
    const p = await withTwoCommits(t);
    for (const meddle of [async (file: string) => appendFile(file, 'x\n'), async (file: string) => rm(file)]) {
      const store = await p.open();
      store.commit(SOURCE, delivered(3));
      await store.flush();
      const [file = ''] = journalOf(p.file);
      await meddle(file);
      store.commit(SOURCE, delivered(4));
      await assert.rejects(store.flush(), ({ message }: Error) => message.includes(`the journal file ${file} was `));
    }
    assert.match(p.failures.join(), / was written by another process during the run.* was removed during the run/);
    assert.equal(p.failures.length, 2);
  });
});

describe('a state of version 1', () => {
  it('is taken over with its ids, which become the first line of the journal; its copy goes', async (t) => {
    const p = await place(t);
    const seen = { [START_S + 1]: [String(idOf(1))], [START_S + 2]: ['6c8f4fb0-4e4a-4d5c-9a3e-0a4d5c6b7a89'] };
    const source = { cursor: '2026-11-21T20:25:00Z', start: START, seen, delivered: 12, strikes: { a: 2 } };
    const text = JSON.stringify({
      version: 1,
      last_run: START,
      generation: 7,
      sources: { [SOURCE]: source },
      pending: null,
    });
    await writeFile(p.file, text);
    await writeFile(`${p.file}.bak`, text);
    for (let run = 0; run < 2; run++) {
      const store = await p.open();
      const loaded = store.state.sources[SOURCE];
      assert.deepEqual([isKnown(store, 1), isKnown(store, 3)], [true, false]);
      assert.deepEqual([loaded?.cursor, loaded?.delivered, loaded?.strikes], [source.cursor, 12, {}]);
      await store.flush();
      assert.doesNotMatch(await readFile(p.file, 'utf8'), /"seen"/);
    }
    const [line, ...others] = journalLines(p.file);
    assert.deepEqual([idsIn(line?.sources[SOURCE]?.delivered).length, others.length], [2, 0]);
    assert.deepEqual(
      (await readdir(join(p.file, '..'))).filter((name) => name.endsWith('.bak')),
      [],
    );
    assert.deepEqual(p.log.messages, []);
  });
});

describe('a state of version 1 whose taking over is killed before the snapshot', () => {
  it('is taken over by the next run as if nothing had happened: what is pending stays so, nothing counts twice', async (t) => {
    const p = await place(t);
    const seen = { [START_S + 1]: [String(idOf(1))] };
    const source = { cursor: '2026-11-21T20:25:00Z', start: START, seen, delivered: 12, partial: ['x'] };
    const batch = { keys: [String(idOf(2))], times: [START_S + 2] };
    const pending = { host: 'a', base: 1, lines: 1, started_at: 1, printed_until: 1, sources: { [SOURCE]: batch } };
    const text = JSON.stringify({ version: 1, last_run: START, generation: 7, sources: { [SOURCE]: source }, pending });
    for (let run = 0; run < 2; run++) {
      await writeFile(p.file, text);
      const { state } = await p.open();
      const loaded = state.sources[SOURCE];
      assert.deepEqual(Object.keys(state.pending?.sources ?? {}), [SOURCE]);
      assert.deepEqual([loaded?.delivered, loaded?.partial, loaded?.cursor], [12, ['x'], source.cursor]);
      assert.equal(loaded?.hours.between(START_S, START_S + 3600), 1);
      assert.equal(journalLines(p.file).length, 1);
    }
    assert.ok(p.store !== undefined && isKnown(p.store, 1));
  });
});

describe('a crash at any step of a commit', () => {
  /** What a run did: after each step, the snapshot that was on the disk. */
  async function history(
    t: TestContext,
  ): Promise<{ p: Place; journal: Buffer; snapshots: Buffer[]; commits: number[][] }> {
    const p = await place(t);
    const commits: number[][] = [];
    const snapshots: Buffer[] = [];
    let store = await p.open();
    await store.flush();
    for (let n = 0; n < 30; n += 3) {
      const cursor = new Date((START_S + n) * 1000).toISOString().replace('.000', '');
      store.commit(SOURCE, { ...delivered(n, n + 1, n + 2), cursor, forget_before: START_S + n - 6 });
      p.now += 2000;
      if (n % 4 === 0) await store.flush();
      else await store.catchUp();
      commits.push([n, n + 1, n + 2]);
      snapshots.push(await readFile(p.file));
      if (n % 9 === 0) store = await p.open();
    }
    await store.close();
    p.store = undefined;
    return { p, journal: await readFile(journalOf(p.file)[0] ?? ''), snapshots, commits };
  }

  it('loses nothing: whatever the journal is cut to, and whichever older snapshot is beside it', async (t) => {
    const { p, journal, snapshots, commits } = await history(t);
    const folder = await temporaryFolder(t);
    let round = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.nat({ max: journal.length }),
        fc.option(fc.nat({ max: snapshots.length - 1 }), { nil: undefined }),
        fc.boolean(),
        async (cut, nth, hasHalf) => {
          const after = new Place(join(folder, String(round++)));
          await mkdir(after.journal, { recursive: true });
          await copyFile(journalOf(p.file)[0] ?? '', join(after.journal, '2026-11-21.jsonl'));
          await truncate(join(after.journal, '2026-11-21.jsonl'), cut);
          const snapshot = nth === undefined ? undefined : snapshots[nth];
          if (snapshot !== undefined) await writeFile(after.file, snapshot);
          if (hasHalf) await writeFile(`${after.file}.123`, (snapshots.at(-1) ?? Buffer.alloc(0)).subarray(0, 50));
          const whole = journalLines(after.file);
          const store = await after.open();
          const source = store.state.sources[SOURCE];
          assert.ok(source);
          // The cursor never lies behind what is in the journal, and what it has inside the overlap is known.
          const committed = whole.flatMap(({ sources }) => idsIn(sources[SOURCE]?.delivered));
          const snapshotCursor =
            snapshot === undefined
              ? START
              : (JSON.parse(snapshot.toString()) as { sources: Record<string, { cursor: string }> }).sources[SOURCE]
                  ?.cursor;
          const reached = Math.max(
            Date.parse(snapshotCursor ?? START),
            START_S * 1000 + (Math.floor(committed.length / 3) - 1) * 3000,
          );
          assert.ok(Date.parse(source.cursor) <= reached);
          for (const n of commits.flat().slice(0, committed.length)) {
            const isInside = START_S + n >= Date.parse(source.start) / 1000;
            if (isInside) assert.ok(isKnown(store, n), `event ${n} comes again`);
          }
          await store.close();
        },
      ),
      { numRuns: 40 },
    );
  });

  it('a folder that was copied at any moment continues without loss', async (t) => {
    const p = await place(t);
    const copies: Place[] = [];
    const folder = await temporaryFolder(t);
    const store = await p.open();
    for (let n = 0; n < 12; n += 2) {
      store.commit(SOURCE, delivered(n, n + 1));
      p.now += 2000;
      await (n % 4 === 0 ? store.flush() : store.catchUp());
      const copy = new Place(join(folder, String(n)));
      await cp(join(p.file, '..'), join(copy.file, '..'), {
        recursive: true,
        filter: (source) => !source.endsWith('.lock') && !source.endsWith('.owner'),
      });
      copies.push(copy);
    }
    for (const [index, copy] of copies.entries()) {
      const continued = await copy.open();
      for (let n = 0; n < 2 * index + 2; n++) assert.ok(isKnown(continued, n), `copy ${index} does not know ${n}`);
      await continued.close();
      assert.deepEqual(copy.log.messages, []);
    }
  });
});
