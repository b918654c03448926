/**
 * What the stand-in for Fluent Bit's package runs: `fluent-bit -c FILE [--dry-run]`. It reads the configuration as the
 * real one does, runs the exec inputs in the double of exec, and appends what that has stored to stored.jsonl in the
 * service's state folder, since it sends nothing anywhere.
 */
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { readFluentBitConfig } from '../helpers/fluent-bit-config.ts';
import { inExecOptions } from '../helpers/in-exec-options.ts';
import { InExec } from '../helpers/in-exec.ts';

/** The plugins of the package's own file are none of the double's business, and an unset variable is but warned of. */
const HARMLESS: readonly string[] = ['plugin-unknown', 'variable-unset'];
const HTTP_PORT = 2020;
const LOOK_MS = 200;

async function main([, file = '', dryRun]: readonly string[]): Promise<void> {
  const config = readFluentBitConfig(file, { env: process.env, cwd: '/' });
  const [problem] = config.faults.filter(({ code }) => !HARMLESS.includes(code));
  if (problem !== undefined) {
    process.stderr.write(`[error] ${problem.at.file}:${problem.at.line}: ${problem.message}\n`);
    process.exitCode = 1;
    return;
  }
  if (dryRun === '--dry-run') {
    process.stdout.write('configuration test is successful\n');
    return;
  }
  if (process.env['ACTIVITY_LOG_TAG'] === 'crashAtStart') throw new Error('as told');

  const fluentBit = await InExec.start({ ...inExecOptions(config), port: HTTP_PORT });
  const folder = process.env['STATE_DIRECTORY'] ?? '.';
  const shown = new Map<object, number>();
  const look = (): void => {
    for (const input of fluentBit.inputs) {
      const before = shown.get(input) ?? 0;
      const lines = input.stored.slice(before);
      shown.set(input, before + lines.length);
      if (lines.length > 0) appendFileSync(join(folder, 'stored.jsonl'), `${lines.join('\n')}\n`);
      for (const run of input.runs) {
        const said = run.stderr.slice(shown.get(run) ?? 0);
        shown.set(run, run.stderr.length);
        process.stderr.write(said);
      }
    }
  };
  const timer = setInterval(look, LOOK_MS);
  process.once('SIGTERM', () => {
    clearInterval(timer);
    void fluentBit.terminate().then(() => {
      look();
      process.exit();
    });
  });
}

await main(process.argv.slice(2));
