import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { FluentBit, isSameLife, type InputCounter } from '../../src/delivery/fluent-bit-counter.ts';
import { InExec } from '../helpers/in-exec.ts';

const NOW = 1_795_292_755_600;
const NOW_S = 1_795_292_755;
const never = new AbortController().signal;

const PROMETHEUS = [
  '# HELP fluentbit_uptime Number of seconds that Fluent Bit has been running.',
  '# TYPE fluentbit_uptime counter',
  'fluentbit_uptime{hostname="vm"} 100',
  'fluentbit_process_start_time_seconds{hostname="vm"} 1795292655',
  'fluentbit_input_ingestion_paused{name="activity_log"} 0',
  '',
].join('\n');

/** What is answered by path: a body, a status, or nothing at all. */
type Answers = Readonly<Record<string, string | number | undefined>>;

const USUAL: Answers = {
  '/api/v1/metrics': '{"input":{"activity_log":{"records":20,"bytes":1940}},"filter":{},"output":{}}',
  '/api/v1/uptime': '{"uptime_sec":101,"uptime_hr":"Fluent Bit has been running"}',
  '/api/v2/metrics/prometheus': PROMETHEUS,
};

async function serve(t: TestContext, answers: Answers): Promise<URL> {
  const server: Server = createServer((request, response) => {
    const answer = request.url !== undefined && request.url in answers ? answers[request.url] : 404;
    if (typeof answer === 'number') response.writeHead(answer).end();
    else if (answer !== undefined) response.end(answer);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
}

function client(t: TestContext, url: URL, input = 'activity_log'): FluentBit {
  const fluentBit = new FluentBit(url, input, () => NOW);
  t.after(() => fluentBit.close());
  return fluentBit;
}

async function ask(t: TestContext, answers: Answers, input?: string): Promise<InputCounter> {
  return client(t, await serve(t, { ...USUAL, ...answers }), input).counter(never);
}

describe('the version of Fluent Bit', () => {
  const version = async (t: TestContext, answer: string) => client(t, await serve(t, { '/': answer })).version(never);

  it('is what it says at its root; undefined when it does not', async (t) => {
    assert.equal(await version(t, '{"fluent-bit":{"version":"5.1.1","edition":"Community"}}'), '5.1.1');
    assert.equal(await version(t, '{"fluent-bit":{"version":5}}'), undefined);
    assert.equal(await version(t, '{}'), undefined);
  });
});

describe("an input's counter", () => {
  const usual: InputCounter = {
    records: 20,
    startedAt: 1_795_292_655,
    uptime: 101,
    countedAt: 100,
    isPaused: false,
  };

  const cases: [string, Answers, Partial<InputCounter>][] = [
    ['comes with when it was counted, and since when', {}, {}],
    ['of no record yet', { '/api/v1/metrics': '{"input":{"activity_log":{"records":0}}}' }, { records: 0 }],
    [
      'of a paused input',
      { '/api/v2/metrics/prometheus': PROMETHEUS.replace('"activity_log"} 0', '"activity_log"} 1') },
      { isPaused: true },
    ],
    [
      'while another input is paused',
      {
        '/api/v2/metrics/prometheus': `fluentbit_input_ingestion_paused{name="activity_log_2"} 1\n${PROMETHEUS}`,
      },
      {},
    ],
    [
      'with samples that carry a time of their own',
      { '/api/v2/metrics/prometheus': PROMETHEUS.replaceAll(/^(fluentbit_.*)$/gm, '$1 1795292755123') },
      {},
    ],
    [
      'of a Fluent Bit that does not know these metrics yet',
      { '/api/v2/metrics/prometheus': 404 },
      { startedAt: NOW_S - 101, countedAt: undefined, isPaused: false },
    ],
    [
      'with metrics that lack a value',
      { '/api/v2/metrics/prometheus': 'fluentbit_uptime{hostname="vm"}\nfluentbit_uptime_total{} 7\n' },
      { startedAt: NOW_S - 101, countedAt: undefined },
    ],
  ];
  for (const [what, answers, expected] of cases) {
    it(what, async (t) => {
      assert.deepEqual(await ask(t, answers), { ...usual, ...expected });
    });
  }

  const failures: [string, Answers, RegExp][] = [
    ['another status', { '/api/v1/metrics': 503 }, /\/api\/v1\/metrics answered HTTP 503/],
    ['no figures yet', { '/api/v1/metrics': 404 }, /\/api\/v1\/metrics answered HTTP 404/],
    ['no JSON', { '/api/v1/metrics': '<html>' }, /JSON/],
    ['another document', { '/api/v1/metrics': '[]' }, /no input with the Alias activity_log \(it has: none\)/],
    ['no object', { '/api/v1/metrics': 'null' }, /\(it has: none\)/],
    ['an input that is no object', { '/api/v1/metrics': '{"input":{"activity_log":7}}' }, /it has: activity_log\)/],
    ['no number', { '/api/v1/metrics': '{"input":{"activity_log":{"records":"20"}}}' }, /it has: activity_log\)/],
    ['no inputs', { '/api/v1/metrics': '{"input":null}' }, /no input with the Alias activity_log \(it has: none\)/],
    ['no uptime', { '/api/v1/uptime': '{}' }, /its uptime cannot be read/],
    ['an uptime that is no number', { '/api/v1/uptime': '{"uptime_sec":"7"}' }, /its uptime cannot be read/],
  ];
  for (const [what, answers, message] of failures) {
    it(`is refused: ${what}`, async (t) => {
      await assert.rejects(ask(t, answers), message);
    });
  }

  it('is refused for an Alias that is not there, and those that are there are named', async (t) => {
    const metrics = '{"input":{"cpu.0":{"records":1},"activity_log":{"records":2}}}';
    const message = 'it has no input with the Alias activity-log (it has: cpu.0, activity_log)';
    await assert.rejects(ask(t, { '/api/v1/metrics': metrics }, 'activity-log'), { message });
    await assert.rejects(ask(t, { '/api/v1/metrics': metrics }, 'toString'), /no input with the Alias toString/);
  });

  it('is refused when nobody listens', async (t) => {
    const url = await serve(t, {});
    const unused = new URL(url);
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    unused.port = String((server.address() as AddressInfo).port);
    await new Promise((resolve) => server.close(resolve));
    await assert.rejects(client(t, unused).counter(never), { code: 'ECONNREFUSED' });
  });

  it('is not waited for without end', async (t) => {
    await assert.rejects(ask(t, { '/api/v1/metrics': undefined }), /no answer from 127\.0\.0\.1:\d+ within 2 s/);
  });

  it('is not waited for any longer when the run is stopped', async (t) => {
    const stop = new AbortController();
    const url = await serve(t, { ...USUAL, '/api/v1/uptime': undefined });
    const asked = client(t, url).counter(stop.signal);
    const reason = new Error('stopped');
    stop.abort(reason);
    await assert.rejects(asked, reason);
  });

  it("is found in the double's figures", async (t) => {
    const command = `seq -f '{"n":%g}' 1 3`;
    const inputs = [{ command, alias: 'activity_log', threaded: true }];
    const fb = await InExec.start({ inputs, refreshMs: 1_000_000, uptimeSec: 1000 });
    t.after(() => fb.close());
    await fb.runOnce();
    fb.pause();
    fb.refresh();
    const fluentBit = new FluentBit(new URL(fb.url), 'activity_log', Date.now);
    t.after(() => fluentBit.close());
    const { records, startedAt, uptime, countedAt = NaN, isPaused } = await fluentBit.counter(never);
    assert.deepEqual([records, isPaused], [3, true]);
    assert.ok(countedAt >= 1000 && countedAt <= uptime);
    assert.ok(isSameLife(startedAt, Math.floor(Date.now() / 1000) - uptime));
  });
});

