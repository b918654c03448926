import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { ExitCode } from '../../src/lib/errors.ts';
import { StateStore } from '../../src/state/state-store.ts';
import { captureLog } from '../helpers/captured-log.ts';
import { runCommand, type CommandResult } from '../helpers/run-command.ts';
import { savedState } from '../helpers/saved-state.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { skipPause } from '../helpers/test-client.ts';
import { startSandbox } from '../sandbox/server.ts';

const NOW = Date.parse('2026-11-21T20:30:00Z');
const now = () => NOW;
const [GONE, STAYS] = ['31721060', '31721061'];

interface Place {
  readonly file: string;
  readonly poll: (...options: string[]) => Promise<CommandResult>;
  readonly forget: (source: string) => Promise<CommandResult>;
}

/** Both contracts were polled; the token sees one of them only from now on. */
async function place(t: TestContext): Promise<Place> {
  const file = join(await temporaryFolder(t), 'state.json');
  const [before, after] = await Promise.all([startSandbox({ now }), startSandbox({ now })]);
  t.after(async () => Promise.all([before.close(), after.close()]));
  for (const contract of [GONE, STAYS]) before.addContract(contract);
  after.addContract(STAYS);
  const run = async (url: string, options: readonly string[]) => {
    const env = { IONOS_API_TOKEN: 'sandbox-token', IONOS_API_URL: url };
    return runCommand(['--state-file', file, ...options], { env, now });
  };
  const first = await run(before.url, []);
  assert.equal(first.exitCode, ExitCode.Done, first.stderr);
  return {
    file,
    poll: async (...options) => run(after.url, options),
    forget: async (source) => runCommand(['forget', source, '--state-file', file], { now }),
  };
}

function sourcesOf(file: string): string[] {
  return Object.keys(savedState(file).sources);
}

describe('a contract that the token no longer sees', () => {
  it('is named in one warning of each run, with the command that retires it', async (t) => {
    const { poll } = await place(t);
    for (let nth = 0; nth < 2; nth++) {
      const { exitCode, stderr } = await poll();
      assert.equal(exitCode, ExitCode.Done, stderr);
      assert.deepEqual(
        stderr.split('\n').filter((line) => line.includes('warning')),
        [
          `fetch-activity-logs: warning: the token no longer sees ionos/${GONE}: nothing is collected from there. ` +
            `Give the token access again, or retire it with: fetch-activity-logs forget ionos/${GONE}`,
        ],
      );
    }
  });

  it('is marked by status, with the same command', async (t) => {
    const { file, poll } = await place(t);
    await poll();
    const { exitCode, stdout } = await runCommand(['status', '--state-file', file], { now });
    assert.equal(exitCode, ExitCode.SomeSourcesFailed);
    assert.match(stdout, new RegExp(`the token no longer sees it; retire it with: fetch-activity-logs forget ionos/${GONE}$`, 'm')); // prettier-ignore
    assert.match(stdout, new RegExp(`^ionos/${STAYS} .* ok `, 'm'));
  });

  it('is not missed by a run that asks for another one only', async (t) => {
    const { poll } = await place(t);
    assert.doesNotMatch((await poll('--contract', STAYS)).stderr, /no longer sees/);
  });
});

