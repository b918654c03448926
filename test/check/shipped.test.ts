import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { describe, it } from 'node:test';
import type { Finding } from '../../src/check/finding.ts';
import { ENVIRONMENT, MAIN, OUTPUT, PIPELINE, SCRIPT, TOKEN, installedMachine } from '../helpers/checked-machine.ts';

describe('check has nothing to say against a sound output', () => {
  const matches: [string, string][] = [
    ['a Match_Regex', 'Match_Regex ^activity.*$'],
    ["a Match_Regex in Ruby's syntax", 'Match_Regex (?>x)'],
    ['a wildcard', 'Match activity*'],
    ['the only output, which needs no Match', '#'],
  ];
  for (const [name, line] of matches) {
    it(`with ${name}`, async (t) => {
      const machine = await installedMachine(t);
      await machine.edit(OUTPUT, [/^ +Match .*$/m, `    ${line}`]);
      assert.deepEqual(await machine.faults(), []);
    });
  }
});

describe('check has nothing to say against the shipped files', () => {
  it('in the source tree', async (t) => {
    const machine = await installedMachine(t);
    const env = {
      ACTIVITY_LOG_TAG: 'activityLog',
      ACTIVITY_LOG_HOST: 'pipeline.logging.de-txl.ionos.com',
      ACTIVITY_LOG_API_KEY: 'a-key-that-is-secret',
      ACTIVITY_LOG_INTERVAL: '300',
      ACTIVITY_LOG_TOKEN_FILE: machine.path(TOKEN),
      ACTIVITY_LOG_STATE_FILE: machine.path('/var/lib/fluent-bit/activity_log_state.json'),
    };
    // The script is installed nowhere on the machine that runs this test.
    const isOfTheScript = ({ code }: Finding) => code === 'script';
    for (const file of ['fluent-bit.conf', 'fluent-bit.yaml']) {
      const found = await machine.faults(['--config', resolve('fluent-bit', file)], { env }, { root: '/' });
      assert.deepEqual(found.filter((finding) => !isOfTheScript(finding)), []); // prettier-ignore
    }
  });

  for (const output of ['forward', 'ionos-tcp', 'kafka']) {
    it(`with the output to ${output}`, async (t) => {
      const machine = await installedMachine(t);
      await machine.edit(PIPELINE, ['@INCLUDE outputs/ionos.conf', `@INCLUDE outputs/${output}.conf`]);
      assert.deepEqual(await machine.faults(), []);
    });
  }

  it('with the output to a Loki, and the settings that it asks for', async (t) => {
    const machine = await installedMachine(t);
    await machine.edit(PIPELINE, ['@INCLUDE outputs/ionos.conf', '@INCLUDE outputs/loki.conf']);
    await machine.edit(ENVIRONMENT, [/$/, 'ACTIVITY_LOG_MAX_LINE_BYTES=250000\n']);
    assert.deepEqual(await machine.faults(), []);
  });

  it('with the metrics to the Monitoring Service, and the settings that it asks for', async (t) => {
    const machine = await installedMachine(t);
    await machine.edit(PIPELINE, ['#@INCLUDE outputs/metrics-ionos.conf', '@INCLUDE outputs/metrics-ionos.conf']);
    const settings = { FILE: '/var/lib/fluent-bit/activity_log.prom', HOST: 'metrics.example.com', KEY: 'another-key' };
    const lines = Object.entries(settings).map(([name, value]) => `ACTIVITY_LOG_METRICS_${name}=${value}\n`);
    await machine.edit(ENVIRONMENT, [/$/, lines.join('')]);
    assert.deepEqual(await machine.faults(), []);
  });

  it('with cloudscale.ch as a second source', async (t) => {
    const machine = await installedMachine(t);
    await machine.edit(PIPELINE, ['#@INCLUDE cloudscale.conf', '@INCLUDE cloudscale.conf']);
    await machine.write('/etc/fluent-bit/cloudscale.token', 'sandbox-token\n', 0o600);
    const { picture } = machine.fluentBit;
    assert.ok(picture !== undefined);
    const cloudscale = { records: 0, bytes: 0, paused: false };
    machine.fluentBit.picture = { ...picture, inputs: new Map([...picture.inputs, ['cloudscale_log', cloudscale]]) };
    assert.deepEqual(await machine.faults(), []);
  });

  it("with the event's own time, where no Loki is behind the output", async (t) => {
    const machine = await installedMachine(t);
    await machine.edit(PIPELINE, ['@INCLUDE outputs/ionos.conf', '@INCLUDE outputs/forward.conf']);
    await machine.edit(PIPELINE, [/Parser +activity_log$/m, 'Parser activity_log_event_time']);
    await machine.edit(ENVIRONMENT, [/^ACTIVITY_LOG_HOST=.*$/m, 'ACTIVITY_LOG_HOST=aggregator.example.com']);
    await machine.edit(ENVIRONMENT, [/$/, 'ACTIVITY_LOG_ADD_FIELDS=time\n']);
    assert.deepEqual(await machine.faults(), []);
  });

  it('with counters on another machine, of which nothing can be said', async (t) => {
    const machine = await installedMachine(t);
    await machine.edit(PIPELINE, ['http://127.0.0.1:2020', 'http://10.0.0.5:2020']);
    assert.deepEqual(await machine.faults(), []);
  });

  it('with what the README adds for the metrics', async (t) => {
    const machine = await installedMachine(t);
    const readme = await readFile(resolve('README.md'), 'utf8');
    const [, example] = /```ini\n(\[INPUT\]\n +Name +prometheus_textfile.*?)```/s.exec(readme) ?? [];
    assert.ok(example !== undefined);
    await machine.edit(MAIN, [/$/, `\n${example}`]);
    assert.deepEqual(await machine.faults(), []);
  });

  for (const [name, interpreter] of [['does not tell its version', 'node'], ['is no Node', 'bun']]) {
    it(`with an interpreter that ${name}`, async (t) => {
      const machine = await installedMachine(t);
      await machine.write(SCRIPT, `#!/opt/${interpreter}\n`, 0o755);
      await machine.write(`/opt/${interpreter}`, '#!/bin/sh\nexit 1\n', 0o755);
      assert.deepEqual(await machine.faults(), []);
    });
  } // prettier-ignore

  it('with a stock configuration that includes them', async (t) => {
    const machine = await installedMachine(t);
    await machine.write('/etc/fluent-bit/parsers.conf', '[PARSER]\n    Name json\n    Format json\n');
    await machine.write(MAIN, '[SERVICE]\n    parsers_file parsers.conf\n    http_server Off\n\n[INPUT]\n    name cpu\n    tag cpu.local\n\n[OUTPUT]\n    name stdout\n    match cpu.*\n\n@INCLUDE activity-log.conf\n'); // prettier-ignore
    assert.deepEqual(await machine.faults(), []);
  });
});
