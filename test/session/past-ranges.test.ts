import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setImmediate as immediate } from 'node:timers/promises';
import { readConfig } from '../../src/config/config.ts';
import { ApiError, StdoutError } from '../../src/lib/errors.ts';
import { Stopped, startRun } from '../../src/lib/run.ts';
import type { Page } from '../../src/providers/provider.ts';
import { deliverPast } from '../../src/session/past-ranges.ts';
import type { Session } from '../../src/session/session.ts';
import { newSource, stateOf, type Redelivery } from '../../src/state/state.ts';
import { emptyStore } from '../../src/state/store.ts';
import { captureLog } from '../helpers/captured-log.ts';
import { accountOf, assertPrintedOnce } from '../helpers/account.ts';
import { CONTRACTS, QUIET, modelFor, pass } from '../helpers/model.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import type { RequestRecord } from '../sandbox/request-record.ts';

const HOUR = 3_600_000;
const MINUTE = HOUR / 60;
const DAY = 24 * HOUR;
const [CONTRACT] = CONTRACTS;

describe('a sweep', () => {
  it('finds events that come 2 hours, 2 days and 6 days late, and each is delivered exactly once', async (t) => {
    const m = await modelFor(t);
    await pass(m, 0);
    for (let day = 0; day < 8; day += 0.5) await pass(m, DAY / 2, [{ contract: CONTRACT, agoMs: MINUTE }]);
    const late = [2 * HOUR, 2 * DAY, 6 * DAY].map((agoMs) => ({ contract: CONTRACT, agoMs }));
    await pass(m, HOUR, late);
    const { lost } = accountOf(m.printed, m.events);
    assert.ok(lost.length >= 2);
    let said = '';
    // Each of these runs prints one event before its sweeps.
    for (let day = 0; day < 8; day += 0.5) said += await pass(m, DAY / 2, [{ contract: CONTRACT, agoMs: MINUTE }]);
    assertPrintedOnce(m.printed, m.events);
    const hour = String.raw`2026-11-\d\dT\d\d:00:00Z`;
    const found = `warning: ionos/${CONTRACT}: a sweep found 1 event missing between ${hour} and ${hour}; delivered now`;
    assert.equal(said.match(new RegExp(found, 'g'))?.length, lost.length, said);
  });

  it('finds an event that comes late in the first hour, which is not whole; status and metrics count it', async (t) => {
    const metricsFile = join(await temporaryFolder(t), 'metrics.prom');
    const m = await modelFor(t, {}, '--metrics-file', metricsFile);
    await pass(m, 0);
    const time = m.now + MINUTE;
    await pass(m, 20 * MINUTE);
    m.sandbox.generate(CONTRACT, { count: 1, from: time, to: time + 1 });
    for (let hour = 0; hour < 3; hour++) await pass(m, HOUR);
    assertPrintedOnce(m.printed, m.events);
    assert.equal(await m.command('redeliver', '--from', '4h', '--contract', CONTRACT), 0);
    const metric = (name: string, label = '') => {
      const pattern = new RegExp(`^fetch_activity_logs_${name}\\{input="activity_log"${label}\\} (\\S+)$`, 'm');
      return Number(pattern.exec(readFileSync(metricsFile, 'utf8'))?.[1]);
    };
    const source = `,source="ionos/${CONTRACT}"`;
    assert.equal(metric('found_missing_events_total', source), 1);
    assert.equal(metric('late_events_total', source), 1);
    assert.equal(metric('late_events_max_seconds', source), 8_340);
    assert.equal(metric('last_sweep_timestamp_seconds', source), m.now / 1000);
    assert.equal(metric('redelivered_events_total', source), 0);
    assert.ok(Number.isNaN(metric('last_verify_exit_code')));
    assert.equal(await m.command('verify'), 0);
    const verifiedAt = m.now / 1000;
    await pass(m, 1000);
    assert.deepEqual([metric('last_verify_exit_code'), metric('last_verify_timestamp_seconds')], [0, verifiedAt]);
    assert.deepEqual([metric('redelivered_events_total', source), metric('redeliver_queued_ranges')], [1, 0]);
    assert.ok(metric('journal_bytes') > 0);
    await m.command('status');
    assert.match(m.said.join(''), /1 late \(by up to .*\), 1 found missing by sweeps and delivered, 1 redelivered/);
  });

  it('does not deliver an event again that does not say when it happened, near the border of two hours', async (t) => {
    const m = await modelFor(t);
    for (let n = 0; n < 2; n++) await pass(m, 30 * MINUTE);
    const raw = '{"@uuid":"6c8f4fb0-4e4a-4d5c-9a3e-0a4d5c6b7a89","event":{"type":"undated"}}';
    m.sandbox.addEvents(CONTRACT, [{ raw, time: m.now + 29 * MINUTE }]);
    await pass(m, 31 * MINUTE);
    for (let hour = 0; hour < 4; hour++) await pass(m, HOUR);
    assertPrintedOnce(m.printed, m.events);
  });

  it('does not deliver an event again that does not say when it happened, and came after days without a poll', async (t) => {
    const m = await modelFor(t);
    for (let n = 0; n < 4; n++) await pass(m, HOUR, [{ contract: CONTRACT, agoMs: MINUTE }]);
    const raw = '{"@uuid":"6c8f4fb0-4e4a-4d5c-9a3e-0a4d5c6b7a89","event":{"type":"undated"}}';
    m.sandbox.addEvents(CONTRACT, [{ raw, time: m.now + HOUR }]);
    await pass(m, 5 * DAY);
    for (let day = 0; day < 8; day += 0.5) await pass(m, DAY / 2);
    assertPrintedOnce(m.printed, m.events);
  });

  it('costs one request for each source, age and hour at most, and none with --sweep none', async (t) => {
    const m = await modelFor(t);
    await pass(m, 0);
    m.sandbox.requests.length = 0;
    for (let minute = 0; minute < 180; minute += 5) await pass(m, HOUR / 12);
    const polls = (180 / 5) * (1 + CONTRACTS.length);
    // The first hour after the beginning is not whole; two others reach the age of an hour.
    assert.ok(m.sandbox.requests.length - polls <= 2 * CONTRACTS.length, String(m.sandbox.requests.length - polls));
    assert.ok(m.sandbox.requests.length > polls);

    const none = await modelFor(t, {}, '--sweep', 'none');
    await pass(none, 0);
    none.sandbox.requests.length = 0;
    for (let minute = 0; minute < 180; minute += 5) await pass(none, HOUR / 12);
    assert.equal(none.sandbox.requests.length, polls);
  });

  it('that was stopped continues with the hours that it has not read yet, where the API does not count', async (t) => {
    const isCount = ({ query }: RequestRecord) => query['limit'] === '1';
    /** Which hours a run reads that has five to sweep, and the run after it. */
    const swept = async (stopAt: number) => {
      const m = await modelFor(t, { total: 'missing' }, '--sweep', '1h', '--contract', CONTRACT);
      for (const ms of [0, HOUR / 2]) await pass(m, ms);
      const fault = m.sandbox.fail({ match: isCount, fault: { type: 'status', status: 403 }, times: Infinity });
      await pass(m, 5 * HOUR);
      fault.remove();
      const hours = async (nth: number) => {
        m.sandbox.requests.length = 0;
        await m.run({ ...QUIET, pauseMs: 1000, end: { kind: 'stopped', at: 'request', nth } });
        const all = m.sandbox.requests.map((request) => (isCount(request) ? '' : (request.query['dateStart'] ?? '')));
        return { all, read: all.filter(Boolean).slice(1) };
      };
      return [await hours(stopAt), await hours(Infinity)] as const;
    };
    const [{ all, read }] = await swept(Infinity);
    const [stopped, next] = await swept(all.length - 2);
    assert.ok(read.length >= 5, read.join());
    assert.deepEqual([stopped.read, next.read], [read.slice(0, -1), read.slice(-2)]);
  });

  it('compares all that was missed in one request after the machine was off', async (t) => {
    const m = await modelFor(t);
    for (let n = 0; n < 4; n++) await pass(m, HOUR, [{ contract: CONTRACT, agoMs: 1000 }]);
    m.sandbox.requests.length = 0;
    await pass(m, 5 * DAY);
    const counts = m.sandbox.requests.filter(({ query }) => query['limit'] === '1');
    assert.ok(counts.length <= 2 * CONTRACTS.length, String(counts.length));
    assertPrintedOnce(m.printed, m.events);
  });
});

