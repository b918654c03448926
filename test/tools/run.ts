/**
 * Runs test files: `tsx test/tools/run.ts KIND...`, where a kind is `test` (the quick ones, `*.test.ts`), `chaos` (those
 * that take long, `*.chaos.ts`) or a file. With `--busy N`, N busy loops compete with the tests for the processors; with
 * `--slowest N`, the N files whose tests took longest are named. The built file is made first unless it is newer than
 * the sources, so that test files started side by side agree on it.
 *
 * Quick files share a few processes: to start one and load the same modules again costs more than most files take.
 */

import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { finished } from 'node:stream/promises';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { builtFile } from '../helpers/built-file.ts';
import { PATIENCE_MS, TEST_PATIENCE } from '../helpers/patience.ts';

const KINDS = ['test', 'chaos'];
/** Many tests wait rather than compute. */
const PROCESSES_AT_ONCE = availableParallelism() + 2;
/** More than run at once, so that one which takes longer is not waited for alone. */
const SHARED_PROCESSES = 3 * PROCESSES_AT_ONCE;
/** A process runs many tests, or installs a Debian. */
const PROCESS_PATIENCE = 15;

const { values, positionals } = parseArgs({
  options: { busy: { type: 'string', default: '0' }, slowest: { type: 'string', default: '0' } },
  allowPositionals: true,
});
const busyLoops = Number(values.busy);

interface TestFiles {
  /** Those that share processes. */
  shared: string[];
  alone: string[];
}

async function testFiles(): Promise<TestFiles> {
  const all = (await readdir('test', { recursive: true })).map((name) => join('test', name)).sort();
  const ofKind = (kind: string): string[] => all.filter((name) => name.endsWith(`.${kind}.ts`));
  const shared = positionals.includes('test') ? ofKind('test') : [];
  const alone = positionals.flatMap((kind) => (KINDS.includes(kind) ? (kind === 'chaos' ? ofKind(kind) : []) : [kind]));
  if (shared.length + alone.length === 0) throw new Error(`which tests? Name files, or ${KINDS.join(' or ')}`);
  return { shared, alone };
}

/** Files that import the given ones between them, the largest ones spread evenly. */
async function sharedProcesses(files: string[], folder: string): Promise<string[]> {
  const sized = await Promise.all(files.map(async (file) => ({ file, size: (await stat(file)).size })));
  sized.sort((a, b) => b.size - a.size);
  const imports = sized.map(({ file }) => `import '${pathToFileURL(file).href}';\n`);
  const processes = Array.from({ length: Math.min(SHARED_PROCESSES, files.length) }, (_, index) => ({
    path: join(folder, `${index}.mjs`),
    text: imports.filter((_import, nth) => nth % SHARED_PROCESSES === index).join(''),
  }));
  await Promise.all(processes.map(({ path, text }) => writeFile(path, text)));
  return processes.map(({ path }) => path);
}

interface Outcome {
  /** The reasons of the tests that were left out, and how often each was given. */
  leftOut: Map<string, number>;
  /** Milliseconds of each test file. */
  times: Map<string, number>;
}

async function runFiles(files: string[]): Promise<Outcome> {
  const leftOut = new Map<string, number>();
  const times = new Map<string, number>();
  const timeout = PROCESS_PATIENCE * PATIENCE_MS * (busyLoops + 1);
  const tests = run({ files, concurrency: PROCESSES_AT_ONCE, timeout });
  tests.on('test:fail', () => (process.exitCode = 1));
  tests.on('test:pass', ({ skip, nesting, file, details }) => {
    if (typeof skip === 'string') leftOut.set(skip, (leftOut.get(skip) ?? 0) + 1);
    if (nesting === 0 && file !== undefined) times.set(file, (times.get(file) ?? 0) + details.duration_ms);
  });
  const report = tests.compose<NodeJS.ReadWriteStream>(new spec());
  report.pipe(process.stdout);
  await finished(report);
  return { leftOut, times };
}

const { shared, alone } = await testFiles();
await builtFile();
process.env['TEST_PATIENCE'] = String(TEST_PATIENCE * (busyLoops + 1));
const loops = Array.from({ length: busyLoops }, () => new Worker('for (;;);', { eval: true }));
const folder = await mkdtemp(join(tmpdir(), 'fetch-activity-logs-run-'));
const { leftOut, times } = await runFiles([...(await sharedProcesses(shared, folder)), ...alone]);
await rm(folder, { recursive: true });
for (const [reason, count] of leftOut) {
  console.log(`left out: ${count} ${count === 1 ? 'test' : 'tests'}: ${reason}`);
}
const slowest = [...times].sort(([, a], [, b]) => b - a).slice(0, Number(values.slowest));
for (const [file, time] of slowest) console.log(`${(time / 1000).toFixed(1)} s: ${relative('', file)}`);
await Promise.all(loops.map((loop) => loop.terminate()));
