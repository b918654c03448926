import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { ShapeError } from '../../src/lib/narrow.ts';
import { parseInstant } from '../../src/lib/duration.ts';
import { emptyBatch } from '../../src/state/batch.ts';
import { NewerStateError, parseState } from '../../src/state/parse-state.ts';
import {
  cursorsOf,
  emptyState,
  forgetSource,
  newSource,
  oldestCursor,
  serializeState,
  stateOf,
  type State,
} from '../../src/state/state.ts';
import '../helpers/properties.ts';

const CURSOR = '2026-11-21T20:25:55Z';
const UUID = '6c8f4fb0-4e4a-4d5c-9a3e-0a4d5c6b7a89';
const NIL = '00000000-0000-0000-0000-000000000000';

/** The document of a state file with one source, some of whose fields are these. */
function fileWith(source: object, document: object = {}): string {
  return JSON.stringify({ version: 1, sources: { 'ionos/31721060': { cursor: CURSOR, ...source } }, ...document });
}

function reread(state: State): State {
  return parseState(serializeState(state));
}

describe('a state', () => {
  it('is the same when it is read again', () => {
    const pending = {
      host: 'vm-1',
      base: 1,
      lines: 2,
      started_at: 3,
      printed_until: 4,
      sources: {
        'ionos/31721060': {
          keys: [UUID, NIL],
          times: [1_795_292_755, null],
          partial: [],
          cursor: CURSOR,
          last_event: 1_795_292_755_394,
          forget_before: 1_795_292_455,
          late: { count: 1, max_seconds: 42 },
        },
        'ionos/1': {
          keys: [],
          times: [],
          partial: ['c'],
          cursor: null,
          last_event: null,
          forget_before: null,
          late: { count: 0, max_seconds: 0 },
        },
      },
    };
    const source = {
      start: '2026-11-01T00:00:00Z',
      seen: { 1_795_292_755: [UUID, 'ffffffff-ffff-ffff-ffff-ffffffffffff'], 1_795_292_756: [NIL] },
      partial: ['c', 'c'],
      delivered: 1812,
      last_event: '2026-11-21T20:25:54.394Z',
      last_success: '2026-11-21T20:26:00.000Z',
      last_error: 'a message\nof two lines',
      late: { count: 3, max_seconds: 42 },
      strikes: { a1b2c3d4e5f6: 2 },
      journal_from: 1_795_000_000,
      swept: { 3_600: 1_795_288_800 },
      last_sweep: '2026-11-21T20:26:01.000Z',
      last_attempt: '2026-11-21T20:26:02.000Z',
      ...{ found_missing: 2, redelivered: 3, excluded: 4, oversize: 5, rejected: 6, unreadable: 7 },
    };
    const state = parseState(fileWith(source, { last_run: CURSOR, generation: 42, pending }));
    assert.deepEqual(reread(state), state);
    assert.deepEqual((JSON.parse(serializeState(state)) as State).pending, {
      ...pending,
      sources: {
        'ionos/31721060': {
          cursor: CURSOR,
          delivered: { 1_795_292_755: [UUID] },
          delivered_unnamed: { 0: [NIL] },
          last_event: 1_795_292_755_394,
          forget_before: 1_795_292_455,
          late: { count: 1, max_seconds: 42 },
        },
        'ionos/1': { partial: ['c'] },
      },
    });
    assert.equal(state.generation, 42);
    const { seen, ...plain } = state.sources['ionos/31721060'] ?? {};
    const { seen: expected, ...fields } = source;
    for (const [name, value] of Object.entries({ cursor: CURSOR, ...fields })) {
      assert.deepEqual(plain[name as keyof typeof plain], value, name);
    }
    assert.deepEqual(seen?.upTo(Infinity), expected);
  });

  it('is the same when it is read again, whatever names and texts it holds', () => {
    const names = fc.uniqueArray(fc.string().filter((name) => name !== '__proto__'));
    fc.assert(
      fc.property(
        names,
        fc.string(),
        fc.string(),
        fc.dictionary(fc.string(), fc.integer()),
        (list, cursor, error, seen) => {
          const sources = Object.fromEntries(list.map((name) => [name, { cursor, seen, last_error: error }]));
          const state = parseState(JSON.stringify({ version: 1, sources }));
          assert.deepEqual(Object.keys(state.sources).toSorted(), list.toSorted());
          for (const source of Object.values(state.sources)) {
            assert.deepEqual([source.cursor, source.last_error], [cursor, error]);
          }
          assert.deepEqual(reread(state), state);
        },
      ),
    );
  });

  it('begins empty', () => {
    assert.deepEqual(emptyState().sources, {});
    assert.equal(emptyState().last_run, null);
    assert.equal(reread(emptyState()).taken_over, undefined);
  });

  it('needs nothing of a source but its cursor', () => {
    const [source] = Object.values(parseState(fileWith({})).sources);
    assert.equal(source?.start, '1970-01-01T00:00:00Z');
    assert.deepEqual(source.seen.upTo(Infinity), {});
    assert.deepEqual([source.delivered, source.last_success, source.last_error], [0, null, null]);
    assert.deepEqual([source.late, source.strikes], [{ count: 0, max_seconds: 0 }, {}]);
  });

  it('remembers that the Python fetcher left it until a source was polled', () => {
    assert.equal(reread({ ...emptyState(), taken_over: true }).taken_over, true);
    assert.ok(serializeState(emptyState()).endsWith('}\n'));
  });
});

