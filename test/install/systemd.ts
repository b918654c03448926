/**
 * `npm run test:systemd`: a release on a real systemd, without Node. debootstrap makes a small system, systemd-nspawn
 * boots it, and a package like Fluent Bit's is installed in it: with the real program if FLUENT_BIT names one, else with
 * a stand-in. Then the same in short on the oldest release. Needs root, both programs and a Debian repository; where one
 * is missing, it says so and is skipped.
 */
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { loopbackCertificate } from '../helpers/loopback-certificate.ts';
import { PATIENCE_MS } from '../helpers/patience.ts';
import { NODE, bootContainer, type Container, type Output } from './container.ts';
import { bundle, makeFluentBitPackage } from './fluent-bit-package.ts';
import { HOST, KEY, LINK, MAIN, REPOSITORY, SCRIPT } from './machine.ts';

const TOKEN = 'sandbox-token';
const INTERVAL = '10';
const RELEASE = join(REPOSITORY, 'dist/release');
const POLL_MS = 500;
const STORED = 'var/lib/fluent-bit/stored.jsonl';
const STATE_FILE = 'var/lib/fluent-bit/activity_log_state.json';
const INSTALL = '/root/release/install.sh';
const MANUAL = 'usr/local/share/man/man1/fetch-activity-logs.1';

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
    Host   ${HOST}
    Port   443
    URI    /activityLog
    Format json
    Header APIKEY ${KEY}
    tls    on
