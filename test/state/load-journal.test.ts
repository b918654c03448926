import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { EventId } from '../../src/events/event-id.ts';
import { FIRST_PREV, hashOf } from '../../src/state/chain.ts';
import { loadJournal } from '../../src/state/load-journal.ts';
import { emptyState, newSource, type State } from '../../src/state/state.ts';
import { captureLog } from '../helpers/captured-log.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

const SOURCE = 'ionos/1';
const START = '2026-11-21T20:00:00Z';
const START_S = Date.parse(START) / 1000;
const AT = '2026-11-21T20:30:00.000Z';
const FILE = '2026-11-21.jsonl';
const ids = [0, 1, 2, 3].map((n) => new EventId(n, n, n, n, n));

/** A journal with a line for each of these, and a state that knows the first so many. */
async function scene(t: TestContext, lines: readonly object[], known = 0, file = FILE) {
  const folder = join(await temporaryFolder(t), 'journal');
  await mkdir(folder);
  const state: State = { ...emptyState(), sources: { [SOURCE]: newSource(START) } };
  let [text, prev] = ['', FIRST_PREV];
  for (const [nth, sources] of lines.entries()) {
    const line = JSON.stringify({ seq: nth + 1, at: AT, prev, sources });
    text += `${line}\n`;
    prev = hashOf(Buffer.from(line));
    if (nth + 1 === known) state.journal = { ...state.journal, seq: known, hash: prev };
  }
  await writeFile(join(folder, file), text);
  const log = captureLog();
  return {
    folder,
    state,
    log,
    end: { seq: lines.length, hash: prev },
    load: async () => loadJournal(folder, state, log),
  };
}

const groups = (kind: string, ...of: readonly (readonly [n: number, second: number])[]) => ({
  [kind]: Object.fromEntries(of.map(([n, second]) => [START_S + second, [String(ids[n])]])),
});
const isKnown = (state: State, n: number) => state.sources[SOURCE]?.seen.note(new EventId(n, n, n, n, n)) === 'known';

