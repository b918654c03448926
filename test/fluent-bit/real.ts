/** `npm run test:fluent-bit`: with the Fluent Bit that FLUENT_BIT names, or the one on PATH; skipped when there is none. */

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { watch } from 'node:fs';
import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, it, type TestContext } from 'node:test';
import { ExitCode } from '../../src/lib/errors.ts';
import { builtFile } from '../helpers/built-file.ts';
import { PATIENCE_MS } from '../helpers/patience.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { createRandom } from '../sandbox/random.ts';
import { type Sandbox, type SandboxSettings, startSandbox } from '../sandbox/server.ts';
import { linesOf, type SavedState } from '../helpers/exec-collection.ts';
import {
  type Edits,
  findFluentBit,
  FORMATS,
  type Format,
  RealFluentBit,
  SHIPPED,
  Sink,
  VARIABLES,
} from './real-fluent-bit.ts';

const CONTRACT = '31721060';
const SOURCE = `ionos/${CONTRACT}`;
/** Both sides of Fluent Bit's own buffer and of a pipe. */
const SIZES = [100, 1_000, 4_094, 4_095, 4_096, 4_097, 10_000, 65_535, 65_536, 65_537, 100_000, 500_000, 900_000];
const KILLS = 8;

const binary = findFluentBit() ?? '';
const hasKafka = binary !== '' && spawnSync(binary, ['--help'], { encoding: 'utf8' }).stdout.includes('kafka');
const skip = binary === '' ? 'there is none: neither FLUENT_BIT nor PATH has one' : false;

interface World {
  readonly sandbox: Sandbox;
  readonly sink: Sink;
  readonly fluentBit: RealFluentBit;
}

async function world(
  t: TestContext,
  format: Format,
  settings: SandboxSettings = {},
  edits: Edits = [],
): Promise<World> {
  const sandbox = await startSandbox(settings);
  t.after(() => sandbox.close());
  sandbox.addContract(CONTRACT);
  const sink = await Sink.start(t);
  const fluentBit = await RealFluentBit.start(t, binary, format, sink, sandbox.url, edits);
  return { sandbox, sink, fluentBit };
}

function generate(sandbox: Sandbox, count: number): void {
  const to = Math.floor(Date.now() / 1000) * 1000;
  sandbox.generate(CONTRACT, { count, from: to - 60_000, to });
}

function ids(sandbox: Sandbox): string[] {
  return sandbox.events(CONTRACT).map(({ id }) => id);
}

async function state({ folder }: RealFluentBit): Promise<SavedState | undefined> {
  const text = await readFile(join(folder, 'state.json'), 'utf8').catch(() => undefined);
  return text === undefined ? undefined : (JSON.parse(text) as SavedState);
}

/** Waits until the state says so; it is asked again whenever it was written. What was said tells why it never does. */
async function untilSaved(fluentBit: RealFluentBit, holds: (state: SavedState) => boolean): Promise<void> {
  const watcher = watch(fluentBit.folder);
  const patience = AbortSignal.timeout(PATIENCE_MS);
  let saved: SavedState | undefined;
  try {
    for (;;) {
      const change = once(watcher, 'change', { signal: patience });
      change.catch(() => undefined); // before it is awaited
      saved = await state(fluentBit);
      if (saved !== undefined && holds(saved)) return;
      await change;
    }
  } catch (error) {
    if (!patience.aborted) throw error;
    throw new Error(`the state is ${JSON.stringify(saved)}\n${fluentBit.said.slice(-5000)}`, { cause: error });
  } finally {
    watcher.close();
  }
}

/** Queues a range, when no poll is running. */
async function redeliver({ folder }: RealFluentBit, ...range: readonly string[]): Promise<void> {
  const args = [await builtFile(), 'redeliver', '--state-file', join(folder, 'state.json'), ...range];
  for (let code: number | null = ExitCode.Locked; code === ExitCode.Locked;) {
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    const said = await text(child.stderr);
    [code] = child.exitCode === null ? ((await once(child, 'exit')) as [number | null]) : [child.exitCode];
    assert.ok(code === ExitCode.Done || code === ExitCode.Locked, said);
  }
}

const delivered = (count: number) => (saved: SavedState) =>
  saved.pending === null && saved.sources[SOURCE]?.delivered === count;

/** Every event is at the sink, each once. */
function assertOnce(sink: Sink, sandbox: Sandbox): void {
  assert.deepEqual(sink.counts, new Map(ids(sandbox).map((id) => [id, 1])));
}

