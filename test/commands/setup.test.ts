import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { cpSync, readFileSync, rmSync, statSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setup } from '../../src/commands/setup.ts';
import { thisMachine, type Result } from '../../src/check/facts/machine.ts';
import { RECORD } from '../../src/check/facts/paths.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { sink } from '../helpers/sink.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

const EXEC_START =
  '{ path=/srv/fluent-bit ; argv[]=/srv/fluent-bit -c /etc/fluent-bit/fluent-bit.conf ; ignore_errors=no }';
const SERVICE = { LoadState: 'loaded', Environment: '"A=1" PATH=/x', User: '', ExecStart: EXEC_START };

async function machineWith(t: TestContext, main: string | Buffer, service: Readonly<Record<string, string>> = {}) {
  const root = await temporaryFolder(t);
  for (const folder of ['etc/fluent-bit', 'stage', 'release']) await mkdir(join(root, folder), { recursive: true });
  await writeFile(join(root, 'etc/fluent-bit/fluent-bit.conf'), main);
  for (const folder of ['fluent-bit', 'systemd']) cpSync(folder, join(root, 'release', folder), { recursive: true });
  const shown = Object.entries({ ...SERVICE, ...service }).map(([name, value]) => `${name}=${value}\n`);
  const run = (_: string, [first]: readonly string[]): Promise<Result> => {
    const stdout = first === '--version' ? 'systemd 245 (245.4)\n' : shown.join('');
    return Promise.resolve({ exitCode: 0, stdout, output: stdout });
  };
  return {
    root,
    secret: async (name: string, text: string, mode = 0o600) => {
      await writeFile(join(root, name), text, { mode });
      return join(root, name);
    },
    write: (name: string, text: string | Buffer) => writeFile(join(root, name), text),
    delete: (name: string) => {
      rmSync(join(root, name));
    },
    staged: (name: string) => readFileSync(join(root, 'stage', name), 'utf8'),
    run: async (...argv: readonly string[]) => {
      const printed: Buffer[] = [];
      const said: string[] = [];
      const places = ['--root', root, '--stage', join(root, 'stage'), '--release', join(root, 'release')];
      const world = {
        ...systemClock,
        env: {},
        stdout: sink(printed),
        log: { write: (line: string) => said.push(line), journal: false },
        signal: new AbortController().signal,
        random: Math.random,
      };
      const status = await setup([...argv, ...places], world, { ...thisMachine(), run });
      return { status, stdout: Buffer.concat(printed).toString(), stderr: said.join('') };
    },
  };
}

const TUTORIAL = '[INPUT]\n    Name exec\n    Tag audit\n    Command python3 /x/fetch_activity_logs.py\n';

