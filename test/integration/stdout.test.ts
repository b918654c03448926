import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { describe, it, type TestContext } from 'node:test';
import { assertNothingLost, assertPrintedOnce } from '../helpers/account.ts';
import { type Collector, collectorFor } from '../helpers/collector.ts';
import { stalled } from '../helpers/process-status.ts';
import { runCommand } from '../helpers/run-command.ts';
import { type NewEvent, type Sandbox, startSandbox } from '../sandbox/server.ts';

const CONTRACT = '9876543218374837483';
const SECOND = 1000;

async function place(t: TestContext): Promise<{ sandbox: Sandbox; collector: Collector }> {
  const sandbox = await startSandbox();
  t.after(async () => sandbox.close());
  return { sandbox, collector: await collectorFor(t, sandbox) };
}

/** Large ones, that cost little to make. */
function* largeEvents(contract: string, count: number, bytes: number): Generator<NewEvent> {
  const start = Date.now() - 200 * SECOND;
  const padding = 'x'.repeat(bytes);
  for (let nth = 0; nth < count; nth++) {
    const time = start + Math.floor((nth * 100 * SECOND) / count);
    const head = `{"@uuid":"${contract}-${nth}","meta":{"time":"${new Date(time).toISOString()}"},"event":{"message":"`;
    yield { raw: Buffer.from(`${head}${padding}"}}`, 'latin1'), time };
  }
}

