/**
 * `npm run test:systemd`: install.sh on a real systemd. debootstrap makes a small system, systemd-nspawn boots it, and
 * what is installed in it stands in for the package of Fluent Bit. Needs root, both programs and a Debian repository;
 * where that is not to be had, it says so and is skipped.
 */
import assert from 'node:assert/strict';
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { bootContainer, type Container, type Output } from './container.ts';
import { bundle, makeFluentBitPackage } from './fluent-bit-package.ts';
import { KEY, MAIN, REPOSITORY, SCRIPT, copyRelease } from './machine.ts';

const TOKEN = 'sandbox-token';
const INTERVAL = '10';
const PATIENCE_MS = 60_000;
const POLL_MS = 500;
const STORED = 'var/lib/fluent-bit/stored.jsonl';
const STATE_FILE = 'var/lib/fluent-bit/activity_log_state.json';
const INSTALL = '/root/release/install.sh';

/** The API, with new events coming up all the time. */
const API_UNIT = `[Service]
ExecStart=/opt/sandbox.mjs --port 8080 --events 40 --contracts 2 --arrivals 2 --seconds 3600
StandardOutput=null
`;

/** What stands in for the tutorial's fetcher: it saves its state at its end, as that does. */
const FETCHER = 'opt/fluent-bit/scripts/fetch_activity_logs.py';
const FETCHER_TEXT = `#!/bin/sh
echo began >>/root/fetched
sleep 5
mkdir -p /var/lib/fluent-bit
printf '{"last_run": "%s"}' "$(date -u +%Y-%m-%dT%H:%M:%S.000000+00:00)" >/${STATE_FILE}
echo ended >>/root/fetched
`;
const TUTORIAL = `
[INPUT]
    Name         exec
    Command      /${FETCHER}
    Interval_Sec ${INTERVAL}
    Tag          activityLog

[OUTPUT]
    Name   http
    Match  activityLog
    Host   logs.example.com
    Port   443
    URI    /activityLog
    Format json
    Header APIKEY ${KEY}
    tls    on
`;

const container = await bootContainer();

if (typeof container === 'string') it('install.sh on a systemd', { skip: `NOT TRIED: ${container}` });
else describe('install.sh on a systemd', () => onSystemd(container));