describe('one life', () => {
  it('is told from another by when it began, a moment more or less', () => {
    for (const moment of [-2, -1, 0, 1, 2]) assert.equal(isSameLife(NOW_S + moment, NOW_S), true);
    for (const moment of [-300, -3, 3, 300]) assert.equal(isSameLife(NOW_S + moment, NOW_S), false);
  });
});

describe('the counters of outputs', () => {
  const figures = { proc_records: 5, errors: 2, retries: 3, retries_failed: 1, dropped_records: 24 };
  const metrics = JSON.stringify({ input: {}, output: { mine: figures, other: { proc_records: 1 } } });
  const outputsOf = async (t: TestContext, answers: Answers) =>
    client(t, await serve(t, { ...USUAL, '/api/v1/metrics': metrics, ...answers })).outputs(never);
  const mine = { name: 'mine', delivered: 5, errors: 2, retries: 3, dropped: 24, waiting: 0 };
  const other = { name: 'other', delivered: 1, errors: 0, retries: 0, dropped: 0, waiting: 0 };

  it('are those that got something from the input', async (t) => {
    for (const metric of ['records_total', 'drop_records_total']) {
      const line = `fluentbit_routing_logs_${metric}{input="activity_log",output="mine"} 9\n`;
      const found = await outputsOf(t, { '/api/v2/metrics/prometheus': PROMETHEUS + line });
      assert.deepEqual(found, { startedAt: 1_795_292_655, outputs: [mine] });
    }
  });

  it('say what an output has not sent yet of what the input got, and not less than nothing', async (t) => {
    const line = (output: string, sent: number) =>
      `fluentbit_routing_logs_records_total{input="activity_log",output="${output}"} ${sent}\n` +
      `fluentbit_routing_logs_drop_records_total{input="activity_log",output="${output}"} 1\n`;
    const text = `fluentbit_input_records_total{name="activity_log"} 40\n${line('mine', 9)}${line('other', 50)}`;
    const { outputs } = await outputsOf(t, { '/api/v2/metrics/prometheus': PROMETHEUS + text });
    assert.deepEqual(outputs.map(({ waiting }) => waiting), [30, 0]); // prettier-ignore
  });

  it('are read whatever a label holds, whatever a comment says, and with the time of a sample', async (t) => {
    const text =
      '# fluentbit_input_records_total{name="activity_log"} 7\n' +
      'fluentbit_input_records_total{host="a}b",name="activity_log"} 40 1795292655000\n' +
      'fluentbit_routing_logs_records_total{input="activity_log",output="mine"} 9\n';
    const { outputs } = await outputsOf(t, { '/api/v2/metrics/prometheus': PROMETHEUS + text });
    assert.deepEqual(outputs, [{ ...mine, waiting: 31 }]);
  });

  it('are all of them where Fluent Bit does not say which got something', async (t) => {
    assert.deepEqual((await outputsOf(t, {})).outputs, [mine, other]);
  });

  it('are none where there are none', async (t) => {
    assert.deepEqual((await outputsOf(t, { '/api/v1/metrics': '{}' })).outputs, []);
  });
});