`;

const REAL = process.env['FLUENT_BIT'];
/** Where the real one sends to; the stand-in stores by itself. */
const SERVICE_UNIT = `[Service]
ExecStart=/opt/logging-service.mjs /root/key /root/service.pem /${STORED}
Restart=always
UMask=0077
`;

// Both are there before the first test begins: debootstrap holds up everything else.
const [own, oldest] = [await bootContainer('own'), await bootContainer('oldest')];
for (const [container, title, tests] of [
  [own, 'a release on a systemd', onSystemd],
  [oldest, 'a release on the oldest system', onOldest],
] as const) {
  if (typeof container === 'string') it(title, { skip: `NOT TRIED: ${container}` });
  else describe(title, () => tests(container));
}

/** Puts into it a Fluent Bit, an API, and the release as it is downloaded. */
async function prepare(container: Container, real: string | undefined): Promise<void> {
  const deb = join(container.root, 'root/fluent-bit.deb');
  await makeFluentBitPackage(join(container.folder, 'package'), deb, real);
  const unpacked = container.run('dpkg', '--install', '/root/fluent-bit.deb');
  assert.equal(unpacked.status, 0, unpacked.stderr);
  for (const name of readdirSync(RELEASE)) container.copy(join(RELEASE, name), join('root', name), 0o644);
  const unpack =
    'sha256sum --check --ignore-missing SHA256SUMS && tar -xf *-linux-x64.tar.xz && mv *-linux-x64 release';
  const archive = container.run('sh', '-c', `cd /root && ${unpack}`);
  assert.equal(archive.status, 0, archive.stderr);
  container.write('opt/sandbox.mjs', await bundle('../sandbox/main.ts'), 0o755);
  container.write('etc/systemd/system/api.service', API_UNIT);
  container.write('etc/default/fluent-bit', 'IONOS_API_URL=http://127.0.0.1:8080\n');
  container.write('root/key', `${KEY}\n`, 0o600);
  container.run('systemctl', 'daemon-reload');
  assert.equal(container.run('systemctl', 'start', 'api').status, 0);
  if (real !== undefined) await startLoggingService(container);
}

async function startLoggingService(container: Container): Promise<void> {
  const { key, cert } = loopbackCertificate(HOST);
  container.write('root/service.pem', key + cert, 0o600);
  container.write('etc/ssl/certs/ca-bundle.crt', cert);
  container.write('etc/hosts', `127.0.0.1 localhost ${HOST}\n`);
  container.write('opt/logging-service.mjs', await bundle('logging-service.ts'), 0o755);
  container.write('etc/systemd/system/logging-service.service', SERVICE_UNIT);
  container.run('systemctl', 'daemon-reload');
  assert.equal(container.run('systemctl', 'start', 'logging-service').status, 0);
}

function onOldest(container: Container): void {
  before(() => prepare(container, undefined));
  after(async () => {
    await container.halt();
    container.remove();
  });

  it('makes events flow without Node, and leaves nothing', async () => {
    const glibc = container.run('ldd', '--version').stdout;
    assert.match(glibc, /2\.31$/m);
    assert.equal(container.run('sh', '-c', 'command -v node').stdout, '');
    const options = ['--tag', 'activityLog', '--host', HOST, '--interval', '10s', '--api-key-file', '/root/key'];
    const { status, stderr } = container.runWith(TOKEN, INSTALL, ...options, '--token-file', '-');
    assert.deepEqual([stderr, status], ['', 0]);
    const end = Date.now() + PATIENCE_MS;
    while (!container.has(STORED)) {
      assert.ok(Date.now() < end, 'waited for events');
      await sleep(POLL_MS);
    }
    assert.equal(container.run(INSTALL, '--uninstall', '--purge').status, 0);
    assert.equal(container.run('dpkg', '--verify', 'fluent-bit').stdout, '');
    for (const path of [SCRIPT, LINK, 'etc/fluent-bit/activity-log.env']) assert.ok(!container.has(path), path);
  });
}

function onSystemd(container: Container): void {
  before(() => prepare(container, REAL));

  after(async () => {
    await container.halt();
    container.remove();
  });

  const install = (...options: readonly string[]): Output => container.run(INSTALL, ...options);
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
    assert.equal(container.run('sh', '-c', 'command -v node').stdout, '', 'there is no Node');
    untouched = files();
    const { status, stdout, stderr } = install();
    assert.equal(stderr, '');
    assert.equal(status, 0);
    assert.match(stdout, /^Still missing:$/m);
    assert.equal(show('ActiveState'), 'inactive');
    assert.equal(container.run('dpkg', '--verify', 'fluent-bit').stdout, '');
  });

  it('with values makes events flow', async () => {
    const options = ['--tag', 'activityLog', '--host', HOST, '--interval', INTERVAL];
    const secrets = ['--api-key-file', '/root/key', '--token-file', '-'];
    const { status, stdout, stderr } = container.runWith(TOKEN, INSTALL, ...options, ...secrets);
    assert.equal(stderr, '', stdout);
    assert.equal(status, 0);
    assert.equal(show('ActiveState'), 'active');
    assert.equal(container.run('systemctl', 'is-enabled', 'fluent-bit').stdout.trim(), 'enabled');
    await until('events', () => stored().length >= 80);
    assert.match(container.run('fetch-activity-logs', '--version').stdout, /^\d+\.\d+\.\d+$/m);
    assert.match(container.read(MANUAL), /^\.TH /m);
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
    container.runWith('expired', INSTALL, '--token-file', '-');
    await until('a complaint', () => journal().slice(told).includes('401'));
    const before = stored().length;
    container.runWith(TOKEN, INSTALL, '--token-file', '-');
    await until('more events', () => stored().length > before);
    assert.equal(show('MainPID'), pid);
  });

  it('continues after a restart, with nothing twice', async () => {
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

  if (REAL === undefined)
    it('puts everything back when Fluent Bit does not stay up, and starts it with that', async () => {
      const before = files();
      const { status, stderr } = install('--tag', 'crashAtStart');
      assert.equal(status, 1);
      assert.match(stderr, /does not stay up/);
      assert.deepEqual(files(), before);
      assert.equal(show('ActiveState'), 'active');
      const count = stored().length;
      await until('more events', () => stored().length > count);
    });

  it("copies the tutorial's token out of the unit, where everybody can read it until its line is gone", async () => {
    const override = 'etc/systemd/system/fluent-bit.service.d/override.conf';
    const shown = (): boolean => container.runAsNobody('systemctl', 'show', 'fluent-bit').stdout.includes(TOKEN);
    container.write(override, `[Service]\nEnvironment=IONOS_API_TOKEN=${TOKEN}\n`);
    container.run('rm', '/etc/fluent-bit/activity-log.token');
    const { status, stderr } = install();
    assert.equal(status, 0, stderr);
    assert.match(stderr, /every local user can read IONOS_API_TOKEN in .*override\.conf .*: delete the line/);
    assert.equal(mode('etc/fluent-bit/activity-log.token'), 'root 600');
    container.run('rm', `/${override}`);
    assert.match(install().stdout, /^reading the unit again$/m);
    assert.ok(!shown());
    const count = stored().length;
    await until('more events', () => stored().length > count);
  });

  it('upgrades from the script and the files of version 0.1.0, and resumes where that was', async () => {
    const conf = 'etc/fluent-bit/activity-log.conf';
    const record = 'etc/fluent-bit/.activity-log.installed';
    await until('the end of a run', () => container.run('pgrep', '-f', SCRIPT).status === 1);
    const newer = ['etc/fluent-bit/outputs/ionos-tcp.conf', 'etc/fluent-bit/outputs/metrics-ionos.conf'];
    for (const path of [SCRIPT, LINK, MANUAL, ...newer]) container.run('rm', `/${path}`);
    const script = readFileSync(join(REPOSITORY, 'dist/fetch-activity-logs.js'), 'utf8');
    container.write(SCRIPT, script.replace(/^.*/, `#!${NODE}`), 0o755);
    const [sum = ''] = container.run('sha256sum', `/${conf}`).stdout.split(' ');
    container.write(conf, `${container.read(conf)}# older\n`);
    const [older = ''] = container.run('sha256sum', `/${conf}`).stdout.split(' ');
    const lines = container.read(record).replace(sum, older).split('\n');
    const known = lines.filter((line) => !newer.some((path) => line.endsWith(path)));
    container.write(record, known.join('\n'), 0o600);
    const { status, stdout, stderr } = install();
    assert.equal(status, 0, stderr);
    assert.match(stdout, /^changed: \/opt\/fluent-bit\/scripts\/fetch-activity-logs$/m);
    assert.doesNotMatch(container.read(conf), /# older/);
    for (const path of [LINK, MANUAL, ...newer]) assert.equal(container.run('test', '-e', `/${path}`).status, 0, path);
    const count = stored().length;
    await until('more events', () => stored().length > count);
    const ids = stored().map((line) => (JSON.parse(line) as { '@uuid': string })['@uuid']);
    assert.equal(new Set(ids).size, ids.length);
  });

  it('serves a service with its own user with --credentials', async () => {
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
    const { status, stdout, stderr } = container.runWith(TOKEN, INSTALL, '--token-file', '-');
    assert.equal(status, 0, stderr);
    assert.match(stdout, /^commented out: the tutorial's \[input\] exec/m);
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
