/** `npm run checks`: types, lint, format and shell scripts, side by side. What one says is shown when it has ended. */

import { spawn } from 'node:child_process';

const SCRIPTS = ['types', 'lint', 'format', 'shellcheck'];

async function check(script: string): Promise<boolean> {
  const npm = spawn('npm', ['run', '--silent', script], { stdio: ['ignore', 'pipe', 'pipe'] });
  const output: Buffer[] = [];
  for (const stream of [npm.stdout, npm.stderr]) stream.on('data', (piece: Buffer) => output.push(piece));
  const status = await new Promise((resolve) => npm.on('close', resolve));
  console.error(`npm run ${script}: ${status === 0 ? 'passed' : 'FAILED'}`);
  process.stderr.write(Buffer.concat(output));
  return status === 0;
}

const results = await Promise.all(SCRIPTS.map(check));
process.exitCode = results.every(Boolean) ? 0 : 1;
