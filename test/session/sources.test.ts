import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { readConfig } from '../../src/config/config.ts';
import { ExitCode } from '../../src/lib/errors.ts';
import { leastRecentFirst, noteUnseen, registerNew } from '../../src/session/sources.ts';
import { parseState } from '../../src/state/parse-state.ts';
import { emptyStore } from '../../src/state/store.ts';
import { newSource, stateOf } from '../../src/state/state.ts';
import { captureLog } from '../helpers/captured-log.ts';
import { runCommand } from '../helpers/run-command.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { startSandbox } from '../sandbox/server.ts';

const NOW = Date.parse('2026-11-21T20:30:00Z');
const CURSOR = '2026-11-21T20:25:00Z';

const NEW = 'ionos/2';

interface Before {
  readonly clockSkewMs?: number;
  readonly lastRun?: string;
  readonly takenOver?: boolean;
  /** When another source was polled last. */
  readonly lastAttempt?: string;
  readonly lastAttempts?: readonly string[];
}

/** Where a new source begins, which looks back for 5 minutes. */
function beginning({ clockSkewMs, lastRun, takenOver, lastAttempt, lastAttempts = [] }: Before): string {
  const store = emptyStore(() => NOW);
  if (lastAttempt !== undefined) store.register('ionos/1', { ...newSource(CURSOR), last_attempt: lastAttempt });
  for (const [n, at] of lastAttempts.entries())
    store.register(`ionos/1${n}`, { ...newSource(CURSOR), last_attempt: at });
  if (lastRun !== undefined) store.state.last_run = lastRun;
  if (takenOver !== undefined) store.state.taken_over = takenOver;
  const config = { since: (now: number) => now - 300_000, peek: false, stateFile: 'state.json' };
  const session = { api: { clockSkewMs }, config, announce: captureLog().info, store, now: () => NOW };
  const sources = [{ name: NEW, id: '2' }];
  assert.ok(registerNew(sources, session));
  assert.equal(registerNew(sources, session), false);
  return stateOf(NEW, store.state).cursor;
}

describe('a source that was never polled', () => {
  it('begins as far back as --since says', () => {
    assert.equal(beginning({}), '2026-11-21T20:25:00Z');
  });

  it('begins by the clock of the API where that of this machine is ahead by more than 30 s', () => {
    assert.equal(beginning({ clockSkewMs: 3_600_000 }), '2026-11-21T19:25:00Z');
    assert.equal(beginning({ clockSkewMs: 30_000 }), '2026-11-21T20:25:00Z');
    assert.equal(beginning({ clockSkewMs: -3_600_000 }), '2026-11-21T20:25:00Z');
  });

  it('begins when the sources were listed last, where that is longer ago than --since', () => {
    assert.equal(beginning({ lastAttempt: '2026-11-21T18:00:00.000Z' }), '2026-11-21T18:00:00Z');
    assert.equal(beginning({ lastRun: '2026-11-21T18:00:00Z' }), '2026-11-21T18:00:00Z');
  });

  it('begins when the sources were listed last by any of them, not by the first', () => {
    const others = ['2026-11-21T18:00:00.000Z', '2026-11-21T19:00:00.000Z', '2026-11-21T17:00:00.000Z'];
    assert.equal(beginning({ lastAttempts: others }), '2026-11-21T19:00:00Z');
  });

  it('begins as far back as --since says where the sources were listed after that', () => {
    assert.equal(beginning({ lastAttempt: '2026-11-21T20:29:00.000Z' }), '2026-11-21T20:25:00Z');
  });

  it('begins where the Python fetcher ended, whatever --since says', () => {
    assert.equal(beginning({ takenOver: true, lastRun: '2026-11-21T20:29:00Z' }), '2026-11-21T20:29:00Z');
    assert.equal(beginning({ takenOver: true }), '2026-11-21T20:25:00Z');
  });
});

describe('a source that the token no longer sees', () => {
  function unseen(names: readonly string[], seen: readonly string[], options = {}) {
    const store = emptyStore(() => NOW);
    for (const name of names) store.register(name, newSource(CURSOR));
    const sources = seen.map((name) => ({ name, id: name }));
    const warning = noteUnseen(sources, { config: readConfig(options, {}), store, now: () => NOW });
    return { warning, errors: Object.values(store.state.sources).map(({ last_error }) => last_error) };
  }
  const noted = (name: string) =>
    `2026-11-21T20:30:00.000Z the token no longer sees it; retire it with: fetch-activity-logs forget ${name}`;

  it('is named in a warning and in its state, with the command that retires it', () => {
    const { warning, errors } = unseen(['ionos/1', 'ionos/2'], ['ionos/1']);
    assert.equal(
      warning,
      'the token no longer sees ionos/2: nothing is collected from there. Give the token access again, or retire it ' +
        'with: fetch-activity-logs forget ionos/2',
    );
    assert.deepEqual(errors, [null, noted('ionos/2')]);
  });

  it('is one of a number where there are many', () => {
    const names = ['ionos/1', 'ionos/2', 'ionos/3', 'ionos/4', 'ionos/5'];
    const { warning, errors } = unseen(names, []);
    assert.match(warning ?? '', /sees ionos\/1, ionos\/2, ionos\/3 and 2 more: .* forget SOURCE$/);
    assert.deepEqual(errors, names.map(noted));
  });

  it('is none where all are seen, with --contract, or of another provider', () => {
    assert.equal(unseen(['ionos/1'], ['ionos/1', 'ionos/2']).warning, undefined);
    assert.deepEqual(unseen(['ionos/1'], [], { contract: ['2'] }), { warning: undefined, errors: [null] });
    assert.deepEqual(unseen(['cloudscale/project'], []), { warning: undefined, errors: [null] });
  });
});

