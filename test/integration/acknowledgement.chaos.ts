import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { assertOnce, assertSame, NEVER, event, project, runUntilDone } from '../helpers/counted-lines.ts';
import { commandFor, ExecCollection, linesOf } from '../helpers/exec-collection.ts';

describe('acknowledgement by the counter, run after run', { concurrency: true }, () => {
  it('sets aside what it never takes also when there is more of that in each run, and the rest follows', async (t) => {
    const c = await ExecCollection.start(t, { input: { refuse: (line) => line.includes('bad') } });
    for (const run of [1, 2, 3]) {
      c.happen(4, (index, time) => event(`event-${run}-${index}`, time, index === 1 ? '{"type":"bad"}' : undefined));
      await c.counted();
      await c.fluentBit.runOnce();
    }
    await runUntilDone(c, 9);
    const isBad = (text: string) => text.includes('bad');
    assertSame(await linesOf(c.file('rejected.jsonl')), c.texts.filter(isBad));
    assertSame(
      [...new Set(c.fluentBit.stored)],
      c.texts.filter((text) => !isBad(text)),
    );
  });

  it('continues after a line that Fluent Bit never takes, which is set aside after three runs', async (t) => {
    const c = await project(t, { refuse: (line) => line.includes('"n":7}') });
    const raws = Array.from({ length: 30 }, (_, n) => `{"n":${n}}`);
    c.sandbox.addEntries(raws.map((raw) => ({ raw, time: Date.now() - 60_000 })));
    await runUntilDone(c, 6);
    assert.deepEqual(await linesOf(c.file('rejected.jsonl')), ['{"n":7}']);
    assertSame(
      [...new Set(c.fluentBit.stored)],
      raws.filter((raw) => raw !== '{"n":7}'),
    );
  });

  it('gives three entries that are alike, lost together, one strike and not three', async (t) => {
    let isLost = true;
    const c = await project(t, { drop: () => isLost });
    c.sandbox.addEntries(Array.from({ length: 3 }, () => ({ raw: '{"n":1}', time: Date.now() - 60_000 })));
    await c.fluentBit.runOnce();
    isLost = false;
    await runUntilDone(c, 3);
    assert.deepEqual(await linesOf(c.file('rejected.jsonl')), []);
    assertSame(c.fluentBit.stored, Array<string>(3).fill('{"n":1}'));
  });

  it('prints again what Mem_Buf_Limit dropped', async (t) => {
    const c = await ExecCollection.start(t, {
      sandbox: { sizeBytes: 4000 },
      input: { storage: 'memory', memBufLimit: 20_000 },
    });
    c.happen(12);
    const runs = await runUntilDone(c, 6);
    assert.ok(runs.some(({ dropped }) => dropped > 0));
    assert.match(
      runs[0]?.stderr ?? '',
      /Fluent Bit has counted \d of the last 12 lines; the next run will check again/,
    );
    assert.match(runs[1]?.stderr ?? '', /Fluent Bit may not have taken the last 12 lines .* they are printed again/);
    assertSame([...new Set(c.fluentBit.stored)], c.texts);
    assert.equal((await c.source()).rejected, 0);
  });

  it('does not decide on the lines of another machine that shares the state', async (t) => {
    const c = await ExecCollection.start(t, { engine: { refreshMs: NEVER } });
    c.happen(20);
    c.fluentBit.refresh();
    const run = c.fluentBit.runOnce();
    await c.fluentBit.until(() => c.fluentBit.runs[0]?.accepted === 20);
    c.fluentBit.input().signal('SIGTERM');
    await run;
    const text = await readFile(c.file('state.json'), 'utf8');
    await writeFile(c.file('state.json'), text.replace(/"host":"[^"]*"/, '"host":"another-vm"'));
    await c.counted();
    const next = c.fluentBit.runOnce();
    await c.fluentBit.until(() => c.fluentBit.runs[1]?.accepted === 20);
    c.fluentBit.refresh();
    assert.match(
      (await next).stderr,
      /may not have taken the last 20 lines .*\(they were printed on another-vm\): they are printed/,
    );
    assert.deepEqual([(await c.source()).delivered, (await c.state())?.pending], [20, null]);
  });

  it('prints again what was lost', async (t) => {
    let isLost = true;
    const c = await ExecCollection.start(t, { input: { threaded: false, drop: () => isLost } });
    c.happen(30);
    await c.fluentBit.runOnce();
    isLost = false;
    await runUntilDone(c, 3);
    assertOnce(c);
  });

  it('fetches nothing as long as the lines of the last run are not counted', async (t) => {
    const c = await ExecCollection.start(t, { input: { threaded: false }, engine: { refreshMs: NEVER } });
    c.happen(30);
    c.fluentBit.refresh();
    await c.fluentBit.runOnce();
    const asked = c.sandbox.requests.length;
    const early = await c.fluentBit.runOnce();
    assert.deepEqual([early.exitCode, early.lines, c.sandbox.requests.length], [0, 0, asked]);
    assert.match(early.stderr, /warning: Fluent Bit has not counted the lines of the last run yet/);
    assert.equal((await c.state())?.pending?.lines, 30);
    await c.counted();
    await c.fluentBit.runOnce();
    assertOnce(c);
    assert.equal((await c.source()).delivered, 30);
  });

  it('what was pending stays so until there are some', async (t) => {
    const c = await ExecCollection.start(t, { input: { threaded: false } });
    c.happen(30);
    await c.fluentBit.runOnce();
    assert.equal((await c.state())?.pending?.lines, 30);
    const file = c.file('state.json');
    const other = await ExecCollection.start(t, {
      env: { ACTIVITY_LOG_STATE_FILE: file, IONOS_API_URL: c.sandbox.url },
      input: { command: commandFor('activity_logs') },
    });
    const run = await other.fluentBit.runOnce();
    assert.deepEqual([run.exitCode, run.lines], [4, 0]);
    assert.equal((await c.state())?.pending?.lines, 30);
    await c.counted();
    assert.deepEqual([(await c.fluentBit.runOnce()).exitCode, (await c.state())?.pending], [0, null]);
    assertOnce(c);
  });
});
