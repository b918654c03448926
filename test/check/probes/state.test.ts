import assert from 'node:assert/strict';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import type { Environment, Setup } from '../../../src/check/facts/environment.ts';
import { thisMachine } from '../../../src/check/facts/machine.ts';
import { checkState } from '../../../src/check/probes/state.ts';
import { readConfig } from '../../../src/config/config.ts';
import type { Options } from '../../../src/config/settings.ts';
import { journalFolder } from '../../../src/state/journal-files.ts';
import { thisProcess } from '../../../src/lib/process-identity.ts';
import { NOW, STATE, installedMachine, type CheckedMachine } from '../../helpers/checked-machine.ts';
import { temporaryFolder } from '../../helpers/temporary-folder.ts';

/** What check says in these tests, word by word. */
const GOLDEN = 'check/state.txt';

/** What check says of a state of this text, in a folder of its own; the file is written unless it is undefined. */
async function toldOf(t: TestContext, text: string | undefined, config: Options = {}, intervalMs?: number) {
  const root = await temporaryFolder(t);
  if (text !== undefined) await writeFile(join(root, 'state.json'), text);
  const environment: Environment = { variables: {}, service: undefined, isKnown: true, hint: () => '' };
  const setup: Setup = {
    config: readConfig({ 'state-file': '/state.json', ...config }, {}),
    environment,
    env: {},
    ...(intervalMs === undefined ? {} : { intervalMs }),
  };
  const findings = await checkState(setup, { ...thisMachine(), root }, NOW);
  return findings.map(({ level, code, message }) => `${level} ${code}: ${message.replaceAll(root, '')}`);
}

async function found(machine: CheckedMachine, options: string[] = []): Promise<string[]> {
  const faults = await machine.told(GOLDEN, options);
  return faults.map(({ level, code, message }) => `${level} ${code}: ${message}`);
}

async function lock(machine: CheckedMachine, owner: object): Promise<void> {
  await mkdir(`${machine.path(STATE)}.lock`);
  await machine.write(`${STATE}.owner`, JSON.stringify(owner));
}

const withCursor = (cursor: string, lastSuccess: string | null = cursor): string =>
  JSON.stringify({ version: 1, sources: { 'ionos/1': { cursor, last_success: lastSuccess } } });

