/**
 * `tsx test/tools/checks.ts SCRIPT... [-- SCRIPT]` runs npm scripts side by side. The one behind the two dashes is seen
 * at work; what the others say is shown when all have ended, and `npm test` needs no longer than its slowest part.
 */

import { spawn } from 'node:child_process';

async function check(script: string, isSeen: boolean): Promise<() => boolean> {
  const npm = spawn('npm', ['run', '--silent', script], { stdio: ['ignore', isSeen ? 'inherit' : 'pipe', 'pipe'] });
  const output: Buffer[] = [];
  for (const stream of [npm.stdout, npm.stderr]) stream?.on('data', (piece: Buffer) => output.push(piece));
  const status = await new Promise((resolve) => npm.on('close', resolve));
  return () => {
    console.error(`npm run ${script}: ${status === 0 ? 'passed' : 'FAILED'}`);
    process.stderr.write(Buffer.concat(output));
    return status === 0;
  };
}

const scripts = process.argv.slice(2);
const dashes = scripts.indexOf('--');
const reports = await Promise.all(
  scripts.flatMap((script, index) => (index === dashes ? [] : [check(script, dashes >= 0 && index > dashes)])),
);
const results = reports.map((report) => report());
process.exitCode = results.every(Boolean) ? 0 : 1;
