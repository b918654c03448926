import assert from 'node:assert/strict';
import { mkdir, utimes, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import type { World } from '../../../src/lib/world.ts';
import { ENVIRONMENT, NOW, PIPELINE, installedMachine, type CheckedMachine } from '../../helpers/checked-machine.ts';
import type { OutputMetrics } from '../../helpers/fluent-bit-metrics.ts';
import { skipPause } from '../../helpers/test-client.ts';
import { rejectedChunk } from '../../helpers/rejected-chunk.ts';

/** What check says in these tests, word by word. */
const GOLDEN = 'check/running.txt';

async function found(machine: CheckedMachine, options: string[] = []): Promise<string[]> {
  const faults = await machine.told(GOLDEN, options);
  return faults.map(({ level, code, message }) => `${level} ${code}: ${message}`);
}

/** Another server in the place of Fluent Bit's, which answers what is there by path, else 404. */
async function serving(t: TestContext, answers: Readonly<Record<string, object | string>>): Promise<string> {
  const server = createServer((request, response) => {
    const answer = answers[request.url ?? ''];
    response
      .writeHead(answer === undefined ? 404 : 200)
      .end(typeof answer === 'string' ? answer : JSON.stringify(answer));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('check looks at the Fluent Bit that runs', { concurrency: 4 }, () => {
  it('and calls it an error that it does not answer', async (t) => {
    const machine = await installedMachine(t);
    machine.fluentBit.picture = undefined;
    assert.deepEqual(await found(machine), [
      "error running: cannot read Fluent Bit's counters at FLUENT-BIT: /api/v1/metrics answered HTTP 404",
    ]);
  });

  it('and gives one that has just been started a little time', async (t) => {
    const machine = await installedMachine(t);
    const { picture } = machine.fluentBit;
    const pauses: number[] = [];
    const pause: World['pause'] = (ms, signal) => {
      pauses.push(ms);
      return skipPause(ms, signal);
    };
    Object.defineProperty(machine.fluentBit, 'picture', { get: () => (pauses.length >= 2 ? picture : undefined) });
    assert.deepEqual(await machine.faults([], { pause }), []);
    assert.deepEqual(pauses, [1000, 1000]);
  });

  it('and calls it an error that it has no such input', async (t) => {
    const machine = await installedMachine(t);
    assert.deepEqual(await found(machine, ['--ack-input', 'audit']), [
      "error running: Fluent Bit does not count this input's lines: it has no input with the Alias audit (it has: activity_log)",
    ]);
  });

  it('and does not take an input that waits for a restart for an error', async (t) => {
    const machine = await installedMachine(t);
    const { picture } = machine.fluentBit;
    assert.ok(picture !== undefined);
    await utimes(machine.path(PIPELINE), picture.startedAt + 60, picture.startedAt + 60);
    const [finding, ...others] = await machine.told(GOLDEN, ['--ack-input', 'audit']);
    assert.deepEqual([finding?.level, finding?.code, others], ['warning', 'running-old', []]);
    assert.equal(finding?.command, 'sudo systemctl restart fluent-bit');
  });

  it('and says as systemd does that the service is stopped', async (t) => {
    const machine = await installedMachine(t);
    machine.fluentBit.picture = undefined;
    Object.assign(machine.systemd, { ActiveState: 'inactive', SubState: 'dead' });
    const [finding, ...others] = await machine.told(GOLDEN);
    assert.deepEqual([finding?.message, others], ['the service fluent-bit is inactive (dead)', []]);
    assert.equal(finding?.command, 'sudo systemctl start fluent-bit; systemctl status fluent-bit');
  });

  it('and says that systemd goes by an old unit', async (t) => {
    const machine = await installedMachine(t);
    machine.systemd.NeedDaemonReload = 'yes';
    const [finding, ...others] = await machine.told(GOLDEN);
    assert.deepEqual([finding?.level, finding?.code, others], ['warning', 'service-reload', []]);
  });

  it('and warns while the input is paused', async (t) => {
    const machine = await installedMachine(t);
    const { picture } = machine.fluentBit;
    assert.ok(picture !== undefined);
    const inputs = new Map([['activity_log', { records: 7, bytes: 70, paused: true }]]);
    machine.fluentBit.picture = { ...picture, inputs };
    assert.match((await found(machine)).join(), /^warning running-paused: Fluent Bit has paused activity_log/);
  });

  describe('and at what became of the lines behind the input', () => {
    const withOutput = (machine: CheckedMachine, figures: Partial<OutputMetrics>): void => {
      const { picture } = machine.fluentBit;
      assert.ok(picture !== undefined);
      const output = { proc_records: 0, errors: 0, retries: 0, dropped_records: 0, ...figures };
      const inputs = new Map([['activity_log', { records: 125, bytes: 1250, paused: false }]]);
      machine.fluentBit.picture = { ...picture, inputs, outputs: new Map([['activity_log_ionos', output]]) };
    };
    const cases: [string, Partial<OutputMetrics>, string[]][] = [
      ['a single line that is dropped', { dropped_records: 1, proc_records: 124, routed: 125 }, ['error output-dropped: output activity_log_ionos: 124 delivered, 1 dropped since Fluent Bit started 2 h ago']],
      ['a wrong key', { errors: 2, dropped_records: 24 }, ['error output-dropped: output activity_log_ionos: 0 delivered, 24 dropped, 2 errors since Fluent Bit started 2 h ago']],
      ['a destination that is away', { retries: 1 }, ['error output-retries: output activity_log_ionos: 0 delivered, 1 retry since Fluent Bit started 2 h ago']],
      ['a destination that went away later', { retries: 3, proc_records: 1, routed: 1 }, ['warning output-waiting: output activity_log_ionos: 1 delivered, 124 waiting, 3 retries since Fluent Bit started 2 h ago']],
      ['an outage that is over', { retries: 10, proc_records: 125, routed: 125 }, []],
      ['lines that are about to be sent', { proc_records: 95, routed: 95 }, []],
      ['an old Fluent Bit, which does not say what waits', { retries: 10, proc_records: 95 }, []],
      ['nothing to send yet', {}, []],
    ]; // prettier-ignore
    for (const [name, figures, expected] of cases) {
      it(`with ${name}`, async (t) => {
        const machine = await installedMachine(t);
        withOutput(machine, figures);
        assert.deepEqual(await found(machine), expected);
      });
    }

    it('with all in order, which it says', async (t) => {
      const machine = await installedMachine(t);
      withOutput(machine, { proc_records: 1812 });
      const { stdout } = await machine.run();
      assert.match(stdout, /✓ output activity_log_ionos: 1,812 delivered since Fluent Bit started 2 h ago\n/);
    });

    it('with chunks that the destination refused, wherever the storage is', async (t) => {
      const machine = await installedMachine(t);
      await machine.edit(PIPELINE, [/storage.path +\/var.*/, 'storage.path /srv/storage']);
      const file = machine.path('/srv/storage/rejected/a.flb');
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, rejectedChunk('2026-11-21T19:00:00.5Z'));
      await utimes(file, NOW / 1000 - 3600, NOW / 1000 - 3600);
      const [finding, ...others] = await machine.told(GOLDEN);
      assert.deepEqual(others, []);
      assert.equal(finding?.message, '1 rejected chunk (4,096 bytes), the oldest 60 min ago');
      assert.equal(finding.file, '/srv/storage/rejected');
      assert.equal(
        finding.command,
        'fetch-activity-logs redeliver --from 2026-11-21T19:00:00Z --to 2026-11-21T19:00:01Z',
      );
    });
  });

  for (const file of [PIPELINE, ENVIRONMENT]) {
    it(`and notices that ${file} is newer than it`, async (t) => {
      const machine = await installedMachine(t);
      const { picture } = machine.fluentBit;
      assert.ok(picture !== undefined);
      await utimes(machine.path(file), picture.startedAt + 2, picture.startedAt + 2);
      assert.deepEqual(await machine.faults(), [], 'its start is known to the second');
      await utimes(machine.path(file), picture.startedAt + 3, picture.startedAt + 3);
      const [finding, ...others] = await machine.told(GOLDEN);
      assert.deepEqual([finding?.level, finding?.code, finding?.file, others], ['warning', 'running-old', file, []]);
    });
  }

  for (const [version, expected] of [['4.1.9', ['running-version']], ['4.2.0', []], [undefined, []]] as const) {
    it(`and at its version: ${version ?? 'it does not say'}`, async (t) => {
      const machine = await installedMachine(t);
      const url = await serving(t, {
        '/': { 'fluent-bit': { version } },
        '/api/v1/metrics': { input: { activity_log: { records: 1 } } },
        '/api/v1/uptime': { uptime_sec: 0 },
        '/api/v2/metrics/prometheus': 'fluentbit_process_start_time_seconds{hostname="vm"} 4000000000\n',
      });
      const codes = (await machine.told(GOLDEN, ['--ack-url', url])).map(({ code }) => code);
      assert.deepEqual(codes, expected);
    });
  } // prettier-ignore
});
