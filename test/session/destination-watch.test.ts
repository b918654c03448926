import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { readConfig } from '../../src/config/config.ts';
import { FluentBit } from '../../src/delivery/fluent-bit-counter.ts';
import { usualRejectedFolder } from '../../src/delivery/rejected-chunks.ts';
import { DestinationWatch } from '../../src/session/destination-watch.ts';
import { emptyStore } from '../../src/state/store.ts';
import { rejectedChunk } from '../helpers/rejected-chunk.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

const NOW = Date.parse('2026-11-26T08:00:00Z');
const never = new AbortController().signal;

/** A machine on which a chunk was set aside, and what a run sees of it. */
async function scene(t: TestContext, fluentBit?: FluentBit) {
  const config = readConfig({ 'state-file': join(await temporaryFolder(t), 'state.json'), overlap: '10m' }, {});
  const folder = usualRejectedFolder(config.stateFile);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'a.flb'), rejectedChunk());
  const store = emptyStore(() => NOW);
  return { store, watch: new DestinationWatch({ fluentBit, store, config, now: () => NOW }) };
}

describe('what became of the lines of earlier runs', () => {
  it('is a warning in one run, with the time that the overlap covers too, and known to the next', async (t) => {
    const output = { name: 'loki', delivered: 0, dropped: 24, errors: 0, retries: 0, waiting: 0 };
    t.mock.method(FluentBit.prototype, 'outputs', () => Promise.resolve({ startedAt: NOW / 1000 - 60, outputs: [output] })); // prettier-ignore
    const fluentBit = new FluentBit(new URL('http://127.0.0.1:1'), 'activity_log', () => NOW);
    t.after(() => fluentBit.close());
    const { store, watch } = await scene(t, fluentBit);
    const warning = await watch.look(never);
    assert.match(warning ?? '', /^output loki dropped 24 records, Fluent Bit set aside 1 rejected chunk /);
    assert.match(warning ?? '', / redeliver --from 2026-11-26T07:49:00Z$/);
    const { counters, rejected } = watch.latest ?? {};
    assert.deepEqual([counters?.outputs.length, rejected?.chunks.length], [1, 1]);
    const { looked_at, dropped } = store.state.destination ?? {};
    assert.deepEqual([looked_at, dropped], ['2026-11-26T08:00:00.000Z', { loki: 24 }]);
    assert.equal(await watch.look(never), undefined);
  });

  it('is not looked at where the lines are not counted', async (t) => {
    const { store, watch } = await scene(t);
    assert.equal(await watch.look(never), undefined);
    assert.deepEqual([watch.latest, store.state.destination], [undefined, undefined]);
  });
});
