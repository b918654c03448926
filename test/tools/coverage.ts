/**
 * `npm run coverage`: the quick tests, and which lines and branches of `src/` they reach. Many of them start the built file,
 * in which c8 cannot tell the lines of the source (with a source map it reports lines that never ran). So a stand-in
 * takes the built file's place for this run, which has Node run the source itself.
 */

import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';

const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
const TSX = import.meta.resolve('tsx/esm/api');
const FIGURES = 'coverage/tmp';
const MAIN = new URL('../../src/main.ts', import.meta.url).href;

/** tsx keeps its cache in TMPDIR, where some tests look for what the program left behind. */
const STAND_IN = `#!/usr/bin/env node
globalThis.__VERSION__ = ${JSON.stringify(version)};
const { TMPDIR } = process.env;
process.env.TMPDIR = ${JSON.stringify(tmpdir())};
import(${JSON.stringify(TSX)}).then(({ register }) => {
  register();
  if (TMPDIR === undefined) delete process.env.TMPDIR;
  else process.env.TMPDIR = TMPDIR;
  return import(${JSON.stringify(MAIN)});
});
`;

function run(...command: [string, ...string[]]): number {
  const [program, ...options] = command;
  return spawnSync(program, options, { stdio: 'inherit' }).status ?? 1;
}

let status = run('npm', 'run', 'build');
if (status === 0) {
  writeFileSync('dist/fetch-activity-logs.js', STAND_IN);
  // Some tests run a process as a user without rights, who is to leave his figures here, too.
  rmSync(FIGURES, { recursive: true, force: true });
  mkdirSync(FIGURES, { recursive: true });
  chmodSync(FIGURES, 0o1777);
  status = run('npx', 'c8', '--clean=false', '--temp-directory', FIGURES, 'tsx', 'test/tools/run.ts', 'test');
  run('npm', 'run', 'build');
}
process.exitCode = status;
