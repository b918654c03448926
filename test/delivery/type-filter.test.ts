import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { TypeFilter } from '../../src/delivery/type-filter.ts';
import { EventReader } from '../../src/events/event.ts';
import { JsonReader } from '../../src/events/json-reader.ts';
import { ionos } from '../../src/providers/ionos.ts';
import { IONOS_EVENT } from '../../src/providers/ionos-page.ts';
import type { State } from '../../src/state/state.ts';
import { captureLog } from '../helpers/captured-log.ts';
import { CONTRACTS, Model, QUIET } from '../helpers/model.ts';
import { idsIn, journalLines, savedState } from '../helpers/saved-state.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

const HOUR = 3_600_000;
const HOUR_S = 3_600;
const [CONTRACT] = CONTRACTS;
const reader = new EventReader(IONOS_EVENT);

function keeps(filter: TypeFilter, event: object): boolean {
  return filter.keeps(reader.read(new JsonReader(Buffer.from(`[${JSON.stringify(event)}]`), 1)));
}

function filterOf(includeTypes: readonly string[], excludeTypes: readonly string[]): TypeFilter {
  return new TypeFilter({ includeTypes, excludeTypes, provider: ionos });
}

describe('TypeFilter', () => {
  const events = [...['A', 'B', 'C'].map((type) => ({ event: { type } })), { event: {} }, { event: { type: 5 } }];
  const rows: [string, string[], string[], boolean[]][] = [
    ['keeps everything when no type is named', [], [], [true, true, true, true, true]],
    ['leaves out what is excluded, and keeps what has no type', [], ['A'], [false, true, true, true, true]],
    ['keeps what is included, and leaves out what has no type', ['A', 'B'], [], [true, true, false, false, false]],
    ['includes first, then excludes', ['A', 'B'], ['B', 'C'], [true, false, false, false, false]],
    ['takes only a text for a type', [], ['5'], [true, true, true, true, true]],
    ['compares names exactly', [], ['a', 'A '], [true, true, true, true, true]],
  ];
  for (const [name, include, exclude, expected] of rows) {
    it(name, () => {
      const filter = filterOf(include, exclude);
      assert.deepEqual(
        events.map((event) => keeps(filter, event)),
        expected,
      );
    });
  }

  it('warns once a day about a name that no event has had for a day', () => {
    const state: Pick<State, 'types'> = {};
    const log = captureLog();
    const warnings = (hour: number, types: readonly string[]): number => {
      const filter = filterOf(['A', 'Tpyo'], ['B']);
      for (const type of types) keeps(filter, { event: { type } });
      filter.noteTypes(state, hour * HOUR, log);
      return log.messages.splice(0).filter((message) => /--include-types: .* the type Tpyo;/.test(message)).length;
    };
    const found = [0, 23, 24, 25, 47, 48].map((hour) => warnings(hour, ['A', 'B']));
    assert.deepEqual(found, [0, 0, 1, 0, 0, 1]);
    assert.equal(warnings(90, []), 0);
    assert.equal(warnings(91, ['Tpyo']), 0);
    assert.equal(warnings(92, ['A', 'B']), 0);
    const excluding = filterOf([], ['Ecko']);
    keeps(excluding, { event: { type: 'A' } });
    excluding.noteTypes({ types: { Ecko: 92 * HOUR_S } }, 116 * HOUR + 999, log);
    assert.deepEqual(log.messages.splice(0), [
      'warn: --exclude-types: no event of the last day has the type Ecko; check its spelling',
    ]);
    const met = filterOf([], ['A']);
    keeps(met, { event: { type: 'A' } });
    met.noteTypes({ types: { A: 92 * HOUR_S } }, 116 * HOUR, log);
    assert.deepEqual(log.messages, []);
    const known: Pick<State, 'types'> = {};
    excluding.noteTypes(known, 7_999, log);
    assert.deepEqual(known, { types: { Ecko: 7 } });
    filterOf([], []).noteTypes(state, 93 * HOUR, log);
    assert.deepEqual([state, log.messages], [{}, []]);
  });
});