describe('past ranges', () => {
  const NOW = Date.parse('2026-11-21T20:30:00Z');
  const second = (time: string) => Date.parse(`2026-11-21T${time}Z`) / 1000;
  const range = (source: string): Redelivery => ({
    source,
    from: second('10:00:00'),
    to: second('12:00:00'),
    missing: false,
    since_seq: 0,
  });
  const ionos = range('ionos/1');
  const SOURCES = ['ionos/1', 'ionos/2'].map((name) => ({ name, id: name }));

  /** A run in which each of these ranges is queued, and what it does, in order. */
  async function scene(
    t: TestContext,
    pages: (source: string) => Iterable<Pick<Page, 'cursor'>>,
    {
      queue = [ionos],
      settles = true,
      clockSkewMs = 0,
      counted = 0,
    }: { queue?: Redelivery[]; settles?: boolean; clockSkewMs?: number; counted?: number } = {},
  ) {
    const steps: string[] = [];
    const log = captureLog();
    const note = (step: string) => {
      steps.push(step);
    };
    const store = {
      ...emptyStore(() => NOW),
      journalFolder: (await temporaryFolder(t)) as string | undefined,
      flush: async () => {
        await immediate();
        note('saved');
      },
    };
    for (const { name } of SOURCES) store.register(name, newSource('2026-11-21T20:25:00Z'));
    store.state.redeliver = queue.map((one) => ({ ...one }));
    const counts: unknown[] = [];
    const provider = {
      pages: async function* (source: { name: string }) {
        note(`reads ${source.name}`);
        for (const page of pages(source.name)) yield await Promise.resolve({ events: [], ...page });
      },
      count: (source: { name: string }, from: number, to: number) => {
        counts.push([source.name, from, to]);
        return Promise.resolve(counted);
      },
    };
    const session = {
      acknowledgement: { settle: () => Promise.resolve(settles) },
      api: { clockSkewMs },
      config: readConfig({ sweep: '1h' }, {}),
      delivery: { events: 0, deliver: () => Promise.resolve() },
      log,
      now: () => NOW,
      provider,
      run: startRun(new AbortController().signal, Infinity, () => 0),
      store,
    };
    return {
      state: store.state,
      store,
      steps,
      counts,
      log,
      deliver: () => deliverPast(session as object as Session, SOURCES),
      left: () => store.state.redeliver.map(({ source }) => source),
    };
  }
  const fails = (error: Error) => () => {
    throw error;
  };

  it('that are finished leave the queue, and that is saved', async (t) => {
    const { deliver, left, steps, log } = await scene(t, () => [{ cursor: '2026-11-21T12:00:00Z' }]);
    assert.equal(await deliver(), true);
    assert.deepEqual([left(), steps], [[], ['saved', 'reads ionos/1', 'saved']]);
    assert.deepEqual(log.messages, ['info: ionos/1: 0 events redelivered']);
  });

  it('of a source that the token does not see stay in the queue, and the others are delivered', async (t) => {
    const { deliver, left } = await scene(t, () => [], { queue: [range('ionos/gone'), ionos] });
    assert.equal(await deliver(), true);
    assert.deepEqual(left(), ['ionos/gone']);
  });

  it('stay in the queue after an error of the API, which is a warning, and the next one is delivered', async (t) => {
    const pages = (source: string) =>
      source === 'ionos/1' ? fails(new ApiError('no route', { retryable: false }))() : [];
    const { deliver, left, log } = await scene(t, pages, { queue: [ionos, range('ionos/2')] });
    assert.equal(await deliver(), true);
    assert.deepEqual(left(), ['ionos/1']);
    assert.deepEqual(log.messages, [
      'warn: ionos/1: redelivering from 2026-11-21T10:00:00Z failed; the next run will retry: no route',
      'info: ionos/2: 0 events redelivered',
    ]);
  });

  it('are saved before an error of stdout ends the run', async (t) => {
    const { deliver, left, steps } = await scene(t, fails(new StdoutError('closed')), {
      queue: [ionos, range('ionos/2')],
    });
    await assert.rejects(deliver(), StdoutError);
    assert.deepEqual(
      [left(), steps],
      [
        ['ionos/1', 'ionos/2'],
        ['saved', 'reads ionos/1', 'saved'],
      ],
    );
  });

  it('that a stop cuts off continue where they are, never before that, and the last lines are acknowledged', async (t) => {
    for (const settles of [true, false]) {
      const pages = function* () {
        yield { cursor: '2026-11-21T11:00:00Z' };
        yield { cursor: '2026-11-21T10:30:00Z' };
        yield { cursor: 'https://not-an-instant' };
        throw new Stopped('stopped by SIGTERM');
      };
      const { deliver, state, log } = await scene(t, pages, { settles });
      assert.equal(await deliver(), settles);
      assert.deepEqual(
        state.redeliver.map(({ from }) => from),
        [second(settles ? '11:00:00' : '10:00:00')],
      );
      const rest = 'debug: stopped by SIGTERM: the next run does the rest of the past ranges';
      assert.deepEqual(log.messages, settles ? [rest] : ['info: ionos/1: 0 events redelivered']);
    }
  });

  it('are not read where there is no journal', async (t) => {
    const { deliver, store, steps } = await scene(t, () => []);
    store.journalFolder = undefined;
    assert.equal(await deliver(), true);
    assert.deepEqual(steps, []);
  });

  for (const [what, clockSkewMs, until] of [
    ['up to the last full hour of that age', 0, '19:00:00'],
    ['by the clock of the API where that of this machine is ahead', HOUR, '18:00:00'],
    ['by its own clock where that is behind', -HOUR, '19:00:00'],
  ] as const) {
    it(`are swept ${what}, for all sources, and that is noted`, async (t) => {
      const { deliver, state, counts } = await scene(t, () => [], { queue: [], clockSkewMs });
      for (const { name } of SOURCES) stateOf(name, state).swept = { 3600: second('16:00:00') };
      assert.equal(await deliver(), true);
      assert.deepEqual(counts, SOURCES.map(({ name }) => [name, second('16:00:00'), second(until)])); // prettier-ignore
      for (const { swept, last_sweep } of Object.values(state.sources)) {
        assert.deepEqual([swept, last_sweep], [{ 3600: second(until) }, '2026-11-21T20:30:00.000Z']);
      }
    });
  }

  it('in which a sweep finds nothing are not spoken of, though the API counts more than the journal', async (t) => {
    const { deliver, state, log, steps } = await scene(t, () => [], { queue: [], counted: 1 });
    for (const { name } of SOURCES) stateOf(name, state).swept = { 3600: second('18:00:00') };
    assert.equal(await deliver(), true);
    assert.ok(steps.includes('reads ionos/1'));
    assert.deepEqual(log.messages, []);
  });

  it('are not swept where they are inside the overlap, or were swept, or at the first run', async (t) => {
    const { deliver, state, counts } = await scene(t, () => [], { queue: [] });
    Object.assign(stateOf('ionos/1', state), { swept: { 3600: second('16:00:00') }, start: '2026-11-21T16:59:59Z' });
    assert.equal(await deliver(), true);
    assert.deepEqual(counts, []);
    const { swept, last_sweep } = stateOf('ionos/2', state);
    assert.deepEqual([swept, last_sweep], [{ 3600: second('20:25:00') }, null]);
  });
});
