import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { readConfig } from '../../src/config/config.ts';
import { EventReader, rejectedSlice, type EventSlice } from '../../src/events/event.ts';
import { JsonReader } from '../../src/events/json-reader.ts';
import { formatSecond } from '../../src/lib/duration.ts';
import { ApiError, PageError } from '../../src/lib/errors.ts';
import { startRun } from '../../src/lib/run.ts';
import type { Checkpoint, Page, Source } from '../../src/providers/provider.ts';
import { hashOf } from '../../src/state/chain.ts';
import type { EntryKind } from '../../src/state/batch.ts';
import { keyOf } from '../../src/state/source-progress.ts';
import { emptyState, newSource, type State } from '../../src/state/state.ts';
import { compare } from '../../src/verify/compare.ts';
import type { Asking } from '../../src/verify/compared.ts';
import { IdParts } from '../../src/verify/id-parts.ts';
import type { VerifyReport } from '../../src/verify/report.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

const HOUR = 3_600;
/** A full hour; the journal has all events from there on, and those up to six hours later are past the overlap. */
const BEGIN = Date.parse('2026-11-21T00:00:00Z') / 1000;
const END = BEGIN + 6 * HOUR;
const [ONE, OTHER] = ['ionos/1', 'ionos/2'].map((name) => ({ name, id: name.slice(-1) })) as [Source, Source];
const named = new EventReader({ id: ['@uuid'], time: ['time'] });
const nameless = new EventReader({ id: undefined, time: ['time'] });

/** An event of a source, so many seconds after BEGIN. */
interface Happened {
  readonly source: Source;
  readonly second: number;
  readonly event: EventSlice;
}

function happened(name: string, after = HOUR, { source = ONE, by = named, type = 'Login' } = {}): Happened {
  const time = new Date((BEGIN + after) * 1000).toISOString();
  const json = Buffer.from(JSON.stringify({ '@uuid': name, time, event: { type } }));
  return { source, second: BEGIN + after, event: by.read(new JsonReader(json, 0)) };
}

function bad(text: string): Happened {
  const json = Buffer.from(text);
  return { source: ONE, second: BEGIN + HOUR, event: rejectedSlice(json, 0, json.length) };
}

const uuidOf = ({ event }: Happened) => keyOf(event).uuid;

interface Scene {
  readonly state: State;
  readonly asking: Asking;
  /** What the API was asked for: `count` or `pages`, the source, and the span in hours after BEGIN. */
  readonly asked: string[];
  readonly steps: string[];
  readonly compare: (options?: {
    readonly from?: number;
    readonly to?: number;
    readonly isFull?: boolean;
    readonly copy?: readonly Happened[];
  }) => Promise<VerifyReport>;
}

