import assert from 'node:assert/strict';
import { readFileSync, readlinkSync, symlinkSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import {
  DROP_INS,
  ENV_FILE,
  KEY,
  MAIN,
  Machine,
  HOST,
  LINK,
  REPOSITORY,
  SCRIPT,
  SHELLS,
  TOKEN,
  TOKEN_FILE,
  modes,
  service,
} from './machine.ts';
import { STOCK_MAIN } from './stand-ins.ts';

const RESTART = ['systemctl daemon-reload', 'systemctl restart fluent-bit'];
const CREDENTIALS = `${DROP_INS}/20-activity-log-credentials.conf`;

const shipped = (path: string): string => readFileSync(join(REPOSITORY, path), 'utf8');

for (const shell of SHELLS) {
  describe(`install.sh with ${shell.join(' ')}`, () => {
    let machine: Machine;
    beforeEach(() => {
      machine = new Machine(shell);
    });
    afterEach(() => {
      machine.remove();
    });

    it('installs everything, each file with its mode, and restarts once', () => {
      const before = modes(machine.snapshot());
      const result = machine.install();
      assert.equal(result.stderr, '');
      assert.equal(result.status, 0);
      const added = modes(machine.snapshot()).filter((line) => !before.includes(line));
      assert.deepEqual(added, [
        '/etc/fluent-bit/.activity-log.installed 600',
        '/etc/fluent-bit/activity-log-parsers.conf 644',
        '/etc/fluent-bit/activity-log.conf 644',
        '/etc/fluent-bit/activity-log.env 600',
        '/etc/fluent-bit/activity-log.token 600',
        '/etc/fluent-bit/cloudscale.conf 644',
        '/etc/fluent-bit/fluent-bit.conf.before-activity-log 600',
        '/etc/fluent-bit/outputs/ 755',
        '/etc/fluent-bit/outputs/forward.conf 644',
        '/etc/fluent-bit/outputs/ionos-tcp.conf 644',
        '/etc/fluent-bit/outputs/ionos.conf 644',
        '/etc/fluent-bit/outputs/kafka.conf 644',
        '/etc/fluent-bit/outputs/loki.conf 644',
        '/etc/fluent-bit/outputs/metrics-ionos.conf 644',
        '/etc/fluent-bit/outputs/stdout.conf 644',
        '/etc/systemd/system/fluent-bit.service.d/ 755',
        '/etc/systemd/system/fluent-bit.service.d/10-activity-log.conf 644',
        '/opt/fluent-bit/scripts/ 755',
        '/opt/fluent-bit/scripts/fetch-activity-logs 755',
        '/usr/local/bin/fetch-activity-logs ->',
        '/var/lib/fluent-bit/ 700',
      ]);
      assert.deepEqual(service(result), RESTART);
      assert.equal(machine.read(SCRIPT), readFileSync(join(machine.release, 'fetch-activity-logs'), 'utf8'));
      assert.equal(readlinkSync(join(machine.root, LINK)), `/${SCRIPT}`);
      assert.equal(machine.read(MAIN), shipped('fluent-bit/fluent-bit.conf'));
      assert.equal(machine.read('etc/fluent-bit/activity-log.conf'), shipped('fluent-bit/activity-log.conf'));
      assert.equal(machine.read('etc/fluent-bit/activity-log-parsers.conf'), shipped('fluent-bit/parsers.conf'));
      assert.equal(machine.read(TOKEN_FILE), `${TOKEN}\n`);
      assert.match(machine.read(ENV_FILE), new RegExp(`^ACTIVITY_LOG_TAG=activityLog$`, 'm'));
      assert.match(machine.read(ENV_FILE), new RegExp(`^ACTIVITY_LOG_HOST=${HOST}$`, 'm'));
      assert.ok(machine.read(ENV_FILE).includes(`\nACTIVITY_LOG_API_KEY=${KEY}\n`));
      assert.match(machine.read(ENV_FILE), /^ACTIVITY_LOG_INTERVAL=300$/m);
    });

    it('changes nothing and restarts nothing when it runs again', () => {
      machine.install();
      const before = machine.snapshot();
      for (const options of [machine.values(), []]) {
        const again = machine.run(options);
        assert.equal(again.status, 0);
        assert.match(again.stdout, /^nothing to change$/m);
        assert.deepEqual(service(again), []);
        assert.deepEqual(machine.snapshot(), before);
      }
      assert.equal(machine.run(['--check']).status, 0);
    });

    it('says with --dry-run and --check what it would do, and does nothing', () => {
      const before = machine.snapshot();
      const dry = machine.install('--dry-run');
      assert.equal(dry.status, 0);
      assert.match(dry.stdout, /^would be installed: \/opt\/fluent-bit\/scripts\/fetch-activity-logs$/m);
      assert.match(dry.stdout, /^would be changed: \/etc\/fluent-bit\/fluent-bit.conf$/m);
      assert.match(dry.stdout, /^Fluent Bit would be restarted$/m);
      const check = machine.install('--check');
      assert.equal(check.status, 1);
      assert.equal(check.stdout, dry.stdout);
      assert.deepEqual([...dry.calls, ...check.calls], []);
      assert.deepEqual(machine.snapshot(), before);

      const done = machine.install();
      const told = (text: string): string[] => text.match(/\/\S+$/gm) ?? [];
      assert.deepEqual(
        told(done.stdout).filter((path) => !told(dry.stdout).includes(path)),
        ['/etc/fluent-bit/.activity-log.installed'],
      );
    });

    it('takes a new token without a restart, and a new tag with one', () => {
      machine.install();
      const rotated = machine.run(['--token-file', '-'], { input: 'Bearer another-token\r\n' });
      assert.deepEqual(service(rotated), []);
      assert.equal(machine.read(TOKEN_FILE), 'another-token\n');
      assert.equal(machine.mode(TOKEN_FILE), '600');
      const renamed = machine.run(['--tag', 'audit', '--interval', '60']);
      assert.deepEqual(service(renamed), RESTART);
      assert.match(machine.read(ENV_FILE), /^ACTIVITY_LOG_TAG=audit$/m);
      assert.match(machine.read(ENV_FILE), /^ACTIVITY_LOG_INTERVAL=60\nACTIVITY_LOG_DEADLINE=48s$/m);
      assert.equal(machine.read(ENV_FILE).match(/ACTIVITY_LOG_TAG=/g)?.length, 1);
    });

    it('starts and enables a service that was neither, and puts that back on removal', () => {
      machine.set('active', 'inactive');
      machine.set('enabled', 'disabled');
      assert.deepEqual(service(machine.install()), [
        'systemctl daemon-reload',
        'systemctl --quiet enable fluent-bit',
        'systemctl restart fluent-bit',
      ]);
      assert.deepEqual(service(machine.run(['--uninstall'])), [
        'systemctl daemon-reload',
        'systemctl stop fluent-bit',
        'systemctl --quiet disable fluent-bit',
      ]);
    });

    it('leaves the restart to the user with --no-restart', () => {
      const result = machine.install('--no-restart');
      assert.deepEqual(service(result), ['systemctl daemon-reload']);
      assert.match(result.stdout, /takes effect with: systemctl restart fluent-bit$/m);
      assert.equal(machine.run(['--check']).status, 1);
      assert.deepEqual(service(machine.run()), RESTART, 'and does it when it is run again without');
      assert.deepEqual(service(machine.run()), []);
    });

    it('restarts once the last value is there, also when nothing else changes', () => {
      machine.write(MAIN, `@INCLUDE activity-log.conf\n${STOCK_MAIN}`);
      machine.run(['--tag', 'audit', '--host', HOST, '--token-file', '-'], { input: TOKEN });
      machine.write(ENV_FILE, `${machine.read(ENV_FILE)}ACTIVITY_LOG_API_KEY=${KEY}\n`, 0o600);
      assert.deepEqual(service(machine.run()), RESTART);
      assert.deepEqual(service(machine.run()), []);
    });

    it('leaves symbolic links in the place of secrets to whatever put them there', () => {
      machine.install();
      for (const [path, text, mode] of [
        [TOKEN_FILE, TOKEN, 0o400],
        [ENV_FILE, machine.read(ENV_FILE), 0o600],
      ] as const) {
        machine.delete(path);
        symlinkSync(machine.secret(basename(path), text, mode), join(machine.root, path));
      }
      const before = machine.snapshot();
      assert.match(machine.run().stdout, /^nothing to change$/m);
      for (const options of [
        ['--tag', 'other'],
        ['--token-file', '-'],
      ]) {
        const { status, stderr } = machine.run(options, { input: 'another-token' });
        assert.equal(status, 1);
        assert.match(stderr, /is a symbolic link, so something else manages it: change the file that it points to$/m);
      }
      assert.deepEqual(machine.snapshot(), before);
    });

    it('does not leave a drop-in behind that needs a file which is gone', () => {
      const path = `${DROP_INS}/10-activity-log.conf`;
      machine.write(path, '[Service]\nEnvironmentFile=/etc/fluent-bit/activity-log.env\n');
      assert.match(machine.install().stderr, /10-activity-log\.conf is yours and stays/);
      machine.run(['--uninstall', '--purge']);
      assert.ok(!machine.has(path) && !machine.has(ENV_FILE));
      assert.match(machine.read(`${path}.saved`), /EnvironmentFile/);
    });

    it('without values leaves a template, and fluent-bit.conf as it is, and says what to fill in', () => {
      const result = machine.run();
      assert.equal(result.status, 0);
      assert.deepEqual(service(result), ['systemctl daemon-reload']);
      assert.equal(machine.read(MAIN), STOCK_MAIN);
      assert.equal(machine.read(ENV_FILE), shipped('systemd/activity-log.env'));
      assert.deepEqual(
        [machine.mode(ENV_FILE), machine.mode(TOKEN_FILE), machine.read(TOKEN_FILE)],
        ['600', '600', ''],
      );
      const missing = /^Still missing:\n((?: {2}.*\n)*)(.*)$/m.exec(result.stdout);
      assert.deepEqual(missing?.[1]?.trimEnd().split('\n'), [
        '  ACTIVITY_LOG_TAG= in /etc/fluent-bit/activity-log.env (or --tag NAME)',
        '  ACTIVITY_LOG_HOST= in /etc/fluent-bit/activity-log.env (or --host HOST)',
        '  ACTIVITY_LOG_API_KEY= in /etc/fluent-bit/activity-log.env (or --api-key-file FILE)',
        "  the API's token, alone in /etc/fluent-bit/activity-log.token (or --token-file FILE)",
      ]);
      assert.match(missing[2] ?? '', new RegExp(`run again: sudo sh ${machine.release}/install.sh$`));
      assert.equal(machine.run(['--check']).status, 0);

      const filled = machine
        .read(ENV_FILE)
        .replace('#ACTIVITY_LOG_TAG=', 'ACTIVITY_LOG_TAG=')
        .replace('#ACTIVITY_LOG_HOST=', 'ACTIVITY_LOG_HOST="logs.example.com"')
        .replace('#ACTIVITY_LOG_API_KEY=', `ACTIVITY_LOG_API_KEY='${KEY}'`);
      machine.write(ENV_FILE, filled, 0o644);
      machine.write(TOKEN_FILE, TOKEN, 0o600);
      const second = machine.run();
      assert.equal(second.stderr, '');
      assert.deepEqual(service(second), RESTART);
      assert.equal(machine.read(ENV_FILE), filled);
      assert.equal(machine.mode(ENV_FILE), '600');
      assert.equal(machine.read(MAIN), shipped('fluent-bit/fluent-bit.conf'));
    });

    it('needs neither host nor key when the events go elsewhere', () => {
      machine.run(['--tag', 'audit', '--token-file', '-'], { input: TOKEN });
      const path = 'etc/fluent-bit/activity-log.conf';
      machine.write(
        path,
        machine
          .read(path)
          .replace('@INCLUDE outputs/ionos', '#$&')
          .replace('#@INCLUDE outputs/stdout', '@INCLUDE outputs/stdout'),
      );
      assert.match(machine.run().stdout, /^First events in about /m);
      assert.equal(machine.read(MAIN), shipped('fluent-bit/fluent-bit.conf'));
    });

    it('collects from another provider', () => {
      machine.install('--provider', 'cloudscale');
      assert.match(machine.read(ENV_FILE), /^ACTIVITY_LOG_PROVIDER=cloudscale$/m);
      assert.match(machine.install('--provider', 'ionos').stdout, /^changed: .*activity-log.env$/m);
      assert.match(machine.read(ENV_FILE), /^ACTIVITY_LOG_PROVIDER=ionos$/m);
    });

    it('gives the token to a service with its own user, with --credentials', () => {
      machine.set('service-user', 'fluent');
      assert.match(machine.install().stderr, /runs as fluent, .* use --credentials$/m);
      machine.install('--credentials');
      assert.equal(machine.read(CREDENTIALS), shipped(`systemd/fluent-bit.service.d/20-activity-log-credentials.conf`));
      assert.deepEqual(service(machine.run()), [], 'it need not be said twice');
      const rotated = machine.run(['--token-file', '-'], { input: 'another-token' });
      assert.deepEqual(service(rotated), RESTART);
      machine.run(['--uninstall']);
      assert.ok(!machine.has(CREDENTIALS));
    });

    it('upgrades what it brought, keeps what the user edited, and shows what is new', () => {
      machine.install();
      const edited = machine
        .read('etc/fluent-bit/activity-log.conf')
        .replace('#@INCLUDE outputs/stdout', '@INCLUDE outputs/stdout');
      machine.write('etc/fluent-bit/activity-log.conf', edited);
      machine.write(ENV_FILE, `${machine.read(ENV_FILE)}ACTIVITY_LOG_CONTRACT=31721060\n`, 0o600);
      const env = machine.read(ENV_FILE);
      assert.deepEqual(service(machine.run()), []);

      machine.ship('fetch-activity-logs', '# newer\n', 'append');
      assert.deepEqual(service(machine.run()), [], 'a new program alone needs no restart');
      machine.ship('fluent-bit/activity-log.conf', '# newer\n', 'append');
      machine.ship('fluent-bit/outputs/ionos.conf', '# newer\n', 'append');
      machine.ship('fluent-bit/outputs/loki.conf', undefined);
      machine.ship('fluent-bit/fluent-bit.conf', '# newer\n', 'append');
      const upgrade = machine.run();
      const diff = `diff /etc/fluent-bit/activity-log.conf ${machine.release}/fluent-bit/activity-log.conf`;
      assert.ok(upgrade.stderr.includes(`activity-log.conf is yours and stays; what is new in ours: ${diff}\n`));
      assert.deepEqual(service(upgrade), RESTART);
      assert.equal(machine.read('etc/fluent-bit/activity-log.conf'), edited);
      assert.match(machine.read('etc/fluent-bit/outputs/ionos.conf'), /# newer\n$/);
      assert.match(machine.read(MAIN), /# newer\n$/);
      assert.ok(!machine.has('etc/fluent-bit/outputs/loki.conf'));
      assert.equal(machine.read(ENV_FILE), env);
      const again = machine.run();
      assert.deepEqual([again.stderr, service(again)], ['', []], 'what is new is told once');
    });

    it('leaves nothing but state and secrets after --uninstall, and not even those after --purge', () => {
      const before = machine.snapshot();
      machine.install();
      machine.write('var/lib/fluent-bit/activity_log_state.json', '{}', 0o600);
      machine.write('var/lib/fluent-bit/storage/exec.0/1.flb', 'chunk', 0o600);
      assert.equal(machine.run(['--uninstall', '--check']).status, 1);
      const result = machine.run(['--uninstall']);
      assert.equal(result.stderr, '');
      assert.deepEqual(service(result), RESTART);
      assert.deepEqual(
        machine
          .snapshot()
          .filter((line) => !before.includes(line))
          .map((line) => line.split(' ')[0]),
        [
          '/etc/fluent-bit/activity-log.env',
          '/etc/fluent-bit/activity-log.token',
          '/var/lib/fluent-bit/',
          '/var/lib/fluent-bit/activity_log_state.json',
          '/var/lib/fluent-bit/storage/',
          '/var/lib/fluent-bit/storage/exec.0/',
          '/var/lib/fluent-bit/storage/exec.0/1.flb',
        ],
      );
      assert.deepEqual(
        before.filter((line) => !machine.snapshot().includes(line)),
        [],
      );

      machine.run(['--uninstall', '--purge']);
      assert.deepEqual(machine.snapshot(), before);
      const again = machine.run(['--uninstall', '--purge']);
      assert.equal(again.stdout, 'nothing to remove\n');
      assert.equal(machine.run(['--uninstall', '--check']).status, 0);
    });

    it('puts what the user edited aside on removal, and brings values and secrets back afterwards', () => {
      machine.install();
      machine.write(`${DROP_INS}/10-activity-log.conf`, '[Service]\nUMask=0027\n');
      machine.run(['--uninstall']);
      assert.ok(!machine.has(`${DROP_INS}/10-activity-log.conf`));
      assert.equal(machine.read(`${DROP_INS}/10-activity-log.conf.saved`), '[Service]\nUMask=0027\n');
      assert.match(machine.run().stdout, /^First events in about /m);
    });

    it('closes a state folder that was there, and leaves what is in it', () => {
      machine.write('var/lib/fluent-bit/tail.db', '', 0o644);
      machine.install();
      assert.equal(machine.mode('var/lib/fluent-bit'), '700');
      machine.run(['--uninstall', '--purge']);
      assert.ok(machine.has('var/lib/fluent-bit/tail.db'));
    });

    it('does not remove files of the same name that were there before', () => {
      machine.write('etc/fluent-bit/outputs/loki.conf', '# mine\n');
      assert.match(machine.install().stderr, /outputs\/loki\.conf is yours and stays/);
      machine.run(['--uninstall', '--purge']);
      assert.equal(machine.read('etc/fluent-bit/outputs/loki.conf'), '# mine\n');
    });

    it('ends with the check of the program, and with where to look for the events', () => {
      const first = machine.install();
      assert.equal(first.calls.at(-1), 'fetch-activity-logs check');
      assert.match(
        first.stdout,
        /^First events in about 300 s\. Query in Grafana: \{tag_name="activityLog"\}\nLogs: journalctl/m,
      );
      machine.set('check-status', '1');
      const result = machine.run();
      assert.equal(result.status, 0);
      assert.match(result.stderr, /check found problems/);
    });

    it('removes what is left of it where Fluent Bit is gone', () => {
      machine.install();
      machine.set('package', 'removed');
      machine.set('active', 'inactive');
      machine.without('fluent-bit');
      machine.delete(MAIN);
      assert.equal(machine.run(['--uninstall', '--purge']).status, 0);
      assert.deepEqual(
        modes(machine.snapshot()).filter((line) => /activity|script/.test(line)),
        [],
      );
    });
  });
}
