import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { assertPrintedOnce, eventsOf } from '../helpers/account.ts';
import { type Collector, collectorFor } from '../helpers/collector.ts';
import { peakMemory, stalled } from '../helpers/process-status.ts';
import { type NewEvent, type Sandbox, startSandbox } from '../sandbox/server.ts';

const CONTRACT = '9876543218374837483';
const SECOND = 1000;
const MEBIBYTE = 1024 * 1024;

async function place(t: TestContext): Promise<{ sandbox: Sandbox; collector: Collector }> {
  const sandbox = await startSandbox();
  t.after(async () => sandbox.close());
  return { sandbox, collector: await collectorFor(t, sandbox) };
}

/** Large ones, that cost little to make. */
function* largeEvents(contract: string, count: number, bytes: number): Generator<NewEvent> {
  const start = Date.now() - 200 * SECOND;
  const padding = 'x'.repeat(bytes);
  for (let nth = 0; nth < count; nth++) {
    const time = start + Math.floor((nth * 100 * SECOND) / count);
    const head = `{"@uuid":"${contract}-${nth}","meta":{"time":"${new Date(time).toISOString()}"},"event":{"message":"`;
    yield { raw: Buffer.from(`${head}${padding}"}}`, 'latin1'), time };
  }
}

describe('stdout that is slower than the API', () => {
  const CONTRACTS = [CONTRACT, '31721060', '31721061', '31721062'];
  const EVENT_BYTES = 20_000;
  const EVENTS = 2600; // each contract: 200 MB in all
  const PAGE = 50;
  const MOST_MEMORY = 150 * MEBIBYTE;
  /** Per contract: one that tells how much there is, one that is being printed, one that waits, one on its way. */
  const MOST_PAGES = 4;

  it('stops the fetching: a backlog of 200 MB takes less than 150 MB of memory', async (t) => {
    const { sandbox, collector } = await place(t);
    const since = new Date(Date.now() - 205 * SECOND).toISOString();
    for (const contract of CONTRACTS) sandbox.addEvents(contract, largeEvents(contract, EVENTS, EVENT_BYTES));
    const first = sandbox.nextRequest(({ kind }) => kind === 'page');
    const args = ['--since', since, '--page-size', `${PAGE}`, '--deadline', '1h'];
    const running = collector.start({ args, reading: false });
    await first;
    await stalled(running.pid);
    const pages = sandbox.requests.filter(({ kind }) => kind === 'page').length;
    assert.ok(pages <= MOST_PAGES * CONTRACTS.length, `${pages} pages fetched ahead`);

    let peak = 0;
    let pieces = 0;
    // Each piece in a turn of its own: the API has its pages ready long before.
    running.stdout.on('data', () => {
      running.stdout.pause();
      if (pieces++ % 64 === 0) peak = peakMemory(running.pid) ?? peak;
      setImmediate(() => running.stdout.resume());
    });
    running.read();
    await running.until(() => running.lines.length === CONTRACTS.length * EVENTS);
    peak = peakMemory(running.pid) ?? peak;
    const { code, stderr } = await running.ended;
    assert.equal(code, 0, stderr);
    assertPrintedOnce(collector.printed, eventsOf(sandbox, CONTRACTS));
    t.diagnostic(`${Math.round(peak / MEBIBYTE)} MiB at most`);
    assert.ok(peak > 0 && peak < MOST_MEMORY, `${peak} bytes`);
  });
});
