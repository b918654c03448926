import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { describe, it, type TestContext } from 'node:test';
import { readConfig } from '../../src/config/config.ts';
import type { ListedProcess } from '../../src/lib/process-list.ts';
import { reasonToPeek } from '../../src/session/by-hand.ts';
import { runCommand } from '../helpers/run-command.ts';
import { sink } from '../helpers/sink.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { startSandbox } from '../sandbox/server.ts';

const CONTRACT = '31721060';

function terminal(): Writable {
  return Object.assign(sink([]), { isTTY: true });
}

/** A machine on which these processes started one another, this one last. */
function startedBy(...names: readonly string[]): () => Map<number, ListedProcess> {
  const chain = [...names, 'node'];
  const pid = (at: number) => (at === chain.length - 1 ? process.pid : process.pid + 1 + at);
  return () => new Map(chain.map((name, at) => [pid(at), { name, parent: at === 0 ? 0 : pid(at - 1) }]));
}

function withFluentBit(processes: () => Map<number, ListedProcess>): () => Map<number, ListedProcess> {
  return () => processes().set(process.pid + 100, { name: 'fluent-bit', parent: 1 });
}

async function stateFile(t: TestContext): Promise<string> {
  const file = join(await temporaryFolder(t), 'state.json');
  writeFileSync(file, '{}');
  return file;
}

describe('a poll that a person starts', () => {
  it('on a terminal takes nothing away from the service, and its last line says so', async (t) => {
    const sandbox = await startSandbox();
    t.after(async () => sandbox.close());
    sandbox.generate(CONTRACT, { count: 3, from: Date.now() - 100_000, to: Date.now() - 1000 });
    const file = join(await temporaryFolder(t), 'state.json');
    const env = { IONOS_API_TOKEN: 'sandbox-token', ACTIVITY_LOG_STATE_FILE: file };
    const { exitCode, stderr } = await runCommand(['--api-url', sandbox.url], { env, stdout: terminal() });
    assert.equal(exitCode, 0, stderr);
    assert.match(stderr, /3 events from 1 source\n[^\n]*stdout is a terminal: this run only peeked [^\n]*--state-file FILE[^\n]*\n$/); // prettier-ignore
    assert.equal(existsSync(file), false);
  });

  it('on a terminal moves the cursor where the person names the state', async (t) => {
    const options = { 'state-file': await stateFile(t) };
    assert.equal(reasonToPeek(options, readConfig(options, {}), { stdout: terminal() }), undefined);
  });

  it('on a terminal with --peek only peeks already, whatever else it names', async (t) => {
    const file = await stateFile(t);
    const world = { stdout: terminal(), isInteractive: true };
    for (const options of [{ peek: true }, { peek: true, 'state-file': file }]) {
      assert.equal(reasonToPeek(options, readConfig(options, {}), world), undefined);
    }
  });

  it('through a pipe whose reader has seen enough, `--peek | head`, ends with 0 and says nothing', async (t) => {
    const sandbox = await startSandbox();
    t.after(async () => sandbox.close());
    sandbox.generate(CONTRACT, { count: 3, from: Date.now() - 100_000, to: Date.now() - 1000 });
    const gone = Object.assign(new Error('write EPIPE'), { code: 'EPIPE' });
    const stdout = new Writable({ write: (_chunk, _encoding, callback) => callback(gone) });
    const env = { IONOS_API_TOKEN: 'sandbox-token' };
    assert.deepEqual(await runCommand(['--peek', '--api-url', sandbox.url], { env, stdout }), {
      exitCode: 0,
      stdout: '',
      stderr: '',
    });
  });

  it('through a pipe, `| jq`, takes nothing away from the Fluent Bit that runs beside it', async (t) => {
    const config = readConfig({}, { ACTIVITY_LOG_STATE_FILE: await stateFile(t) });
    const processes = withFluentBit(startedBy('systemd', 'sshd', 'bash'));
    const reason = reasonToPeek({}, config, { stdout: sink([]), isInteractive: true }, processes);
    assert.equal(reason, `Fluent Bit collects with ${config.stateFile}`);
  });

  it('moves the cursor where no Fluent Bit runs, or no poll has been', async (t) => {
    const world = { stdout: sink([]), isInteractive: true };
    const config = readConfig({}, { ACTIVITY_LOG_STATE_FILE: await stateFile(t) });
    assert.equal(reasonToPeek({}, config, world, startedBy('systemd', 'sshd', 'bash')), undefined);
    const other = { ...config, stateFile: `${config.stateFile}.other` };
    assert.equal(reasonToPeek({}, other, world, withFluentBit(startedBy('bash'))), undefined);
  });
});

describe('a poll that Fluent Bit starts', () => {
  it('moves the cursor, also where a person started Fluent Bit on a terminal', async (t) => {
    const config = readConfig({}, { ACTIVITY_LOG_STATE_FILE: await stateFile(t) });
    const processes = startedBy('bash', 'fluent-bit', 'sh');
    assert.equal(reasonToPeek({}, config, { stdout: sink([]), isInteractive: true }, processes), undefined);
  });

  it('looks for no process where nobody can type', async (t) => {
    const config = readConfig({}, { ACTIVITY_LOG_STATE_FILE: await stateFile(t) });
    const never = () => assert.fail('listed the processes');
    assert.equal(reasonToPeek({}, config, { stdout: sink([]), isInteractive: false }, never), undefined);
  });
});
