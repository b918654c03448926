import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { assertPrintedOnce } from '../helpers/account.ts';
import { type Collector, collectorFor } from '../helpers/collector.ts';
import { type Sandbox, startSandbox } from '../sandbox/server.ts';

const CONTRACT = '31721060';
const SECOND = 1000;
/** In the 512 bytes of ulimit -f: enough for the state, not for the events, as on a disk that becomes full. */
const BLOCKS = 80;

interface Shelled {
  readonly code: number | null;
  readonly stderr: string;
}

/** A poll of a hundred events, or an export of them, in a shell that has its own idea of stdout. */
async function place(t: TestContext): Promise<{ sandbox: Sandbox; collector: Collector }> {
  const sandbox = await startSandbox();
  t.after(async () => sandbox.close());
  const to = Date.now() - SECOND;
  sandbox.generate(CONTRACT, { count: 100, from: to - 100 * SECOND, to });
  return { sandbox, collector: await collectorFor(t, sandbox) };
}

/** `"$@"` is the program and its options. */
async function shell(collector: Collector, script: string, args: readonly string[]): Promise<Shelled> {
  const child = spawn('/bin/sh', ['-c', script, 'sh', process.execPath, collector.file, ...args], {
    cwd: collector.folder,
    // No figures of coverage: the limit on the size of files would hold for them, too.
    env: { PATH: process.env['PATH'], IONOS_API_TOKEN: 'sandbox-token', NODE_V8_COVERAGE: '' },
    stdio: ['ignore', 'inherit', 'pipe'],
  });
  const stderr = Buffer.concat((await child.stderr.toArray()) as Buffer[]).toString();
  const code = child.exitCode ?? (await new Promise<number | null>((resolve) => child.once('exit', resolve)));
  return { code, stderr };
}

function poll(collector: Collector): string[] {
  return ['--api-url', collector.url, '--state-file', collector.stateFile];
}

describe('stdout that is a file', () => {
  it('whose disk becomes full ends a poll with 4: the cursor stays, and no line is cut', async (t) => {
    const { sandbox, collector } = await place(t);
    const file = join(collector.folder, 'events.jsonl');
    writeFileSync(file, '{"before":1}\n');
    const full = await shell(collector, `ulimit -f ${BLOCKS}; exec "$@" >> events.jsonl`, poll(collector));
    assert.equal(full.code, 4, full.stderr);
    assert.match(full.stderr, /error: cannot write to stdout: (EFBIG|ENOSPC)/);
    const { cursor, start, delivered } = collector.contract(CONTRACT);
    assert.deepEqual([cursor, delivered], [start, 0]);
    assert.match(readFileSync(file, 'utf8'), /\n$/);

    writeFileSync(file, '');
    const roomy = await shell(collector, 'exec "$@" >> events.jsonl', poll(collector));
    assert.equal(roomy.code, 0, roomy.stderr);
    const lines = readFileSync(file).toString('latin1').split('\n').slice(0, -1);
    assertPrintedOnce(lines.map((line) => Buffer.from(line, 'latin1')), sandbox.events(CONTRACT)); // prettier-ignore
  });

  it('whose disk becomes full ends an export with 4, and says that it is not complete', async (t) => {
    const { collector } = await place(t);
    const args = ['export', '--api-url', collector.url, '--from', '10m'];
    const { code, stderr } = await shell(collector, `ulimit -f ${BLOCKS}; exec "$@" > events.jsonl`, args);
    assert.equal(code, 4, stderr);
    assert.match(stderr, /error: cannot write to stdout: .*; the export is not complete/);
  });

  it('takes all events, behind what was there', async (t) => {
    const { sandbox, collector } = await place(t);
    const file = join(collector.folder, 'events.jsonl');
    appendFileSync(file, 'before\n');
    const { code, stderr } = await shell(collector, 'exec "$@" >> events.jsonl', poll(collector));
    assert.equal(code, 0, stderr);
    assert.equal(readFileSync(file, 'latin1').split('\n').length - 2, sandbox.events(CONTRACT).length);
  });
});

describe('stdout that was closed before the start', () => {
  it('ends a poll with 4, and the next one prints the events', async (t) => {
    const { sandbox, collector } = await place(t);
    const { code, stderr } = await shell(collector, 'exec "$@" >&-', poll(collector));
    assert.equal(code, 4, stderr);
    assert.match(stderr, /error: cannot write to stdout: it is closed/);

    assert.equal((await collector.run()).code, 0);
    assertPrintedOnce(collector.printed, sandbox.events(CONTRACT));
  });
});
