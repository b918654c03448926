import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { chmod, mkdir, readFile, readdir, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { status as statusOf } from '../../src/commands/status.ts';
import type { Options } from '../../src/config/settings.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { ExitCode } from '../../src/lib/errors.ts';
import { StateStore } from '../../src/state/state-store.ts';
import { builtFile } from '../helpers/built-file.ts';
import { ENVIRONMENT, installedMachine, PIPELINE } from '../helpers/checked-machine.ts';
import { captureLog } from '../helpers/captured-log.ts';
import { serveMetrics } from '../helpers/fluent-bit-metrics.ts';
import { assertGolden } from '../helpers/golden.ts';
import { rejectedChunk } from '../helpers/rejected-chunk.ts';
import { runCommand, type CommandResult } from '../helpers/run-command.ts';
import { sink } from '../helpers/sink.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { skipPause } from '../helpers/test-client.ts';
import { startSandbox } from '../sandbox/server.ts';

const NOW = Date.parse('2026-11-21T20:30:00Z');
/** Debian's user without rights. */
const NOBODY = 65534;
const TOKEN = 'a-token-that-is-secret';

async function stateFile(t: TestContext, text: string): Promise<string> {
  const file = join(await temporaryFolder(t), 'state.json');
  await writeFile(file, text, { mode: 0o600 });
  return file;
}

/** What `status` says of a file, which is called `state.json` in it. */
async function status(file: string, options: string[] = [], env: NodeJS.ProcessEnv = {}): Promise<CommandResult> {
  const result = await runCommand(['status', '--state-file', file, ...options], { env, now: () => NOW });
  const shown = (text: string) => text.replaceAll(file, 'state.json');
  return { ...result, stdout: shown(result.stdout), stderr: shown(result.stderr) };
}

function fixture(name: string): string {
  return readFileSync(fileURLToPath(new URL(`../golden/status/${name}.state.json`, import.meta.url)), 'utf8');
}

describe('status', () => {
  const { Done, NothingCollected, SomeSourcesFailed } = ExitCode;
  const sound: [string, string[], ExitCode][] = [
    ['healthy', [], Done],
    ['journal-and-queue', [], Done],
    ['one-failing', [], SomeSourcesFailed],
    ['pending-and-refused', [], SomeSourcesFailed],
    ['never-polled', [], SomeSourcesFailed],
    ['python-fetcher', [], SomeSourcesFailed],
    ['empty', [], SomeSourcesFailed],
    ['cloudscale', ['--provider', 'cloudscale'], Done],
    ['cloudscale-new', ['--provider', 'cloudscale'], SomeSourcesFailed],
  ];
  for (const [name, options, code] of sound) {
    it(`shows ${name}`, async (t) => {
      const file = await stateFile(t, fixture(name));
      const table = await status(file, options);
      assertGolden(`status/${name}.txt`, table.stdout);
      const json = await status(file, [...options, '--json']);
      assertGolden(`status/${name}.jsonl`, json.stdout);
      for (const { exitCode, stderr } of [table, json]) assert.deepEqual([exitCode, stderr], [code, '']);
      assert.ok(
        table.stdout.split('\n').every((line) => line.length <= 80 || !/^(SOURCE|ionos|cloudscale)\S* {2}/.test(line)),
      );
    });
  }

  it('leaves out the cursor, or the last event, where the terminal is narrow', async (t) => {
    for (const [name, options, column] of [
      ['healthy', [], 'CURSOR'],
      ['cloudscale', ['--provider', 'cloudscale'], 'LAST EVENT'],
    ] as const) {
      const file = await stateFile(t, fixture(name));
      for (const columns of [40, 200]) {
        const printed: Buffer[] = [];
        const stdout = Object.assign(sink(printed), { columns });
        await runCommand(['status', '--state-file', file, ...options], { now: () => NOW, stdout });
        const [head = ''] = Buffer.concat(printed).toString().split('\n');
        assert.deepEqual([head.startsWith('SOURCE'), head.includes(column)], [true, columns === 200], head);
      }
    }
  });

  it('counts no negative time when the clock of this machine is behind', async (t) => {
    const ahead = fixture('healthy').replaceAll('"2026-11-21T', '"2026-11-22T');
    const { stdout } = await status(await stateFile(t, ahead));
    assert.match(stdout, / 0 s ago /);
    assert.doesNotMatch(stdout, / -\d/);
  });

  it('says of a source what is nearly always 0, and only that', async (t) => {
    const state = JSON.parse(fixture('healthy')) as { sources: Record<string, object> };
    const [[name, source] = ['', {}]] = Object.entries(state.sources);
    const counts = { excluded: 1_000, oversize: 2, rejected: 3, found_missing: 4, redelivered: 5 };
    state.sources[name] = { ...source, ...counts, late: { count: 6, max_seconds: 90 } };
    const { stdout } = await status(await stateFile(t, JSON.stringify(state)));
    const line = `${name}: 1,000 left out by type, 6 late (by up to 90 s), 4 found missing by sweeps and delivered, 5 redelivered, 2 too long for a line, 3 set aside in rejected.jsonl`;
    assert.deepEqual(stdout.split('\n').filter((one) => one.startsWith(`${name}:`)), [line]); // prettier-ignore
  });

  it('finds the journal beside the file that a symbolic link leads to', async (t) => {
    const file = await stateFile(t, fixture('journal-and-queue'));
    await mkdir(`${file}.journal`);
    await writeFile(join(`${file}.journal`, '2026-11-21.jsonl'), 'x'.repeat(1234));
    const link = join(await temporaryFolder(t), 'link.json');
    await symlink(file, link);
    assert.match((await status(link)).stdout, /Journal: 1,204 commits, 1,234 bytes/);
  });

  it('says so when the journal cannot be read', async (t) => {
    const file = await stateFile(t, fixture('journal-and-queue'));
    await writeFile(`${file}.journal`, '');
    const { exitCode, stdout } = await status(file);
    assert.equal(exitCode, SomeSourcesFailed);
    assert.match(stdout, /Journal: 1,204 commits, size unknown/);
    assert.match(stdout, /^the journal state.json.journal cannot be read: ENOTDIR/m);
    const { stdout: json } = await status(file, ['--json']);
    assert.equal((JSON.parse(json.split('\n')[0] ?? '') as { journal_bytes: unknown }).journal_bytes, null);
  });

  it('says what became of the lines behind the input, and how to send again what was rejected', async (t) => {
    const file = await stateFile(t, fixture('healthy'));
    const output = { proc_records: 7, errors: 2, retries: 0, dropped_records: 24 };
    const picture = {
      inputs: new Map(),
      outputs: new Map([['to_loki', output]]),
      uptimeSec: 60,
      startedAt: NOW / 1000 - 60,
    };
    const server = await serveMetrics({ picture: () => picture, uptimeSec: () => 60 }, 0);
    t.after(() => server.close());
    const folder = join(dirname(file), 'storage/rejected');
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'a.flb'), rejectedChunk('2026-11-21T19:00:00Z'));
    await utimes(join(folder, 'a.flb'), NOW / 1000 - 3600, NOW / 1000 - 3600);
    const options = ['--ack-url', `http://127.0.0.1:${server.port}`];
    const { stdout } = await status(file, options);
    while ((await server.openConnections()) > 0) await new Promise((resolve) => setImmediate(resolve));
    assert.match(stdout, /\nOUTPUT to_loki: 7 delivered, 24 dropped, 2 errors since Fluent Bit started\.\n/);
    assert.match(stdout, /\nREJECTED: 1 rejected chunk \(4,096 bytes\), the oldest 60 min ago, in .*rejected\. .* redeliver --from 2026-11-21T19:00:00Z --to 2026-11-21T19:00:01Z\n$/); // prettier-ignore
    const json = await status(file, ['--json', ...options]);
    assert.equal(json.exitCode, ExitCode.SomeSourcesFailed);
    const { destination } = JSON.parse(json.stdout.split('\n')[0] ?? '') as { destination: object };
    assert.deepEqual(destination, {
      outputs: [{ name: 'to_loki', delivered: 7, errors: 2, retries: 0, dropped: 24, waiting: 0 }],
      rejected_chunks: 1,
      rejected_bytes: 4096,
      oldest_rejected: '2026-11-21T19:30:00.000Z',
    });
    output.dropped_records = output.errors = 0;
    assert.equal(
      (await status(file, options)).exitCode,
      ExitCode.SomeSourcesFailed,
      'the rejected chunk is still there',
    );
    await rm(join(folder, 'a.flb'));
    assert.equal((await status(file, options)).exitCode, ExitCode.Done);
  });

  it('exits with 3 while lines wait for a destination that does not take them', async (t) => {
    const file = await stateFile(t, fixture('healthy'));
    const output = { proc_records: 7, errors: 0, retries: 2, dropped_records: 0, routed: 7 };
    const inputs = new Map([['activity_log', { records: 37, bytes: 370, paused: false }]]);
    const picture = { inputs, outputs: new Map([['to_loki', output]]), uptimeSec: 60, startedAt: NOW / 1000 - 60 };
    const server = await serveMetrics({ picture: () => picture, uptimeSec: () => 60 }, 0);
    t.after(() => server.close());
    const look = () => status(file, ['--ack-url', `http://127.0.0.1:${server.port}`]);
    const { exitCode, stdout } = await look();
    assert.match(stdout, /\nOUTPUT to_loki: 7 delivered, 30 waiting, 2 retries since Fluent Bit started\.\n/);
    assert.equal(exitCode, ExitCode.SomeSourcesFailed);
    output.routed = 37;
    assert.equal((await look()).exitCode, ExitCode.Done);
  });

  it('shows how big the journal is', async (t) => {
    const file = await stateFile(t, fixture('journal-and-queue'));
    await mkdir(`${file}.journal`);
    await writeFile(join(`${file}.journal`, '2026-11-20.jsonl'), 'x'.repeat(1000));
    await writeFile(join(`${file}.journal`, '2026-11-21.jsonl'), 'x'.repeat(234));
    assert.match((await status(file)).stdout, /\nJournal: 1,204 commits, 1,234 bytes; 2 sources swept/);
    assert.equal(
      (JSON.parse((await status(file, ['--json'])).stdout.split('\n')[0] ?? '') as { journal_bytes: number })
        .journal_bytes,
      1234,
    );
  });

  const broken: [string, string | undefined][] = [
    ['missing', undefined],
    ['cut-off', fixture('healthy').slice(0, 300)],
    ['of-nothing', ''],
    ['of-another-shape', '{"version":1,"sources":{"ionos/1":{"cursor":7}}}'],
    ['from-the-future', '{"version":3}'],
  ];
  for (const [name, text] of broken) {
    it(`says so when the state file is ${name}`, async (t) => {
      const file = await stateFile(t, text ?? '');
      const { exitCode, stdout, stderr } = await status(text === undefined ? `${file}.not-there` : file);
      assert.deepEqual([exitCode, stdout], [ExitCode.NothingCollected, '']);
      assertGolden(`status/broken/${name}.txt`, stderr);
    });
  }

  it('says who may read the file', async (t) => {
    const file = await stateFile(t, fixture('healthy'));
    await chmod(dirname(file), 0o755);
    await chmod(file, 0o200);
    // root may read everything.
    const user = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
    const child = spawnSync(process.execPath, [await builtFile(), 'status', '--state-file', file], {
      ...user,
      encoding: 'utf8',
    });
    assert.equal(child.status, ExitCode.NothingCollected);
    assert.match(
      child.stderr,
      /cannot read the state file .*: EACCES.* \(run it as the user that collects, or as root\)$/m,
    );
  });

  it('says so when the state file is a folder', async (t) => {
    const { exitCode, stderr } = await status(await temporaryFolder(t));
    assert.equal(exitCode, ExitCode.NothingCollected);
    assert.match(stderr, /^fetch-activity-logs: error: cannot read the state file state\.json: EISDIR/);
  });

  it('works beside a running poll, without its lock, and changes nothing', async (t) => {
    const file = await stateFile(t, fixture('healthy'));
    const failures: unknown[] = [];
    const store = await StateStore.open({
      file,
      log: captureLog(),
      signal: new AbortController().signal,
      now: () => NOW,
      pause: skipPause,
      initialLastRun: '2026-11-21T20:25:00Z',
      onFailure: (error) => failures.push(error),
    });
    t.after(() => store.close());
    const folder = join(file, '..');
    const before = [await readFile(file, 'utf8'), await readdir(folder), (await stat(file)).mtimeMs];
    const { exitCode, stdout } = await status(file);
    assert.equal(exitCode, ExitCode.Done);
    // Taking the state over wrote the first commit.
    const journal = /\nJournal: 1 commit, \d+ bytes\n$/;
    assert.match(stdout, journal);
    assertGolden('status/healthy.txt', stdout.replace(journal, ''));
    assert.deepEqual([await readFile(file, 'utf8'), await readdir(folder), (await stat(file)).mtimeMs], before);
    assert.deepEqual(failures, []);
  });

  it('tells what ended the last poll before it came to the sources', async (t) => {
    const sandbox = await startSandbox({ now: () => NOW });
    t.after(() => sandbox.close());
    for (const contract of ['31721060', '4711']) sandbox.generate(contract, { count: 2, from: NOW - 60_000, to: NOW });
    const file = join(await temporaryFolder(t), 'state.json');
    const poll = (token: string, options: string[] = []) =>
      runCommand(['--state-file', file, ...options], {
        env: { IONOS_API_URL: sandbox.url, IONOS_API_TOKEN: token },
        now: () => NOW,
      });
    const errors = async () => {
      const lines = (await status(file, ['--json'])).stdout.split('\n').slice(0, -1);
      const sources = lines.map((line) => JSON.parse(line) as { source: string; last_error: string | null });
      return Object.fromEntries(sources.map(({ source, last_error }) => [source, last_error]));
    };
    assert.equal((await poll('sandbox-token')).exitCode, ExitCode.Done);
    assert.deepEqual(await errors(), { 'ionos/31721060': null, 'ionos/4711': null });

    assert.equal((await poll('expired', ['--contract', '4711'])).exitCode, ExitCode.NothingCollected);
    const { 'ionos/31721060': other, 'ionos/4711': refused } = await errors();
    assert.equal(other, null);
    assert.match(refused ?? '', /^127.0.0.1:\d+ does not accept the token \(HTTP 401/);

    assert.equal((await poll('expired')).exitCode, ExitCode.NothingCollected);
    assert.match((await status(file)).stdout, /^ionos\/31721060 .* failed .*\nionos\/4711 .* failed /m);

    assert.equal((await poll('sandbox-token')).exitCode, ExitCode.Done);
    assert.deepEqual(await errors(), { 'ionos/31721060': null, 'ionos/4711': null });
  });

  it('--max-behind is for monitoring: 3 when a source is further behind', async (t) => {
    const file = await stateFile(t, fixture('healthy'));
    assert.equal((await status(file, ['--max-behind', '1m'])).exitCode, ExitCode.Done);
    const { exitCode, stdout } = await status(file, ['--max-behind', '30s']);
    assert.equal(exitCode, ExitCode.SomeSourcesFailed);
    assert.match(stdout, /^ionos\/31721060 is 42 s behind, more than 30 s$/m);
    assert.equal((await status(file, ['--max-behind', '42s'])).exitCode, ExitCode.Done);
    assert.equal((await status(file, ['--max-behind', '365d'])).exitCode, ExitCode.Done);
    assert.equal((await status(file, ['--max-behind', '1s'])).exitCode, ExitCode.SomeSourcesFailed);
    for (const wrong of ['0.9s', '366d']) {
      assert.equal((await status(file, ['--max-behind', wrong])).exitCode, ExitCode.Usage);
    }
  });

  it('ends with 3 as long as rejected.jsonl holds events', async (t) => {
    const file = await stateFile(t, fixture('healthy'));
    await writeFile(join(dirname(file), 'rejected.jsonl'), '');
    assert.equal((await status(file)).exitCode, ExitCode.Done);
    await writeFile(join(dirname(file), 'rejected.jsonl'), '{}\n');
    const { exitCode, stdout } = await status(file);
    assert.equal(exitCode, ExitCode.SomeSourcesFailed);
    assert.match(stdout, /rejected\.jsonl holds what could not be delivered; find out why, then move it away\n$/);
  });

  it('shows the inputs of the service under their names, the others when one has no state, and fails when none has', async (t) => {
    const { fluentBit, machine, edit, write, path } = await installedMachine(t);
    const [first, second] = [await stateFile(t, fixture('healthy')), `${path(PIPELINE)}.state`];
    await edit(ENVIRONMENT, ['ACTIVITY_LOG_INTERVAL', `ACTIVITY_LOG_STATE_FILE=${first}\nACTIVITY_LOG_INTERVAL`]);
    const input = `[INPUT]\n    Name exec\n    Alias second\n    Tag second\n    Command exec /opt/fluent-bit/scripts/fetch-activity-logs --state-file ${second}\n`;
    await write(PIPELINE, `${await readFile(path(PIPELINE), 'utf8')}\n${input}`);
    const look = async (options: Options = {}) => {
      const [printed, messages]: [Buffer[], string[]] = [[], []];
      const world = {
        env: { ACTIVITY_LOG_ACK_URL: fluentBit.url },
        stdout: sink(printed),
        log: { write: (line: string) => messages.push(line), journal: false },
        signal: new AbortController().signal,
        hasService: true,
        random: () => 0,
        ...systemClock,
        now: () => NOW,
      };
      const exitCode = await statusOf(world, options, machine);
      return { exitCode, stdout: Buffer.concat(printed).toString(), stderr: messages.join('') };
    };
    const table = readFileSync(fileURLToPath(new URL('../golden/status/healthy.txt', import.meta.url)), 'utf8');
    const head = `Input activity_log, state in ${first}:\n\n`;
    const missing = `fetch-activity-logs: error: second: there is no state file ${second}`;

    const one = await look();
    assert.deepEqual([one.exitCode, one.stdout], [SomeSourcesFailed, head + table]);
    assert.ok(one.stderr.startsWith(missing) && one.stderr.split('\n').length === 2, one.stderr);

    await writeFile(second, fixture('empty'));
    const both = await look();
    assert.deepEqual([both.exitCode, both.stderr], [SomeSourcesFailed, '']);
    const empty = `Input second, state in ${second}:\n\n${second} has no sources yet`;
    assert.ok(both.stdout.startsWith(`${head}${table}\n${empty}`), both.stdout);
    await writeFile(second, fixture('healthy'));
    const json = await look({ json: true });
    const inputs = json.stdout.split('\n').flatMap((line) => /"input":"(\w+)"/.exec(line)?.[1] ?? []);
    assert.deepEqual([json.exitCode, new Set(inputs)], [Done, new Set(['activity_log', 'second'])]);

    const named = await look({ 'state-file': first });
    assert.deepEqual([named.exitCode, named.stdout], [Done, table]);
    for (const file of [first, second]) await rm(file);
    const none = await look();
    assert.deepEqual([none.exitCode, none.stdout, none.stderr.split('\n').length], [NothingCollected, '', 3]);
  });

  it('leaves a broken file where it is', async (t) => {
    const file = await stateFile(t, 'broken');
    await status(file);
    assert.deepEqual(await readdir(join(file, '..')), ['state.json']);
    assert.equal(await readFile(file, 'utf8'), 'broken');
  });

  it('shows neither a token that a server sent back nor what would command a terminal', async (t) => {
    const state = JSON.parse(fixture('one-failing')) as { sources: Record<string, { last_error: string }> };
    for (const source of Object.values(state.sources)) source.last_error = `${TOKEN} is wrong\u001b[2J\nforged`;
    const file = await stateFile(t, JSON.stringify(state));
    for (const options of [[], ['--json']]) {
      const { stdout } = await status(file, options, { IONOS_API_TOKEN: TOKEN });
      assert.ok(!stdout.includes(TOKEN));
      assert.ok(!stdout.includes('\u001b'));
      assert.match(stdout, /\[redacted\] is wrong\\+u001b\[2J forged/);
    }
  });

  it('shows no cursor of cloudscale, which is for the API alone', async (t) => {
    const file = await stateFile(t, fixture('cloudscale'));
    for (const options of [[], ['--json']]) assert.ok(!(await status(file, options)).stdout.includes('http'));
  });

  it('is told where to look by the environment, too', async (t) => {
    const file = await stateFile(t, fixture('healthy'));
    const { stdout } = await runCommand(['status'], { env: { ACTIVITY_LOG_STATE_FILE: file }, now: () => NOW });
    assertGolden('status/healthy.txt', stdout);
  });
});
