import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setup } from '../../src/commands/setup.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { sink } from '../helpers/sink.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

async function machineWith(t: TestContext, main: string) {
  const root = await temporaryFolder(t);
  await mkdir(join(root, 'etc/fluent-bit'), { recursive: true });
  await writeFile(join(root, 'etc/fluent-bit/fluent-bit.conf'), main);
  await writeFile(join(root, 'template'), 'ACTIVITY_LOG_INTERVAL=300\n');
  await writeFile(join(root, 'pipeline'), '@INCLUDE outputs/ionos.conf\n');
  return {
    root,
    secret: async (name: string, text: string, mode = 0o600) => {
      await writeFile(join(root, name), text, { mode });
      return join(root, name);
    },
    read: (name: string) => readFileSync(join(root, name), 'utf8'),
    run: (...argv: readonly string[]) => {
      const printed: Buffer[] = [];
      const said: string[] = [];
      const status = setup([...argv, '--root', root], {
        ...systemClock,
        env: {},
        stdout: sink(printed),
        log: { write: (line) => said.push(line), journal: false },
        signal: new AbortController().signal,
        random: Math.random,
      });
      return { status, stdout: Buffer.concat(printed).toString(), stderr: said.join('') };
    },
    plan(...argv: readonly string[]) {
      const files = ['--into', root, '--template', join(root, 'template'), '--pipeline', join(root, 'pipeline')];
      return this.run('plan', ...files, ...argv);
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
    assert.deepEqual(machine.plan(...values), {
      status: 0,
      stdout:
        "taken from fluent-bit.conf: ACTIVITY_LOG_TAG\ncommented out: the tutorial's [input] exec, lines 1 to 4 of fluent-bit.conf\n",
      stderr: '',
    });
    assert.equal(machine.read('activity-log.token'), 'abc\n');
    assert.equal(statSync(join(machine.root, 'activity-log.token')).mode & 0o777, 0o600);
    assert.match(machine.read('activity-log.env'), /^ACTIVITY_LOG_INTERVAL=120\n/);
    assert.match(
      machine.read('facts'),
      /^interval 120\ntag audit\ntoken-in \/etc\/\S+\nstorage-path \ninclude \nblocks taken\nkey \n$/,
    );
    assert.equal(machine.read('missing'), '');
    assert.match(machine.plan(...values, '--dry-run').stdout, /^would be taken from .*\nwould be commented out: /);
  });

  it('says in one line what will not do, and whose fault it is', async (t) => {
    const machine = await machineWith(t, '');
    const open = await machine.secret('open', 'abc', 0o644);
    for (const [options, status, message] of [
      [['--interval=5x'], 2, /--interval: a duration from 10s to 24h, such as 5m, not 5x/],
      [['--tag=a/b'], 2, /--tag: letters/],
      [['--provider=aws'], 2, /--provider: ionos or cloudscale, not aws/],
      [['--token-file', '/nowhere/token'], 1, /--token-file: there is no \/nowhere\/token/],
      [['--api-key-file', machine.root], 1, /--api-key-file: (?:others can|cannot) read/],
      [['--token-file', open], 1, /--token-file: others can read \S+: chmod 600 it first/],
      [['--token-file', await machine.secret('two', 'a\nb\n')], 1, /--token-file: not one token alone/],
      [['--colour'], 1, /Unknown option '--colour'/],
    ] as const) {
      const result = machine.plan(...options, '--ignore-main');
      assert.equal(result.status, status);
      assert.match(result.stderr, message);
      assert.match(result.stderr, /^install\.sh: error: [^\n]*\n$/);
    }
  });

  it('gives back fluent-bit.conf without what is ours', async (t) => {
    const machine = await machineWith(t, '[SERVICE]\n@INCLUDE activity-log.conf\n');
    const file = join(machine.root, 'etc/fluent-bit/fluent-bit.conf');
    assert.equal(machine.run('restore', file).stdout, '[SERVICE]\n');
    await writeFile(file, '#~# ours\n#~     Header APIKEY (now in /etc/fluent-bit/activity-log.env)\n');
    await writeFile(join(machine.root, 'etc/fluent-bit/activity-log.env'), 'ACTIVITY_LOG_API_KEY="k$&"\n');
    assert.equal(machine.run('restore', file).stdout, '    Header APIKEY k$&\n');
  });
});