describe('check looks at the state', { concurrency: 4 }, () => {
  it('is content with a folder that the first poll will make', async (t) => {
    const machine = await installedMachine(t);
    await machine.remove(dirname(STATE));
    assert.deepEqual(await found(machine), []);
    const { stdout } = await machine.run();
    assert.match(stdout, /✓ \/var\/lib\/fluent-bit will be created by the first poll\n/);
    assert.match(stdout, /✓ .*_state\.json does not exist yet; the first poll creates it\n/);
  });

  it('calls a file an error that is where the folder should be', async (t) => {
    const machine = await installedMachine(t);
    await machine.remove(dirname(STATE));
    await machine.write(dirname(STATE), '');
    const [finding, ...others] = await found(machine);
    assert.match(finding ?? '', /^error state-folder: the state cannot be saved here/);
    assert.deepEqual(others, []);
  });

  it('warns of a folder into which everybody may write', async (t) => {
    const machine = await installedMachine(t);
    await chmod(machine.path(dirname(STATE)), 0o777);
    assert.match((await found(machine)).join(), /^warning state-folder-mode/);
  });

  it('says that a broken state of 0.1.0 is continued from its copy, if that is whole', async (t) => {
    const machine = await installedMachine(t);
    const copy = withCursor(new Date(NOW - 60_000).toISOString(), null);
    for (const [text, level] of [
      [copy, 'warning'],
      [copy.replace('{', '{"journal":{"seq":1,"hash":"","known_from":null},'), 'error'],
      ['{', 'error'],
    ] as const) {
      await machine.write(STATE, '{');
      await machine.write(`${STATE}.bak`, text);
      const [fault] = await machine.told(GOLDEN);
      assert.deepEqual([fault?.code, fault?.level], ['state', level], fault?.impact);
    }
  });

  it('names the poll that runs', async (t) => {
    const machine = await installedMachine(t);
    await lock(machine, await thisProcess(NOW - 12_000));
    assert.deepEqual(await found(machine), []);
    assert.ok(
      (await machine.run()).stdout.includes(`✓ ${STATE}.lock: a poll is running: process ${process.pid}, for 12 s\n`),
    );
  });

  it('says what the last poll of a source could not get', async (t) => {
    const machine = await installedMachine(t);
    const gap = `${new Date(NOW).toISOString()} the API no longer has the events from 2026-01-01T00:00:00Z to 2026-02-01T00:00:00Z`;
    const cursor = new Date(NOW - 60_000).toISOString();
    const source = { cursor, last_success: cursor, last_error: gap };
    await machine.write(STATE, JSON.stringify({ version: 1, sources: { 'ionos/1': source } }));
    assert.deepEqual(await found(machine), [`warning state-last-error: ionos/1: last error: ${gap}`]);
  });

  it('gives a poll a minute more than its deadline to end', async (t) => {
    for (const [seconds, codes] of [
      [300, []],
      [301, ['lock']],
    ] as const) {
      const machine = await installedMachine(t);
      await lock(machine, await thisProcess(NOW - seconds * 1000));
      assert.deepEqual(
        (await machine.faults()).map(({ code }) => code),
        codes,
      );
    }
  });

  it('calls a poll an error that does not end', async (t) => {
    const machine = await installedMachine(t);
    await lock(machine, await thisProcess(NOW - 3_600_000));
    assert.deepEqual(await found(machine), [
      `error lock: the lock is held by process ${process.pid}, for 60 min, longer than a poll may take`,
    ]);
  });

  it('knows a lock that a killed poll has left', async (t) => {
    const machine = await installedMachine(t);
    await lock(machine, { ...(await thisProcess(NOW)), started: 'another process', host: hostname() });
    assert.match((await found(machine)).join(), /^warning lock: a poll that was killed left its lock behind/);
  });

  it('does not take the lock of another machine for one that was left', async (t) => {
    const machine = await installedMachine(t);
    await lock(machine, { ...(await thisProcess(NOW)), started: 'another process', host: 'elsewhere' });
    assert.deepEqual(await machine.faults(), []);
  });

  it('cannot tell more of a lock that does not say whose it is', async (t) => {
    const machine = await installedMachine(t);
    await mkdir(`${machine.path(STATE)}.lock`);
    assert.deepEqual(await found(machine), []);
    assert.match((await machine.run()).stdout, /a poll is running: unknown process\n/);
  });

  const broken: [string, string, string | undefined, RegExp][] = [
    ['one from the future', '{"version":9}', undefined, /^error state: it has version 9/],
    ['a broken one without a journal', '{"version":1,', undefined, /^error state: the state is broken \(it is not JSON\), and there is no journal .*activity_log_journal$/],
    ['a broken one with a journal', '', '', /^warning state: the state is broken \(it is not JSON\)$/],
    ['a cursor of the future', withCursor('2026-11-21T21:29:00Z'), undefined, /^error state-ahead: its oldest cursor is 59 min ahead/],
    ['silence', withCursor('2026-11-21T20:29:00Z', '2026-11-21T20:00:00Z'), undefined, /^warning state-stale: no poll has succeeded for 30 min$/],
  ]; // prettier-ignore
  it('is content with a cursor a little ahead of this clock', async (t) => {
    const machine = await installedMachine(t);
    await machine.write(STATE, withCursor(new Date(NOW + 20_000).toISOString(), new Date(NOW).toISOString()), 0o600);
    assert.deepEqual(await found(machine), []);
  });

  it('finds silence also where a source has never been read', async (t) => {
    const machine = await installedMachine(t);
    const sources = { 'ionos/1': null, 'ionos/2': '2026-11-21T20:00:00Z' };
    const text = Object.entries(sources).map(([name, last_success]) => [
      name,
      { cursor: '2026-11-21T20:29:00Z', last_success },
    ]);
    await machine.write(STATE, JSON.stringify({ version: 1, sources: Object.fromEntries(text) as unknown }), 0o600);
    assert.deepEqual(await found(machine), ['warning state-stale: no poll has succeeded for 30 min']);
  });

  for (const [name, text, journal, expected] of broken) {
    it(`finds ${name}`, async (t) => {
      const machine = await installedMachine(t);
      await machine.write(STATE, text, 0o600);
      if (journal !== undefined) await machine.write(`${journalFolder(STATE)}/2026-11-21.jsonl`, journal, 0o600);
      const [finding, ...others] = await found(machine);
      assert.match(finding ?? '', expected);
      assert.deepEqual(others, []);
      assert.equal(await readFile(machine.path(STATE), 'utf8'), text);
    });
  }

  it('calls a state an error that is a folder', async (t) => {
    const machine = await installedMachine(t);
    await machine.remove(STATE);
    await mkdir(machine.path(STATE));
    assert.match((await found(machine)).join(), /^error state: it cannot be read: EISDIR/);
  });

  it('calls a state an error that is mounted alone, which a container may do', async (t) => {
    const machine = await installedMachine(t);
    await machine.write('/proc/self/mountinfo', `36 35 98:0 / / rw - ext4 /dev/sda1 rw\n37 36 98:0 /x ${STATE.replace('_', String.raw`\137`)} rw - ext4 /dev/sda1 rw\n`);
    assert.deepEqual(await found(machine), [
      'error state-mount: the state file is a mount point, so it cannot be replaced (EBUSY)',
    ]);
  }); // prettier-ignore

  it('calls a cursor an error that is older than what the API keeps', async (t) => {
    const machine = await installedMachine(t);
    const source = { cursor: 'https://api.example.com/x', last_success: '2026-08-13T20:30:00Z' };
    await machine.write('/srv/state.json', JSON.stringify({ version: 1, sources: { 'cloudscale/project': source } }));
    await machine.write('/etc/fluent-bit/fluent-bit.conf', '[SERVICE]\n    Flush 1\n');
    await machine.write('/root/token', 'sandbox-token', 0o600);
    const options = ['--provider', 'cloudscale', '--token-file', '/root/token', '--state-file', '/srv/state.json'];
    assert.ok((await found(machine, options)).includes('error state-retention: cloudscale/project was collected up to 100 d ago, and the API keeps 90 days')); // prettier-ignore
  });

  it('has patience where polls are rare', async (t) => {
    const machine = await installedMachine(t);
    await machine.write(STATE, withCursor('2026-11-21T20:29:00Z', '2026-11-21T20:00:00Z'));
    await machine.edit('/etc/fluent-bit/activity-log.env', ['INTERVAL=300', 'INTERVAL=1200']);
    assert.deepEqual(await found(machine), []);
  });

  it('is content with sources that were never polled to their end', async (t) => {
    const machine = await installedMachine(t);
    await machine.write(STATE, '{"version":1,"sources":{"ionos/1":{"cursor":"2026-11-21T20:29:00Z"}}}');
    assert.deepEqual(await found(machine), []);
  });

  it('is content with the state of the Python fetcher, and with an empty one', async (t) => {
    const machine = await installedMachine(t);
    for (const text of ['{"last_run": "2026-11-21T20:29:00.123456+00:00"}', '{}']) {
      await machine.write(STATE, text);
      assert.deepEqual(await found(machine), []);
    }
  });

  it('looks at the file that is named', async (t) => {
    const machine = await installedMachine(t);
    await machine.write('/srv/state.json', '{', 0o600);
    assert.match((await found(machine, ['--state-file', '/srv/state.json'])).join(), /^error state: /);
  });
});