describe("the Python fetcher's file", () => {
  const rows: [string, string][] = [
    ['2026-11-21T20:25:55.123456+00:00', '2026-11-21T20:25:55.123456+00:00'],
    ['2026-11-21T20:25:55+00:00', '2026-11-21T20:25:55+00:00'],
    ['2026-11-21T20:25:55.123456', '2026-11-21T20:25:55.123456Z'],
    ['2026-11-21 20:25:55', '2026-11-21 20:25:55Z'],
    ['2026-11-21T21:25:55+01:00', '2026-11-21T21:25:55+01:00'],
  ];
  for (const [written, read] of rows) {
    it(`is taken over: ${written}`, () => {
      const state = parseState(JSON.stringify({ last_run: written }));
      assert.deepEqual([state.last_run, state.taken_over, state.sources], [read, true, {}]);
      assert.equal(parseInstant(read), Date.parse(read));
    });
  }

  it('may be empty of everything', () => {
    for (const text of ['{}', '{"last_run":null}']) {
      assert.deepEqual([parseState(text).last_run, parseState(text).taken_over], [null, true]);
    }
  });

  it('is not what our own is taken for', () => {
    const state = parseState(fileWith({}));
    assert.deepEqual([state.version, state.taken_over, reread(state).taken_over], [2, undefined, undefined]);
  });
});

it('verify does not call missing what 0.1.0 delivered of cloudscale, before there was a journal', () => {
  const source = {
    cursor: 'https://api.example.com/v1/project-logs?cursor=x',
    start: '2026-11-21T20:00:00Z',
    last_event: '2026-11-21T20:20:00.5Z',
    last_success: '2026-11-21T20:10:00Z',
  };
  const { sources } = parseState(JSON.stringify({ version: 1, sources: { 'cloudscale/project': source } }));
  assert.equal(sources['cloudscale/project']?.journal_from, Date.parse('2026-11-21T20:20:01Z') / 1000);
});