function onSystemd(container: Container): void {
  before(async () => {
    const deb = join(container.root, 'root/fluent-bit.deb');
    await makeFluentBitPackage(join(container.folder, 'package'), deb);
    const unpacked = container.run('dpkg', '--install', '/root/fluent-bit.deb');
    assert.equal(unpacked.status, 0, unpacked.stderr);
    assert.match(container.run('/usr/local/bin/node', '--version').stdout, /^v/, 'Node runs there');
    const release = join(container.root, 'root/release');
    container.write('root/release/.keep', '');
    copyRelease(release);
    copyFileSync(join(REPOSITORY, 'dist/fetch-activity-logs.js'), join(release, 'dist/fetch-activity-logs.js'));
    container.write('opt/sandbox.mjs', await bundle('../sandbox/main.ts'), 0o755);
    container.write('etc/systemd/system/api.service', API_UNIT);
    container.write('etc/default/fluent-bit', 'IONOS_API_URL=http://127.0.0.1:8080\n');
    container.write('root/key', `${KEY}\n`, 0o600);
    container.run('systemctl', 'daemon-reload');
    assert.equal(container.run('systemctl', 'start', 'api').status, 0);
  });

  after(async () => {
    await container.halt();
    container.remove();
  });

  const install = (...options: readonly string[]): Output => container.run('sh', INSTALL, ...options);
  const show = (property: string): string =>
    container.run('systemctl', 'show', '-p', property, '--value', 'fluent-bit').stdout.trim();
  const journal = (): string => container.run('journalctl', '--no-pager', '-o', 'cat', '-u', 'fluent-bit').stdout;
  const mode = (path: string): string => container.run('stat', '-c', '%U %a', `/${path}`).stdout.trim();
  const stored = (): string[] => (container.has(STORED) ? container.read(STORED).trimEnd().split('\n') : []);
  const until = async (what: string, holds: () => boolean): Promise<void> => {
    const end = Date.now() + PATIENCE_MS;
    while (!holds()) {
      assert.ok(Date.now() < end, `waited for ${what}; the journal:\n${journal()}`);
      await sleep(POLL_MS);
    }
  };
  /** Everything that is installed, with modes and checksums, but the state. */
  const files = (): string[] =>
    container
      .run(
        'sh',
        '-c',
        'find /etc/fluent-bit /etc/systemd /opt -exec stat -c "%n %F %a %U" {} + ; md5sum /etc/fluent-bit/*.conf',
      )
      .stdout.trim()
      .split('\n')
      .sort();
  let untouched: string[] = [];

  it('without values leaves Fluent Bit as it is', () => {
    untouched = files();
    const { status, stdout, stderr } = install();
    assert.equal(stderr, '');
    assert.equal(status, 0);
    assert.match(stdout, /^Still missing:$/m);
    assert.equal(show('ActiveState'), 'inactive');
    assert.equal(container.run('dpkg', '--verify', 'fluent-bit').stdout, '');
  });

  it('with values makes events flow', async () => {
    const options = ['--tag', 'activityLog', '--host', 'logs.example.com', '--interval', INTERVAL];
    const secrets = ['--api-key-file', '/root/key', '--token-file', '-'];
    const { status, stdout, stderr } = container.runWith(TOKEN, 'sh', INSTALL, ...options, ...secrets);
    assert.equal(stderr, '', stdout);
    assert.equal(status, 0);
    assert.equal(show('ActiveState'), 'active');
    assert.equal(container.run('systemctl', 'is-enabled', 'fluent-bit').stdout.trim(), 'enabled');
    await until('events', () => stored().length >= 80);
  });

  it('runs as the drop-in says, with files that only root can read', () => {
    assert.equal(show('UMask'), '0077');
    assert.equal(show('StateDirectoryMode'), '0700');
    assert.match(show('DropInPaths'), /10-activity-log\.conf/);
    assert.deepEqual([SCRIPT, 'etc/fluent-bit/activity-log.env', 'etc/fluent-bit/activity-log.token'].map(mode), [
      'root 755',
      'root 600',
      'root 600',
    ]);
    assert.deepEqual(['var/lib/fluent-bit', STATE_FILE, STORED].map(mode), ['root 700', 'root 600', 'root 600']);
  });

  it('shows no secret to other users: in the unit, in processes, in files, in the journal', () => {
    const seen = [
      container.runAsNobody('systemctl', 'show', 'fluent-bit'),
      container.runAsNobody('systemctl', 'cat', 'fluent-bit'),
      container.runAsNobody('systemctl', 'status', 'fluent-bit'),
      container.runAsNobody('ps', 'axeww'),
      container.runAsNobody('grep', '-rsE', `${TOKEN}|${KEY}`, '/etc', '/opt/fluent-bit', '/run', '/tmp', '/var'),
      container.run('systemctl', 'show', 'fluent-bit'),
      container.run('journalctl', '--no-pager'),
    ];
    const [unit] = seen;
    assert.match(unit?.stdout ?? '', /activity-log\.token/);
    for (const { stdout } of seen) {
      assert.ok(!stdout.includes(TOKEN));
      assert.ok(!stdout.includes(KEY));
    }
  });

  it('puts no event into the journal, which others may read', () => {
    assert.match(journal(), /^Started /m);
    assert.doesNotMatch(journal(), /"@uuid"/);
  });

  it('the second time changes nothing and restarts nothing', () => {
    const before = [files(), show('MainPID'), show('ExecMainStartTimestamp')];
    assert.match(install().stdout, /^nothing to change$/m);
    assert.equal(install('--check').status, 0);
    assert.deepEqual([files(), show('MainPID'), show('ExecMainStartTimestamp')], before);
  });

  it('takes a rotated token without a restart', async () => {
    const pid = show('MainPID');
    const told = journal().length;
    container.runWith('expired', 'sh', INSTALL, '--token-file', '-');
    await until('a complaint', () => journal().slice(told).includes('401'));
    const before = stored().length;
    container.runWith(TOKEN, 'sh', INSTALL, '--token-file', '-');
    await until('more events', () => stored().length > before);
    assert.equal(show('MainPID'), pid);
  });

  it('goes on after a restart, with nothing twice', async () => {
    // What is not acknowledged when it ends comes again, so none of it may be under way.
    await until('the end of a run', () => container.run('pgrep', '-f', SCRIPT).status === 1);
    const before = stored().length;
    assert.equal(container.run('systemctl', 'restart', 'fluent-bit').status, 0);
    await until('more events', () => stored().length > before);
    const ids = stored().map((line) => (JSON.parse(line) as { '@uuid': string })['@uuid']);
    assert.equal(new Set(ids).size, ids.length);
  });

  it('puts everything back when Fluent Bit refuses the configuration, and does not restart it', () => {
    const before = [files(), show('MainPID')];
    const path = 'root/release/fluent-bit/outputs/ionos.conf';
    const sound = container.read(path);
    container.write(path, `${sound}    Colour green\n`);
    const { status, stderr } = install();
    container.write(path, sound);
    assert.equal(status, 1);
    assert.match(stderr, /Fluent Bit refuses the configuration: .*Colour/i);
    assert.deepEqual([files(), show('MainPID')], before);
  });

  it('puts everything back when Fluent Bit does not stay up, and starts it with that', async () => {
    const before = files();
    const { status, stderr } = install('--tag', 'crash-at-start');
    assert.equal(status, 1);
    assert.match(stderr, /does not stay up/);
    assert.deepEqual(files(), before);
    assert.equal(show('ActiveState'), 'active');
    const count = stored().length;
    await until('more events', () => stored().length > count);
  });

  it("keeps the tutorial's token in the unit working, and warns of it", async () => {
    const override = 'etc/systemd/system/fluent-bit.service.d/override.conf';
    container.write(override, `[Service]\nEnvironment=IONOS_API_TOKEN=${TOKEN}\n`);
    container.run('rm', '/etc/fluent-bit/activity-log.token');
    assert.match(install('--credentials').stderr, /--credentials takes the token from .*: give it as --token-file/);
    const { status, stderr } = install();
    assert.equal(status, 0, stderr);
    assert.match(stderr, /IONOS_API_TOKEN in .*override\.conf: every local user can read it/);
    assert.ok(container.runAsNobody('systemctl', 'show', 'fluent-bit').stdout.includes(TOKEN), 'which is true');
    const count = stored().length;
    await until('more events', () => stored().length > count);
    container.run('rm', `/${override}`);
    assert.equal(container.runWith(TOKEN, 'sh', INSTALL, '--token-file', '-').status, 0);
  });

  it('serves a service with a user of its own with --credentials', async () => {
    assert.equal(container.run('useradd', '--system', 'collector').status, 0);
    container.write('etc/systemd/system/fluent-bit.service.d/user.conf', '[Service]\nUser=collector\n');
    container.run('systemctl', 'daemon-reload');
    assert.match(install().stderr, /runs as collector, .*--credentials/);
    const { status, stderr } = install('--credentials');
    assert.equal(status, 0, stderr);
    const count = stored().length;
    await until('more events', () => stored().length > count);
    assert.deepEqual(['var/lib/fluent-bit', STATE_FILE].map(mode), ['collector 700', 'collector 600']);
    assert.equal(mode('run/credentials/fluent-bit.service/activity-log-token'), 'collector 400');
    const seen = container.run('systemctl', 'show', 'fluent-bit').stdout;
    assert.ok(!seen.includes(TOKEN) && !seen.includes(KEY));
    for (const name of ['user.conf', '20-activity-log-credentials.conf']) {
      container.run('rm', `/etc/systemd/system/fluent-bit.service.d/${name}`);
    }
    container.run('systemctl', 'daemon-reload');
    container.run('systemctl', 'restart', 'fluent-bit');
    assert.equal(install().status, 0);
  });

  it('leaves nothing behind but state and secrets, and not even those with --purge', () => {
    const removed = install('--uninstall');
    assert.equal(removed.status, 0, removed.stderr);
    assert.deepEqual(removed.stdout.match(/^stays: .*$/gm), [
      'stays: /etc/fluent-bit/activity-log.env',
      'stays: /etc/fluent-bit/activity-log.token',
      'stays: /var/lib/fluent-bit',
    ]);
    assert.equal(container.read(MAIN).includes('activity-log'), false);
    assert.equal(container.run('dpkg', '--verify', 'fluent-bit').stdout, '');
    assert.equal(show('ActiveState'), 'inactive');
    assert.equal(container.run('systemctl', 'is-enabled', 'fluent-bit').stdout.trim(), 'disabled');
    assert.equal(show('DropInPaths'), '');
    assert.ok(container.has(STATE_FILE));

    container.run('rm', `/${STORED}`);
    assert.equal(install('--uninstall', '--purge').status, 0);
    assert.deepEqual(files(), untouched);
    assert.ok(!container.has('var/lib/fluent-bit'));
  });
  it("takes over from the tutorial's fetcher without cutting its run short", async () => {
    container.write(FETCHER, FETCHER_TEXT, 0o755);
    container.write(MAIN, `${container.read(MAIN)}${TUTORIAL}`);
    container.run('systemctl', 'start', 'fluent-bit');
    await until('a run of the fetcher', () => container.has('root/fetched'));
    const { status, stdout, stderr } = container.runWith(TOKEN, 'sh', INSTALL, '--token-file', '-');
    assert.equal(status, 0, stderr);
    assert.match(stdout, /^the tutorial's \[input\] exec is commented out/m);
    assert.equal(container.read('root/fetched'), 'began\nended\n');
    assert.ok(!container.read(MAIN).includes(KEY));
    assert.equal(mode('etc/fluent-bit/fluent-bit.conf.before-activity-log'), 'root 600');
    const since = (JSON.parse(container.read(STATE_FILE)) as { last_run: string }).last_run;
    await until('events', () => stored().length > 0);
    const { last_run: now } = JSON.parse(container.read(STATE_FILE)) as { last_run: string };
    assert.ok(Date.parse(now) >= Date.parse(since));

    assert.equal(install('--uninstall').status, 0);
    assert.ok(container.read(MAIN).endsWith(TUTORIAL));
    assert.ok(container.has(STATE_FILE));
  });
}
