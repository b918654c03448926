import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { ExitCode } from '../../src/lib/errors.ts';
import { Stopped } from '../../src/lib/run.ts';
import { runCommand, type CommandResult } from '../helpers/run-command.ts';
import { savedState } from '../helpers/saved-state.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { startSandbox, type Sandbox } from '../sandbox/server.ts';

const NOW = Date.parse('2026-11-21T20:30:00Z');
const CONTRACTS = ['31721060', '31721061'] as const;

interface Scene {
  readonly sandbox: Sandbox;
  readonly poll: (signal?: AbortSignal) => Promise<CommandResult>;
  /** The last error of each source, without its time. */
  readonly errors: () => (string | undefined)[];
}

async function scene(t: TestContext): Promise<Scene> {
  const sandbox = await startSandbox({ now: () => NOW });
  t.after(() => sandbox.close());
  for (const contract of CONTRACTS) sandbox.addContract(contract, { arrivals: false });
  const stateFile = join(await temporaryFolder(t), 'state.json');
  const argv = ['--api-url', sandbox.url, '--state-file', stateFile];
  return {
    sandbox,
    poll: (signal = new AbortController().signal) =>
      runCommand(argv, { env: { IONOS_API_TOKEN: 'sandbox-token' }, now: () => NOW, signal }),
    errors: () => Object.values(savedState(stateFile).sources).map(({ last_error }) => last_error?.slice(25)),
  };
}

describe('a poll', () => {
  it('delivers the other sources when one fails, notes its failure with it, and exits with 3', async (t) => {
    const { sandbox, poll, errors } = await scene(t);
    const rule = { match: { kind: 'page', contract: CONTRACTS[0] }, times: Infinity } as const;
    const fault = sandbox.fail({ ...rule, fault: { type: 'status', status: 403 } });
    const { exitCode, stderr } = await poll();
    assert.equal(exitCode, ExitCode.SomeSourcesFailed, stderr);
    const [failed, other] = errors();
    assert.match(failed ?? '', /403/);
    assert.equal(other, undefined);
    fault.remove();
    assert.equal((await poll()).exitCode, ExitCode.Done);
    assert.deepEqual(errors(), [undefined, undefined]);
  });

  it('notes what ended it for all sources with each of them, and exits with 1', async (t) => {
    const { sandbox, poll, errors } = await scene(t);
    assert.equal((await poll()).exitCode, ExitCode.Done);
    sandbox.fail({ times: Infinity, fault: { type: 'status', status: 401 } });
    assert.equal((await poll()).exitCode, ExitCode.NothingCollected);
    for (const error of errors()) assert.match(error ?? '', /does not accept the token/);
  });

  it('that is stopped before it collects anything is no failure: it exits with 0, and status shows none', async (t) => {
    const { poll, errors } = await scene(t);
    await poll();
    const { exitCode, stderr } = await poll(AbortSignal.abort(new Stopped('stopped by SIGTERM')));
    assert.equal(exitCode, ExitCode.Done);
    assert.match(stderr, /stopped by SIGTERM before anything was collected/);
    assert.deepEqual(errors(), [undefined, undefined]);
  });
});