describe('a file that cannot be read', () => {
  const path = 'sources["ionos/31721060"]';
  const rows: [string, string, string][] = [
    ['is empty', '', 'it is not JSON'],
    ['is cut off', fileWith({}).slice(0, 40), 'it is not JSON'],
    ['is noise', '\u0000\u0001\ufffd', 'it is not JSON'],
    ['is a list', '[]', 'the document is [], expected an object'],
    ['is null', 'null', 'the document is null, expected an object'],
    ['has an old version', '{"version":0}', 'version is 0, expected 2'],
    ['has a version as text', '{"version":"1"}', 'version is "1", expected 2'],
    ['has a date that is none', '{"last_run":"yesterday"}', 'last_run is "yesterday", expected a date and time'],
    ['has a date of another type', '{"last_run":5}', 'last_run is 5, expected a string'],
    [
      'has a date that does not exist',
      '{"last_run":"2026-02-30T00:00:00Z"}',
      'last_run is "2026-02-30T00:00:00Z", expected a date and time',
    ],
    ['counts wrongly', '{"version":1,"generation":-1}', 'generation is -1, expected a number'],
    ['counts in text', '{"version":1,"generation":"1"}', 'generation is "1", expected a number'],
    ['has a list of sources', '{"version":1,"sources":[]}', 'sources is [], expected an object'],
    ['has a source that is none', '{"version":1,"sources":{"a":1}}', 'sources["a"] is 1, expected an object'],
    [
      'has a source without a cursor',
      '{"version":1,"sources":{"a":{}}}',
      'sources["a"].cursor is missing, expected a string',
    ],
    ['has a long value', fileWith({ seen: 'x'.repeat(200) }), `${path}.seen is "${'x'.repeat(79)}, expected an object`],
    [
      'has a time beyond all numbers',
      fileWith({ seen: { a: 1 } }).replace('"a":1', '"a":1e999'),
      `${path}.seen["a"] is null, expected a list`,
    ],
    ['has a time as text', fileWith({ seen: { a: '1' } }), `${path}.seen["a"] is "1", expected a list`],
    [
      'has a group without a time',
      fileWith({ seen: { a: [] } }),
      `${path}.seen: its key is "a", expected epoch seconds`,
    ],
    ['has a number for an id', fileWith({ seen: { 1: ['a', 2] } }), `${path}.seen["1"][1] is 2, expected a string`],
    ['has lateness of another type', fileWith({ late: 1 }), `${path}.late is 1, expected an object`],
    ['has an error of another type', fileWith({ last_error: {} }), `${path}.last_error is {}, expected a string`],
    [
      'has strikes that are no numbers',
      fileWith({ strikes: { a: [] } }),
      `${path}.strikes["a"] is [], expected a number`,
    ],
    ['has no pending sources', fileWith({}, { pending: {} }), 'pending.sources is missing, expected an object'],
    ['has no pending base', fileWith({}, { pending: { sources: {} } }), 'pending.base is missing, expected a number'],
    [
      'has pending keys that are no list',
      fileWith({}, { pending: { sources: { a: { late: {}, times: [], keys: 1 } } } }),
      'pending.sources["a"].keys is 1, expected a list',
    ],
    [
      'has pending times that are no list',
      fileWith({}, { pending: { sources: { a: { late: {}, keys: [] } } } }),
      'pending.sources["a"].times is missing, expected a list',
    ],
  ];
  for (const [name, text, message] of rows) {
    it(name, () => {
      assert.throws(() => parseState(text), { name: 'ShapeError', message });
    });
  }

  const pendingWith = (batch: object) => fileWith({}, { pending: { base: 1, sources: { a: batch } } });
  for (const [field, batch, found, expected] of [
    ['partial', { partial: 1 }, '1', 'a list'],
    ['cursor', { cursor: 1 }, '1', 'a string'],
    ['last_event', { last_event: 'x' }, '"x"', 'a number'],
    ['forget_before', { forget_before: 'x' }, '"x"', 'a number'],
    ['late', { late: 1 }, '1', 'an object'],
    ['late.count', { late: { count: 'x' } }, '"x"', 'a number'],
    ['late.max_seconds', { late: { max_seconds: 'x' } }, '"x"', 'a number'],
    ['oversize', { oversize: 'x' }, '"x"', 'a number'],
    ['rejected', { rejected: 'x' }, '"x"', 'a number'],
    ['found_missing', { found_missing: 'x' }, '"x"', 'a number'],
    ['gap', { gap: 1 }, '1', 'a string'],
    ['excluded', { excluded: [] }, '[]', 'an object'],
    ['delivered["7"]', { delivered: { 7: 'x' } }, '"x"', 'a list'],
    ['redelivered: its key', { redelivered: { x: [] } }, '"x"', 'epoch seconds'],
    ['times[1]', { keys: [UUID, UUID], times: [1, 'x'] }, '"x"', 'a number'],
  ] as const) {
    it(`names what is pending and cannot be read: ${field}`, () => {
      const message = `pending.sources["a"].${field} is ${found}, expected ${expected}`;
      assert.throws(() => parseState(pendingWith(batch)), { name: 'ShapeError', message });
    });
  }

  for (const [field, document, found, expected] of [
    ['journal', { journal: 1 }, '1', 'an object'],
    ['journal.seq', { journal: { known_from: null } }, undefined, 'a number'],
    ['journal.hash', { journal: { known_from: null, seq: 1 } }, undefined, 'a string'],
    ['journal.known_from', { journal: { known_from: 1 } }, '1', 'an object'],
    ['journal.known_from.file', { journal: { seq: 1, hash: '', known_from: {} } }, undefined, 'a string'],
    ['journal.known_from.offset', { journal: { seq: 1, hash: '', known_from: { file: '' } } }, undefined, 'a number'],
    ['journal.first', { journal: { known_from: null, first: 1 } }, '1', 'an object'],
    ['journal.first.seq', { journal: { seq: 1, hash: '', known_from: null, first: {} } }, undefined, 'a number'],
    [
      'journal.first.file',
      { journal: { seq: 1, hash: '', known_from: null, first: { seq: 1 } } },
      undefined,
      'a string',
    ],
    ['redeliver', { redeliver: 1 }, '1', 'a list'],
    ['redeliver[0]', { redeliver: [1] }, '1', 'an object'],
    ['redeliver[0].source', { redeliver: [{}] }, undefined, 'a string'],
    ['redeliver[0].from', { redeliver: [{ source: 'a' }] }, undefined, 'a number'],
    ['redeliver[0].to', { redeliver: [{ source: 'a', from: 1 }] }, undefined, 'a number'],
    ['redeliver[0].since_seq', { redeliver: [{ source: 'a', from: 1, to: 2 }] }, undefined, 'a number'],
    ['types', { types: 1 }, '1', 'an object'],
    ['pending.lines', { pending: { sources: {}, base: 1 } }, undefined, 'a number'],
    ['pending.started_at', { pending: { sources: {}, base: 1, lines: 1 } }, undefined, 'a number'],
    ['pending.printed_until', { pending: { sources: {}, base: 1, lines: 1, started_at: 1 } }, undefined, 'a number'],
    ['pending.host', { pending: { sources: {}, host: 1 } }, '1', 'a string'],
  ] as const) {
    it(`names what cannot be read: ${field}`, () => {
      const message = `${field} is ${found ?? 'missing'}, expected ${expected}`;
      assert.throws(() => parseState(fileWith({}, document)), { name: 'ShapeError', message });
    });
  }

  for (const [field, value, expected] of [
    ['start', 1, 'a string'],
    ['swept', 1, 'an object'],
    ['last_sweep', 'x', 'a date and time'],
    ['hours', 1, 'a list'],
    ['partial', 1, 'a list'],
    ['last_event', 'x', 'a date and time'],
    ['last_attempt', 1, 'a string'],
    ['last_success', 1, 'a string'],
    ...[
      'journal_from',
      'found_missing',
      'redelivered',
      'delivered',
      'excluded',
      'oversize',
      'rejected',
      'unreadable',
    ].map((name) => [name, 'x', 'a number'] as const),
  ] as const) {
    it(`names what cannot be read of a source: ${field}`, () => {
      const message = `${path}.${field} is ${JSON.stringify(value)}, expected ${expected}`;
      assert.throws(() => parseState(fileWith({ [field]: value })), { name: 'ShapeError', message });
    });
  }

  it('has a start that is not an instant', () => {
    assert.throws(() => parseState(fileWith({ start: 'x' })), ShapeError);
  });

  it('was written by a newer program', () => {
    assert.throws(() => parseState('{"version":3,"sources":"?"}'), {
      name: NewerStateError.name,
      message: 'it has version 3, and this program knows versions up to 2: a newer one wrote it',
    });
  });

  it('is refused in no other way, wherever it was cut or changed', () => {
    const text = fileWith(
      { seen: { a: 1 }, late: { count: 1, max_seconds: 2 }, strikes: { b: 1 } },
      { last_run: CURSOR },
    );
    fc.assert(
      fc.property(
        fc.nat({ max: text.length }),
        fc.nat({ max: 3 }),
        fc.constantFrom('', '"', '-', 'null', '[]', '}'),
        (...at) => {
          const [place, removed, inserted] = at;
          try {
            parseState(text.slice(0, place) + inserted + text.slice(place + removed));
          } catch (error) {
            assert.ok(error instanceof ShapeError, String(error));
          }
        },
      ),
      { numRuns: 1000 },
    );
  });
});