describe('forget', () => {
  it('retires a source for good, also for a state that is rebuilt from the journal', async (t) => {
    const { file, poll, forget } = await place(t);
    const { exitCode, stderr } = await forget(`ionos/${GONE}`);
    assert.equal(exitCode, ExitCode.Done);
    assert.match(stderr, new RegExp(`^fetch-activity-logs: ionos/${GONE} was forgotten; its cursor was 2026-11-21T`));
    assert.deepEqual(sourcesOf(file), [`ionos/${STAYS}`]);
    rmSync(file);
    const again = await poll();
    assert.match(again.stderr, /rebuilt from the journal/);
    assert.doesNotMatch(again.stderr, /no longer sees|no cursor/);
    assert.deepEqual(sourcesOf(file), [`ionos/${STAYS}`]);
  });

  it('drops what is queued and pending of the source, and nothing else', async (t) => {
    const { file, forget } = await place(t);
    const queue = await runCommand(['redeliver', '--from', '1h', '--state-file', file], { now });
    assert.equal(queue.exitCode, ExitCode.Done, queue.stderr);
    const state = JSON.parse(readFileSync(file, 'utf8')) as object;
    const sources = { [`ionos/${GONE}`]: {}, [`ionos/${STAYS}`]: {} };
    const pending = { host: '', base: 0, lines: 5, started_at: 0, printed_until: 0, sources };
    writeFileSync(file, JSON.stringify({ ...state, pending }));
    await forget(`ionos/${GONE}`);
    const left = JSON.parse(readFileSync(file, 'utf8')) as {
      redeliver: { source: string }[];
      pending: { lines: number; sources: object };
    };
    assert.deepEqual(left.redeliver.map(({ source }) => source), [`ionos/${STAYS}`]); // prettier-ignore
    assert.deepEqual([left.pending.lines, Object.keys(left.pending.sources)], [5, [`ionos/${STAYS}`]]);
  });

  it('of a source that is back lets it start as a new one', async (t) => {
    const { file, poll, forget } = await place(t);
    await forget(`ionos/${STAYS}`);
    assert.match((await poll()).stderr, new RegExp(`no cursor for ionos/${STAYS} in `));
    assert.deepEqual(sourcesOf(file).sort(), [`ionos/${GONE}`, `ionos/${STAYS}`]);
  });

  it('says that a source is forgotten only once that is on the disk', async (t) => {
    const { file, forget } = await place(t);
    const probe = await open(file);
    t.mock.method(Object.getPrototypeOf(probe) as FileHandle, 'sync', () => Promise.reject(new Error('disk is full')));
    await probe.close();
    const { exitCode, stderr } = await forget(`ionos/${GONE}`);
    assert.equal(exitCode, ExitCode.NothingCollected);
    assert.match(stderr, /^fetch-activity-logs: error: [^\n]*disk is full\n$/);
  });

  it('refuses a source that is not there and names those that are', async (t) => {
    const { file, forget } = await place(t);
    const before = sourcesOf(file);
    const empty = join(dirname(file), 'empty.json');
    writeFileSync(empty, '{"version":1,"last_run":"2026-11-21T20:25:00Z","generation":1,"sources":{},"pending":null}');
    const none = await runCommand(['forget', 'ionos/1', '--state-file', empty], { now });
    assert.ok(
      none.stderr.endsWith(`error: the state file ${empty} has no source "ionos/1" (it has: none)\n`),
      none.stderr,
    );
    for (const name of [GONE, 'toString']) {
      const { exitCode, stderr } = await forget(name);
      assert.equal(exitCode, ExitCode.Usage);
      assert.match(stderr, new RegExp(`has no source "${name}" \\(it has: ionos/${GONE}, ionos/${STAYS}\\)\n$`));
    }
    assert.deepEqual(sourcesOf(file), before);
  });

  it('makes no state file where there is none', async (t) => {
    const file = join(await temporaryFolder(t), 'elsewhere', 'state.json');
    const { exitCode, stderr } = await runCommand(['forget', 'ionos/1', '--state-file', file]);
    assert.deepEqual([exitCode, existsSync(dirname(file))], [ExitCode.NothingCollected, false]);
    assert.match(stderr, /error: there is no state file /);
  });

  it('exits with 75 while a poll is running', async (t) => {
    const { file, forget } = await place(t);
    const store = await StateStore.open({
      file,
      log: captureLog(),
      signal: new AbortController().signal,
      now,
      pause: skipPause,
      initialLastRun: '2026-11-21T20:25:00Z',
      onFailure: () => undefined,
    });
    t.after(async () => store.close());
    assert.equal((await forget(`ionos/${GONE}`)).exitCode, ExitCode.Locked);
  });
});
