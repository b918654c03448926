import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { describe, it } from 'node:test';
import { assertPrintedOnce } from './helpers/account.ts';
import { collectorFor } from './helpers/collector.ts';
import { runCommand } from './helpers/run-command.ts';
import { startSandbox } from './sandbox/server.ts';

const CONTRACT = '31721060';

describe('the process', () => {
  it('continues when nobody reads its messages any more', async (t) => {
    const sandbox = await startSandbox();
    t.after(async () => sandbox.close());
    sandbox.generate(CONTRACT, { count: 5, from: Date.now() - 100_000, to: Date.now() - 1000 });
    const collector = await collectorFor(t, sandbox);
    const running = collector.start({ args: ['--log-level', 'debug'] });
    running.child.stderr?.destroy();
    assert.equal((await running.ended).code, 0);
    assertPrintedOnce(collector.printed, sandbox.events(CONTRACT));
    assert.equal(collector.contract(CONTRACT).delivered, 5);
  });

  it('ends after SIGTERM, also while a name look-up holds it that nothing can cancel', async (t) => {
    const sandbox = await startSandbox();
    t.after(async () => sandbox.close());
    const collector = await collectorFor(t, sandbox);
    const preload = join(collector.folder, 'silent-dns.cjs');
    const silence =
      "require('dns').lookup = () => { process.stderr.write('looking up'); setInterval(() => {}, 1000); };";
    writeFileSync(preload, silence);
    const args = ['--api-url', 'http://api.example.invalid'];
    const running = collector.start({ args, env: { NODE_OPTIONS: `--require ${preload}` } });
    await running.until(() => running.stderr.includes('looking up'));
    running.kill('SIGTERM');
    const { code, stderr } = await running.ended;
    assert.equal(code, 0, stderr);
    assert.match(stderr, /stopped by SIGTERM before anything was collected/);
  });

  it('shows no note of Node on what undici calls experimental', async (t) => {
    const sandbox = await startSandbox();
    t.after(async () => sandbox.close());
    const collector = await collectorFor(t, sandbox);
    const env = { ALL_PROXY: 'socks5://127.0.0.1:1', NODE_EXTRA_CA_CERTS: '/nonexistent/ca.pem' };
    const running = collector.start({ args: ['--deadline', '5s'], env });
    const { stderr } = await running.ended;
    assert.match(stderr, /no answer from .*127\.0\.0\.1:1/);
    assert.doesNotMatch(stderr, /ExperimentalWarning/);
    assert.match(stderr, /Ignoring extra certs from `\/nonexistent\/ca\.pem`/, 'other warnings are shown');
  });
});

it('what a command prints into a file on a full disk is not lost without a word; a reader that left is no failure', async () => {
  for (const [code, exitCode, said] of [
    ['ENOSPC', 4, /^fetch-activity-logs: error: cannot write to stdout: no space left\n$/],
    ['EPIPE', 0, /^$/],
  ] as const) {
    const write = (_chunk: unknown, _encoding: unknown, done: (error: Error) => void) => {
      done(Object.assign(new Error('no space left'), { code }));
    };
    const stdout = new Writable({ write }).on('error', () => undefined);
    const result = await runCommand(['--version'], { stdout });
    assert.equal(result.exitCode, exitCode);
    assert.match(result.stderr, said);
  }
});