describe('oldestCursor', () => {
  it('is what the Python fetcher can read, and points past nobody', () => {
    const seconds = fc.array(fc.integer({ min: 0, max: 4_000_000_000 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(seconds, (list) => {
        const cursor = oldestCursor(list.map((second) => ({ cursor: new Date(second * 1000).toISOString() })));
        assert.match(cursor ?? '', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00$/);
        assert.equal(Date.parse(cursor ?? '') / 1000, Math.min(...list));
      }),
    );
  });

  it('compares instants, not texts', () => {
    const cursors = ['2026-11-21T20:25:55+01:00', '2026-11-21T20:00:00Z'].map((cursor) => ({ cursor }));
    assert.equal(oldestCursor(cursors), '2026-11-21T19:25:55.000000+00:00');
  });

  it('is null where there is none, or where one is not an instant', () => {
    assert.equal(oldestCursor([]), null);
    assert.equal(oldestCursor([{ cursor: CURSOR }, { cursor: 'https://api.example.com/?cursor=a' }]), null);
  });
});

describe('what a state remembers of the destination', () => {
  const destination = { looked_at: 'x', started_at: 1, dropped: { a: 2 }, rejected_until: 3 };

  it('comes back as it was saved', () => {
    const state = { ...emptyState(), destination };
    assert.deepEqual(parseState(serializeState(state)).destination, destination);
  });

  it('has no count that is not a number', () => {
    const document = { version: 1, destination: { ...destination, dropped: { a: 2, b: 'x' } } };
    assert.deepEqual(parseState(JSON.stringify(document)).destination, destination);
  });

  it('is forgotten when it cannot be read: no event depends on it', () => {
    const wrong = { looked_at: 7, started_at: 'x', rejected_until: 'x' };
    const oneWrong = Object.entries(wrong).map(([name, value]) => ({ ...destination, [name]: value }));
    const dropped = [null, 'x', undefined].map((value) => ({ ...destination, dropped: value }));
    for (const broken of [null, 7, {}, ...oneWrong, ...dropped]) {
      assert.equal(parseState(JSON.stringify({ version: 1, destination: broken })).destination, undefined);
    }
  });
});

describe('a state that a run works with', () => {
  it('has no source that was not registered', () => {
    const state = emptyState();
    assert.throws(() => stateOf('ionos/1', state), { name: 'StateError', message: 'ionos/1 was not registered' });
    state.sources['ionos/1'] = newSource(CURSOR);
    assert.equal(stateOf('ionos/1', state), state.sources['ionos/1']);
  });

  it('has what was asked for again, and whether only what is missing', () => {
    const redeliver = [true, false].map((missing) => ({ source: 'ionos/1', from: 1, to: 2, missing, since_seq: 3 }));
    assert.deepEqual(reread({ ...emptyState(), redeliver }).redeliver, redeliver);
  });

  it('has counted nothing of a source that is new', () => {
    const { delivered, excluded, oversize, rejected, unreadable, found_missing, redelivered, late } = newSource(CURSOR);
    assert.deepEqual(
      [delivered, excluded, oversize, rejected, unreadable, found_missing, redelivered],
      Array(7).fill(0),
    );
    assert.deepEqual(late, { count: 0, max_seconds: 0 });
  });

  it('does not know where it was printed what an older version left pending', () => {
    const pending = { base: 1, lines: 2, started_at: 3, printed_until: 4, sources: {} };
    assert.equal(parseState(fileWith({}, { pending })).pending?.host, '');
  });

  it('gives the journal where each source is, with what came of a page that is not done', () => {
    const state = emptyState();
    state.sources = { a: newSource(CURSOR), b: { ...newSource(CURSOR), partial: ['x'] } };
    const [cursor, start] = [CURSOR, CURSOR];
    assert.deepEqual(cursorsOf(state), { a: { cursor, start }, b: { cursor, start, partial: ['x'] } });
  });
});

describe('a source that is retired', () => {
  it('is gone from what is pending, too, and its lines still count', () => {
    const state = emptyState();
    state.sources = { 'ionos/1': newSource(CURSOR), 'ionos/2': newSource(CURSOR) };
    const sources = { 'ionos/1': emptyBatch(), 'ionos/2': emptyBatch() };
    state.pending = { host: 'vm-1', base: 1, lines: 2, started_at: 3, printed_until: 4, sources };
    forgetSource('ionos/1', state);
    assert.deepEqual([Object.keys(state.sources), Object.keys(state.pending.sources)], [['ionos/2'], ['ionos/2']]);
    assert.equal(state.pending.lines, 2);
  });
});