/** No more events happen; all that did are delivered, and at the sink once or more. */
async function assertAllArrive({ sandbox, sink, fluentBit }: World): Promise<void> {
  sandbox.options.arrivalsPerSecond = 0;
  const expected = ids(sandbox);
  await untilSaved(fluentBit, delivered(expected.length));
  await sink.until(() => expected.every((id) => sink.counts.has(id)));
  assert.equal(sink.counts.size, expected.length);
}

describe(`a real Fluent Bit ${binary}`.trim(), { skip, concurrency: 8 }, () => {
  for (const format of FORMATS) {
    it(`--dry-run accepts ${format}`, () => {
      const { status, stderr } = spawnSync(binary, ['-c', join(SHIPPED, format), '--dry-run'], {
        encoding: 'utf8',
        env: { ...process.env, ...VARIABLES },
      });
      assert.equal(status, 0, stderr);
      assert.match(stderr, /configuration test is successful/);
    });

    it(`events of 100 bytes to 900 KB reach the sink, each once (${format})`, async (t) => {
      const { sandbox, sink, fluentBit } = await world(t, format);
      const time = Date.now() - 30_000;
      const empty = { meta: { time: new Date(time).toISOString() }, event: '' };
      for (const size of SIZES) {
        const event = { '@uuid': `size-${size}`, ...empty };
        event.event = 'x'.repeat(size - JSON.stringify(event).length);
        sandbox.addEvents(CONTRACT, [{ raw: JSON.stringify(event), time }]);
      }
      generate(sandbox, 2_000);
      const expected = SIZES.length + 2_000;
      await untilSaved(fluentBit, delivered(expected));
      await sink.until(() => sink.counts.size === expected);
      generate(sandbox, 100);
      await untilSaved(fluentBit, delivered(expected + 100));
      await sink.until(() => sink.counts.size === expected + 100);
      assertOnce(sink, sandbox);
      assert.deepEqual([...sink.keys], ['a-key']);
      assert.doesNotMatch(fluentBit.said, /warning|\[ warn\]|\[error\]/);
    });
  }

  for (const output of ['loki', 'forward', 'ionos-tcp', 'metrics-ionos', 'kafka', 'stdout']) {
    const missing = output === 'kafka' && !hasKafka ? 'this Fluent Bit was built without it' : false;
    it(`--dry-run accepts outputs/${output}.conf, and cloudscale.conf with it`, { skip: missing }, async (t) => {
      const etc = await temporaryFolder(t);
      await cp(SHIPPED, etc, { recursive: true, verbatimSymlinks: true });
      const pipeline = join(etc, 'activity-log.conf');
      const text = (await readFile(pipeline, 'utf8'))
        .replace('@INCLUDE outputs/ionos.conf', `@INCLUDE outputs/${output}.conf`)
        .replace('#@INCLUDE cloudscale.conf', '@INCLUDE cloudscale.conf');
      await writeFile(pipeline, text);
      const { status, stderr } = spawnSync(binary, ['-c', join(etc, 'fluent-bit.conf'), '--dry-run'], {
        encoding: 'utf8',
        env: { ...process.env, ...VARIABLES },
      });
      assert.equal(status, 0, stderr);
    });
  }

  it('what comes while the sink is down reaches it later, each event once', async (t) => {
    const { sandbox, sink, fluentBit } = await world(t, 'fluent-bit.conf');
    generate(sandbox, 300);
    await sink.until(() => sink.counts.size === 300);
    sink.status = 503;
    generate(sandbox, 300);
    await untilSaved(fluentBit, delivered(600));
    await sink.until(() => sink.refused > 1);
    await sink.shut();
    generate(sandbox, 300);
    await untilSaved(fluentBit, delivered(900));
    assert.equal(sink.counts.size, 300);
    sink.status = 200;
    await sink.open();
    await sink.until(() => sink.counts.size === 900);
    assertOnce(sink, sandbox);
  });

  it('an input that is not threaded is acknowledged by the next run, each event once', async (t) => {
    const { sandbox, sink, fluentBit } = await world(t, 'fluent-bit.yaml', {}, [[/threaded: on/, 'threaded: off']]);
    for (const count of [1_000, 1_500]) {
      generate(sandbox, 500);
      await untilSaved(fluentBit, ({ pending }) => pending?.lines === 500);
      generate(sandbox, 500);
      await untilSaved(fluentBit, delivered(count));
    }
    await sink.until(() => sink.counts.size === ids(sandbox).length);
    assertOnce(sink, sandbox);
  });

  it('what it cannot take does not keep the rest back', async (t) => {
    const { sandbox, sink, fluentBit } = await world(t, 'fluent-bit.conf');
    const time = Date.now() - 30_000;
    const event = (uuid: string, param: string): string =>
      `{"@uuid":"${uuid}","meta":{"time":"${new Date(time).toISOString()}"},"event":{"type":"Test","param":${param}}}`;
    const nested = (depth: number): string => '['.repeat(depth - 2) + ']'.repeat(depth - 2);
    const events = [
      event('first', '1'),
      event('infinite', '1e400'),
      event('deep', nested(63)),
      event('too-deep', nested(64)),
      event('too-long', `"${'x'.repeat(1_000_000)}"`),
      event('last', '{"n":[18446744073709551615,-9223372036854775808]}'),
    ];
    sandbox.addEvents(
      CONTRACT,
      events.map((raw) => ({ raw, time })),
    );
    await untilSaved(fluentBit, delivered(events.length - 1));
    await sink.until(() => sink.counts.size === events.length - 1);
    assert.deepEqual([...sink.counts.keys()].sort(), ['deep', 'first', 'last', 'too-deep', 'too-long']);
    assert.deepEqual(await linesOf(join(fluentBit.folder, 'rejected.jsonl')), [events[1]]);
    const oversize = new Set(await linesOf(join(fluentBit.folder, 'oversize.jsonl')));
    assert.deepEqual(oversize, new Set(events.slice(3, 5)));
  });

  it('kill -9 of it and of the script at random moments loses nothing', async (t) => {
    const random = createRandom(1);
    const there = await world(t, 'fluent-bit.conf', { arrivalsPerSecond: 100, latencyMs: 10 });
    const { sandbox, sink, fluentBit } = there;
    generate(sandbox, 3_000);
    for (let left = KILLS; left > 0; left--) {
      for (let requests = random.int(6); requests >= 0; requests--) await sandbox.nextRequest();
      const victim = random.pick(['the script', 'Fluent Bit', 'both']);
      t.diagnostic(`kill -9 of ${victim}`);
      if (victim !== 'Fluent Bit') await fluentBit.killScript();
      if (victim !== 'the script') {
        await fluentBit.kill('SIGKILL');
        fluentBit.run();
      }
    }
    await assertAllArrive(there);
    const posted = [...sink.counts.values()].reduce((sum, count) => sum + count, 0);
    t.diagnostic(`${posted} records at the sink for ${ids(sandbox).length} events`);
  });

  it('redeliver reaches the sink as well, though kill -9 hits it and the script at random moments', async (t) => {
    const random = createRandom(2);
    const there = await world(t, 'fluent-bit.conf', { arrivalsPerSecond: 100, latencyMs: 10 });
    const { sandbox, sink, fluentBit } = there;
    generate(sandbox, 3_000);
    await untilSaved(
      fluentBit,
      ({ pending, sources }) => pending === null && (sources[SOURCE]?.delivered ?? 0) >= 3_000,
    );
    const past = ids(sandbox);
    await sink.until(() => past.every((id) => sink.counts.has(id)));
    const before = new Map(sink.counts);
    await redeliver(fluentBit, '--from', '10m');
    for (let left = KILLS; left > 0; left--) {
      for (let requests = random.int(6); requests >= 0; requests--) await sandbox.nextRequest();
      const victim = random.pick(['the script', 'Fluent Bit', 'both']);
      t.diagnostic(`kill -9 of ${victim}`);
      if (victim !== 'Fluent Bit') await fluentBit.killScript();
      if (victim !== 'the script') {
        await fluentBit.kill('SIGKILL');
        fluentBit.run();
      }
    }
    sandbox.options.arrivalsPerSecond = 0;
    await untilSaved(fluentBit, ({ pending, redeliver }) => pending === null && redeliver.length === 0);
    await assertAllArrive(there);
    const isAgain = (id: string) => (sink.counts.get(id) ?? 0) > (before.get(id) ?? 0);
    await sink.until(() => past.every(isAgain));
    const posted = [...sink.counts.values()].reduce((sum, count) => sum + count, 0);
    t.diagnostic(`${posted} records at the sink for ${ids(sandbox).length} events, ${past.length} of them redelivered`);
  });

  it('restarts by SIGTERM lose nothing', async (t) => {
    const there = await world(t, 'fluent-bit.yaml', { arrivalsPerSecond: 100, latencyMs: 10 });
    const { sandbox, fluentBit } = there;
    for (let left = 3; left > 0; left--) {
      await sandbox.nextRequest(({ kind }) => kind === 'page');
      await fluentBit.kill('SIGTERM');
      fluentBit.run();
    }
    await assertAllArrive(there);
  });
});