/** An API with these events, and a journal with a line for each of those. */
async function scene(
  t: TestContext,
  api: readonly Happened[],
  journal: readonly (readonly [Happened, EntryKind?])[],
  sources: readonly Source[] = [ONE, OTHER],
): Promise<Scene> {
  const folder = join(await temporaryFolder(t), 'journal');
  await mkdir(folder);
  const state = emptyState();
  const lines: string[] = [];
  for (const [{ source, second, event }, kind = 'delivered'] of journal) {
    const record = { [kind]: { [second]: [String(keyOf(event))] } };
    const line = JSON.stringify({
      seq: lines.length + 1,
      at: '2026-11-21T00:00:00.000Z',
      prev: state.journal.hash,
      sources: { [source.name]: record },
    });
    lines.push(line);
    state.journal = { ...state.journal, seq: lines.length, hash: hashOf(Buffer.from(line)) };
  }
  await writeFile(join(folder, '2026-11-21.jsonl'), lines.map((line) => `${line}\n`).join(''));
  for (const { name } of [ONE, OTHER]) {
    state.sources[name] = { ...newSource(formatSecond(END)), journal_from: BEGIN };
  }
  const asked: string[] = [];
  const steps: string[] = [];
  const note = (what: string, source: Source, from: number, to: number) =>
    asked.push(`${what} ${source.id} ${(from - BEGIN) / HOUR}-${(to - BEGIN) / HOUR}`);
  const within = (source: Source, from: number, to: number) =>
    api.filter((one) => one.source === source && one.second >= from && one.second < to);
  async function* pages(source: Source, { start, end = 0 }: Checkpoint): AsyncGenerator<Page> {
    note('pages', source, start, end);
    const events = within(source, start, end).map(({ event }) => event);
    const between = { from: start, to: end };
    const rejected = events.filter(({ depth }) => depth === 0);
    yield Promise.resolve({ events: events.filter(({ depth }) => depth > 0), rejected, between, cursor: '' });
  }
  const asking: Asking = {
    config: readConfig({}, {}),
    run: startRun(new AbortController().signal, Infinity, () => 0),
    provider: {
      sources: () => Promise.resolve([...sources]),
      pages,
      count: (source, from, to) => {
        note('count', source, from, to);
        return Promise.resolve(within(source, from, to).length);
      },
    },
  };
  return {
    state,
    asking,
    asked,
    steps,
    compare: ({ from = BEGIN, to = END, isFull = false, copy } = {}) =>
      compare(asking, state, folder, {
        range: { from, to },
        overlapS: 300,
        isFull,
        readCopy:
          copy === undefined
            ? undefined
            : (visit) => {
                for (const { event } of copy) visit(keyOf(event));
                return Promise.resolve({
                  lines: copy.length,
                  without: 0,
                  first_without: undefined,
                  cut_off: undefined,
                });
              },
        onStep: (render) => steps.push(render()),
      }),
  };
}

const kinds = ({ findings }: VerifyReport) => findings.map(({ kind, id }) => `${kind} ${id}`);

