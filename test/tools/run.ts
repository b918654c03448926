/**
 * Runs test files: `tsx test/tools/run.ts KIND...`, where a kind is `test` (the quick ones, `*.test.ts`), `chaos` (those
 * that take long, `*.chaos.ts`) or a file. With `--busy N`, N busy loops compete with the tests for the processors. The
 * built file is made first unless it is newer than the sources, so that test files started side by side agree on it.
 */

import { readdir } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { builtFile } from '../helpers/built-file.ts';
import { PATIENCE_MS, TEST_PATIENCE } from '../helpers/patience.ts';

const KINDS = ['test', 'chaos'];
/** Many tests wait rather than compute. */
const FILES_AT_ONCE = availableParallelism() + 2;
/** A file holds many tests. */
const FILE_PATIENCE = 10;

const { values, positionals } = parseArgs({
  options: { busy: { type: 'string', default: '0' } },
  allowPositionals: true,
});
const busyLoops = Number(values.busy);

async function testFiles(): Promise<string[]> {
  const all = (await readdir('test', { recursive: true })).map((name) => join('test', name)).sort();
  const files = positionals.flatMap((kind) =>
    KINDS.includes(kind) ? all.filter((name) => name.endsWith(`.${kind}.ts`)) : [kind],
  );
  if (files.length === 0) throw new Error(`which tests? Name files, or ${KINDS.join(' or ')}`);
  return files;
}

/** Runs them, each file in a process of its own. Resolves to the reasons of the tests that were left out. */
async function runFiles(files: string[]): Promise<Map<string, number>> {
  const leftOut = new Map<string, number>();
  const tests = run({ files, concurrency: FILES_AT_ONCE, timeout: FILE_PATIENCE * PATIENCE_MS * (busyLoops + 1) });
  tests.on('test:fail', () => (process.exitCode = 1));
  tests.on('test:pass', ({ skip }) => {
    if (typeof skip === 'string') leftOut.set(skip, (leftOut.get(skip) ?? 0) + 1);
  });
  const report = tests.compose<NodeJS.ReadWriteStream>(new spec());
  report.pipe(process.stdout);
  await finished(report);
  return leftOut;
}

const files = await testFiles();
await builtFile();
process.env['TEST_PATIENCE'] = String(TEST_PATIENCE * (busyLoops + 1));
const loops = Array.from({ length: busyLoops }, () => new Worker('for (;;);', { eval: true }));
for (const [reason, count] of await runFiles(files)) {
  console.log(`left out: ${count} ${count === 1 ? 'test' : 'tests'}: ${reason}`);
}
await Promise.all(loops.map((loop) => loop.terminate()));
