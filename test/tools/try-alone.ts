import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { copyFile, mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { promisify } from 'node:util';
import { startSandbox } from '../sandbox/server.ts';

const run = promisify(execFile);
const CONTRACT = '9876543218374837483';
const STATE_FILE = 'state.json';

/**
 * Installs a built file as Fluent Bit would find it: under another name, alone in an empty folder. Asks it for help and
 * version and lets it poll the sandbox, run by this Node through its first line.
 */
export async function tryAlone(t: TestContext, script: string, node: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'fetch-activity-logs-alone-'));
  t.after(() => rm(folder, { recursive: true }));
  const installed = join(folder, 'fetch-activity-logs');
  await copyFile(script, installed);

  const sandbox = await startSandbox();
  t.after(() => sandbox.close());
  const now = Date.now();
  const events = sandbox.generate(CONTRACT, { count: 50, from: now - 200_000, to: now - 2_000 });

  const env = {
    PATH: `${dirname(node)}:/usr/bin:/bin`,
    IONOS_API_URL: sandbox.url,
    IONOS_API_TOKEN: sandbox.options.token ?? '',
    ACTIVITY_LOG_STATE_FILE: join(folder, STATE_FILE),
  };
  const ask = (...options: string[]) => run(installed, options, { cwd: folder, env });

  const { version } = JSON.parse(await readFile('package.json', 'utf8')) as { version: string };
  assert.deepEqual(await ask('--version'), { stdout: `${version}\n`, stderr: '' });
  assert.match((await ask('--help')).stdout, /^Usage: fetch-activity-logs \[command\] \[options\]$/m);

  const { stdout, stderr } = await ask();
  assert.equal(stdout, events.map(({ text }) => `${text}\n`).join(''));
  assert.match(stderr, /^fetch-activity-logs: 50 events /m);
  assert.match(stderr, /^(fetch-activity-logs: .*\n)+$/, 'no warning of Node');
  assert.ok((await readdir(folder)).includes(STATE_FILE));
  assert.equal((await ask()).stdout, '', 'the second poll brings nothing twice');
}