describe('verify', () => {
  const [a, b, c] = [happened('a'), happened('b', 2 * HOUR), happened('c', 3 * HOUR)];

  it('asks for one count of each source where these agree, and says what was compared', async (t) => {
    const { compare, asked } = await scene(t, [a, b, c], [[a], [b], [c]]);
    const { chain, ...report } = await compare();
    assert.deepEqual(asked, ['count 1 0-6', 'count 2 0-6']);
    const [from, to] = ['2026-11-21T00:00:00Z', '2026-11-21T06:00:00Z'];
    assert.deepEqual(report, {
      range: { from, to },
      begins: from,
      compared: [
        { source: 'ionos/1', from, to, events: 3, read: [] },
        { source: 'ionos/2', from, to, events: 0, read: [] },
      ],
      copy: undefined,
      findings: [],
      errors: [],
    });
    assert.deepEqual([chain.lines, chain.problems], [3, []]);
  });

  it('finds the hour in which counts differ, and reads only that', async (t) => {
    const { compare, asked } = await scene(t, [a, b, c], [[a], [c]]);
    const report = await compare();
    const time = '2026-11-21T02:00:00Z';
    assert.deepEqual(report.findings, [{ kind: 'missing', source: 'ionos/1', id: uuidOf(b), time, type: 'Login' }]);
    assert.deepEqual(asked.filter((one) => one.startsWith('pages')).slice(0, 1), ['pages 1 2-3']);
    assert.deepEqual(report.compared[0]?.read, [{ from: '2026-11-21T02:00:00Z', to: '2026-11-21T03:00:00Z' }]);
  });

  it('--full compares each id, also where the counts agree', async (t) => {
    const { compare } = await scene(t, [a, b], [[a], [c]]);
    assert.deepEqual(kinds(await compare()), []);
    assert.deepEqual(kinds(await compare({ isFull: true })), [`missing ${uuidOf(b)}`, `gone ${uuidOf(c)}`]);
  });

  it('takes what a filter left out and what was set aside for delivered, and what was redelivered for nothing', async (t) => {
    const { compare, asked } = await scene(t, [a, b, c], [[a, 'excluded'], [b, 'set_aside'], [c], [c, 'redelivered']]);
    assert.deepEqual(kinds(await compare()), []);
    assert.equal(asked.length, 2, 'the counts agree');
    assert.deepEqual(kinds(await compare({ isFull: true })), []);
  });

  it('knows what the API has in the place of an event', async (t) => {
    const { compare } = await scene(t, [bad('null')], [[bad('null'), 'set_aside']]);
    assert.deepEqual(kinds(await compare({ isFull: true })), []);
  });

  it('names an event that was delivered twice, or that the API does not have any more', async (t) => {
    const { compare } = await scene(t, [a], [[a], [a], [b]]);
    assert.deepEqual(kinds(await compare()), [`twice ${uuidOf(a)}`, `gone ${uuidOf(b)}`]);
    for (const kind of ['excluded', 'set_aside'] as const) {
      const two = await scene(t, [a], [[a], [a, kind]]);
      assert.deepEqual(kinds(await two.compare()), [`twice ${uuidOf(a)}`], kind);
    }
  });

  it('counts events without an id that are equal', async (t) => {
    const same = () => happened('x', HOUR, { by: nameless });
    const { uuid } = keyOf(same().event);
    for (const [atApi, delivered, found] of [
      [2, 2, []],
      [2, 1, [`missing ${uuid}`]],
      [1, 2, [`twice ${uuid}`]],
      [0, 1, [`gone ${uuid}`]],
    ] as const) {
      const journal = Array.from({ length: delivered }, () => [same(), 'delivered_unnamed'] as const);
      const { compare } = await scene(t, Array.from({ length: atApi }, same), journal);
      assert.deepEqual(kinds(await compare({ isFull: true })), found, `${atApi} ${delivered}`);
    }
  });

  it('compares each source for itself, in the order of time', async (t) => {
    const elsewhere = happened('a', 4 * HOUR, { source: OTHER });
    const late = happened('z', 5 * HOUR);
    const { compare } = await scene(t, [late, a, elsewhere], [[elsewhere]]);
    assert.deepEqual(kinds(await compare()), [`missing ${uuidOf(a)}`, `missing ${uuidOf(late)}`]);
    const both = await scene(t, [a, elsewhere], [[a]]);
    const { findings } = await both.compare();
    assert.deepEqual(findings.map(({ source }) => source), ['ionos/2']); // prettier-ignore
  });

  it('compares from the first second of the range up to its end, and nothing else', async (t) => {
    const [first, last, next] = [happened('f', HOUR), happened('l', 2 * HOUR - 1), happened('n', 2 * HOUR)];
    const { compare, asked } = await scene(t, [first, last, next], [[first], [last], [next], [a]]);
    const { compared } = await compare({ from: BEGIN + HOUR, to: BEGIN + 2 * HOUR });
    assert.deepEqual(asked[0], 'count 1 1-2');
    assert.equal(compared[0]?.events, 3);
    assert.equal(compared[0].from, '2026-11-21T01:00:00Z');
  });

  it('leaves out what was before the journal, and what is inside the overlap', async (t) => {
    const { compare, asked, state } = await scene(t, [a, b, c], []);
    for (const name of [ONE.name, OTHER.name]) {
      state.sources[name] = { ...newSource(formatSecond(BEGIN + 3 * HOUR)), journal_from: BEGIN + 2 * HOUR };
    }
    const report = await compare();
    assert.deepEqual(kinds(report), [`missing ${uuidOf(b)}`]);
    assert.equal(asked[0], 'count 1 2-3');
    assert.equal(report.begins, '2026-11-21T02:00:00Z');
    const { compared, begins } = await compare({ to: BEGIN + HOUR });
    assert.deepEqual([compared, begins], [[], '2026-11-21T02:00:00Z']);
  });

  it('compares a source whose cursor is a URL up to its last successful poll, less the overlap', async (t) => {
    const { compare, state } = await scene(t, [a, b], [[a]]);
    const source = { ...newSource(formatSecond(BEGIN)), cursor: 'http://api/logs?cursor=x', journal_from: BEGIN };
    state.sources[ONE.name] = { ...source, last_success: formatSecond(BEGIN + 4 * HOUR) };
    const report = await compare();
    assert.deepEqual(kinds(report), [`missing ${uuidOf(b)}`]);
    assert.equal(report.compared[0]?.to, '2026-11-21T03:55:00Z');
    state.sources[ONE.name] = source;
    assert.deepEqual(
      (await compare()).compared.map((one) => one.source),
      ['ionos/2'],
    );
  });

  it('does not know a source that was never polled', async (t) => {
    const { compare, state } = await scene(t, [a], [[a]]);
    state.sources = {};
    const { compared, begins, findings } = await compare();
    assert.deepEqual([compared, begins, findings], [[], null, []]);
  });

  it('begins with the source whose journal begins first', async (t) => {
    const { compare, state } = await scene(t, [], [[a]]);
    state.sources[OTHER.name] = { ...newSource(formatSecond(END)), journal_from: BEGIN + HOUR };
    const { begins, compared } = await compare();
    assert.equal(begins, '2026-11-21T00:00:00Z');
    assert.equal(compared[1]?.from, '2026-11-21T01:00:00Z');
  });

  it('says which source cannot be compared, and compares the other', async (t) => {
    const missing = happened('m', HOUR, { source: OTHER });
    for (const error of [new ApiError('HTTP 403', { status: 403, retryable: false }), new PageError('not JSON')]) {
      const { asking, compare } = await scene(t, [missing], [[a]]);
      const { provider } = asking;
      const count = provider.count?.bind(provider);
      provider.count = (source, ...rest) =>
        source === ONE ? Promise.reject(error) : (count?.(source, ...rest) ?? Promise.resolve(undefined));
      const report = await compare({ copy: [] });
      assert.deepEqual(report.errors, [`ionos/1: ${error.message}`]);
      assert.deepEqual([kinds(report), report.compared.length], [[`missing ${uuidOf(missing)}`], 1]);
    }
  });

  it('compares what was read before the API failed, and calls nothing gone that was not read', async (t) => {
    const { asking, compare } = await scene(t, [a, b], [[a], [b], [c]]);
    const { provider } = asking;
    const pages = provider.pages.bind(provider);
    provider.pages = async function* (...args) {
      yield* pages(...args);
      throw new PageError('cut off');
    };
    const { errors, compared, findings } = await compare({ isFull: true });
    assert.deepEqual(errors, ['ionos/1: cut off', 'ionos/2: cut off']);
    assert.deepEqual([findings, compared.map(({ read }) => read)], [[], [[], []]]);
  });

  it('is not ended by an error of the API alone: a fault of the program is thrown', async (t) => {
    const { asking, compare } = await scene(t, [], [[a]]);
    asking.provider.count = () => Promise.reject(new RangeError('a fault'));
    await assert.rejects(compare(), RangeError);
    asking.provider.sources = () => Promise.reject(new ApiError('HTTP 401', { status: 401, retryable: false }));
    assert.deepEqual((await compare({ copy: [a] })).errors, ['the list of sources: HTTP 401']);
  });

  it('leaves no file behind, whether it ends well or not', async (t) => {
    const close = t.mock.method(IdParts.prototype, 'close').mock;
    const { asking, compare } = await scene(t, [a], [[a]]);
    await compare();
    assert.equal(close.callCount(), 1);
    asking.provider.count = () => Promise.reject(new RangeError('a fault'));
    await assert.rejects(compare(), RangeError);
    assert.equal(close.callCount(), 2);
  });

  it('looks up the types of the first hundred of a source', async (t) => {
    const many = Array.from({ length: 101 }, (_, n) => happened(`m${n}`, HOUR + n));
    const { compare } = await scene(t, many, [[a]]);
    const { findings } = await compare();
    const missing = findings.filter(({ kind }) => kind === 'missing');
    assert.deepEqual([missing.length, missing.filter(({ type }) => type === 'Login').length], [101, 100]);
  });

  it('names what is missing without its type where the API fails meanwhile', async (t) => {
    const { asking, compare, asked } = await scene(t, [a, b], [[a]]);
    const { provider } = asking;
    const pages = provider.pages.bind(provider);
    provider.pages = (...args) => {
      if (asked.some((one) => one.startsWith('pages'))) throw new PageError('cut off');
      return pages(...args);
    };
    const { errors, findings } = await compare();
    assert.deepEqual(errors, ['ionos/1: cut off']);
    const time = '2026-11-21T02:00:00Z';
    assert.deepEqual(findings, [{ kind: 'missing', source: 'ionos/1', id: uuidOf(b), time }]);
  });

  it('asks for nothing of a source whose journal begins where the range ends', async (t) => {
    const { compare, asked, state } = await scene(t, [], [[a]]);
    state.sources[ONE.name] = { ...newSource(formatSecond(END)), journal_from: END };
    assert.deepEqual((await compare({ isFull: true })).compared.map(({ source }) => source), ['ionos/2']); // prettier-ignore
    assert.deepEqual(asked, ['pages 2 0-6']);
  });

  it('has no type where the event has none, or another event has that second', async (t) => {
    const untyped = { ...happened('u'), event: named.read(new JsonReader(Buffer.from('{"@uuid":"u"}'), 0)) };
    const { compare } = await scene(t, [untyped, a], [[a]]);
    assert.deepEqual((await compare({ isFull: true })).findings.map(({ type }) => type), [undefined]); // prettier-ignore
  });

  it('compares a copy: what did not arrive, what arrived twice, and what was set aside', async (t) => {
    const { compare } = await scene(t, [a, b, c], [[a], [b], [c, 'set_aside']]);
    const report = await compare({ copy: [a, a] });
    const found = [`arrived twice ${uuidOf(a)}`, `not arrived ${uuidOf(b)}`, `set aside ${uuidOf(c)}`];
    assert.deepEqual(kinds(report), found);
    assert.equal(report.copy?.lines, 2);
    assert.equal(report.findings[1]?.time, '2026-11-21T02:00:00Z');
  });

  it('finds the events of all sources in a copy, which does not name them', async (t) => {
    const elsewhere = happened('e', HOUR, { source: OTHER });
    const { compare } = await scene(t, [a, elsewhere], [[a], [elsewhere]]);
    assert.deepEqual(kinds(await compare({ copy: [elsewhere, a] })), []);
    assert.deepEqual((await compare({ copy: [a] })).findings.map(({ source }) => source), ['ionos/2']); // prettier-ignore
  });

  it('expects what was redelivered once more in a copy, and nothing of what a filter left out', async (t) => {
    const { compare } = await scene(t, [a, b], [[a], [a, 'redelivered'], [b, 'excluded']]);
    assert.deepEqual(kinds(await compare({ copy: [a, a] })), []);
    assert.deepEqual(kinds(await compare({ copy: [a] })), []);
    assert.deepEqual(kinds(await compare({ copy: [a, a, a] })), [`arrived twice ${uuidOf(a)}`]);
    assert.deepEqual(kinds(await compare({ copy: [a, b, c] })), []);
  });

  it('says how far it is, in the words of each step', async (t) => {
    const { compare, steps } = await scene(t, [a, b], [[a], [b], [c]]);
    await compare({ isFull: true, copy: Array.from({ length: 1_000 }, () => a) });
    for (const step of ['journal: 2 events', 'API: source 1 of 2, 2 events']) {
      assert.ok(steps.includes(step), `${step}: ${steps.join('; ')}`);
    }
    assert.equal(steps.at(-1), 'copy: 1,000 lines');
    await compare();
    assert.ok(steps.includes('API: source 1 of 1, 0 events'), steps.join('; '));
    const hours = await scene(t, [a, b, c], []);
    await hours.compare();
    assert.equal(hours.steps.at(-1), 'API: source 1 of 1, 3 events');
  });
});