describe('a state, by its times', () => {
  const ago = (ms: number): string => new Date(NOW - ms).toISOString();
  const MINUTE = 60_000;
  const DAY = 86_400_000;
  const stale = (span: string) => [`warning state-stale: no poll has succeeded for ${span}`];
  const cases: [name: string, cursor: string, success: string | null, interval: number | undefined, faults: string[]][] = [
    ['a cursor 30 s ahead', ago(-30_000), ago(0), undefined, []],
    ['a cursor 31 s ahead', ago(-31_000), ago(0), undefined, ['error state-ahead: its oldest cursor is 31 s ahead of this clock']],
    ['a success just under 15 min ago', ago(0), ago(15 * MINUTE - 1), undefined, []],
    ['a success 15 min ago', ago(0), ago(15 * MINUTE), undefined, stale('15 min')],
    ['a success 15 min ago, polled every 5 min', ago(0), ago(15 * MINUTE), 5 * MINUTE, stale('15 min')],
    ['a success just under three intervals ago', ago(0), ago(60 * MINUTE - 1), 20 * MINUTE, []],
    ['a success three intervals ago', ago(0), ago(60 * MINUTE), 20 * MINUTE, stale('60 min')],
    ['no success', ago(0), null, undefined, []],
  ]; // prettier-ignore
  for (const [name, cursor, success, interval, faults] of cases) {
    it(`may have ${name}`, async (t) => {
      const said = await toldOf(t, withCursor(cursor, success), {}, interval);
      assert.deepEqual(said.filter((text) => !text.startsWith('ok')), faults); // prettier-ignore
    });
  }

  const gone = (span: string) => [
    `error state-retention: a was collected up to ${span} ago, and the API keeps 90 days`,
  ];
  const kept: [name: string, provider: string, source: object, faults: string[]][] = [
    ['90 days old', 'cloudscale', { cursor: ago(90 * DAY) }, []],
    ['a second older', 'cloudscale', { cursor: ago(90 * DAY + 1000) }, gone('90 d')],
    ['of an API that does not say', 'ionos', { cursor: ago(300 * DAY) }, []],
    ['that is no time, with an old success', 'cloudscale', { cursor: 'x', last_success: ago(91 * DAY), start: ago(0) }, [...gone('91 d'), ...stale('91 d')]],
    ['that is no time, with an old start', 'cloudscale', { cursor: 'x', start: ago(92 * DAY) }, gone('92 d')],
  ]; // prettier-ignore
  for (const [name, provider, source, faults] of kept) {
    it(`may have a cursor ${name}`, async (t) => {
      const said = await toldOf(t, JSON.stringify({ version: 1, sources: { a: source } }), { provider });
      assert.deepEqual(said.filter((text) => !text.startsWith('ok')), faults); // prettier-ignore
    });
  }

  it('is said in short where it is in order', async (t) => {
    const two = { b: { cursor: ago(7 * MINUTE) }, a: { cursor: ago(9 * MINUTE) } };
    const folder = ['ok state-folder:  is writable', 'ok lock: no poll holds the lock'];
    for (const [text, said] of [
      [undefined, 'ok state: /state.json does not exist yet; the first poll creates it'],
      [JSON.stringify({ version: 1, sources: two }), 'ok state: state file OK: 2 sources, oldest cursor 9 min ago'],
      [JSON.stringify({ version: 1, sources: { a: { cursor: ago(-5000) } } }), 'ok state: state file OK: 1 source, oldest cursor 0 s ago'],
      [`{"last_run": "${ago(MINUTE)}"}`, 'ok state: state file OK: 0 sources, the next poll resumes from 60 s ago'],
      ['{}', 'ok state: state file OK: 0 sources'],
    ] as const) {
      assert.deepEqual(await toldOf(t, text), [...folder, said]);
    }
  }); // prettier-ignore
});