describe('a poll with a filter', () => {
  const TYPES = ['Echo', 'Login', 'Echo', undefined, 'Echo'];

  async function polled(t: TestContext, ...args: string[]): Promise<{ m: Model; file: string; said: string }> {
    const file = join(await temporaryFolder(t), 'state.json');
    const m = await Model.open({}, file, 2, args);
    t.after(async () => m.close());
    const events = TYPES.map((type, index) => {
      const time = m.now - 60_000 + index;
      const uuid = `6c8f4fb0-4e4a-4d5c-9a3e-0a4d5c6b7a8${index}`;
      const meta = { time: new Date(time).toISOString() };
      return { raw: JSON.stringify({ '@uuid': uuid, meta, event: { type } }), time };
    });
    m.sandbox.addEvents(CONTRACT, events);
    assert.equal(await m.run({ ...QUIET, pauseMs: 0 }), 0, m.said.join(''));
    return { m, file, said: m.said.join('') };
  }

  const typesOf = (m: Model): unknown[] =>
    m.printed.map((line) => (JSON.parse(line.toString()) as { event: { type?: string } }).event.type);

  it('prints the others, and says how many it left out, in the last line and in status', async (t) => {
    const { m, file, said } = await polled(t, '--exclude-types', 'Echo,Login');
    assert.deepEqual(typesOf(m), [undefined]);
    assert.match(said, /1 event from 3 sources; 4 left out by type/);
    const known = savedState(file).sources[`ionos/${CONTRACT}`];
    assert.equal(known?.delivered, 1);
    await m.command('status');
    assert.match(m.said.join(''), /4 left out by type/);
    assert.equal(await m.run(QUIET), 0);
    assert.match(m.said.join(''), /0 events from 3 sources\n/);
  });

  it('prints the others with --peek, and moves nothing', async (t) => {
    const { m, file } = await polled(t, '--exclude-types', 'Echo');
    const state = savedState(file);
    m.printed.length = 0;
    assert.equal(await m.command('collect', '--peek', '--since', '1h', '--exclude-types', 'Echo'), 0);
    assert.match(m.said.join(''), /2 events from 3 sources; 3 left out by type/);
    assert.deepEqual(savedState(file), state);
  });

  it('has the same ids in its journal as without one', async (t) => {
    const idsWith = async (...args: string[]): Promise<string[]> => {
      const { file } = await polled(t, ...args);
      const records = journalLines(file).flatMap(({ sources }) => Object.values(sources));
      return records.flatMap(({ delivered, excluded }) => [...idsIn(delivered), ...idsIn(excluded)]).sort();
    };
    const without = await idsWith();
    assert.equal(without.length, TYPES.length);
    assert.deepEqual(await idsWith('--exclude-types', 'Echo'), without);
    assert.deepEqual(await idsWith('--include-types', 'Nothing'), without);
  });

  it('is exact to verify, and prints nothing excluded in a sweep or by redeliver', async (t) => {
    const { m } = await polled(t, '--exclude-types', 'Echo');
    assert.equal(typesOf(m).includes('Echo'), false);
    assert.equal(await m.run({ ...QUIET, pauseMs: HOUR }), 0);
    m.sandbox.addEvents(CONTRACT, [{ raw: '{"@uuid":"late","event":{"type":"Echo"}}', time: m.now - HOUR / 2 }]);
    for (let hour = 0; hour < 3; hour++) assert.equal(await m.run({ ...QUIET, pauseMs: HOUR }), 0, m.said.join(''));
    assert.equal(await m.command('verify', '--from', '5h', '--full'), 0, m.said.join(''));
    assert.equal(await m.command('redeliver', '--from', '5h'), 0, m.said.join(''));
    assert.equal(await m.run(QUIET), 0);
    assert.deepEqual(typesOf(m).map(String).sort(), ['Login', 'Login', 'undefined', 'undefined']);
    assert.equal(await m.command('verify', '--from', '5h', '--full'), 0, m.said.join(''));
  });
});