describe('what install.sh asks the program', () => {
  it('leaves the files of the plan for root alone, and says what it took over', async (t) => {
    const machine = await machineWith(t, TUTORIAL);
    const token = await machine.secret('token', ' Bearer abc\r\n\n');
    const key = await machine.secret('key', 'k\n');
    const values = ['--interval=2m', '--host=a.logging.de-txl.ionos.com', '--token-file', token, '--api-key-file', key];
    assert.deepEqual(await machine.run('install', '--live', ...values), {
      status: 0,
      stdout:
        "taken from fluent-bit.conf: ACTIVITY_LOG_TAG\ncommented out: the tutorial's [input] exec, lines 1 to 4 of fluent-bit.conf\n",
      stderr: '',
    });
    assert.equal(machine.staged('activity-log.token'), 'abc\n');
    assert.equal(statSync(join(machine.root, 'stage/activity-log.token')).mode & 0o777, 0o600);
    assert.match(machine.staged('activity-log.env'), /^ACTIVITY_LOG_INTERVAL=120$/m);
    assert.equal(
      machine.staged('facts'),
      'interval 120\ntag audit\nfetcher replaced\nowed \nkey \nfluent-bit /srv/fluent-bit\n',
    );
    assert.equal(machine.staged('missing'), '');
    assert.match(machine.staged('environment'), /^A=1\nACTIVITY_LOG_TAG=audit\n.*^ACTIVITY_LOG_API_KEY=secret\n/ms);
    assert.doesNotMatch(machine.staged('environment'), /PATH=/);
    const dry = await machine.run('install', '--live', ...values, '--dry-run');
    assert.match(dry.stdout, /^would be taken from .*\nwould be commented out: /);
  });

  it("puts ours in the place of the package's own fluent-bit.conf, by dpkg's checksum", async (t) => {
    const machine = await machineWith(t, 'stock\n');
    const token = await machine.secret('token', 'abc');
    const key = await machine.secret('key', 'k');
    const values = ['--tag=audit', '--host=a.logging.de-txl.ionos.com', '--token-file', token, '--api-key-file', key];
    const sum = createHash('md5').update('stock\n').digest('hex');
    await machine.run('install', '--live', `--stock-sum=${sum}`, ...values);
    assert.match(machine.staged('steps'), /^put as-is restart \/etc\/\S+\/fluent-bit\.conf \S+release\/fluent-bit\//m);
    await machine.run('install', '--live', `--stock-sum=${'0'.repeat(32)}`, ...values);
    assert.match(
      machine.staged('steps'),
      /^put as-is restart \/etc\/\S+\/fluent-bit\.conf \S+stage\/fluent-bit\.conf/m,
    );
    assert.equal(machine.staged('fluent-bit.conf'), 'stock\n@INCLUDE activity-log.conf\n');
  });

  it('names the key that the tutorial has in fluent-bit.conf, and a restart that is owed', async (t) => {
    const output =
      '[OUTPUT]\n    Name http\n    Match audit\n    Host a.logging.de-txl.ionos.com\n    Port 443\n    URI /audit\n    Header APIKEY mykey\n    tls On\n';
    const machine = await machineWith(t, `${TUTORIAL}${output}`);
    await mkdir(join(machine.root, dirname(RECORD)), { recursive: true });
    await machine.write(RECORD, 'pending  restart\n');
    await machine.run('install', '--live', '--tag=audit');
    assert.match(machine.staged('facts'), /^owed restart\nkey mykey\n/m);
  });

  it('writes nothing that it does not know: no service, no token, no fetcher', async (t) => {
    const machine = await machineWith(t, '# mine\n');
    await machine.run('install');
    const facts = machine.staged('facts');
    assert.equal(facts, 'interval 300\ntag \nfetcher \nowed \nkey \nfluent-bit \n');
    assert.deepEqual(['activity-log.token', 'environment', 'fluent-bit.conf'].map(machine.staged), ['', '', '']);
    assert.match(machine.staged('missing'), /^ {2}\S.*\n/);
    assert.notEqual(machine.staged('record'), '');
    await machine.run('remove');
    assert.equal(machine.staged('facts'), 'fetcher \nservice \nfluent-bit \n');
    assert.equal(machine.staged('environment'), '');
  });

  it("changes no byte of the user's, whatever its encoding", async (t) => {
    const main = Buffer.from('# f\xfcr uns\n[SERVICE]\n    flush 1\n', 'latin1');
    const machine = await machineWith(t, main);
    await machine.run('install', '--live', '--tag=audit');
    const staged = (): Buffer => readFileSync(join(machine.root, 'stage/fluent-bit.conf'));
    const ours = Buffer.concat([main, Buffer.from('@INCLUDE activity-log.conf\n')]);
    assert.deepEqual(staged(), ours);
    await machine.write('etc/fluent-bit/fluent-bit.conf', ours);
    await machine.run('remove', '--live');
    assert.deepEqual(staged(), main);
  });

  it('says in one line what will not do, and whose fault it is', async (t) => {
    const machine = await machineWith(t, '');
    const open = await machine.secret('open', 'abc', 0o644);
    for (const [options, status, message] of [
      [['--interval=5x'], 2, /--interval: expected a duration from 10s to 24h, such as 5m, not 5x/],
      [['--tag=a/b'], 2, /--tag: expected only letters/],
      [['--provider=aws'], 2, /--provider: expected ionos or cloudscale, not aws/],
      [['--token-file=-', '--api-key-file=-'], 2, /only one of --token-file and --api-key-file can be standard input/],
      [['--token-file', '/nowhere/token'], 1, /--token-file: there is no \/nowhere\/token/],
      [['--api-key-file', machine.root], 1, /--api-key-file: (?:others can|cannot) read/],
      [['--token-file', open], 1, /--token-file: others can read \S+: chmod 600 it first/],
      [['--token-file', await machine.secret('two', 'a\nb\n')], 1, /--token-file: not one token alone/],
      [['--colour'], 1, /Unknown option '--colour'/],
    ] as const) {
      const result = await machine.run('install', ...options);
      assert.equal(result.status, status);
      assert.match(result.stderr, message);
      const hint = status === 2 ? 'install\\.sh --help lists the options\\n' : '';
      assert.match(result.stderr, new RegExp(`^install\\.sh: error: [^\\n]*\\n${hint}$`));
    }
    machine.delete('release/systemd/activity-log.env');
    assert.match((await machine.run('install')).stderr, /activity-log\.env is missing: run install\.sh where it was/);
  });

  for (const [what, service, options, message] of [
    [
      'reads another file',
      { ExecStart: '{ path=/f ; argv[]=/f -c /etc/my.yaml ; }' },
      [],
      /reads \/etc\/my\.yaml, not/,
    ],
    ['runs as somebody', { User: 'collector' }, [], /runs as collector, who cannot read .*: use --credentials/],
    ['is of an old systemd', {}, ['--credentials'], /--credentials needs systemd 247 or newer; this is 245/],
  ] as const) {
    it(`refuses a service that ${what}`, async (t) => {
      const machine = await machineWith(t, '', service);
      const { status, stderr } = await machine.run('install', '--live', ...options);
      assert.equal(status, 1);
      assert.match(stderr, message);
    });
  }

  it('gives back fluent-bit.conf without what is ours, and says what stays', async (t) => {
    const machine = await machineWith(t, '[SERVICE]\n@INCLUDE activity-log.conf\n');
    assert.equal((await machine.run('remove', '--live')).status, 0);
    assert.equal(machine.staged('fluent-bit.conf'), '[SERVICE]\n');
    const env = 'ACTIVITY_LOG_API_KEY="k$&"\nACTIVITY_LOG_STATE_FILE=/var/lib/fluent-bit/my.json\n';
    await machine.write('etc/fluent-bit/activity-log.env', env);
    await machine.write(
      'etc/fluent-bit/fluent-bit.conf',
      '#~# ours\n#~     Header APIKEY (now in /etc/fluent-bit/activity-log.env)\n#~     Command fetch_activity_logs.py\n',
    );
    assert.equal((await machine.run('remove', '--live')).stdout, '');
    assert.equal(machine.staged('fluent-bit.conf'), '    Header APIKEY k$&\n    Command fetch_activity_logs.py\n');
    assert.equal(machine.staged('facts'), 'fetcher back\nservice \nfluent-bit /srv/fluent-bit\n');
    assert.match(machine.staged('stays'), /^\/etc\/fluent-bit\/activity-log\.env\n/);
    assert.match(
      machine.staged('state'),
      /^\/var\/lib\/fluent-bit\/my\.json\*\n\/var\/lib\/fluent-bit\/my_journal\/\*\n/,
    );
    await machine.run('remove', '--live', '--purge');
    assert.match(machine.staged('steps'), /^drop - - \/etc\/fluent-bit\/activity-log\.env /m);
    assert.equal(machine.staged('stays'), '/var/lib/fluent-bit\n');
  });
});
