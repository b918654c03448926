import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { MAIN, Machine, REPOSITORY, SCRIPT, SHELLS, list, modes } from './machine.ts';

const INSTALL = readFileSync(join(REPOSITORY, 'install.sh'), 'utf8');

for (const shell of SHELLS) {
  describe(`where install.sh with ${shell.join(' ')} runs`, () => {
    let machine: Machine;
    beforeEach(() => {
      machine = new Machine(shell);
    });
    afterEach(() => {
      machine.remove();
    });

    it('in the unpacked release archive: needs no Node.js', () => {
      const file = machine.pack();
      assert.equal(spawnSync('tar', ['-xf', file, '-C', machine.folder]).status, 0);
      const folder = file.replace('.tar.xz', '');
      const { status, stderr } = machine.runFrom(folder, ['--destdir', machine.root, '--live', ...machine.values()]);
      assert.equal(stderr, '');
      assert.equal(status, 0);
      assert.equal(machine.read(MAIN), readFileSync(join(REPOSITORY, 'fluent-bit/fluent-bit.conf'), 'utf8'));
      assert.equal(machine.read(SCRIPT), readFileSync(join(machine.release, 'fetch-activity-logs'), 'utf8'));
    });

    it('with --release: installs what is in the archive, and leaves nothing unpacked', () => {
      const file = machine.pack();
      const sum = spawnSync('sha256sum', [basename(file)], { cwd: machine.folder, encoding: 'utf8' }).stdout;
      writeFileSync(join(machine.folder, 'SHA256SUMS'), `${'0'.repeat(64)}  another\n${sum}`);
      machine.checkout();
      const options = [...machine.values(), '--release', file];
      const before = readdirSync(machine.folder);
      const result = machine.run(options);
      assert.equal(result.stderr, '');
      assert.match(machine.read(SCRIPT), /^#!\/bin\/sh\nknobs=/);
      assert.deepEqual(readdirSync(machine.folder), before);
    });

    it('in a checkout: with the Node.js that built it', () => {
      const node = machine.checkout();
      const { status, stderr } = machine.install();
      assert.equal(stderr, '');
      assert.equal(status, 0);
      const built = readFileSync(join(machine.release, 'dist/fetch-activity-logs.js'), 'utf8');
      assert.equal(machine.read(SCRIPT), built.replace(/^.*/, `#!${node}`));
      assert.equal(machine.run(['--check']).status, 0);
    });

    it('in a checkout: not with a Node.js that the service cannot count on', () => {
      machine.checkout();
      const before = machine.snapshot();
      const elsewhere = /: build it with another Node\.js, or install a release: --release FILE\n$/;
      for (const [node, why] of [
        ['/root/.nvm/versions/node/v24/bin/node', /is in a home folder \(nvm\?\)/],
        [join(machine.folder, 'home/root/bin/node'), /is in a home folder/],
        ['/snap/node/current/bin/node', /is a snap/],
        ['/opt/my node/bin/node', /its path contains a space/],
        ['/nowhere/bin/node', /no longer exists/],
      ] as const) {
        machine.ship('dist/built-with', `${node}\n`);
        const { status, stderr } = machine.install();
        assert.equal(status, 1);
        assert.match(stderr, why);
        assert.match(stderr, elsewhere);
      }
      assert.deepEqual(machine.snapshot(), before);
    });

    it('in a checkout: says when what is built is older than the sources, or missing', () => {
      machine.checkout();
      utimesSync(join(machine.release, 'dist/fetch-activity-logs.js'), 0, 0);
      assert.match(machine.install().stderr, /fetch-activity-logs\.js is older than the sources; .* npm run build/);
      machine.ship('dist/fetch-activity-logs.js', undefined);
      assert.match(machine.install().stderr, /is missing: npm ci && npm run build there first, or install a release/);
    });

    it('leaves a program of another origin on PATH alone', () => {
      machine.write('usr/local/bin/fetch-activity-logs', 'mine', 0o755);
      assert.match(
        machine.install().stderr,
        /warning: \/usr\/local\/bin\/fetch-activity-logs is not ours and stays\n$/,
      );
      machine.run(['--uninstall', '--purge']);
      assert.equal(machine.read('usr/local/bin/fetch-activity-logs'), 'mine');
    });

    it('brings the manual page that is shipped, and takes it along', () => {
      machine.ship('fetch-activity-logs.1', '.TH');
      machine.install();
      assert.equal(machine.read('usr/local/share/man/man1/fetch-activity-logs.1'), '.TH');
      machine.run(['--uninstall']);
      assert.ok(!machine.has('usr/local/share/man/man1'));
    });

    it('for a packager: the files below --destdir, and nothing of this machine', () => {
      machine.without('dpkg-query', 'systemctl', 'fluent-bit');
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
        '/usr/ 755',
        '/usr/local/ 755',
        '/usr/local/bin/ 755',
        '/usr/local/bin/fetch-activity-logs ->',
      ]);
      assert.doesNotMatch(stdout, /Still missing/);
      assert.equal(machine.runFrom(machine.release, ['--destdir', stage, '--check']).status, 0);
      machine.runFrom(machine.release, ['--destdir', stage, '--uninstall', '--purge']);
      assert.deepEqual(
        list(stage).filter((line) => !line.includes('/ ')),
        [],
        'only folders are left',
      );
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
