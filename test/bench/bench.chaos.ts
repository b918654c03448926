import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, it, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url));
/** Asks for nothing, and prints two lines that are no events. */
const PEER = 'stranger=test -n "$IONOS_API_URL$BENCH_FROM" && grep -c last_run "$ACTIVITY_LOG_STATE_FILE"; echo 2';

async function runBench(t: TestContext, ...options: string[]) {
  const bench = spawn(process.execPath, ['--import', 'tsx', MAIN, '--short', ...options], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  t.after(() => bench.kill('SIGKILL'));
  const exit = once(bench, 'exit') as Promise<[number | null, string | null]>;
  const [out, err] = await Promise.all(
    [bench.stdout, bench.stderr].map(async (stream) => Buffer.concat((await stream.toArray()) as Buffer[]).toString()),
  );
  return { exit: await exit, out: out ?? '', err: err ?? '' };
}

describe('npm run bench', () => {
  it('compares the script with the floor and with peers, over the same events', async (t) => {
    const { exit, out, err } = await runBench(t, '--scenario', 'throughput', '--scenario', 'requests', '--peer', PEER);
    assert.deepEqual(exit, [0, null], err);
    assert.match(out, /^Throughput: 4,000 events of 4 contracts, 386 bytes each, in pages of 1,000 \(one round\):$/m);
    const figures = '+[\\d.]+ m?s \\| +[\\d.]+ m?s \\| +(\\d+ MB|\\?) \\|';
    assert.match(out, new RegExp(`^\\| ours +\\| +4,000 \\| ${figures} +5 \\|`, 'm'));
    assert.match(out, new RegExp(`^\\| floor +\\| +4,000 \\| ${figures} +5 \\|`, 'm'));
    assert.match(out, new RegExp(`^\\| stranger +\\| 2 of 4,000 \\| ${figures} +0 \\| +[\\d.]+ \\| +[\\d.]+ \\|`, 'm'));
    assert.match(
      out,
      /^\| ours +\| +3,499 \|.*\| +8 \|/m,
      'one request for the list, for an idle contract, for a page',
    );
  });

  it('lets events be of different shapes', async (t) => {
    const { exit, out, err } = await runBench(t, '--scenario', 'shapes');
    assert.deepEqual(exit, [0, null], err);
    assert.match(out, /^Shapes: 1,000 events of 4 contracts, of different keys and lengths \(one round\):$/m);
    assert.match(out, /^\| ours +\| +1,000 \|.*\| +5 \|/m);
  });

  it('lets all events happen inside the overlap', async (t) => {
    const { exit, out, err } = await runBench(t, '--scenario', 'overlap');
    assert.deepEqual(exit, [0, null], err);
    assert.match(out, /^Overlap: 4,000 events of 4 contracts, all of the last 4 minutes \(one round\):$/m);
    assert.match(out, /^\| ours +\| +10,000 \|/m);
  });

  it('tells what the state costs', async (t) => {
    const { exit, out, err } = await runBench(t, '--scenario', 'state');
    assert.deepEqual(exit, [0, null], err);
    assert.match(out, /^\| saving, of the wall time of 4,000 events +\| +\d+\.\d % \|$/m);
    assert.match(out, /^\| taking over a state of 0.1.0 with 1,000 identities, once +\| +[\d.]+ m?s \|$/m);
    assert.match(out, /^\| loading 100 sources with 90 days of journal.* \| +[\d.]+ m?s \|$/m);
  });

  it('says so when a contestant fails', async (t) => {
    const { exit, err } = await runBench(t, '--scenario', 'cold', '--peer', 'broken=echo what went wrong >&2; exit 7');
    assert.deepEqual(exit, [1, null]);
    assert.match(err, /exit 7\nended with 7: what went wrong/);
  });

  for (const options of [['--scenario', 'speed'], ['--peer', 'curl'], ['--rounds', 'many'], ['--unknown']]) {
    it(`refuses ${options.join(' ')}`, async (t) => {
      const { exit, out } = await runBench(t, ...options);
      assert.deepEqual([exit, out], [[1, null], '']);
    });
  }
});
