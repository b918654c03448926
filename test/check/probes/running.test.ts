import assert from 'node:assert/strict';
import { utimes } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { ENVIRONMENT, PIPELINE, installedMachine, type CheckedMachine } from '../../helpers/checked-machine.ts';

async function found(machine: CheckedMachine, options: string[] = []): Promise<string[]> {
  const faults = await machine.faults(options);
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
      "error running: Fluent Bit's counters at FLUENT-BIT cannot be had: /api/v1/metrics answered HTTP 404",
    ]);
  });

  it('and gives one that has just been started a little time', async (t) => {
    const machine = await installedMachine(t);
    const { picture } = machine.fluentBit;
    let asked = 0;
    Object.defineProperty(machine.fluentBit, 'picture', { get: () => (++asked > 2 ? picture : undefined) });
    assert.deepEqual(await found(machine), []);
  });

  it('and calls it an error that it has no such input', async (t) => {
    const machine = await installedMachine(t);
    assert.deepEqual(await found(machine, ['--ack-input', 'audit']), [
      "error running: Fluent Bit's counters at FLUENT-BIT cannot be had: it has no input with the Alias audit (it has: activity_log)",
    ]);
  });

  it('and warns while the input is paused', async (t) => {
    const machine = await installedMachine(t);
    const { picture } = machine.fluentBit;
    assert.ok(picture !== undefined);
    const inputs = new Map([['activity_log', { records: 7, bytes: 70, paused: true }]]);
    machine.fluentBit.picture = { ...picture, inputs };
    assert.match((await found(machine)).join(), /^warning running-paused: Fluent Bit takes nothing from activity_log/);
  });

  for (const file of [PIPELINE, ENVIRONMENT]) {
    it(`and notices that ${file} is newer than it`, async (t) => {
      const machine = await installedMachine(t);
      const { picture } = machine.fluentBit;
      assert.ok(picture !== undefined);
      await utimes(machine.path(file), picture.startedAt + 60, picture.startedAt + 60);
      const [finding, ...others] = await machine.faults();
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
      const codes = (await machine.faults(['--ack-url', url])).map(({ code }) => code);
      assert.deepEqual(codes, expected);
    });
  } // prettier-ignore
});
