import assert from 'node:assert/strict';
import { chmodSync, renameSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { pipelineOf, readFluentBitConfig } from '../helpers/fluent-bit-config.ts';
import { DROP_INS, ENV_FILE, MAIN, Machine, SHELLS, TOKEN, TOKEN_FILE, service } from './machine.ts';
import { STOCK_MAIN } from './stand-ins.ts';

const BACKUP = `${MAIN}.before-activity-log`;
const INCLUDE = '@INCLUDE activity-log.conf\n';
const OVERRIDE = `${DROP_INS}/override.conf`;
const STATE_FILE = 'var/lib/fluent-bit/activity_log_state.json';

/** Somebody's own pipeline. */
const THEIRS = `[SERVICE]
    flush        5
    parsers_file parsers.conf

[INPUT]
    name cpu
    tag  cpu.local

[OUTPUT]
    name  null
    match cpu.*
`;

/** What the tutorial has its readers add to it, as somebody may have typed it. */
const FETCHER = `
# audit log of the cloud
[INPUT]
    Name  exec
    Tag   audit
    Command /usr/bin/env python3 /opt/fluent-bit/scripts/fetch_activity_logs.py
    Interval_Sec 120
    Parser json
`;
const HTTP = `
[output]
    name http
    match audit
    tls  on
    header apikey key-in-plain-sight
    host  abc.logging.de-txl.ionos.com
    port  443
    uri   /audit
    format json
`;
const STDOUT = `
[OUTPUT]
    Match audit
    Name  stdout
`;
const TUTORIAL = THEIRS + FETCHER + HTTP + STDOUT;

for (const shell of SHELLS) {
  describe(`fluent-bit.conf and install.sh with ${shell.join(' ')}`, () => {
    let machine: Machine;
    beforeEach(() => {
      machine = new Machine(shell);
    });
    afterEach(() => {
      machine.remove();
    });

    /** What Fluent Bit would make of it; variables as the service has them. */
    const config = () => {
      const values = [...machine.read(ENV_FILE).matchAll(/^(\w+)=(.*)$/gm)].map(([, name, value]) => [name, value]);
      const env = Object.fromEntries(values) as Record<string, string>;
      const read = readFluentBitConfig(join(machine.root, MAIN), { env, cwd: '/' });
      assert.deepEqual(
        read.faults.filter(({ code }) => code !== 'plugin-unknown'),
        [],
      );
      const { inputs, outputs } = pipelineOf(read);
      return [...inputs, ...outputs].map(({ name, tag, match }) => `${name?.[0] ?? ''} ${(tag ?? match)?.[0] ?? ''}`);
    };

    it("replaces the package's own by one that Fluent Bit takes", () => {
      machine.install();
      assert.deepEqual(config(), ['exec activityLog', 'http activityLog']);
      assert.equal(machine.read(BACKUP), STOCK_MAIN);
    });

    it('replaces it again when an upgrade of the package brought a new one', () => {
      machine.install();
      const newer = STOCK_MAIN.replace('cpu.local', 'cpu');
      machine.write(MAIN, newer);
      machine.set('stock-md5', machine.md5(MAIN));
      machine.run();
      assert.equal(machine.read(BACKUP), newer);
      machine.run(['--uninstall']);
      assert.equal(machine.read(MAIN), newer);
    });

    it('adds one line to one that the user has changed', () => {
      for (const [text, result] of [
        [THEIRS, THEIRS + INCLUDE],
        [THEIRS.trimEnd(), THEIRS + INCLUDE],
      ] as const) {
        machine.write(MAIN, text, 0o640);
        machine.install();
        assert.equal(machine.read(MAIN), result);
        assert.deepEqual([machine.mode(MAIN), machine.mode(BACKUP)], ['640', '600']);
        assert.ok(config().includes('cpu cpu.local'));
        machine.run(['--uninstall', '--purge']);
        assert.equal(machine.read(MAIN), text);
        assert.equal(machine.mode(MAIN), '640');
        assert.ok(!machine.has(BACKUP));
      }
    });

    it('adds none where there is one already, and takes it out on removal', () => {
      machine.write(MAIN, `@include /etc/fluent-bit/activity-log.conf\n${THEIRS}`);
      machine.install();
      assert.equal(machine.read(MAIN), `@include /etc/fluent-bit/activity-log.conf\n${THEIRS}`);
      assert.ok(!machine.has(BACKUP));
      machine.run(['--uninstall']);
      assert.equal(machine.read(MAIN), THEIRS);
    });

    it("takes the tutorial's blocks over, with their values, and brings them back", () => {
      machine.write(MAIN, TUTORIAL);
      machine.write(STATE_FILE, '{"last_run": "2026-11-21T20:25:55.000000+00:00"}', 0o644);
      chmodSync(join(machine.root, dirname(STATE_FILE)), 0o700);
      const before = machine.snapshot();
      const result = machine.run(['--token-file', '-'], { input: TOKEN });
      assert.equal(result.stderr, '');
      assert.equal(result.status, 0);
      assert.deepEqual(result.stdout.match(/^commented out: .*$/gm), [
        "commented out: the tutorial's [input] exec, lines 14 to 19 of fluent-bit.conf",
        "commented out: the tutorial's [output] http, lines 21 to 29 of fluent-bit.conf",
        "commented out: the tutorial's [output] stdout, lines 31 to 33 of fluent-bit.conf",
      ]);
      assert.match(machine.read(ENV_FILE), /^ACTIVITY_LOG_TAG=audit$/m);
      assert.match(machine.read(ENV_FILE), /^ACTIVITY_LOG_HOST=abc\.logging\.de-txl\.ionos\.com$/m);
      assert.match(machine.read(ENV_FILE), /^ACTIVITY_LOG_API_KEY=key-in-plain-sight$/m);
      assert.match(machine.read(ENV_FILE), /^ACTIVITY_LOG_INTERVAL=120\nACTIVITY_LOG_DEADLINE=96s$/m);
      assert.deepEqual(config(), ['cpu cpu.local', 'exec audit', 'null cpu.*', 'http audit']);
      assert.ok(!machine.read(MAIN).includes('key-in-plain-sight'), 'others can read fluent-bit.conf');
      assert.ok(machine.read(MAIN).startsWith(`${THEIRS}\n# audit log of the cloud\n#~# `));
      assert.ok(machine.read(MAIN).endsWith(INCLUDE));
      assert.equal(machine.read(STATE_FILE), '{"last_run": "2026-11-21T20:25:55.000000+00:00"}');
      assert.deepEqual(service(machine.run()), []);

      machine.run(['--uninstall', '--purge']);
      assert.deepEqual(machine.snapshot(), before);
    });

    it('brings them back by line when the file was edited meanwhile', () => {
      machine.write(MAIN, TUTORIAL);
      machine.run(['--token-file', '-'], { input: TOKEN });
      machine.write(MAIN, `${machine.read(MAIN)}[FILTER]\n    name grep\n`);
      machine.write(ENV_FILE, machine.read(ENV_FILE).replace(/(API_KEY=)(.*)/, '$1"$2"'), 0o600);
      const result = machine.run(['--uninstall']);
      const restored = TUTORIAL.replace('header apikey', 'Header APIKEY');
      assert.equal(machine.read(MAIN), `${restored}[FILTER]\n    name grep\n`);
      assert.match(result.stdout, /^stays: \/etc\/fluent-bit\/fluent-bit.conf.before-activity-log$/m);
    });

    it('brings no comment of the user to life that begins as ours do', () => {
      const text = `#~ flush 9\n${TUTORIAL}#~ mine\n`.replace(STDOUT, `${STDOUT}\n[FILTER]\n    name grep\n`);
      machine.write(MAIN, text);
      machine.run(['--token-file', '-'], { input: TOKEN });
      machine.write(MAIN, `${machine.read(MAIN)}[FILTER]\n`);
      machine.run(['--uninstall']);
      assert.equal(machine.read(MAIN), `${text.replace('header apikey', 'Header APIKEY')}[FILTER]\n`);
    });

    it('takes no value that is none: a variable as key, a block without tag or host', () => {
      for (const [text, name] of [
        [TUTORIAL.replace('key-in-plain-sight', '${PIPELINE_KEY}'), 'API_KEY'],
        [TUTORIAL.replace(/ *host .*\n/, ''), 'HOST'],
        [TUTORIAL.replace(/ *Tag {3}.*\n/, ''), 'TAG'],
      ] as const) {
        machine.write(MAIN, text);
        const { stdout } = machine.run(['--token-file', '-'], { input: TOKEN });
        assert.match(stdout, new RegExp(`^Still missing:\n  ACTIVITY_LOG_${name}= in `, 'm'));
        assert.equal(machine.read(MAIN), text);
        machine.run(['--uninstall', '--purge']);
      }
    });

    it("says which of the user's own settings go with the tutorial's output", () => {
      machine.write(
        MAIN,
        TUTORIAL.replace('    tls  on\n', '    tls  on\n    Proxy http://proxy:3128\n    Header X-Org me\n'),
      );
      const { stderr } = machine.run(['--token-file', '-'], { input: TOKEN });
      assert.deepEqual(stderr.match(/warning: \S+ of the tutorial's output \(line \d+/g), [
        "warning: proxy of the tutorial's output (line 25",
        "warning: header of the tutorial's output (line 26",
      ]);
      assert.equal(machine.run().stderr, '', 'once');
    });

    it('says so when it moves the HTTP server of the user', () => {
      const listen = '    http_server on\n    http_listen 10.0.0.1\n    http_port 2021\n';
      machine.write(MAIN, THEIRS.replace('    flush        5\n', listen));
      assert.match(
        machine.install().stderr,
        /has HTTP_Listen 10\.0\.0\.1 and HTTP_Port 2021, and activity-log\.conf sets/,
      );
      assert.equal(machine.run().stderr, '', 'once');
    });

    it("names the tutorial's fetcher in another file", () => {
      machine.write('etc/fluent-bit/audit.conf', FETCHER);
      machine.write(MAIN, `${THEIRS}@INCLUDE audit.conf\n`);
      assert.match(machine.install().stderr, /warning: \/etc\/fluent-bit\/audit\.conf runs the tutorial's fetcher/);
    });

    it("gives what the user says precedence over the tutorial's values", () => {
      machine.write(MAIN, TUTORIAL);
      machine.install('--interval', '600');
      assert.match(machine.read(ENV_FILE), /^ACTIVITY_LOG_TAG=activityLog$/m);
      assert.match(machine.read(ENV_FILE), /^ACTIVITY_LOG_INTERVAL=600$/m);
      assert.deepEqual(config(), ['cpu cpu.local', 'exec activityLog', 'null cpu.*', 'http activityLog']);
    });

    it('waits for the fetcher that is at work, since it saves its state at its end', () => {
      machine.write(MAIN, TUTORIAL);
      machine.set('fetcher-runs', '3');
      const { calls } = machine.run(['--token-file', '-'], { input: TOKEN });
      const looked = calls.flatMap((call, index) => (call.startsWith('pgrep -P 4711 ') ? [index] : []));
      assert.equal(looked.length, 4);
      assert.ok((looked.at(-1) ?? Infinity) < calls.indexOf('systemctl restart fluent-bit'));
    });

    it('says so when it does not wait any longer for the fetcher', () => {
      machine.write(MAIN, TUTORIAL);
      machine.set('fetcher-runs', '100');
      const { status, stderr } = machine.run(['--token-file', '-'], { input: TOKEN });
      assert.equal(status, 0);
      assert.match(
        stderr,
        /^install\.sh: warning: the tutorial's fetcher ran for more than 60 s and was stopped: .*\n$/,
      );
    });

    it('leaves the fetcher running until nothing is missing', () => {
      machine.write(MAIN, THEIRS + FETCHER);
      const result = machine.run(['--token-file', '-'], { input: TOKEN });
      assert.match(result.stdout, /^Still missing:\n {2}ACTIVITY_LOG_HOST=/m);
      assert.equal(machine.read(MAIN), THEIRS + FETCHER);
    });

    it("copies the tutorial's token out of the unit, and says how to delete it there", () => {
      machine.write(MAIN, TUTORIAL);
      machine.write(OVERRIDE, `[Service]\nEnvironment = IONOS_API_TOKEN=${TOKEN}\n`);
      const result = machine.run();
      assert.match(
        result.stderr,
        /^install\.sh: warning: every local user can read IONOS_API_TOKEN in \S+override\.conf .* is in \S+\.token: delete the line, then: sudo systemctl daemon-reload\n$/,
      );
      assert.match(result.stdout, /^First events in about /m);
      assert.equal(machine.read(TOKEN_FILE), `${TOKEN}\n`);
      assert.equal(machine.mode(TOKEN_FILE), '600');
      assert.doesNotMatch(machine.read(ENV_FILE), /ACTIVITY_LOG_TOKEN_FILE/);
      assert.doesNotMatch(result.stdout + result.stderr, new RegExp(TOKEN));
      machine.write(OVERRIDE, '[Service]\n');
      machine.set('stale', 'yes');
      assert.deepEqual(service(machine.run()), ['systemctl daemon-reload'], 'or systemctl show would go on showing it');
    });

    it('mends the empty name of the token file that version 0.1.0 wrote', () => {
      machine.write(MAIN, TUTORIAL);
      machine.write(OVERRIDE, `[Service]\nEnvironment=IONOS_API_TOKEN=${TOKEN}\n`);
      machine.write(ENV_FILE, 'ACTIVITY_LOG_INTERVAL=300\nACTIVITY_LOG_TOKEN_FILE=\n', 0o600);
      assert.equal(machine.run().status, 0);
      assert.match(machine.read(ENV_FILE), /^ACTIVITY_LOG_TOKEN_FILE=\/etc\/fluent-bit\/activity-log\.token$/m);
      assert.equal(machine.read(TOKEN_FILE), `${TOKEN}\n`);
    });

    it('continues with a password in the unit, of which no token can be made', () => {
      machine.write(MAIN, TUTORIAL);
      machine.write(OVERRIDE, `[Service]\nEnvironment="IONOS_USERNAME=me" "IONOS_PASSWORD=${TOKEN}"\n`);
      const { status, stderr } = machine.run();
      assert.equal(status, 0);
      assert.match(stderr, /every local user can read IONOS_PASSWORD in .*: give the token as --token-file FILE/);
      // Empty counts as not set; the drop-in's value would come before the variable.
      assert.match(machine.read(ENV_FILE), /^ACTIVITY_LOG_TOKEN_FILE=$/m);
      assert.ok(!machine.has(TOKEN_FILE));
      assert.deepEqual(service(machine.run()), []);
    });

    it("comments out the package's stdout output, which would put every event into the journal", () => {
      machine.write(MAIN, STOCK_MAIN + FETCHER + HTTP);
      machine.run(['--token-file', '-'], { input: TOKEN });
      assert.deepEqual(config(), ['cpu cpu.local', 'exec audit', 'http audit']);
      machine.run(['--uninstall', '--purge']);
      assert.equal(machine.read(MAIN), STOCK_MAIN + FETCHER + HTTP);
    });

    it("says at removal what the tutorial's fetcher needs, and what is no longer needed at the take-over", () => {
      machine.write(MAIN, TUTORIAL);
      machine.write('opt/fluent-bit/scripts/fetch_activity_logs.py', '', 0o755);
      const { stdout } = machine.run(['--token-file', '-'], { input: TOKEN });
      assert.match(stdout, /^no longer needed: \/opt\/fluent-bit\/scripts\/fetch_activity_logs\.py$/m);
      assert.match(machine.run(['--uninstall']).stdout, /fetcher runs again: it needs IONOS_API_TOKEN in the unit/);
    });

    it("leaves outputs alone that are not the tutorial's, or not for its events alone", () => {
      const other = '\n[INPUT]\n    Name dummy\n    Tag audit\n';
      machine.write(MAIN, THEIRS + FETCHER + other + HTTP);
      machine.install();
      assert.ok(config().includes('http audit'));
      machine.run(['--uninstall', '--purge']);

      machine.write(
        MAIN,
        THEIRS + FETCHER + HTTP.replace('/audit', '/elsewhere') + STDOUT.replace('audit', '*') + '    Format json\n',
      );
      machine.install();
      assert.ok(
        ['null cpu.*', 'http audit', 'stdout *', 'http activityLog'].every((output) => config().includes(output)),
      );
      machine.run(['--uninstall', '--purge']);

      machine.write(MAIN, THEIRS + FETCHER + HTTP.replace('match audit', 'match au*'));
      assert.match(machine.install().stderr, /the output http in lines 21 to 29 .* as well: .*twice/);
      assert.equal(machine.run().stderr, '', 'told once');
    });

    it('reports a doubled Parsers_File, with the line to delete', () => {
      machine.write(MAIN, `${TUTORIAL}\n[SERVICE]\n    Parsers_File /etc/fluent-bit/parsers.conf\n`);
      assert.match(machine.install().stderr, /Parsers_File .* twice, .*: delete line 36$/m);
    });

    it('leaves everything as it is when Fluent Bit refuses the file as it is', () => {
      machine.write(MAIN, `${TUTORIAL}\n[SERVICE]\n    Parsers_File parsers.conf\n`);
      const before = machine.snapshot();
      const result = machine.install();
      assert.equal(result.status, 1);
      assert.match(result.stderr, /twice, .*: delete line 36\n/);
      assert.match(result.stderr, /refuses the configuration: .*'apache' already exists$/m);
      assert.deepEqual(machine.snapshot(), before);
    });

    it('lets Fluent Bit test the file with all that the service reads', () => {
      machine.standIn('fluent-bit', '[ "$MY_TAG$OTHER_TAG" = mine=yes ]');
      machine.set('service-files', '/etc/my file.env (ignore_errors=no)');
      machine.write('etc/my file.env', 'MY_TAG="mine="\n', 0o600);
      machine.write('etc/default/fluent-bit', 'OTHER_TAG=yes\n');
      assert.equal(machine.install().stderr, '');
    });

    it('puts everything back when Fluent Bit refuses the result', () => {
      for (const text of [STOCK_MAIN, TUTORIAL]) {
        machine.write(MAIN, text);
        machine.set('refuses-include', 'no such plugin key-in-plain-sight');
        const before = machine.snapshot();
        const result = machine.install();
        assert.equal(result.status, 1);
        assert.match(result.stderr, /error: Fluent Bit refuses the configuration: .*\n.*everything was restored\n$/);
        assert.doesNotMatch(result.stderr, text === TUTORIAL ? /key-in-plain-sight/ : /^$/);
        assert.deepEqual(service(result), []);
        assert.deepEqual(machine.snapshot(), before);
      }
    });

    it('keeps a storage.path of the user, where chunks may wait', () => {
      machine.write(MAIN, THEIRS.replace('flush        5', 'storage.path /srv/chunks'));
      machine.install();
      assert.match(machine.read('etc/fluent-bit/activity-log.conf'), /^ *#storage\.path {2,}\/var/m);
      assert.deepEqual(service(machine.run()), []);
    });

    it('refuses to guess where the service reads something else', () => {
      machine.set('config', '/etc/fluent-bit/fluent-bit.yaml');
      assert.match(
        machine.install().stderr,
        /^install.sh: error: .* reads \/etc\/fluent-bit\/fluent-bit\.yaml, not .*\n$/,
      );
      machine.unset('config');
      renameSync(join(machine.root, MAIN), join(machine.root, 'etc/managed.conf'));
      symlinkSync('../managed.conf', join(machine.root, MAIN));
      assert.match(machine.install().stderr, /^install.sh: error: .* is a symbolic link, .*\n$/);
      machine.delete(MAIN);
      assert.match(
        machine.install().stderr,
        /^install.sh: error: there is no .*: install the package fluent-bit again/,
      );
    });
  });
}
