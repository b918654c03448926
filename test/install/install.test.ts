/** The installer's main paths, in one shell. All of them, in two shells, with all bad input: the *.chaos.ts beside it. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { ENV_FILE, MAIN, Machine, SCRIPT, TOKEN, TOKEN_FILE, service } from './machine.ts';
import { STOCK_MAIN } from './stand-ins.ts';

const RESTART = ['systemctl daemon-reload', 'systemctl restart fluent-bit'];

const TUTORIAL = `${STOCK_MAIN}
[INPUT]
    Name         exec
    Tag          activityLog
    Command      /usr/bin/env python3 /opt/fluent-bit/scripts/fetch_activity_logs.py
    Interval_Sec 60

[OUTPUT]
    Name   http
    Match  activityLog
    Host   abc123.logging.de-txl.ionos.com
    Port   443
    URI    /activityLog
    Format json
    Header APIKEY key-in-plain-sight
    tls    On
`;

describe('install.sh', () => {
  let machine: Machine;
  beforeEach(() => {
    machine = new Machine();
  });
  afterEach(() => {
    machine.remove();
  });

  it('installs, changes nothing the second time, upgrades, and leaves nothing after --uninstall --purge', () => {
    const untouched = machine.snapshot();
    assert.equal(machine.install('--check').status, 1);
    assert.deepEqual(machine.snapshot(), untouched);

    const first = machine.install();
    assert.deepEqual([first.status, first.stderr, service(first)], [0, '', RESTART]);
    const installed = machine.snapshot();
    const second = machine.run();
    assert.match(second.stdout, /^nothing to change$/m);
    assert.deepEqual([service(second), machine.snapshot()], [[], installed]);

    machine.ship('fetch-activity-logs', '# newer\n', 'append');
    assert.deepEqual(service(machine.run()), [], 'a new program alone needs no restart');
    assert.match(machine.read(SCRIPT), /# newer\n$/);

    machine.write('var/lib/fluent-bit/storage/exec.0/1.flb', 'chunk', 0o600);
    const dry = machine.run(['--uninstall', '--purge', '--dry-run']);
    assert.doesNotMatch(dry.stdout, /^stays:/m);
    assert.match(dry.stdout, /^would be removed: \/var\/lib\/fluent-bit\/storage$/m);
    const purged = machine.run(['--uninstall', '--purge']);
    assert.equal(purged.status, 0);
    assert.match(purged.stdout, /^removed: \/var\/lib\/fluent-bit\/storage$/m);
    assert.deepEqual(machine.snapshot(), untouched);
  });

  it("takes over from the tutorial's fetcher, and gives it back", () => {
    machine.write(MAIN, TUTORIAL);
    machine.write(
      'etc/systemd/system/fluent-bit.service.d/override.conf',
      `[Service]\nEnvironment=IONOS_API_TOKEN=${TOKEN}\n`,
    );
    const before = machine.snapshot();
    const result = machine.run();
    assert.equal(result.status, 0, result.stderr);
    assert.deepEqual(service(result), RESTART);
    assert.match(machine.read(ENV_FILE), /^ACTIVITY_LOG_API_KEY=key-in-plain-sight$/m);
    assert.match(machine.read(ENV_FILE), /^ACTIVITY_LOG_INTERVAL=60\nACTIVITY_LOG_DEADLINE=48s$/m);
    assert.doesNotMatch(machine.read(MAIN), /key-in-plain-sight/);
    assert.equal(machine.read(TOKEN_FILE), `${TOKEN}\n`);
    machine.run(['--uninstall', '--purge']);
    assert.deepEqual(machine.snapshot(), before);
  });

  it('puts everything back when Fluent Bit refuses the configuration', () => {
    machine.set('refuses-include', 'no such plugin');
    const before = machine.snapshot();
    const { status, stderr } = machine.install();
    assert.equal(status, 1);
    assert.match(stderr, /error: Fluent Bit refuses the configuration: .*\n.*everything was restored\n$/);
    assert.deepEqual(machine.snapshot(), before);
  });

  it('installs from a checkout with the Node.js that built it', () => {
    const node = machine.checkout();
    assert.equal(machine.install().status, 0);
    const built = readFileSync(join(machine.release, 'dist/fetch-activity-logs.js'), 'utf8');
    assert.equal(machine.read(SCRIPT), built.replace(/^.*/, `#!${node}`));
  });

  it('refuses a wrong value with one line and exit code 2', () => {
    const before = machine.snapshot();
    const { status, stderr } = machine.install('--interval=5x');
    assert.equal(status, 2);
    assert.match(
      stderr,
      /^install\.sh: error: --interval: expected a duration from 10s to 24h, such as 5m, not 5x\n.*--help.*\n$/,
    );
    assert.deepEqual(machine.snapshot(), before);
  });
});
