/**
 * `npm run release`: what a release consists of, into dist/release: for each architecture an archive with a single
 * executable, an SBOM of each, and SHA256SUMS. Two builds of one commit give the same bytes.
 *
 * The executable is Node.js with the script inside (https://nodejs.org/api/single-executable-applications.html). Node.js
 * comes from npm's packages, pinned with their integrity in the package-lock.json beside this file.
 */

import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { sbom } from './sbom.ts';

const run = promisify(execFile);

const RELEASE = 'dist/release';
const PINS = '.ci/release';
/** The code cache is read by the very binary that wrote it, or not at all. This one builds, so only it gets one. */
const BUILDER = 'x64';
/** Where Node.js notes that it has a script inside; the name is part of its documentation. */
const FUSE = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';
const ALL = [BUILDER, 'arm64'] as const;
type Architecture = (typeof ALL)[number];
/** Those that are named, for a test, which has more room than time: `npm run release -- x64`. */
const named = process.argv.slice(2);
const ARCHITECTURES = ALL.filter((arch) => named.length === 0 || named.includes(arch));

interface Manifest {
  readonly version: string;
  readonly files: readonly string[];
}

if (process.platform !== 'linux' || process.arch !== BUILDER)
  throw new Error(`a release is built on Linux, ${BUILDER}`);
const { version, files } = JSON.parse(await readFile('package.json', 'utf8')) as Manifest;
const time = process.env['SOURCE_DATE_EPOCH'] ?? (await run('git', ['log', '-1', '--format=%ct'])).stdout.trim();
const work = await mkdtemp(join(tmpdir(), 'fetch-activity-logs-release-'));
try {
  await rm(RELEASE, { recursive: true, force: true });
  await mkdir(RELEASE, { recursive: true });
  for (const arch of new Set([BUILDER, ...ARCHITECTURES] as const)) await fetchNode(arch);
  const made = await Promise.all(ARCHITECTURES.map(build));
  const { stdout } = await run('sha256sum', made.flat(), { cwd: RELEASE });
  await writeFile(join(RELEASE, 'SHA256SUMS'), stdout);
  console.log(stdout.trimEnd());
} finally {
  await rm(work, { recursive: true });
}

function nodeOf(arch: Architecture): string {
  return join(work, arch, 'node_modules', `node-linux-${arch}`);
}

/** npm checks the integrity. */
async function fetchNode(arch: Architecture): Promise<void> {
  const folder = join(work, arch);
  await mkdir(folder);
  for (const name of ['package.json', 'package-lock.json', '.npmrc']) await cp(join(PINS, name), join(folder, name));
  await run('npm', ['ci', '--ignore-scripts', '--os=linux', `--cpu=${arch}`], { cwd: folder });
}

/** Resolves with the names of the files that it put into the release folder. */
async function build(arch: Architecture): Promise<string[]> {
  const name = `fetch-activity-logs-${version}-linux-${arch}`;
  const folder = join(work, name);
  await mkdir(folder);
  await makeExecutable(arch, join(folder, 'fetch-activity-logs'));
  for (const file of [...files.filter((name) => name !== 'dist'), 'README.md', 'LICENSE']) {
    await cp(file, join(folder, file), { recursive: true, verbatimSymlinks: true });
  }
  for (const name of ['LICENSES.txt', 'fetch-activity-logs.1']) await cp(join('dist', name), join(folder, name));
  await cp(join(nodeOf(arch), 'LICENSE'), join(folder, 'LICENSE-nodejs.txt'));
  await writeFile(join(RELEASE, `${name}.cdx.json`), await sbom(`node-linux-${arch}`, join(work, arch)));
  await pack(name);
  return [`${name}.tar.xz`, `${name}.cdx.json`];
}

async function makeExecutable(arch: Architecture, output: string): Promise<void> {
  const [config, blob] = [join(work, `${arch}.json`), join(work, `${arch}.blob`)];
  await writeFile(
    config,
    JSON.stringify({
      main: 'dist/fetch-activity-logs.js',
      output: blob,
      disableExperimentalSEAWarning: true,
      useCodeCache: arch === BUILDER,
    }),
  );
  // Without the first two the code cache differs from build to build; V8 leaves them out when it compares flags.
  const options = ['--predictable', '--random-seed=1', '--experimental-sea-config', config];
  await run(join(nodeOf(BUILDER), 'bin/node'), options);
  await cp(join(nodeOf(arch), 'bin/node'), output);
  const postject = join(work, BUILDER, 'node_modules/postject/dist/cli.js');
  await run(process.execPath, [postject, output, 'NODE_SEA_BLOB', blob, '--sentinel-fuse', FUSE]);
}

async function pack(name: string): Promise<void> {
  const tar = join(work, `${name}.tar`);
  const alike = ['--format=gnu', '--sort=name', `--mtime=@${time}`, '--owner=0', '--group=0', '--numeric-owner'];
  await run('tar', ['-C', work, '-cf', tar, ...alike, '--mode=u=rwX,go=rX', name]);
  await run('xz', ['--threads=1', named.length === 0 ? '-6' : '-0', tar]);
  await cp(`${tar}.xz`, join(RELEASE, `${name}.tar.xz`));
}
