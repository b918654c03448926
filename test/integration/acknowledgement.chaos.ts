import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assertSame, event, project, runUntilDone } from '../helpers/counted-lines.ts';
import { ExecCollection, linesOf } from '../helpers/exec-collection.ts';

describe('acknowledgement by the counter, run after run', { concurrency: true }, () => {
  it('sets aside what it never takes also when there is more of that in each run, and the rest goes on', async (t) => {
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

  it('goes on behind a line that Fluent Bit never takes, which is set aside after three runs', async (t) => {
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
});
