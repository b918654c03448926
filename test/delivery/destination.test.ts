import assert from 'node:assert/strict';
import { mkdir, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import {
  ageOf,
  describeChunks,
  describeOutput,
  isHeldUp,
  lookAtDestination,
  newLosses,
  rememberDestination,
  renderDestination,
  reportDestination,
} from '../../src/delivery/destination.ts';
import { FluentBit } from '../../src/delivery/fluent-bit-counter.ts';
import { readRejected, usualRejectedFolder } from '../../src/delivery/rejected-chunks.ts';
import type { DestinationSeen } from '../../src/state/destination-seen.ts';
import { serveMetrics, type OutputMetrics, type Picture } from '../helpers/fluent-bit-metrics.ts';
import { rejectedChunk } from '../helpers/rejected-chunk.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

const NOW = Date.parse('2026-11-26T08:00:00Z');
const STARTED_AT = NOW / 1000 - 3600;
const OVERLAP_MS = 300_000;
const never = new AbortController().signal;
const WELL: OutputMetrics = { proc_records: 10, errors: 0, retries: 0, dropped_records: 0 };

/** A Fluent Bit with one output, and a folder of chunks that it set aside. */
async function fluentBitWith(t: TestContext, output: OutputMetrics) {
  const life: { output: OutputMetrics; startedAt: number } = { output, startedAt: STARTED_AT };
  const picture = (): Picture => ({
    inputs: new Map([['activity_log', { records: 10, bytes: 100, paused: false }]]),
    outputs: new Map([['to_loki', life.output]]),
    uptimeSec: 3600,
    startedAt: life.startedAt,
  });
  const server = await serveMetrics({ picture, uptimeSec: () => 3600 }, 0);
  const fluentBit = new FluentBit(new URL(`http://127.0.0.1:${server.port}`), 'activity_log', () => NOW);
  t.after(async () => {
    await fluentBit.close();
    await server.close();
  });
  const folder = usualRejectedFolder(join(await temporaryFolder(t), 'state.json'));
  return {
    life,
    folder,
    reject: async (name: string, at: number, ...times: string[]) => {
      await mkdir(folder, { recursive: true });
      await writeFile(join(folder, name), rejectedChunk(...times));
      await utimes(join(folder, name), at / 1000, at / 1000);
    },
    /** What a run warns of, and what the next one knows. */
    run: async (before?: DestinationSeen, now = NOW) => {
      const destination = await lookAtDestination(fluentBit, folder, never);
      const losses = await newLosses(destination, before, OVERLAP_MS);
      return { losses, seen: rememberDestination(destination, before, now), destination };
    },
  };
}

describe('what became of the lines behind the input', () => {
  it('is not worth a word while all is delivered', async (t) => {
    const machine = await fluentBitWith(t, WELL);
    const first = await machine.run();
    assert.equal(first.losses, undefined);
    assert.deepEqual(first.seen, {
      looked_at: '2026-11-26T08:00:00.000Z',
      started_at: STARTED_AT,
      dropped: { to_loki: 0 },
      rejected_until: 0,
    });
    assert.equal((await machine.run(first.seen)).losses, undefined);
  });

  it('is a warning once: an output with a wrong key, and its rejected chunks, with the command that helps', async (t) => {
    const machine = await fluentBitWith(t, WELL);
    const { seen } = await machine.run();
    machine.life.output = { ...WELL, errors: 2, dropped_records: 24 };
    await machine.reject('t_0_to_loki_0x1.flb', NOW + 1000, '2026-11-26T07:51:10.5Z', '2026-11-26T07:55:00Z');
    await machine.reject('t_0_to_loki_0x2.flb', NOW + 2000, '2026-11-26T08:59:59.999+01:00');
    const { losses, seen: later } = await machine.run(seen);
    assert.equal(
      losses,
      `output to_loki dropped 24 records, Fluent Bit set aside 2 rejected chunks (8,192 bytes) in ${machine.folder} ` +
        'since the last run: find out why (journalctl -u fluent-bit), then send them again: ' +
        'fetch-activity-logs redeliver --from 2026-11-26T07:51:10Z --to 2026-11-26T08:00:00Z',
    );
    assert.equal((await machine.run(later)).losses, undefined);
  });

  it('names the time since the last look where no chunk was kept', async (t) => {
    const machine = await fluentBitWith(t, WELL);
    const { seen } = await machine.run();
    machine.life.output = { ...WELL, dropped_records: 1 };
    assert.equal(
      (await machine.run(seen)).losses,
      'output to_loki dropped 1 record since the last run: find out why (journalctl -u fluent-bit), then send them ' +
        'again: fetch-activity-logs redeliver --from 2026-11-26T07:55:00Z',
    );
  });

  it('names the chunk of an earlier run where its records are counted a run later', async (t) => {
    const machine = await fluentBitWith(t, WELL);
    await machine.reject('t_0_to_loki_0x1.flb', NOW - 1000, '2026-11-26T07:51:10Z');
    const { losses, seen } = await machine.run();
    machine.life.output = { ...WELL, dropped_records: 12 };
    const command = 'redeliver --from 2026-11-26T07:51:10Z --to 2026-11-26T07:51:11Z';
    assert.ok(losses?.endsWith(command), losses);
    const later = (await machine.run(seen)).losses;
    assert.ok(later?.startsWith('output to_loki dropped 12 records since') && later.endsWith(command), later);
  });

  it('counts from 0 after a restart of Fluent Bit, and at the first look', async (t) => {
    const machine = await fluentBitWith(t, { ...WELL, dropped_records: 5 });
    const { losses, seen } = await machine.run();
    assert.match(losses ?? '', /^output to_loki dropped 5 records: .* redeliver --from 2026-11-26T06:55:00Z$/);
    machine.life.startedAt += 600;
    machine.life.output = { ...WELL, dropped_records: 3 };
    assert.match((await machine.run(seen)).losses ?? '', /^output to_loki dropped 3 records since the last run/);
  });

  it('stays as it was known while Fluent Bit does not answer and the folder cannot be read', async (t) => {
    const folder = await temporaryFolder(t);
    await writeFile(join(folder, 'file'), '');
    const before = { looked_at: 'x', started_at: 1, dropped: { a: 1 }, rejected_until: 2 };
    const nothing = await lookAtDestination(undefined, join(folder, 'file'), never);
    assert.deepEqual(nothing, { counters: undefined, rejected: undefined });
    assert.equal(rememberDestination(nothing, before, NOW), before);
    assert.equal(await newLosses(nothing, before, OVERLAP_MS), undefined);
    const noCounters = await lookAtDestination(undefined, join(folder, 'none'), never);
    assert.deepEqual(rememberDestination(noCounters, before, NOW), {
      ...before,
      looked_at: new Date(NOW).toISOString(),
    });
    assert.deepEqual(rememberDestination(noCounters, undefined, NOW), {
      looked_at: '2026-11-26T08:00:00.000Z',
      started_at: 0,
      dropped: {},
      rejected_until: 0,
    });
  });

  it('is unknown while Fluent Bit does not answer, and that is no error', async (t) => {
    const { run } = await fluentBitWith(t, WELL);
    t.mock.method(FluentBit.prototype, 'outputs', () => Promise.reject(new Error('it does not answer')));
    assert.equal((await run()).destination.counters, undefined);
  });

  it('is looked for beside the state, where the shipped configuration has it', () => {
    assert.equal(usualRejectedFolder('/var/lib/fluent-bit/state.json'), '/var/lib/fluent-bit/storage/rejected');
  });

  it('is described in few words', async (t) => {
    const machine = await fluentBitWith(t, WELL);
    const counter = { name: 'x', delivered: 7, errors: 0, retries: 0, dropped: 0, waiting: 0 };
    assert.equal(describeOutput(counter), '7 delivered');
    assert.equal(
      describeOutput({ ...counter, dropped: 24, errors: 1, retries: 1 }),
      '7 delivered, 24 dropped, 1 error, 1 retry',
    );
    assert.equal(describeOutput({ ...counter, dropped: 1, waiting: 1 }), '7 delivered, 1 waiting, 1 dropped');
    assert.equal(describeOutput({ ...counter, errors: 2, retries: 3 }), '7 delivered, 2 errors, 3 retries');
    await machine.reject('a.flb', NOW - 3 * 86_400_000);
    const { rejected } = (await machine.run()).destination;
    assert.equal(describeChunks(rejected?.chunks ?? []), '1 rejected chunk (4,096 bytes)');
    assert.equal(ageOf(rejected?.chunks ?? [], NOW), 'the oldest 3 d ago');
    assert.equal(ageOf([], NOW), '');
  });
});

describe('status of the lines behind the input', () => {
  it('has a line for each output, and none about chunks where there are none', async (t) => {
    const { destination } = await (await fluentBitWith(t, { ...WELL, errors: 1 })).run();
    assert.deepEqual(await renderDestination(destination, NOW), [
      'OUTPUT to_loki: 10 delivered, 1 error since Fluent Bit started.',
    ]);
    const { outputs, ...chunks } = reportDestination(destination);
    assert.equal(outputs?.[0]?.delivered, 10);
    assert.deepEqual(chunks, { rejected_chunks: 0, rejected_bytes: 0, oldest_rejected: null });
  });

  it('names the chunks that were set aside, how old they are, where they are and what to do', async (t) => {
    const machine = await fluentBitWith(t, WELL);
    await machine.reject('a.flb', NOW - 3 * 86_400_000, '2026-11-23T07:51:10Z');
    await machine.reject('b.flb', NOW - 1000, '2026-11-26T07:51:10Z');
    const { destination } = await machine.run();
    assert.deepEqual((await renderDestination(destination, NOW)).slice(1), [
      `REJECTED: 2 rejected chunks (8,192 bytes), the oldest 3 d ago, in ${machine.folder}. ` +
        'Once the destination takes them, send their events again, then remove the chunks: ' +
        'fetch-activity-logs redeliver --from 2026-11-23T07:51:10Z --to 2026-11-26T07:51:11Z',
    ]);
    const { outputs: _, ...chunks } = reportDestination(destination);
    const oldest = '2026-11-23T08:00:00.000Z';
    assert.deepEqual(chunks, { rejected_chunks: 2, rejected_bytes: 8_192, oldest_rejected: oldest });
  });

  it('sends again from when the oldest chunk was set aside, where no time is found in any', async (t) => {
    const machine = await fluentBitWith(t, WELL);
    await machine.reject('a.flb', NOW - 60_000);
    await machine.reject('b.flb', NOW - 1000);
    const [, line] = await renderDestination((await machine.run()).destination, NOW);
    assert.ok(line?.endsWith(': fetch-activity-logs redeliver --from 2026-11-26T07:59:00Z'), line);
  });

  it('is null, and no line, where it is unknown', async () => {
    const unknown = { counters: undefined, rejected: undefined };
    assert.deepEqual(await renderDestination(unknown, NOW), []);
    const nothing = { outputs: null, rejected_chunks: null, rejected_bytes: null, oldest_rejected: null };
    assert.deepEqual(reportDestination(unknown), nothing);
  });

  it('holds records up only where some wait and an attempt has failed', () => {
    const counter = { name: 'x', delivered: 7, errors: 0, retries: 0, dropped: 0, waiting: 0 };
    assert.deepEqual(
      [
        { ...counter, retries: 1, waiting: 1 },
        { ...counter, retries: 1 },
        { ...counter, waiting: 1 },
      ].map(isHeldUp),
      [true, false, false],
    );
    assert.equal(describeOutput({ ...counter, waiting: 1_812 }), '7 delivered, 1,812 waiting');
  });
});

describe('rejected chunks', () => {
  it('that are removed meanwhile are passed over; a folder that cannot be read is unknown', async (t) => {
    const folder = await temporaryFolder(t);
    await writeFile(join(folder, 'a.flb'), 'x');
    await symlink('nowhere', join(folder, 'b.flb'));
    assert.equal((await readRejected(folder))?.chunks.length, 1);
    await symlink('loop.flb', join(folder, 'loop.flb'));
    assert.equal(await readRejected(folder), undefined);
  });

  it('are what ends in .flb, the oldest first', async (t) => {
    const folder = await temporaryFolder(t);
    for (const [index, name] of ['b.flb', 'a.flb', 'c.flb.tmp'].entries()) {
      await writeFile(join(folder, name), 'x');
      await utimes(join(folder, name), 100 - index, 100 - index);
    }
    const found = await readRejected(folder);
    assert.deepEqual(found?.chunks.map(({ file }) => file), [join(folder, 'a.flb'), join(folder, 'b.flb')]); // prettier-ignore
    assert.equal(found.bytes, 2);
  });

  it('may have a time that does not exist, which says nothing', async (t) => {
    const machine = await fluentBitWith(t, WELL);
    await machine.reject('a.flb', NOW, '2026-11-26T25:00:00Z', '2026-11-26T05:00:00Z');
    assert.match((await machine.run()).losses ?? '', / --from 2026-11-26T05:00:00Z --to 2026-11-26T05:00:01Z$/);
  });

  it('of very many, the oldest and the newest say when their events happened', async (t) => {
    const machine = await fluentBitWith(t, WELL);
    for (let index = 0; index < 70; index++) {
      const minute = String(index % 60).padStart(2, '0');
      const hour = index === 34 ? '01' : index < 60 ? '05' : '06';
      await machine.reject(`${String(index)}.flb`, NOW + index, `2026-11-26T${hour}:${minute}:00Z`);
    }
    const { losses } = await machine.run();
    assert.match(losses ?? '', /70 rejected chunks .* --from 2026-11-26T05:00:00Z --to 2026-11-26T06:09:01Z$/);
  });
});