describe('a state and the journal behind it', () => {
  it('has what came after the snapshot counted, each hour and id with it, and where the chain continues', async (t) => {
    const line = { cursor: '2026-11-21T20:10:00Z', ...groups('delivered', [0, 1], [1, 3_600]), ...groups('excluded', [2, 2]) }; // prettier-ignore
    const { state, load, end, log } = await scene(t, [{ [SOURCE]: line }]);
    assert.deepEqual((await load()).end, end);
    const source = state.sources[SOURCE];
    assert.deepEqual(
      [source?.cursor, source?.delivered, source?.excluded, source?.hours.toJSON()],
      ['2026-11-21T20:10:00Z', 2, 1, [START_S / 3_600, 2, 1, 1]],
    );
    assert.deepEqual([0, 1, 2, 3].map((n) => isKnown(state, n)), [true, true, true, false]); // prettier-ignore
    assert.deepEqual(log.messages, []);
  });

  it('has what came before the snapshot known, and not counted again', async (t) => {
    const { state, load } = await scene(t, [{ [SOURCE]: groups('delivered', [0, 1]) }], 1);
    await load();
    assert.deepEqual([isKnown(state, 0), state.sources[SOURCE]?.delivered], [true, 0]);
  });

  it('knows no event from before the start, and none without an id, which may be there again', async (t) => {
    const line = { ...groups('delivered', [0, -1], [1, 0]), ...groups('delivered_unnamed', [2, 5]), ...groups('redelivered', [3, 5]) }; // prettier-ignore
    const { state, load } = await scene(t, [{ [SOURCE]: line }], 1);
    const { recent } = await load();
    assert.deepEqual([0, 1, 2, 3].map((n) => isKnown(state, n)), [false, true, false, false]); // prettier-ignore
    assert.deepEqual(recent.oldestNeeded(state.sources), { file: FILE, offset: 0 });
  });

  it('has decided what was pending, where something was committed after it', async (t) => {
    const pending = { host: 'a', base: 1, lines: 1, started_at: 1, printed_until: 1, sources: {} };
    for (const [known, isDecided] of [
      [0, true],
      [1, false],
    ] as const) {
      const { state, load } = await scene(t, [{ [SOURCE]: groups('delivered', [0, 1]) }], known);
      Object.assign(state, { pending });
      await load();
      assert.equal(state.pending === null, isDecided);
    }
  });

  it('is of the time of its last commit where it is rebuilt, and otherwise of what its file says', async (t) => {
    for (const [generation, lastRun] of [
      [0, AT],
      [7, START],
    ] as const) {
      const { state, load } = await scene(t, [{ [SOURCE]: groups('delivered', [0, 1]) }]);
      Object.assign(state, { generation, last_run: START });
      await load();
      assert.equal(state.last_run, lastRun);
    }
  });

  it('has a source that the journal registers, by its start or at least a cursor, and none that it retires', async (t) => {
    const { state, load } = await scene(t, [
      {
        a: { start: START, cursor: '2026-11-21T20:05:00Z' },
        b: { cursor: '2026-11-21T20:06:00Z' },
        c: { oversize: 1 },
      },
      { [SOURCE]: { forgotten: true } },
    ]);
    await load();
    assert.deepEqual(
      Object.entries(state.sources).map(([name, { start, cursor, journal_from: from }]) => [name, start, cursor, from]),
      [
        ['a', START, '2026-11-21T20:05:00Z', START_S],
        ['b', '2026-11-21T20:06:00Z', '2026-11-21T20:06:00Z', START_S + 360],
      ],
    );
  });

  it('says of a gap when it was noted', async (t) => {
    const { state, load } = await scene(t, [{ [SOURCE]: { gap: 'the API counts more' } }]);
    await load();
    assert.equal(state.sources[SOURCE]?.last_error, `${AT} the API counts more`);
  });

  it('that were parted is compared from its start on only, and one line says so', async (t) => {
    const { folder, state, load, log } = await scene(t, [{ [SOURCE]: groups('delivered', [0, 1]) }], 1);
    state.journal = { ...state.journal, hash: FIRST_PREV };
    const source = state.sources[SOURCE];
    assert.ok(source);
    source.journal_from = 7;
    source.hours.add(START_S);
    const { end } = await load();
    assert.deepEqual(end, { seq: 1, hash: FIRST_PREV }, 'the next commit has the hash of the line as it was');
    assert.deepEqual([source.journal_from, source.hours.toJSON()], [START_S, []]);
    assert.deepEqual(log.messages, [
      `warn: the journal ${folder} does not have the commit 1 that the state file knows: it was altered or removed. ` +
        'Events inside the overlap may be printed again, and verify can compare only what is delivered from now on',
    ]);
  });

  it('has the ids of its own file up to the newest of them, in whatever order', async (t) => {
    const { state, load } = await scene(t, [{ [SOURCE]: groups('delivered', [0, 1]) }], 1);
    for (const [n, id] of ids.entries()) state.sources[SOURCE]?.seen.add(id, START_S + 9 - Math.abs(n - 1));
    assert.equal((await load()).recent.keptUntil(SOURCE), START_S + 9);
  });

  it('that were parted: where the cursor is a URL, nothing is printed again, and it is compared from the last poll on', async (t) => {
    const { state, load } = await scene(t, [{ [SOURCE]: groups('delivered', [0, 1]) }], 1);
    state.journal = { ...state.journal, hash: FIRST_PREV };
    const source = state.sources[SOURCE];
    assert.ok(source);
    source.cursor = 'https://api.example.com/v1/project-logs?cursor=x';
    source.last_event = new Date((START_S + 50) * 1000).toISOString();
    source.last_success = new Date((START_S + 60) * 1000 + 1).toISOString();
    await load();
    assert.equal(source.journal_from, START_S + 61);
  });

  it('is read from where an id may come again, and no further back', async (t) => {
    const { folder, state, load, log } = await scene(t, [{ [SOURCE]: groups('delivered', [0, 1]) }], 1);
    await writeFile(join(folder, '2026-11-20.jsonl'), 'not a line\n');
    state.journal = { ...state.journal, known_from: { file: FILE, offset: 0 } };
    await load();
    assert.deepEqual([isKnown(state, 0), log.messages], [true, []]);
  });
});
