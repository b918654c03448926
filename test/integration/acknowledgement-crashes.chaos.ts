/**
 * Fluent Bit and the script are killed at random moments, and all the same every event reaches Fluent Bit's storage,
 * and what the state file says was delivered is there already. `SEED=2 ROUNDS=50` tries others, and more.
 */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { watch } from 'node:fs';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { CONTRACT, ExecCollection, linesOf, seenIn, SOURCE } from '../helpers/exec-collection.ts';
import type { Run } from '../helpers/in-exec.ts';
import { runCommand } from '../helpers/run-command.ts';
import { createRandom, type Random } from '../sandbox/random.ts';

/** So many worlds at once, and so many blows in each. */
const WORLDS = 7;
const REDELIVERING = 3;
const ROUNDS = Number(process.env['ROUNDS'] ?? 6);
const SEED = Number(process.env['SEED'] ?? 1);
const LATE_MS = 2_000;
/** Runs without a blow after which all must be delivered. */
const QUIET_RUNS = 10;

interface World {
  readonly collection: ExecCollection;
  readonly random: Random;
  /** The next lines that would be stored vanish. */
  readonly drop: (lines: number) => void;
}

interface Round extends World {
  /** Undefined until the script has started. */
  readonly run: () => Run | undefined;
  /** Aborted when the blow has fallen. */
  readonly signal: AbortSignal;
}

/** What the blow waits for; the end of the run will do, too. */
const MOMENTS: Readonly<Record<string, (round: Round) => Promise<unknown>>> = {
  'at a request to the API': async ({ collection, random, signal }) => {
    for (let left = random.int(8); left >= 0 && !signal.aborted; left--) await collection.sandbox.nextRequest();
  },
  'when lines were read': async ({ collection, random, run }) => {
    const lines = random.int(200);
    await collection.fluentBit.until(() => hasEnded(run()) || (run()?.lines ?? 0) > lines);
  },
  'when lines were stored': async ({ collection, random, run }) => {
    const lines = random.int(200);
    await collection.fluentBit.until(() => hasEnded(run()) || (run()?.accepted ?? 0) > lines);
  },
  "at a change in the state's folder": async ({ collection, random, signal }) => {
    const watcher = watch(collection.folder, { signal });
    for (let left = random.int(40); left >= 0; left--) await once(watcher, 'change', { signal });
  },
  'after a while': ({ random, signal }) => sleep(random.int(4_000), undefined, { signal }),
};

/** Who is killed, and what becomes of the other; or what is lost without a word. */
const BLOWS: Readonly<Record<string, (round: Round) => Promise<void>>> = {
  'kill -9 of the script': ({ collection }) => signalScript(collection, 'SIGKILL'),
  'SIGTERM to the script': ({ collection }) => signalScript(collection, 'SIGTERM'),
  'kill -9 of Fluent Bit': async ({ collection: { fluentBit } }) => {
    await fluentBit.kill({ child: 'left' });
    await fluentBit.revive();
  },
  'kill -9 of Fluent Bit, SIGTERM to the script': async ({ collection: { fluentBit } }) => {
    await fluentBit.kill({ child: 'SIGTERM' });
    await fluentBit.revive();
  },
  'kill -9 of both': async ({ collection: { fluentBit } }) => {
    await fluentBit.kill({ child: 'SIGKILL' });
    await fluentBit.revive();
  },
  'kill -9 of the script, then of Fluent Bit': async ({ collection, random }) => {
    await signalScript(collection, 'SIGKILL');
    await sleep(random.int(50));
    await collection.fluentBit.kill();
    await collection.fluentBit.revive();
  },
  'lines lost without a word': async ({ drop, random }) => {
    drop(1 + random.int(60));
    await Promise.resolve();
  },
  'SIGTERM to both': async ({ collection: { fluentBit } }) => {
    await fluentBit.terminate();
    await fluentBit.revive();
  },
};

async function signalScript({ fluentBit }: ExecCollection, signal: NodeJS.Signals): Promise<void> {
  fluentBit.input().signal(signal);
  await Promise.resolve();
}

function hasEnded(run: Run | undefined): boolean {
  return run !== undefined && (run.exitCode !== null || run.signal !== null);
}

/** Names of the blows in random order, each as often as the others. */
function* blows(random: Random): Generator<string> {
  for (let left: string[] = []; ;) {
    if (left.length === 0) left = Object.keys(BLOWS);
    yield* left.splice(random.int(left.length), 1);
  }
}

/** What is in storage, or was set aside after three refusals. */
async function takenBy({ fluentBit, file }: ExecCollection): Promise<Set<string>> {
  return new Set([...fluentBit.stored, ...(await linesOf(file('rejected.jsonl')))]);
}

