import assert from 'node:assert/strict';
import { it } from 'node:test';
import { assertPrintedOnce, eventsOf } from '../helpers/account.ts';
import { collectorFor } from '../helpers/collector.ts';
import { runCommand } from '../helpers/run-command.ts';
import { shiftedClock } from '../helpers/shifted-clock.ts';
import { startSandbox } from '../sandbox/server.ts';

const CONTRACT = '9876543218374837483';
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** When a poll is made, from the first one on. */
const POLLS = [0, 30 * MINUTE, 3 * HOUR, DAY + 3 * HOUR, 2 * DAY + 3 * HOUR, 5 * DAY, 8 * DAY, 8 * DAY + 5 * MINUTE];

for (const [name, lateMs] of [
  ['2 hours', 2 * HOUR],
  ['2 days', 2 * DAY],
  ['6 days', 6 * DAY],
] as const) {
  it(`events that come ${name} late are all delivered, each exactly once`, async (t) => {
    const begun = Date.now();
    let shift = 0;
    const now = () => Date.now() + shift;
    const sandbox = await startSandbox({ now, lateShare: 0.5, lateByMs: lateMs });
    t.after(async () => sandbox.close());
    const collector = await collectorFor(t, sandbox);
    sandbox.addContract(CONTRACT);
    let said = '';
    for (const at of POLLS) {
      shift = at;
      const run = await collector.runWith({ env: shiftedClock(at) });
      assert.equal(run.code, 0, run.stderr);
      said += run.stderr;
      if (at === 0) sandbox.generate(CONTRACT, { count: 40, from: begun, to: begun + 20 * MINUTE });
    }
    assertPrintedOnce(collector.printed, eventsOf(sandbox, [CONTRACT]));
    assert.match(said, /warning: ionos\/9876543218374837483: a sweep found \d+ events? missing between/);
    const late = sandbox.events(CONTRACT).filter(({ time, visibleFrom }) => visibleFrom > time);
    assert.equal(collector.contract(CONTRACT).late.count, late.length);
    const args = ['verify', '--api-url', sandbox.url, '--state-file', collector.stateFile, '--from', '10d'];
    const verify = await runCommand(args, { env: { IONOS_API_TOKEN: 'sandbox-token' }, now });
    assert.equal(verify.exitCode, 0, verify.stdout);
    t.diagnostic(`${late.length} of 40 came late`);
  });
}