describe('stdout that is closed', () => {
  const COUNT = 4000;
  /** More than a pipe or a socket holds: one that nobody reads to its end cannot be committed. */
  const PAGE = 2000;

  it('`| head -n 3` ends the run quietly with 4, and nothing of that page is committed', async (t) => {
    const { sandbox, collector } = await place(t);
    const to = Date.now() - SECOND;
    sandbox.generate(CONTRACT, { count: COUNT, from: to - 100 * SECOND, to });
    const words = { code: join(collector.folder, 'code'), stderr: join(collector.folder, 'stderr') };
    const command = [process.execPath, collector.file, '--api-url', collector.url, '--state-file', collector.stateFile];
    const script = `{ "$@" --page-size ${PAGE} 2>${words.stderr}; echo $? >${words.code}; } | head -n 3; cat ${words.code}`;
    const shell = spawn('/bin/sh', ['-c', script, 'sh', ...command], {
      env: { PATH: process.env['PATH'], IONOS_API_TOKEN: 'sandbox-token' },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const output = Buffer.concat((await shell.stdout.toArray()) as Buffer[]).toString();
    const lines = output.split('\n');
    assert.deepEqual(lines.slice(3), ['4', '']);
    for (const line of lines.slice(0, 3)) assert.doesNotThrow(() => JSON.parse(line) as unknown);
    const stderr = readFileSync(words.stderr, 'utf8');
    assert.doesNotMatch(stderr, /error|warning/);
    assert.match(stderr, /^fetch-activity-logs: no cursor for .*\nfetch-activity-logs: stdout was closed .*\n$/);
    const { cursor, start, delivered } = collector.contract(CONTRACT);
    assert.deepEqual([cursor, delivered], [start, 0]);

    const { code } = await collector.run();
    assert.equal(code, 0);
    assertPrintedOnce(collector.printed, sandbox.events(CONTRACT));
  });

  it('after some pages: those are committed, and the next run continues', async (t) => {
    const { sandbox, collector } = await place(t);
    const to = Date.now() - SECOND;
    sandbox.generate(CONTRACT, { count: COUNT, from: to - 100 * SECOND, to });
    const running = collector.start({ args: ['--page-size', String(PAGE)] });
    await running.until(() => running.lines.length > PAGE);
    running.stdout.destroy();
    const { code, stderr } = await running.ended;
    assert.equal(code, 4, stderr);
    assert.equal(collector.contract(CONTRACT).delivered, PAGE);

    assert.equal((await collector.run()).code, 0);
    const repeated = assertNothingLost(collector.printed, sandbox.events(CONTRACT));
    assert.ok(repeated <= running.lines.length - PAGE);
  });

  it('before the first line', async (t) => {
    const { sandbox, collector } = await place(t);
    const to = Date.now() - SECOND;
    sandbox.generate(CONTRACT, { count: 5, from: to - 100 * SECOND, to });
    sandbox.addContract('31721060', { arrivals: false });
    const running = collector.start();
    running.stdout.destroy();
    assert.equal((await running.ended).code, 4);
    assert.equal(collector.contract(CONTRACT).delivered, 0);

    assert.equal((await collector.run()).code, 0);
    assertPrintedOnce(collector.printed, sandbox.events(CONTRACT));
  });
});

it('stdout that is slower than the API stops the fetching', async (t) => {
  const { sandbox, collector } = await place(t);
  sandbox.addEvents(CONTRACT, largeEvents(CONTRACT, 1000, 20_000));
  const running = collector.start({ args: ['--page-size', '50', '--deadline', '1h'], reading: false });
  await sandbox.nextRequest(({ kind }) => kind === 'page');
  await stalled(running.pid);
  const pages = sandbox.requests.filter(({ kind }) => kind === 'page').length;
  assert.ok(pages <= 8, `${pages} of 20 pages fetched ahead`);
  running.read();
  assert.equal((await running.ended).code, 0);
  assertPrintedOnce(collector.printed, sandbox.events(CONTRACT));
});

describe('stdout that holds a run past its deadline', () => {
  it('is waited for, and told of', async (t) => {
    const { sandbox, collector } = await place(t);
    sandbox.addEvents(CONTRACT, largeEvents(CONTRACT, 10, 100));
    let ahead = 0;
    const stdout = new Writable({
      write: (_chunk, _encoding, callback) => {
        ahead = 3600 * SECOND; // so long the reader takes
        callback();
      },
    });
    const { exitCode, stderr } = await runCommand(['--api-url', sandbox.url, '--state-file', collector.stateFile], {
      env: { IONOS_API_TOKEN: 'sandbox-token' },
      now: () => Date.now() + ahead,
      stdout,
    });
    assert.equal(exitCode, 0, stderr);
    assert.match(stderr, /warning: the run ended 56 min after its deadline: the reader of stdout is too slow/);
    assert.equal(collector.contract(CONTRACT).delivered, 10);
  });
});

describe('two runs at once', () => {
  it('the second ends with 75 and says who holds the lock', async (t) => {
    const { sandbox, collector } = await place(t);
    const to = Date.now() - SECOND;
    sandbox.generate(CONTRACT, { count: 20, from: to - 100 * SECOND, to });
    sandbox.fail({ match: { kind: 'page' }, fault: { type: 'hang' } });
    const asked = sandbox.nextRequest(({ kind }) => kind === 'page');
    const holder = collector.start({ args: ['--request-timeout', '1h'] });
    await asked;
    const requests = sandbox.requests.length;
    const second = await collector.run();
    assert.deepEqual([second.code, second.lines], [75, []], second.stderr);
    assert.match(
      second.stderr,
      new RegExp(`^fetch-activity-logs: .*lock.*process ${holder.pid}\\b[^\\n]*\\n$`),
      'one line',
    );
    assert.equal(sandbox.requests.length, requests, 'it asks nothing of the API');

    const peek = await collector.run('--peek');
    assert.equal(peek.code, 0, 'a look needs no lock');
    collector.printed.splice(0);

    holder.kill('SIGTERM');
    assert.equal((await holder.ended).code, 0, 'the holder is not disturbed');
    assert.equal((await collector.run()).code, 0);
    assertPrintedOnce(collector.printed, sandbox.events(CONTRACT));
  });

  it('one of many at once is the one that prints', async (t) => {
    const { sandbox, collector } = await place(t);
    const to = Date.now() - SECOND;
    sandbox.generate(CONTRACT, { count: 200, from: to - 100 * SECOND, to });
    sandbox.options.latencyMs = 20;
    const ends = await Promise.all(Array.from({ length: 6 }, async () => collector.run('--page-size', '50')));
    for (const { code, stderr } of ends) assert.ok(code === 0 || code === 75, stderr);
    assert.ok(ends.some(({ code }) => code === 0));
    assertPrintedOnce(collector.printed, sandbox.events(CONTRACT));
  });

  it('a run after kill -9 carries on by itself, also beside another', async (t) => {
    const { sandbox, collector } = await place(t);
    const to = Date.now() - SECOND;
    sandbox.generate(CONTRACT, { count: 20, from: to - 100 * SECOND, to });
    sandbox.fail({ fault: { type: 'hang' } });
    const asked = sandbox.nextRequest();
    const killed = collector.start();
    await asked;
    killed.kill('SIGKILL');
    await once(killed.child, 'exit');

    const ends = await Promise.all(Array.from({ length: 3 }, async () => collector.run()));
    for (const { code, stderr } of ends) assert.ok(code === 0 || code === 75, stderr);
    assert.ok(ends.some(({ code }) => code === 0));
    assertPrintedOnce(collector.printed, sandbox.events(CONTRACT));
  });
});
