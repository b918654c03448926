import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import path from 'node:path';
import { describe, it } from 'node:test';
import {
  commandFor,
  CONTRACT,
  deliveredIn,
  ExecCollection,
  linesOf,
  PROGRAM,
  seenIn,
  SOURCE,
} from '../helpers/exec-collection.ts';
import { assertOnce, assertSame, event, NEVER, project, PROJECT, runUntilDone } from '../helpers/counted-lines.ts';
import { loadFluentBitConfig } from '../helpers/fluent-bit-config.ts';
import { inExecOptions } from '../helpers/in-exec-options.ts';
import type { Run } from '../helpers/in-exec.ts';

/** Most of the time is spent waiting for the double's counters. */
const AT_ONCE = 8;

const warnings = (run: Run): string[] => run.stderr.split('\n').filter((line) => line.includes(': warning: '));

/** An event whose nesting is so deep, itself and `event` included. */
function nested(uuid: string, time: string, depth: number): string {
  return event(uuid, time, `{"type":"Deep","param":${'['.repeat(depth - 2)}${']'.repeat(depth - 2)}}`);
}

describe('acknowledgement by the counter', { concurrency: 4 }, () => {
  describe('a threaded input', { concurrency: AT_ONCE }, () => {
    it('is acknowledged in the same run: nothing pending, nothing twice', async (t) => {
      const c = await ExecCollection.start(t, { options: ['--page-size', '100'] });
      c.happen(250);
      const first = await c.fluentBit.runOnce();
      assert.deepEqual([first.exitCode, warnings(first)], [0, []]);
      assertOnce(c);
      const source = await c.source();
      assert.equal((await c.state())?.pending, null);
      assert.equal(source.delivered, 250);
      const isSeen = seenIn(c.file('state.json'));
      for (const one of c.sandbox.events(CONTRACT)) {
        assert.ok(isSeen(one) && one.time < Date.parse(source.cursor));
      }

      c.happen(3);
      const second = await c.fluentBit.runOnce();
      assert.deepEqual([second.lines, second.exitCode], [3, 0]);
      const third = await c.fluentBit.runOnce();
      assert.deepEqual([third.lines, third.exitCode], [0, 0]);
      assertOnce(c);
    });

    it('prints for a second, then waits until that is counted, and so on', async (t) => {
      const c = await ExecCollection.start(t, {
        sandbox: { latencyMs: 150 },
        options: ['--page-size', '20'],
      });
      c.happen(300);
      const run = await c.fluentBit.runOnce();
      assert.deepEqual([run.exitCode, warnings(run), (await c.source()).delivered], [0, [], 300]);
      assertOnce(c);
    });

    it('sets aside the one line that it never takes, after three runs, and the rest follows', async (t) => {
      const c = await ExecCollection.start(t);
      const [bad] = c
        .happen(130, (index, time) =>
          event(`event-${index}`, time, index === 105 ? '{"type":"Provision","param":{"size":1e400}}' : undefined),
        )
        .slice(105);
      assert.ok(bad !== undefined);
      const runs = await runUntilDone(c, 4);
      assert.deepEqual(
        runs.map(({ exitCode }) => exitCode),
        [4, 4, 4, 0],
      );
      assert.deepEqual(
        runs.map(({ refused }) => refused),
        [[bad.text], [bad.text], [bad.text], []],
      );
      assert.deepEqual(await linesOf(c.file('rejected.jsonl')), [bad.text]);
      assert.match(
        runs[3]?.stderr ?? '',
        /error: ionos\/31721060: Fluent Bit refused an event in 3 runs; it is stored/,
      );
      assertSame(
        [...new Set(c.fluentBit.stored)],
        c.texts.filter((text) => text !== bad.text),
      );
      const source = await c.source();
      assert.deepEqual([source.rejected, source.strikes, seenIn(c.file('state.json'))(bad)], [1, {}, true]);

      c.happen(3);
      assert.equal((await c.fluentBit.runOnce()).lines, 3);
    });

    it('gets a stub for a line that it could not take, and the whole event goes to oversize.jsonl', async (t) => {
      const c = await ExecCollection.start(t);
      const long = (bytes: number) => (uuid: string, time: string) => {
        const empty = event(uuid, time, '{"type":"Long","message":""}');
        return `${empty.slice(0, -3)}${'x'.repeat(bytes - empty.length)}${empty.slice(-3)}`;
      };
      const kinds: [string, (uuid: string, time: string) => string][] = [
        ['small', event],
        ['fits', long(1_000_000)],
        ['long', long(1_000_001)],
        ['huge', long(3_000_000)],
        ['deep', (uuid, time) => nested(uuid, time, 63)],
        ['too-deep', (uuid, time) => nested(uuid, time, 64)],
        ['abyss', (uuid, time) => nested(uuid, time, 5000)],
        ['last', event],
      ];
      c.happen(kinds.length, (index, time) => kinds[index]?.[1](kinds[index][0], time) ?? '');
      const run = await c.fluentBit.runOnce();
      assert.deepEqual([run.exitCode, run.lines, run.refused], [0, kinds.length, []]);

      const whole = c.texts.filter((text) => /"@uuid":"(small|fits|deep|last)"/.test(text));
      const reduced = c.texts.filter((text) => !whole.includes(text));
      assert.deepEqual(await linesOf(c.file('oversize.jsonl')), reduced);
      const stored = new Set(c.fluentBit.stored);
      for (const text of whole) assert.ok(stored.delete(text), text.slice(0, 100));
      assert.deepEqual(
        [...stored].map((line) => JSON.parse(line) as unknown),
        reduced.map((text) => {
          const { '@uuid': uuid, meta, principal, event } = JSON.parse(text) as Record<string, object>;
          const type = (event as { readonly type: string }).type;
          const _truncated = { bytes: Buffer.byteLength(text), file: c.file('oversize.jsonl') };
          return { '@uuid': uuid, meta, principal, event: { type }, _truncated };
        }),
      );
      const { oversize, delivered } = await c.source();
      assert.deepEqual([oversize, delivered], [4, kinds.length]);
      assert.equal((await c.fluentBit.runOnce()).lines, 0);
    });

    it('gives the run nothing to fetch while it is paused', async (t) => {
      const c = await ExecCollection.start(t);
      c.happen(5);
      c.fluentBit.pause();
      c.fluentBit.refresh();
      const paused = await c.fluentBit.runOnce();
      assert.deepEqual([paused.exitCode, paused.lines, c.sandbox.requests.length], [0, 0, 0]);
      assert.match(paused.stderr, /warning: Fluent Bit's input is paused; skipping this run.*the API keeps the events/);

      c.fluentBit.resume();
      c.fluentBit.refresh();
      assert.equal((await c.fluentBit.runOnce()).exitCode, 0);
      assertOnce(c);
    });

    it('notices that Fluent Bit was restarted during the run', async (t) => {
      let isLost = true;
      const c = await ExecCollection.start(t, { input: { drop: () => isLost } });
      c.happen(20);
      const run = c.fluentBit.runOnce();
      await c.fluentBit.until(() => c.fluentBit.runs[0]?.lines === 20);
      await c.fluentBit.restart({ child: 'left' });
      isLost = false;
      const { exitCode, stderr } = await run;
      assert.match(stderr, /warning: Fluent Bit restarted during the run/);
      assert.equal(exitCode, 4);
      assert.equal((await c.state())?.pending?.lines, 20);

      const next = await c.fluentBit.runOnce();
      assert.match(next.stderr, /may not have taken the last 20 lines .*it has restarted since/);
      assert.equal(next.exitCode, 0);
      assertOnce(c);
      assert.deepEqual((await c.source()).strikes, {});
    });

    for (const isLost of [false, true]) {
      const decision = isLost ? 'prints again what was lost' : 'commits what was counted after all';
      it(`SIGTERM before lines are acknowledged: they are pending, and the next run ${decision}`, async (t) => {
        let isHeld = true;
        const c = await ExecCollection.start(t, {
          engine: { refreshMs: NEVER },
          input: { drop: () => isLost && isHeld },
        });
        c.happen(20);
        c.fluentBit.refresh();
        const run = c.fluentBit.runOnce();
        await c.fluentBit.until(() => c.fluentBit.runs[0]?.lines === 20);
        c.fluentBit.input().signal('SIGTERM');
        c.fluentBit.input().signal('SIGTERM');
        const { exitCode, signal } = await run;
        assert.deepEqual([exitCode, signal], [0, null]);
        const { pending, sources } = (await c.state()) ?? {};
        assert.deepEqual([pending?.base, pending?.lines, deliveredIn(pending?.sources[SOURCE]).length], [0, 20, 20]);
        assert.equal(sources?.[SOURCE]?.delivered, 0);
        isHeld = false;

        await c.counted();
        const next = c.fluentBit.runOnce();
        if (isLost) {
          await c.fluentBit.until(() => c.fluentBit.runs[1]?.accepted === 20);
          c.fluentBit.refresh();
        }
        const { stderr, lines } = await next;
        assert.match(
          stderr,
          isLost ? /it has counted 0\): they are printed again/ : /has taken the last 20 lines of the/,
        );
        assert.equal(lines, isLost ? 20 : 0);
        assertOnce(c);
        assert.deepEqual([(await c.source()).delivered, (await c.state())?.pending], [20, null]);
      });
    }
  });

  describe('cloudscale', { concurrency: AT_ONCE }, () => {
    it('is acknowledged like the others: each entry once, and the cursor kept', async (t) => {
      const c = await project(t, {});
      const now = Date.now();
      c.sandbox.generateEntries({ count: 130, from: now - 600_000, to: now - 60_000 });
      await runUntilDone(c, 1);
      c.sandbox.generateEntries({ count: 10, from: now - 60_000, to: now - 1_000 });
      await runUntilDone(c, 1);
      assertSame(
        c.fluentBit.stored,
        c.sandbox.entries().map(({ text }) => text),
      );
      assert.equal((await c.state())?.sources[PROJECT]?.delivered, 140);
    });
  });

  describe('an input that is not threaded', { concurrency: AT_ONCE }, () => {
    it('is acknowledged by the next run: nothing lost, nothing twice', async (t) => {
      const c = await ExecCollection.start(t, { input: { threaded: false } });
      for (const count of [30, 1, 20]) {
        c.happen(count);
        const before = c.texts.length - count;
        const run = await c.fluentBit.runOnce();
        assert.deepEqual([run.lines, run.exitCode], [count, 4]);
        assert.equal((await c.state())?.pending?.lines, count);
        assert.equal((await c.source()).delivered, before);
        await c.counted();
      }
      const last = await c.fluentBit.runOnce();
      assert.deepEqual([last.lines, last.exitCode], [0, 0]);
      assert.match(last.stderr, /Fluent Bit has taken the last 20 lines of the last run/);
      assert.deepEqual([(await c.source()).delivered, (await c.state())?.pending], [51, null]);
      assertOnce(c);
    });
  });

  describe('without counters', { concurrency: AT_ONCE }, () => {
    async function unusedPort(): Promise<number> {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const address = server.address();
      await new Promise((resolve) => server.close(resolve));
      return typeof address === 'object' && address !== null ? address.port : 0;
    }

    async function fetchesNothing(c: ExecCollection, reason: RegExp): Promise<void> {
      c.happen(30);
      const run = await c.fluentBit.runOnce();
      assert.match(run.stderr, /^fetch-activity-logs: error: cannot read Fluent Bit's counter: [^\n]+\n$/, 'one line');
      assert.match(run.stderr, reason);
      assert.match(
        run.stderr,
        /Nothing was fetched.*set HTTP_Server On .* and Alias \w+ in the input, or correct --ack/,
      );
      assert.deepEqual([run.exitCode, run.lines, c.sandbox.requests.length], [4, 0, 0]);
    }

    it('HTTP_Server is off: nothing is fetched, and one line says what to set', async (t) => {
      const c = await ExecCollection.start(t, { engine: { http: false, port: await unusedPort() } });
      await fetchesNothing(c, /ECONNREFUSED/);
    });

    it('there is no input of that Alias: nothing is fetched, and one line names those there are', async (t) => {
      const c = await ExecCollection.start(t, { input: { command: commandFor('activity_logs') } });
      await fetchesNothing(c, /no input with the Alias activity_logs \(it has: activity_log\)/);
    });
  });

  describe('the shipped configuration', { concurrency: AT_ONCE }, () => {
    for (const name of ['fluent-bit.conf', 'fluent-bit.yaml']) {
      it(`${name} runs the script, and the script finds its counters`, async (t) => {
        const c = await ExecCollection.start(t, {
          fluentBit: (env) => {
            const variables = {
              ACTIVITY_LOG_TAG: 'activityLog',
              ACTIVITY_LOG_INTERVAL: '300',
              ACTIVITY_LOG_HOST: 'logs.example.com',
              ACTIVITY_LOG_API_KEY: 'a-key',
            };
            const config = loadFluentBitConfig(path.join('fluent-bit', name), variables);
            return { ...inExecOptions(config, { program: PROGRAM }), env: { ...env, ...variables } };
          },
        });
        // The figures are there a second after the start, long before the first run.
        await c.counted();
        c.happen(500);
        c.happen(1, (_, time) => nested('too-deep', time, 64));
        const [large] = c.happen(1, (_, time) => event('large', time, `{"message":"${'x'.repeat(900_000)}"}`));
        const first = await c.fluentBit.runOnce();
        assert.deepEqual([first.exitCode, first.lines, first.refused], [0, 502, []]);
        assert.ok(c.fluentBit.stored.includes(large?.text ?? ''));
        assert.deepEqual([(await c.source()).delivered, (await c.source()).oversize], [502, 1]);
        assert.ok(!warnings(first).some((line) => line.includes('counter')), first.stderr);

        c.happen(7);
        const second = await c.fluentBit.runOnce();
        assert.deepEqual([second.exitCode, second.lines, warnings(second)], [0, 7, []]);
        assert.deepEqual([(await c.source()).delivered, (await c.state())?.pending], [509, null]);
        assert.equal(new Set(c.fluentBit.stored).size, 509);
      });
    }
  });
});