describe('leastRecentFirst', () => {
  it('polls the source first whose last poll is the longest ago; one that was never polled before all', () => {
    const attempts = { a: '2026-11-21T20:20:00.000Z', b: null, c: '2026-11-21T20:10:00.000Z' };
    assert.deepEqual(order(attempts), ['b', 'c', 'a']);
  });

  it('does not starve a source that was polled while the clock was ahead', () => {
    const attempts = { a: '2026-11-21T20:20:00.000Z', b: '2036-11-21T20:20:00.000Z' };
    assert.deepEqual(order(attempts), ['b', 'a']);
  });
});

describe('a source without a cursor', () => {
  it('is announced once, with the state file and where it begins', async (t) => {
    const { file, poll } = await account(t, 1);
    assert.match(
      await poll('--state-file', file),
      new RegExp(
        `^fetch-activity-logs: no cursor for ionos/1 in ${file}: beginning at ${CURSOR} \\(--since 5 min\\); ` +
          'for older events: redeliver or export --from$',
        'm',
      ),
    );
    assert.doesNotMatch(await poll('--state-file', file), /no cursor/);
  });

  it('that appears later begins at the last run', async (t) => {
    const { file, poll, add } = await account(t, 1);
    await poll('--state-file', file, '--since', '0s');
    add('2');
    const said = await poll('--state-file', file, '--since', '0s');
    assert.match(said, /no cursor for ionos\/2 in .*: beginning at 2026-11-21T20:30:00Z \(/);
    assert.doesNotMatch(said, /ionos\/1/);
  });

  it('is one of a number where there are many', async (t) => {
    const { file, poll } = await account(t, 5);
    const said = (await poll('--state-file', file)).split('\n').filter((line) => line.includes('no cursor'));
    assert.equal(said.length, 4);
    assert.match(said[3] ?? '', /no cursor for 2 more sources in /);
  });

  it('is nothing to mention in a look', async (t) => {
    const { poll } = await account(t, 1);
    assert.doesNotMatch(await poll('--peek'), /no cursor/);
  });
});

describe('--since', () => {
  it('in the future is refused by name, and nothing is asked for', async () => {
    const options = ['--peek', '--api-url', 'http://127.0.0.1:9', '--since', '2030-01-01'];
    const { exitCode, stderr } = await runCommand(options, { env: { IONOS_API_TOKEN: 'x' }, now: () => NOW });
    assert.equal(exitCode, ExitCode.Usage);
    assert.equal(stderr, 'fetch-activity-logs: error: --since (2030-01-01T00:00:00Z) is in the future\n');
    const env = { IONOS_API_TOKEN: 'x', ACTIVITY_LOG_SINCE: '2030-01-01' };
    const byVariable = await runCommand(options.slice(0, 3), { env, now: () => NOW });
    assert.match(byVariable.stderr, /error: ACTIVITY_LOG_SINCE \(2030-01-01T00:00:00Z\) is in the future\n$/);
  });
});

/** An API with contracts 1, 2, …, and a poll of it that returns what it says. */
async function account(t: TestContext, contracts: number) {
  const now = () => NOW;
  const sandbox = await startSandbox({ now });
  t.after(async () => sandbox.close());
  for (let nth = 1; nth <= contracts; nth++) sandbox.addContract(String(nth));
  return {
    file: join(await temporaryFolder(t), 'state.json'),
    add: (contract: string) => sandbox.addContract(contract),
    poll: async (...options: string[]) => {
      const env = { IONOS_API_TOKEN: 'sandbox-token', IONOS_API_URL: sandbox.url };
      const { exitCode, stderr } = await runCommand(options, { env, now });
      assert.equal(exitCode, ExitCode.Done, stderr);
      return stderr;
    },
  };
}

function order(attempts: Record<string, string | null>): string[] {
  const entries = Object.entries(attempts).map(([name, last_attempt]) => [name, { cursor: CURSOR, last_attempt }]);
  const state = parseState(JSON.stringify({ version: 1, sources: Object.fromEntries(entries) as object }));
  const sources = Object.keys(attempts).map((name) => ({ name, id: name }));
  return leastRecentFirst(sources, state, NOW).map(({ name }) => name);
}
