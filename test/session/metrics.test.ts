import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { ExitCode } from '../../src/lib/errors.ts';
import { VERSION } from '../../src/lib/version.ts';
import { writeMetrics } from '../../src/session/metrics.ts';
import type { Session } from '../../src/session/session.ts';
import { emptyState, newSource } from '../../src/state/state.ts';
import { writeLastVerify } from '../../src/state/last-verify.ts';
import { captureLog } from '../helpers/captured-log.ts';
import { serveMetrics } from '../helpers/fluent-bit-metrics.ts';
import { rejectedChunk } from '../helpers/rejected-chunk.ts';
import { journalLines, journalOf } from '../helpers/saved-state.ts';
import { runCommand } from '../helpers/run-command.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { startSandbox } from '../sandbox/server.ts';

interface Sample {
  readonly name: string;
  readonly labels: string;
  readonly value: number;
}

/** Reads Prometheus' text format, and checks what promtool's linter would. */
function lint(text: string): Sample[] {
  const samples: Sample[] = [];
  const types = new Map<string, string>();
  const helps = new Set<string>();
  for (const line of text.split('\n').filter((part) => part !== '')) {
    const help = /^# HELP (\S+) (\S.*)$/.exec(line);
    const type = /^# TYPE (\S+) (counter|gauge)$/.exec(line);
    const sample = /^([a-z_]+)(?:\{((?:[a-z_]+="(?:[^"\\]|\\.)*",?)+)\})? (-?[0-9.e+-]+)$/.exec(line);
    if (help !== null) helps.add(help[1] ?? '');
    else if (type !== null) {
      assert.equal(types.has(type[1] ?? ''), false, `${type[1] ?? ''} has two types`);
      types.set(type[1] ?? '', type[2] ?? '');
    } else {
      assert.ok(sample, `no sample: ${line}`);
      samples.push({ name: sample[1] ?? '', labels: sample[2] ?? '', value: Number(sample[3]) });
    }
  }
  for (const [name, type] of types) {
    assert.ok(helps.has(name), `${name} has no help`);
    assert.equal(name.endsWith('_total'), type === 'counter', `${name} is a ${type}`);
    assert.doesNotMatch(name, /_(ms|milliseconds|minutes|kb|kilobytes)(_|$)/, `${name} has no base unit`);
    assert.ok(samples.some((sample) => sample.name === name));
  }
  for (const { name } of samples) assert.ok(types.has(name), `${name} has no type`);
  return samples;
}

async function setUp(t: TestContext) {
  const sandbox = await startSandbox({ seed: 5 });
  t.after(() => sandbox.close());
  const folder = await mkdtemp(join(tmpdir(), 'metrics-'));
  const file = join(folder, 'metrics.prom');
  let said = '';
  const poll = async (token = 'sandbox-token', more: readonly string[] = []) => {
    const options = ['--api-url', sandbox.url, '--state-file', join(folder, 'state.json'), '--metrics-file', file];
    const env = { IONOS_API_TOKEN: token, CLOUDSCALE_API_TOKEN: token };
    const { exitCode, stderr } = await runCommand([...more, ...options], { env });
    said = stderr;
    return exitCode;
  };
  const metrics = async () => lint(await readFile(file, 'utf8'));
  return { sandbox, file, folder, poll, metrics, stderr: () => said };
}

/** Of a sample with these labels, and the input's. */
function valueOf(samples: readonly Sample[], name: string, labels = ''): number | undefined {
  const all = `input="activity_log"${labels === '' ? '' : `,${labels}`}`;
  return samples.find((sample) => sample.name === `fetch_activity_logs_${name}` && sample.labels === all)?.value;
}

describe('the metrics file', () => {
  it('shows what became of the lines after the input, and the run warns of it in its last line', async (t) => {
    const { sandbox, file, folder, poll, metrics, stderr } = await setUp(t);
    sandbox.addContract('31721060');
    const output = { proc_records: 7, errors: 2, retries: 1, dropped_records: 24 };
    const picture = {
      inputs: new Map([['activity_log', { records: 1, bytes: 1, paused: false }]]),
      outputs: new Map([['to_loki', output]]),
      uptimeSec: 60,
      startedAt: Math.floor(Date.now() / 1000) - 60,
    };
    const fluentBit = await serveMetrics({ picture: () => picture, uptimeSec: () => 60 }, 0);
    t.after(() => fluentBit.close());
    await mkdir(join(folder, 'storage/rejected'), { recursive: true });
    await writeFile(join(folder, 'storage/rejected/a.flb'), rejectedChunk('2026-11-21T19:00:00Z'));
    const ack = ['--ack-url', `http://127.0.0.1:${fluentBit.port}`];
    assert.equal(await poll('sandbox-token', ack), 0);
    const samples = await metrics();
    for (const [name, value] of [['delivered_records', 7], ['dropped_records', 24], ['errors', 2], ['retries', 1]] as const) {
      assert.equal(valueOf(samples, `output_${name}_total`, 'output="to_loki"'), value);
    } // prettier-ignore
    assert.equal(valueOf(samples, 'rejected_chunks'), 1);
    assert.equal(valueOf(samples, 'rejected_chunks_bytes'), 4096);
    assert.ok((valueOf(samples, 'rejected_chunks_oldest_timestamp_seconds') ?? 0) > 1_700_000_000);
    assert.match(stderr().trimEnd().split('\n').at(-1) ?? '', /output to_loki dropped 24 records, .* redeliver --from 2026-11-21T19:00:00Z --to 2026-11-21T19:00:01Z$/); // prettier-ignore
    assert.equal(await poll('sandbox-token', ack), 0);
    assert.doesNotMatch(stderr(), /dropped/);
    assert.ok((await readFile(file, 'utf8')).includes('output_dropped_records_total'));
  });

  it('and the last line of a run that delivered something have the newest hash of the journal', async (t) => {
    const { sandbox, folder, poll, metrics, stderr } = await setUp(t);
    const now = Date.now();
    sandbox.generate('31721060', { count: 2, from: now - 200_000, to: now - 10_000 });
    const file = join(folder, 'state.json');
    assert.equal(await poll(), 0);
    const { seq } = journalLines(file).at(-1) ?? { seq: 0 };
    const newest =
      readFileSync(journalOf(file).at(-1) ?? '', 'utf8')
        .trimEnd()
        .split('\n')
        .at(-1) ?? '';
    const sha256 = createHash('sha256').update(newest).digest('hex');
    assert.match(stderr(), new RegExp(`the journal ends with commit ${seq}, SHA-256 ${sha256}\\n$`));
    assert.equal(valueOf(await metrics(), 'journal_commit', `hash="${sha256}"`), seq);
    const { size } = await stat(journalOf(file)[0] ?? '');
    assert.equal(valueOf(await metrics(), 'journal_bytes'), size);
    assert.equal(await poll(), 0);
    assert.doesNotMatch(stderr(), /SHA-256/);
    assert.equal(valueOf(await metrics(), 'journal_commit', `hash="${sha256}"`), seq);
  });

  it('shows what a poll did, in a form that Prometheus accepts, readable by others', async (t) => {
    const { sandbox, file, poll, metrics } = await setUp(t);
    const now = Date.now();
    sandbox.generate('31721060', { count: 12, from: now - 200_000, to: now - 10_000 });
    sandbox.addContract('4711');
    assert.equal(await poll(), 0);
    const samples = await metrics();
    assert.equal(valueOf(samples, 'last_run_events'), 12);
    assert.equal(valueOf(samples, 'last_run_exit_code'), 0);
    assert.equal(valueOf(samples, 'last_run_requests', 'status="200"'), 3);
    assert.equal(valueOf(samples, 'events_total', 'source="ionos/31721060"'), 12);
    assert.equal(valueOf(samples, 'events_total', 'source="ionos/4711"'), 0);
    assert.ok((valueOf(samples, 'last_success_timestamp_seconds', 'source="ionos/4711"') ?? 0) > 1.7e9);
    assert.ok((valueOf(samples, 'last_run_printed_bytes') ?? 0) > 1_000);
    assert.equal((await stat(file)).mode & 0o777, 0o644);
  });

  it('is written after a poll that failed, too, and keeps what was delivered before', async (t) => {
    const { sandbox, poll, metrics } = await setUp(t);
    const now = Date.now();
    sandbox.generate('31721060', { count: 3, from: now - 200_000, to: now - 10_000 });
    await poll();
    assert.equal(await poll('wrong'), 1);
    const samples = await metrics();
    assert.equal(valueOf(samples, 'last_run_exit_code'), 1);
    assert.equal(valueOf(samples, 'last_run_requests', 'status="401"'), 1);
    assert.equal(valueOf(samples, 'events_total', 'source="ionos/31721060"'), 3);
  });

  it('shows when the token expires, and that a source was never polled successfully', async (t) => {
    const { sandbox, poll, metrics } = await setUp(t);
    const token = ['{"alg":"none"}', '{"exp":2000000000}', 'x'].map((part) => Buffer.from(part).toString('base64url'));
    sandbox.options.token = token.join('.');
    sandbox.addContract('31721060');
    sandbox.options.forbiddenContracts = ['31721060'];
    assert.equal(await poll(token.join('.')), 1);
    const samples = await metrics();
    assert.equal(valueOf(samples, 'token_expiry_timestamp_seconds'), 2_000_000_000);
    assert.equal(valueOf(samples, 'last_success_timestamp_seconds', 'source="ionos/31721060"'), 0);
    assert.equal(valueOf(samples, 'last_run_requests', 'status="403"'), 1);
  });

  it('is no reason for a poll to fail', async (t) => {
    const { sandbox, file, poll } = await setUp(t);
    sandbox.addContract('31721060');
    await mkdir(file);
    assert.equal(await poll(), 0);
  });

  it('has no series that the file of another input has', async (t) => {
    const { sandbox, poll, metrics } = await setUp(t);
    sandbox.addContract('31721060');
    const seriesOf = async (...options: string[]) => {
      assert.equal(await poll('sandbox-token', options), 0);
      return (await metrics()).map(({ name, labels }) => `${name}{${labels}}`);
    };
    const series = [
      ...(await seriesOf()),
      ...(await seriesOf('--provider', 'cloudscale', '--ack-input', 'cloudscale_log')),
      ...(await seriesOf('--provider', 'cloudscale', '--ack-input', 'cloudscale_log_2')),
    ];
    assert.ok(series.length > 50);
    assert.equal(new Set(series).size, series.length);
  });

  it('counts retries and late events', async (t) => {
    const { sandbox, poll, metrics } = await setUp(t);
    sandbox.addContract('31721060');
    await poll();
    const now = Date.now();
    sandbox.generate('31721060', { count: 2, from: now - 120_000, to: now - 110_000 });
    sandbox.fail({ match: { kind: 'page' }, fault: { type: 'status', status: 503 } });
    assert.equal(await poll(), 0);
    const samples = await metrics();
    assert.equal(valueOf(samples, 'last_run_retries'), 1);
    assert.equal(valueOf(samples, 'late_events_total', 'source="ionos/31721060"'), 2);
    assert.ok((valueOf(samples, 'late_events_max_seconds', 'source="ionos/31721060"') ?? 0) >= 100);
  });
});

describe('each metric', () => {
  const NOW = Date.parse('2026-11-21T20:30:00.500Z');
  const inSeconds = (instant: string) => Date.parse(instant) / 1000;

  /** A session of which each figure is another one. */
  function figures() {
    const state = emptyState();
    Object.assign(state.journal, { seq: 13, hash: 'abc' });
    const redelivery = { source: 'ionos/1', from: 0, to: 1, missing: false, since_seq: 0 };
    state.redeliver = [redelivery, redelivery];
    state.pending = { host: 'x', base: 0, lines: 12, started_at: 0, printed_until: 0, sources: {} };
    state.sources = {
      'ionos/1': {
        ...newSource('2026-11-21T20:29:50Z'),
        last_success: '2026-11-21T20:28:00.250Z',
        last_sweep: '2026-11-21T19:00:00Z',
        ...{ delivered: 101, excluded: 102, oversize: 105, rejected: 106, found_missing: 107, redelivered: 108 },
        late: { count: 103, max_seconds: 104 },
      },
      'cloudscale/"a\\b\n': { ...newSource('https://x'), last_success: '2026-11-21T20:20:00Z' },
      'ionos/never': newSource('https://x'),
      'ionos/ahead': newSource('2026-11-21T20:31:00Z'),
    };
    const output = { name: 'loki', delivered: 201, dropped: 202, errors: 203, retries: 204, waiting: 205 };
    const chunk = { at: NOW - 5_000, file: 'a.flb', bytes: 302 };
    const session = {
      config: { ackInput: 'in' },
      acknowledgement: { waitedMs: 1_500 },
      api: { stats: { requests: new Map([['200', 7], ['503', 1]]), retries: 8, bytes: 9 } }, // prettier-ignore
      credentials: { expiresAt: NOW + 86_400_000 },
      delivery: { events: 4, excluded: 5, bytes: 6 },
      destination: {
        latest: {
          counters: { startedAt: 0, outputs: [output] },
          rejected: { folder: 'r', chunks: [chunk, { ...chunk, at: NOW }], bytes: 604 },
        },
      },
      log: captureLog(),
      now: () => NOW,
      startedAt: NOW - 2_250,
      store: { state, journalFolder: undefined as string | undefined },
    };
    return session;
  }

  async function written(t: TestContext, session: object) {
    const file = join(await temporaryFolder(t), 'metrics.prom');
    await writeMetrics(file, session as Session, ExitCode.SomeSourcesFailed);
    const found: Record<string, number> = {};
    for (const { name, labels, value } of lint(await readFile(file, 'utf8'))) {
      const own = labels.replace('input="in"', '').replace(/^,/, '');
      found[`${name.replace('fetch_activity_logs_', '')}${own === '' ? '' : `{${own}}`}`] = value;
    }
    return found;
  }

  const NOTHING = ['events', 'excluded_events', 'late_events', 'oversize_lines', 'rejected_lines', 'found_missing_events', 'redelivered_events']; // prettier-ignore
  const nothing = (source: string) =>
    Object.fromEntries([...NOTHING.map((name) => `${name}_total`), 'late_events_max_seconds'].map((name) => [`${name}{source="${source}"}`, 0])); // prettier-ignore

  it('has its figure under its name, in seconds and bytes', async (t) => {
    const session = figures();
    const folder = await temporaryFolder(t);
    session.store.journalFolder = folder;
    await writeFile(join(folder, '2026-11-21.jsonl'), 'x'.repeat(77));
    await writeLastVerify(folder, { at: '2026-11-21T12:00:00Z', from: 'x', to: 'y', exit_code: 1 });
    assert.deepEqual(await written(t, session), {
      [`build_info{version="${VERSION}"}`]: 1,
      last_run_timestamp_seconds: NOW / 1000,
      last_run_duration_seconds: 2.25,
      last_run_exit_code: 3,
      last_run_events: 4,
      last_run_excluded_events: 5,
      last_run_printed_bytes: 6,
      last_run_received_bytes: 9,
      'last_run_requests{status="200"}': 7,
      'last_run_requests{status="503"}': 1,
      last_run_retries: 8,
      last_run_acknowledgement_seconds: 1.5,
      pending_lines: 12,
      token_expiry_timestamp_seconds: NOW / 1000 + 86_400,
      'last_success_timestamp_seconds{source="ionos/1"}': inSeconds('2026-11-21T20:28:00.250Z'),
      'cursor_timestamp_seconds{source="ionos/1"}': inSeconds('2026-11-21T20:29:50Z'),
      'cursor_lag_seconds{source="ionos/1"}': 10.5,
      'events_total{source="ionos/1"}': 101,
      'excluded_events_total{source="ionos/1"}': 102,
      'late_events_total{source="ionos/1"}': 103,
      'late_events_max_seconds{source="ionos/1"}': 104,
      'oversize_lines_total{source="ionos/1"}': 105,
      'rejected_lines_total{source="ionos/1"}': 106,
      'found_missing_events_total{source="ionos/1"}': 107,
      'redelivered_events_total{source="ionos/1"}': 108,
      'last_sweep_timestamp_seconds{source="ionos/1"}': inSeconds('2026-11-21T19:00:00Z'),
      // Without a time in its cursor, a source is where its last successful poll was.
      ...nothing('cloudscale/\\"a\\\\b\\n'),
      'last_success_timestamp_seconds{source="cloudscale/\\"a\\\\b\\n"}': inSeconds('2026-11-21T20:20:00Z'),
      'cursor_timestamp_seconds{source="cloudscale/\\"a\\\\b\\n"}': inSeconds('2026-11-21T20:20:00Z'),
      'cursor_lag_seconds{source="cloudscale/\\"a\\\\b\\n"}': 600.5,
      ...nothing('ionos/never'),
      'last_success_timestamp_seconds{source="ionos/never"}': 0,
      ...nothing('ionos/ahead'),
      'last_success_timestamp_seconds{source="ionos/ahead"}': 0,
      'cursor_timestamp_seconds{source="ionos/ahead"}': inSeconds('2026-11-21T20:31:00Z'),
      'cursor_lag_seconds{source="ionos/ahead"}': 0,
      'journal_commit{hash="abc"}': 13,
      journal_bytes: 77,
      last_verify_timestamp_seconds: inSeconds('2026-11-21T12:00:00Z'),
      last_verify_exit_code: 1,
      redeliver_queued_ranges: 2,
      'output_delivered_records_total{output="loki"}': 201,
      'output_dropped_records_total{output="loki"}': 202,
      'output_errors_total{output="loki"}': 203,
      'output_retries_total{output="loki"}': 204,
      rejected_chunks: 2,
      rejected_chunks_bytes: 604,
      rejected_chunks_oldest_timestamp_seconds: NOW / 1000 - 5,
    });
  });

  it('says in a sentence what it is', async (t) => {
    const file = join(await temporaryFolder(t), 'metrics.prom');
    await writeMetrics(file, figures() as object as Session, ExitCode.Done);
    const help = (await readFile(file, 'utf8')).split('\n').filter((line) => line.startsWith('# HELP'));
    assert.ok(help.length > 30);
    for (const line of help) assert.match(line, /^# HELP fetch_activity_logs_\w+ [A-Z]\w+ .*\w\.$/);
  });

  it('is left out where it is unknown: no journal, no expiry, no answer of Fluent Bit, nothing printed', async (t) => {
    const session = figures();
    session.store.state.sources = {};
    session.store.state.pending = null;
    const unknown = { credentials: {}, destination: { latest: undefined } };
    const names = Object.keys(await written(t, { ...session, ...unknown }));
    assert.deepEqual(
      names.filter((name) => !name.startsWith('last_run_')),
      [`build_info{version="${VERSION}"}`, 'pending_lines', 'journal_commit{hash="abc"}', 'redeliver_queued_ranges'],
    );
    session.store.journalFolder = await temporaryFolder(t);
    const never = await written(t, { ...session, ...unknown });
    assert.equal(never['journal_bytes'], 0);
    assert.deepEqual([never['last_verify_exit_code'], never['pending_lines']], [undefined, 0]);
  });

  it('is not written where the folder is missing, which is a warning', async (t) => {
    const session = figures();
    const file = join(await temporaryFolder(t), 'none/metrics.prom');
    await writeMetrics(file, session as object as Session, ExitCode.Done);
    assert.equal(session.log.messages.length, 1);
    assert.match(
      session.log.messages[0] ?? '',
      /^warn: cannot write the metrics file \/.*\/none\/metrics\.prom: .*ENOENT/,
    );
  });
});
