/** The built file, no older than its sources, for tests that start it. */

import { execFile } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const DIST = join(ROOT, 'dist');
const SCRIPT = 'fetch-activity-logs.js';
const INPUTS = ['src', 'esbuild.config.js', 'package.json'].map((name) => join(ROOT, name));

let built: Promise<string> | undefined;

/** Its path. Several test files may ask at once, and run it: one that is missing or old is replaced file by file. */
export async function builtFile(): Promise<string> {
  return (built ??= build());
}

async function build(): Promise<string> {
  const file = join(DIST, SCRIPT);
  if ((await lastChange([file])) > (await lastChange(INPUTS))) return file;

  const folder = await mkdtemp(join(tmpdir(), 'fetch-activity-logs-build-'));
  try {
    await promisify(execFile)(process.execPath, ['esbuild.config.js', folder], { cwd: ROOT });
    await mkdir(DIST, { recursive: true });
    for (const name of await readdir(folder)) {
      const beside = join(DIST, `${name}.${process.pid}`);
      await copyFile(join(folder, name), beside);
      await rename(beside, join(DIST, name));
    }
    return file;
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Epoch milliseconds, of folders with all that is in them; 0 when there is no such file. */
async function lastChange(paths: readonly string[]): Promise<number> {
  let latest = 0;
  for (const path of paths) {
    const stats = await stat(path).catch(() => undefined);
    const inside = stats?.isDirectory() === true ? (await readdir(path)).map((name) => join(path, name)) : [];
    latest = Math.max(latest, stats?.mtimeMs ?? 0, await lastChange(inside));
  }
  return latest;
}
