import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { tryAlone } from './tools/try-alone.ts';

const run = promisify(execFile);
const SCRIPT = 'fetch-activity-logs.js';

describe('the build', () => {
  let folder: string;
  let script: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fetch-activity-logs-build-'));
    await run(process.execPath, ['esbuild.config.js', join(folder, 'first')]);
    await run(process.execPath, ['esbuild.config.js', join(folder, 'second')]);
    script = await readFile(join(folder, 'first', SCRIPT), 'utf8');
  });
  after(() => rm(folder, { recursive: true }));

  it('gives the same bytes each time', async () => {
    const files = await readdir(join(folder, 'first'));
    assert.deepEqual(files.sort(), ['LICENSES.txt', 'built-with', 'fetch-activity-logs.1', SCRIPT, 'package.json']);
    assert.deepEqual((await readdir(join(folder, 'second'))).sort(), files);
    for (const file of files) {
      const [first, second] = await Promise.all(['first', 'second'].map((name) => readFile(join(folder, name, file))));
      assert.ok(first !== undefined && second !== undefined && first.equals(second), file);
    }
  });

  it('does not depend on where it was made', () => {
    assert.ok(!script.includes(process.cwd()));
    assert.ok(!script.includes(folder));
  });

  it('can be run by its name', async () => {
    assert.match(script, /^#!\/usr\/bin\/env node\n/);
    assert.equal((await stat(join(folder, 'first', SCRIPT))).mode & 0o100, 0o100);
  });

  it('is readable, and holds its version', async () => {
    const { version } = JSON.parse(await readFile('package.json', 'utf8')) as { version: string };
    assert.match(script, /^\/\/ src\/commands\/collect\.ts$/m);
    assert.ok(script.includes(JSON.stringify(version)));
    assert.ok(!script.includes('__VERSION__'));
  });

  it('needs nothing but Node', () => {
    const required = Array.from(script.matchAll(/\brequire\("([^"]+)"\)/g), ([, name = '']) => name);
    assert.ok(required.includes('node:fs'));
    // undici asks for node:sqlite when told to cache there; Node 20 has none.
    const foreign = required.filter((name) => !name.startsWith('node:') && !isBuiltin(name));
    assert.deepEqual(foreign, []);
  });

  it('has the licence of each package that it contains beside it', async () => {
    const licences = await readFile(join(folder, 'first', 'LICENSES.txt'), 'utf8');
    const paths = script.matchAll(/^\/\/ (?:.*\/)?node_modules\/((?:@[\w.-]+\/)?[\w.-]+)\//gm);
    const contained = new Set(Array.from(paths, ([, name = '']) => name));
    const { dependencies } = JSON.parse(await readFile('package.json', 'utf8')) as { dependencies: object };
    const missing = Object.keys(dependencies).filter((name) => !contained.has(name));
    assert.deepEqual(missing, [], 'a dependency that is not contained');
    assert.ok(contained.has('signal-exit'), 'what a dependency needs');
    for (const name of contained) assert.match(licences, new RegExp(`^${name} \\d[^ ]* \\(.+\\)\n\n.+`, 'm'));
    assert.doesNotMatch(licences, /^Licence: /m, 'a package without a text of its licence');
  });

  it('is strict, as its modules are', () => {
    assert.match(script, /^#!.*\n"use strict";\n/);
  });

  it('names an older Node before it loads anything else', async () => {
    const pretend = join(folder, 'older.cjs');
    for (const [version, isOld] of [
      ['18.19.1', true],
      ['20.18.0', true],
      ['20.9.0', true],
      ['20.18.1', false],
    ] as const) {
      // prettier-ignore
      const versions = `{ ...process.versions, node: ${JSON.stringify(version)} }`;
      await writeFile(pretend, `Object.defineProperty(process, 'versions', { value: ${versions} });`);
      const args = ['--require', pretend, join(folder, 'first', SCRIPT), '--version'];
      const ended = run(process.execPath, args);
      if (!isOld) assert.notEqual((await ended).stdout, '');
      else {
        await assert.rejects(ended, {
          code: 1,
          stdout: '',
          stderr: `fetch-activity-logs: error: Node.js 20.18.1 or newer is needed; this is version ${version} (${process.execPath})\n`,
        });
      }
    }
  });

  it('says so also where an old Node cannot parse it: that quotes the line that it does not understand', () => {
    const firstUnknown = script.split('\n').find((line) => /\?\?|\?\./.test(line)) ?? '';
    assert.match(firstUnknown, /this program needs Node\.js 20\.18\.1 or newer/);
  });

  it('runs in a folder that was removed', async () => {
    const commands = 'mkdir "$1" && cd "$1" && rmdir "$1" && exec "$2" "$3" --version';
    const args = ['-c', commands, 'sh', join(folder, 'removed'), process.execPath, join(folder, 'first', SCRIPT)];
    assert.match((await run('/bin/sh', args)).stdout, /^\d+\.\d+\.\d+\n$/);
  });

  it('runs alone in an empty folder', async (t) => {
    await tryAlone(t, join(folder, 'first', SCRIPT), process.execPath);
  });
});