/** What the state file says was delivered was taken. Storage is looked at later, and it never shrinks. */
async function assertTaken(collection: ExecCollection, when: string): Promise<void> {
  const source = (await collection.state())?.sources[SOURCE];
  if (source === undefined) return;
  const lines = await takenBy(collection);
  const cursor = Date.parse(source.cursor);
  const isSeen = seenIn(collection.file('state.json'));
  for (const event of collection.sandbox.events(CONTRACT)) {
    const isPassed = event.time < cursor && event.visibleFrom === event.time;
    if (isPassed || isSeen(event)) assert.ok(lines.has(event.text), `${when}: ${event.id} is lost`);
  }
}

/** One run, in which somebody is killed. The script may go on after that, without a reader. */
async function strike(t: TestContext, { collection, random, drop }: World, blow: string): Promise<void> {
  const { fluentBit } = collection;
  const moment = Object.keys(MOMENTS)[random.int(Object.keys(MOMENTS).length)] ?? '';
  const fallen = new AbortController();
  const number = fluentBit.runs.length;
  const round = { collection, random, drop, run: () => fluentBit.runs[number], signal: fallen.signal };

  await collection.aged();
  const run = fluentBit.runOnce();
  await Promise.race([MOMENTS[moment]?.(round).catch(() => undefined), run]);
  await BLOWS[blow]?.(round);
  fallen.abort();
  const isLeft = blow === 'kill -9 of Fluent Bit' && random.int(2) === 0;
  if (!isLeft) await run;
  t.diagnostic(`${blow} ${moment}`);
  await assertTaken(collection, `${blow} ${moment}`);
}

/** Undisturbed runs, an interval apart, until one of them begins with all events in sight and leaves nothing over. */
async function runToTheEnd(collection: ExecCollection): Promise<void> {
  const { fluentBit, sandbox } = collection;
  const last = Math.max(...sandbox.events(CONTRACT).map(({ visibleFrom }) => visibleFrom));
  for (let runs = 0; runs < QUIET_RUNS; runs++) {
    await collection.aged();
    await collection.counted();
    const begun = Date.now();
    const { exitCode } = await fluentBit.runOnce();
    const state = await collection.state();
    if (exitCode === 0 && begun > last + 1_000 && state?.pending === null && state.redeliver.length === 0) return;
  }
  assert.fail(
    fluentBit.runs
      .slice(-QUIET_RUNS)
      .map(({ stderr, exitCode }) => `${stderr}exit code ${exitCode ?? '-'}\n`)
      .join(''),
  );
}

describe('kill -9 at random moments', { concurrency: WORLDS }, () => {
  for (let world = 0; world < WORLDS; world++) {
    const seed = SEED * 1000 + world;
    it(`nothing is lost, and nothing is passed that was not taken (seed ${seed})`, async (t) => {
      const there = await openWorld(t, seed);
      there.collection.happen(200);
      await strikeOften(t, there);
      await assertNothingLost(t, there);
    });

    if (world >= REDELIVERING) continue;
    it(`and nothing of a range that is redelivered meanwhile (seed ${seed})`, async (t) => {
      const there = await openWorld(t, seed);
      const { collection } = there;
      collection.happen(200);
      await runToTheEnd(collection);
      const past = [...collection.texts];
      const before = collection.fluentBit.stored.length;
      const queue = ['redeliver', '--state-file', collection.file('state.json'), '--from', '10m'];
      assert.equal((await runCommand(queue)).exitCode, 0);
      await strikeOften(t, there);
      await assertNothingLost(t, there);
      const again = new Set([
        ...collection.fluentBit.stored.slice(before),
        ...(await linesOf(collection.file('rejected.jsonl'))),
      ]);
      assert.deepEqual(
        past.filter((text) => !again.has(text)),
        [],
      );
    });
  }
});

async function openWorld(t: TestContext, seed: number): Promise<World> {
  const random = createRandom(seed);
  let lines = 0;
  const collection = await ExecCollection.start(t, {
    sandbox: {
      seed,
      arrivalsPerSecond: 60,
      lateShare: 0.05,
      lateMaxMs: LATE_MS,
      latencyMs: 1 + random.int(30),
      order: 'shuffled',
    },
    options: ['--page-size', '100', '--overlap', '1m'],
    engine: { refreshMs: random.pick([20, 50, 100]), ringMs: random.pick([10, 50, 200]) },
    input: { drop: () => lines-- > 0 },
  });
  return { collection, random, drop: (count) => void (lines = count) };
}

async function strikeOften(t: TestContext, there: World): Promise<void> {
  const next = blows(there.random);
  for (let round = 1; round <= ROUNDS; round++) await strike(t, there, next.next().value as string);
}

async function assertNothingLost(t: TestContext, { collection, drop }: World): Promise<void> {
  drop(0);
  collection.sandbox.options.arrivalsPerSecond = 0;
  await runToTheEnd(collection);
  const taken = await takenBy(collection);
  const lost = collection.texts.filter((text) => !taken.delete(text));
  assert.deepEqual([lost.length, taken.size], [0, 0]);
  assert.deepEqual((await collection.source()).strikes, {});
  const { stored, runs } = collection.fluentBit;
  t.diagnostic(`${stored.length} lines for ${collection.texts.length} events, ${runs.length} runs`);
}
