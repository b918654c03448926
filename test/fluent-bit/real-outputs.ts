/** `npm run test:fluent-bit`, second part: what the shipped outputs send, and whether the other end can read it. */

import assert from 'node:assert/strict';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, it, type TestContext } from 'node:test';
import { DASHBOARDS, queriesOf } from '../grafana/queries.ts';
import { loopbackCertificate } from '../helpers/loopback-certificate.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { type Sandbox, startSandbox } from '../sandbox/server.ts';
import { type Edits, findFluentBit, freePort, RealFluentBit, Sink } from './real-fluent-bit.ts';

const CONTRACT = '31721060';
const PAUSE_MS = 250;

interface Result {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [number, string];
}

const binary = findFluentBit() ?? '';
const skip = binary === '' ? 'there is none: neither FLUENT_BIT nor PATH has one' : false;
const hasPrometheus = spawnSync('prometheus', ['--version']).status === 0;

async function sandboxWith(t: TestContext, count: number): Promise<Sandbox> {
  const sandbox = await startSandbox();
  t.after(() => sandbox.close());
  sandbox.addContract(CONTRACT);
  const to = Math.floor(Date.now() / 1000) * 1000;
  sandbox.generate(CONTRACT, { count, from: to - 60_000, to });
  return sandbox;
}

function endWith(t: TestContext, child: ChildProcess): void {
  t.after(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
}

function assertOnce(sink: Sink, sandbox: Sandbox): void {
  assert.deepEqual(sink.counts, new Map(sandbox.events(CONTRACT).map(({ id }) => [id, 1])));
}

describe(`the outputs of a real Fluent Bit ${binary}`.trim(), { skip, concurrency: 4 }, () => {
  const bodies: [string, Edits, string | undefined][] = [
    ['as it is shipped', [], 'gzip'],
    ['without Compress', [[/^ +Compress +gzip$/m, '']], undefined],
  ];
  for (const [what, edits, encoding] of bodies) {
    it(`ionos.conf ${what}: a burst of 20,000 events reaches a plain HTTP sink, each once`, async (t) => {
      const sandbox = await sandboxWith(t, 20_000);
      const sink = await Sink.start(t);
      await RealFluentBit.start(t, binary, 'fluent-bit.conf', sink, sandbox.url, edits);
      await sink.until(() => sink.counts.size === 20_000);
      assertOnce(sink, sandbox);
      assert.deepEqual([...sink.encodings], [encoding]);
      t.diagnostic(`the largest POST has ${sink.largestPost} bytes`);
      assert.ok(sink.largestPost < (encoding === 'gzip' ? 1_000_000 : 4_000_000), `${sink.largestPost}`);
    });
  }

  it('ionos-tcp.conf: the forward protocol over TLS with the shared key reaches another Fluent Bit, each event once', async (t) => {
    const sandbox = await sandboxWith(t, 2_000);
    const sink = await Sink.start(t);
    const folder = await temporaryFolder(t);
    const { key, cert } = loopbackCertificate();
    const port = await freePort();
    await writeFile(join(folder, 'key.pem'), key);
    await writeFile(join(folder, 'cert.pem'), cert);
    const receiver = [
      ['[INPUT]', 'Name forward', 'Listen 127.0.0.1', `Port ${port}`, 'Shared_Key a-key', 'Self_Hostname service', 'tls On', `tls.crt_file ${folder}/cert.pem`, `tls.key_file ${folder}/key.pem`], // prettier-ignore
      ['[OUTPUT]', 'Name http', 'Match activityLog', 'Host 127.0.0.1', `Port ${sink.port}`, 'Format json'],
    ];
    const text = receiver.map(([head = '', ...keys]) => [head, ...keys.map((line) => `    ${line}`)].join('\n'));
    await writeFile(join(folder, 'receiver.conf'), `[SERVICE]\n    Flush 1\n${text.join('\n')}\n`);
    endWith(t, spawn(binary, ['-c', join(folder, 'receiver.conf')], { stdio: 'ignore' }));
    await RealFluentBit.start(t, binary, 'fluent-bit.conf', { port }, sandbox.url, [
      [/^@INCLUDE outputs\/ionos\.conf$/m, '@INCLUDE outputs/ionos-tcp.conf'],
      [/( Port +)9000/, `$1${port}`],
      [/( tls +)off/, `$1On\n    tls.verify_hostname On\n    tls.ca_file ${folder}/cert.pem`],
    ]);
    await sink.until(() => sink.counts.size === 2_000);
    assertOnce(sink, sandbox);
  });

  const left = 'prometheus is not installed';
  it(
    'metrics-ionos.conf: the figures of a run reach a Prometheus by remote write',
    { skip: hasPrometheus ? false : left },
    async (t) => {
      const sandbox = await sandboxWith(t, 50);
      const sink = await Sink.start(t);
      const folder = await temporaryFolder(t);
      const port = await freePort();
      await writeFile(join(folder, 'prometheus.yml'), 'global: {}\n');
      const flags = [
        `--config.file=${folder}/prometheus.yml`,
        `--storage.tsdb.path=${folder}/data`,
        `--web.listen-address=127.0.0.1:${port}`,
        '--web.enable-remote-write-receiver',
      ];
      endWith(t, spawn('prometheus', flags, { stdio: 'ignore' }));
      await RealFluentBit.start(
        t,
        binary,
        'fluent-bit.conf',
        sink,
        sandbox.url,
        [
          [/^#@INCLUDE outputs\/metrics-ionos\.conf$/m, '@INCLUDE outputs/metrics-ionos.conf'],
          [/(Host +\$\{ACTIVITY_LOG_METRICS_HOST\}\n +Port +)\d+/, `$1${port}`],
          [/\/api\/v1\/push/, '/api/v1/write'],
          [/(Path +)\S+\*\.prom/, `$1${folder}/*.prom`],
          [/(Scrape_Interval +)60/, '$11'],
          [/#Add_Label( +)instance vm-1/, 'Add_Label$1instance vm-7'],
        ],
        {
          ACTIVITY_LOG_METRICS_FILE: join(folder, 'activity_log.prom'),
          ACTIVITY_LOG_METRICS_HOST: '127.0.0.1',
          ACTIVITY_LOG_METRICS_KEY: 'a-key',
        },
      );
      const ask = async (expr: string): Promise<Result[] | undefined> => {
        const url = `http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent(expr)}`;
        const response = await fetch(url).catch(() => undefined);
        return ((await response?.json()) as { data?: { result: Result[] } } | undefined)?.data?.result;
      };
      const events = async (): Promise<unknown> =>
        (await ask('fetch_activity_logs_events_total'))?.map(({ metric, value }) => ({ ...metric, value: value[1] }));
      const expected = [
        { __name__: 'fetch_activity_logs_events_total', input: 'activity_log', instance: 'vm-7', source: `ionos/${CONTRACT}`, value: '50' }, // prettier-ignore
      ];
      while (JSON.stringify(await events()) !== JSON.stringify(expected)) {
        await sleep(PAUSE_MS);
      }
      const figures = queriesOf(DASHBOARDS[0]).filter(({ language }) => language === 'PromQL');
      for (const { name, expr } of figures.filter(({ expr }) => !/increase|token_expiry/.test(expr))) {
        assert.ok(((await ask(expr)) ?? []).length > 0, name);
      }
      await sink.until(() => sink.counts.size === 50);
    },
  );
});
