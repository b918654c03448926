import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { MAIN, Machine, REPOSITORY, SCRIPT, SHELLS, list, modes } from './machine.ts';

const INSTALL = readFileSync(join(REPOSITORY, 'install.sh'), 'utf8');

/** The release in the folder, packed and unpacked by npm. */
function unpacked(machine: Machine): string {
  cpSync(join(REPOSITORY, 'package.json'), join(machine.release, 'package.json'));
  const options = {
    cwd: machine.release,
    encoding: 'utf8',
    env: { ...process.env, npm_config_offline: 'true' },
  } as const;
  const packed = spawnSync(
    'npm',
    ['pack', '--ignore-scripts', '--json', '--pack-destination', machine.folder],
    options,
  );
  assert.equal(packed.status, 0, packed.stderr);
  const [{ filename } = { filename: '' }] = JSON.parse(packed.stdout) as { filename: string }[];
  assert.equal(spawnSync('tar', ['-xzf', filename], { ...options, cwd: machine.folder }).status, 0);
  return join(machine.folder, 'package');
}

/** Makes a checkout of the release: with sources, without what is built. */
function checkout(machine: Machine): void {
  mkdirSync(join(machine.release, 'src'));
  machine.ship('package-lock.json', '{}');
  rmSync(join(machine.release, 'dist'), { recursive: true });
}

for (const shell of SHELLS) {
  describe(`where install.sh with ${shell.join(' ')} runs`, () => {
    let machine: Machine;
    beforeEach(() => {
      machine = new Machine(shell);
    });
    afterEach(() => {
      machine.remove();
    });

    it('in the unpacked release archive: needs nothing else, and no npm', () => {
      const folder = unpacked(machine);
      assert.equal(statSync(join(folder, 'install.sh')).mode & 0o777, 0o755);
      machine.without('npm');
      const { status, stderr } = machine.runFrom(folder, ['--destdir', machine.root, '--live', ...machine.values()]);
      assert.equal(stderr, '');
      assert.equal(status, 0);
      assert.equal(machine.read(MAIN), readFileSync(join(REPOSITORY, 'fluent-bit/fluent-bit.conf'), 'utf8'));
    });

    it('in a checkout: builds first, as the user who called sudo', () => {
      checkout(machine);
      const env = { SUDO_USER: 'alice' };
      const dry = machine.run([...machine.values(), '--dry-run'], { env });
      assert.match(dry.stdout, /^would be built, as alice: .*dist\/fetch-activity-logs\.js$/m);
      assert.deepEqual(dry.calls, []);
      const { status, calls } = machine.run(machine.values(), { env });
      assert.equal(status, 0);
      assert.match(calls[0] ?? '', new RegExp(`^runuser -u alice -- env HOME=${machine.folder}/home/alice PATH=`));
      assert.match(calls.slice(1, 3).join(), /^npm ci --no-audit --no-fund,npm run build$/);
      assert.match(machine.read(SCRIPT), /"built"/);
    });

    it('in a checkout: tells when what is built is older than the sources', () => {
      mkdirSync(join(machine.release, 'src'));
      utimesSync(join(machine.release, 'dist/fetch-activity-logs.js'), 0, 0);
      assert.match(machine.install().stderr, /fetch-activity-logs\.js is older than the sources; .* npm run build/);
    });

    it(
      'in a checkout: does not build as root',
      { skip: process.getuid?.() !== 0 && 'needs a checkout of root' },
      () => {
        checkout(machine);
        const { status, stderr, calls } = machine.install();
        assert.equal(status, 1);
        assert.match(stderr, /is missing, and nothing is built as root: run npm ci && npm run build there first$/m);
        assert.deepEqual(calls, []);
      },
    );

    it('in a checkout that does not build: changes nothing', () => {
      checkout(machine);
      machine.standIn('npm', 'exit 1');
      const before = machine.snapshot();
      const { status, stderr } = machine.run(machine.values(), { env: { SUDO_USER: 'alice' } });
      assert.equal(status, 1);
      assert.match(stderr, /the build failed/);
      assert.deepEqual(machine.snapshot(), before);
    });

    it('for a packager: the files below --destdir, and nothing of this machine', () => {
      machine.without(
        'dpkg',
        'dpkg-query',
        'systemctl',
        'fluent-bit',
        'node',
        'apt-cache',
        'apt-get',
        'getent',
        'runuser',
      );
      machine.set('uid', '1000');
      const stage = join(machine.folder, 'stage');
      const { status, stdout, stderr, calls } = machine.runFrom(machine.release, ['--destdir', stage]);
      assert.equal(stderr, '');
      assert.equal(status, 0);
      assert.deepEqual(calls, []);
      assert.deepEqual(modes(list(stage)), [
        '/etc/ 755',
        '/etc/fluent-bit/ 755',
        '/etc/fluent-bit/activity-log-parsers.conf 644',
        '/etc/fluent-bit/activity-log.conf 644',
        '/etc/fluent-bit/activity-log.env 600',
        '/etc/fluent-bit/activity-log.token 600',
        '/etc/fluent-bit/cloudscale.conf 644',
        '/etc/fluent-bit/outputs/ 755',
        '/etc/fluent-bit/outputs/forward.conf 644',
        '/etc/fluent-bit/outputs/ionos-tcp.conf 644',
        '/etc/fluent-bit/outputs/ionos.conf 644',
        '/etc/fluent-bit/outputs/kafka.conf 644',
        '/etc/fluent-bit/outputs/loki.conf 644',
        '/etc/fluent-bit/outputs/metrics-ionos.conf 644',
        '/etc/fluent-bit/outputs/stdout.conf 644',
        '/etc/systemd/ 755',
        '/etc/systemd/system/ 755',
        '/etc/systemd/system/fluent-bit.service.d/ 755',
        '/etc/systemd/system/fluent-bit.service.d/10-activity-log.conf 644',
        '/opt/ 755',
        '/opt/fluent-bit/ 755',
        '/opt/fluent-bit/scripts/ 755',
        '/opt/fluent-bit/scripts/fetch-activity-logs 755',
        '/var/ 755',
        '/var/lib/ 755',
        '/var/lib/fluent-bit/ 700',
      ]);
      assert.match(readFileSync(join(stage, SCRIPT), 'utf8'), /^#!\/usr\/bin\/node\n/);
      assert.doesNotMatch(stdout, /Still missing/);
      assert.equal(machine.runFrom(machine.release, ['--destdir', stage, '--check']).status, 0);
    });

    it('anywhere: prints its manual, which knows every option', () => {
      const { status, stdout } = machine.runFrom(machine.release, ['--help']);
      assert.equal(status, 0);
      assert.match(stdout, /^Installs fetch-activity-logs into the Fluent Bit of this machine/);
      assert.doesNotMatch(stdout, /set -eu/);
      const told = stdout.match(/^ {4}--[a-z-]+/gm)?.map((option) => option.trim());
      const taken = INSTALL.slice(INSTALL.indexOf('parse_options() {'), INSTALL.indexOf('take_option() {'));
      const known = new Set(taken.match(/--[a-z-]+(?=( \|.*)?\)| \|)/g));
      assert.deepEqual(told?.sort(), [...known].sort());
    });
  });
}
