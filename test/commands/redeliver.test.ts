import assert from 'node:assert/strict';
import { open, type FileHandle } from 'node:fs/promises';
import { describe, it, type TestContext } from 'node:test';
import { accountOf, assertPrintedOnce } from '../helpers/account.ts';
import { CONTRACTS, QUIET, modelFor, pass, type Model } from '../helpers/model.ts';
import type { RequestRecord } from '../sandbox/request-record.ts';

const HOUR = 3_600_000;
const MINUTE = HOUR / 60;
const [CONTRACT] = CONTRACTS;

describe('redeliver', () => {
  async function past(t: TestContext): Promise<Model> {
    const m = await modelFor(t);
    await pass(m, 0);
    for (let n = 0; n < 6; n++) await pass(m, HOUR, [{ contract: CONTRACT, agoMs: 1000 }]);
    assertPrintedOnce(m.printed, m.events);
    return m;
  }

  it('delivers a range once more, after what is new, and then no more', async (t) => {
    const m = await past(t);
    assert.equal(await m.command('redeliver', '--from', '3h'), 0, m.said.join(''));
    assert.match(m.said.join(''), /of 3 sources is queued: the next runs deliver it after what is new/);
    await pass(m, 1000, [{ contract: CONTRACT, agoMs: 500 }]);
    const { repeated, lost } = accountOf(m.printed, m.events);
    assert.deepEqual([repeated.length, lost], [3, []]);
    assert.match(m.said.join(''), new RegExp(`ionos/${CONTRACT}: 3 events redelivered`));
    await pass(m, 1000);
    assert.equal(accountOf(m.printed, m.events).repeated.length, 3);
  });

  it('delivers once what came late in its range, though a sweep is due in the same run', async (t) => {
    const m = await modelFor(t);
    await pass(m, 0);
    const time = m.now + MINUTE;
    await pass(m, 20 * MINUTE);
    m.sandbox.generate(CONTRACT, { count: 1, from: time, to: time + 1 });
    assert.equal(await m.command('redeliver', '--from', '4h'), 0, m.said.join(''));
    await pass(m, 3 * HOUR);
    assertPrintedOnce(m.printed, m.events);
  });

  it('delivers a range in which there is a bad event, which the polls have set aside', async (t) => {
    const m = await modelFor(t);
    await pass(m, 0);
    m.sandbox.addEvents(CONTRACT, [{ raw: 'null', time: m.now + MINUTE, id: 'bad' }]);
    const before = [{ contract: CONTRACT, agoMs: 1000 }];
    for (let n = 0; n < 3; n++) await m.run({ ...QUIET, pauseMs: 2 * MINUTE, before });
    await pass(m, HOUR);
    const printed = m.printed.length;
    const span = [new Date(m.now - 2 * HOUR).toISOString(), new Date(m.now).toISOString()];
    assert.equal(await m.command('redeliver', '--from', span[0] ?? '', '--to', span[1] ?? ''), 0, m.said.join(''));
    await pass(m, 0);
    assert.equal(m.printed.length, printed + 3);
  });

  it('delivers the other ranges when one cannot be read, and that one later', async (t) => {
    const m = await past(t);
    const [other = ''] = CONTRACTS.slice(1);
    await pass(m, HOUR, [{ contract: other, agoMs: 1000 }]);
    const [from, to] = [new Date(m.now - 4 * HOUR).toISOString(), new Date(m.now - 2 * HOUR).toISOString()];
    for (const contract of [CONTRACT, other]) {
      assert.equal(await m.command('redeliver', '--from', from, '--contract', contract), 0, m.said.join(''));
    }
    const isPast = ({ contract, query }: RequestRecord) => contract === CONTRACT && (query['dateStart'] ?? '') < to;
    const fault = m.sandbox.fail({ match: isPast, fault: { type: 'status', status: 500 }, times: Infinity });
    const said = await pass(m, 1000);
    assert.match(
      said,
      /warning: ionos\/9876543218374837483: redelivering from \S+ failed; the next run will retry: .* HTTP 500/,
    );
    assert.match(said, /fetch-activity-logs: ionos\/31721060: 1 event redelivered/);
    fault.remove();
    assert.match(await pass(m, 1000), /fetch-activity-logs: ionos\/9876543218374837483: \d events? redelivered/);
    assert.deepEqual(accountOf(m.printed, m.events).lost, []);
    assert.doesNotMatch(await pass(m, 1000), /redeliver/);
  });

  it('--missing delivers only what the journal does not have', async (t) => {
    const m = await past(t);
    m.sandbox.generate(CONTRACT, { count: 1, from: m.now - 2 * HOUR, to: m.now - 2 * HOUR + 1 });
    await pass(m, 1000);
    assert.equal(accountOf(m.printed, m.events).lost.length, 1);
    assert.equal(await m.command('redeliver', '--from', '4h', '--missing'), 0);
    await pass(m, 1000);
    assertPrintedOnce(m.printed, m.events);
  });

  it('of a range before the journal says what that means, and delivers none of it twice, however often runs are stopped', async (t) => {
    const m = await modelFor(t);
    m.sandbox.generate(CONTRACT, { count: 8, from: m.now - 20 * HOUR, to: m.now - 10 * HOUR });
    for (const ms of [0, HOUR]) await pass(m, ms, [{ contract: CONTRACT, agoMs: 1000 }]);
    const printed = m.printed.length;
    const before = ['redeliver', '--from', '22h', '--to', '10h', '--contract', CONTRACT] as const;
    const unknown = `the journal begins at 2026-11-21T20:25:00Z for ionos/${CONTRACT}: it does not know what was delivered before`;
    assert.equal(await m.command(...before, '--missing'), 2);
    assert.ok(m.said.join('').includes(`error: --missing: ${unknown}; without --missing, all of it is delivered`));
    assert.equal(await m.command('redeliver', '--from', '2d', '--missing'), 0);
    assert.match(
      m.said.join(''),
      /warning: the journal begins at 2026-11-21T20:25:00Z for .*, so only what is missing/,
    );
    assert.match(m.said.join(''), /2026-11-21T20:25:00Z to 2026-11-21T21:30:00Z of 3 sources is queued/);
    await pass(m, 1000);
    assert.equal(m.printed.length, printed);

    assert.equal(await m.command(...before), 0);
    assert.ok(m.said.join('').includes(`warning: ${unknown}, so all of that is delivered`), m.said.join(''));
    for (let nth = 0; nth < 12; nth++) {
      await m.run({ ...QUIET, pauseMs: 1000, end: { kind: 'stopped', at: nth % 2 === 0 ? 'write' : 'request', nth } });
    }
    await pass(m, 1000);
    assertPrintedOnce(m.printed, m.events);
    await m.command('status');
    assert.doesNotMatch(m.said.join(''), /late|Queued/);
  });

  it('--cancel empties the queue, or that of a contract', async (t) => {
    const m = await past(t);
    assert.equal(await m.command('redeliver', '--from', '3h'), 0);
    assert.equal(await m.command('redeliver', '--cancel', '--from', '3h'), 2);
    assert.match(m.said.join(''), /error: --cancel empties the queue: use it without --from/);
    assert.equal(await m.command('redeliver', '--cancel', '--contract', CONTRACT), 0);
    assert.match(m.said.join(''), /: 1 range cancelled; 2 ranges of other contracts still queued\n$/);
    assert.equal(await m.command('redeliver', '--cancel'), 0);
    assert.match(m.said.join(''), /: 2 ranges cancelled\n$/);
    await pass(m, 1000);
    assertPrintedOnce(m.printed, m.events);
  });

  it('loses nothing when runs are killed in the middle of it', async (t) => {
    const m = await past(t);
    assert.equal(await m.command('redeliver', '--from', '5h'), 0);
    for (let nth = 3; nth < 9; nth++) {
      await m.run({ ...QUIET, pauseMs: 1000, end: { kind: 'killed', at: 'request', nth } });
    }
    await pass(m, 1000);
    await pass(m, 1000);
    const { lost, foreign } = accountOf(m.printed, m.events);
    assert.deepEqual([lost, foreign], [[], []]);
    assert.ok(m.printed.length >= m.events.length + 5);
  });

  it('names three sources whose journal begins later, and counts the others', async (t) => {
    const m = await modelFor(t);
    for (const contract of ['1', '2']) m.sandbox.addContract(contract);
    await pass(m, 0);
    assert.equal(await m.command('redeliver', '--from', '2d'), 0);
    const begins =
      /: the journal begins at (?:\S+Z for ionos\/\d+(?:, | and )){3}2 more: it does not know what was delivered before, so all of that is delivered\n/;
    assert.match(m.said.join(''), begins);
  });

  it('needs a state that knows a source', async (t) => {
    const m = await modelFor(t);
    assert.equal(await m.command('redeliver', '--from', '1h'), 2);
    assert.match(m.said.join(''), /error: the state file \S+\/state\.json has no sources yet: run a poll first\n$/);
  });

  it('says that a range is queued, or cancelled, only where that is on the disk', async (t) => {
    const m = await past(t);
    const probe = await open(process.execPath);
    t.mock.method(Object.getPrototypeOf(probe) as FileHandle, 'sync', () => Promise.reject(new Error('disk is full')));
    await probe.close();
    for (const what of [['--from', '1h'], ['--cancel']]) {
      assert.equal(await m.command('redeliver', ...what), 1);
      assert.match(m.said.join(''), /^fetch-activity-logs: error: [^\n]*disk is full\n$/);
    }
    t.mock.restoreAll();
    await pass(m, 1000);
    assertPrintedOnce(m.printed, m.events);
  });

  it('says what is wrong with a range', async (t) => {
    const m = await past(t);
    for (const [args, why] of [
      [['--from', '1h', '--to', '2h'], /error: --from .* must be before --to/],
      [['--from', '2030-01-01'], /error: --from .* is in the future/],
      [['--from', '1h', '--to', '2030-01-01'], /error: --to .* is in the future/],
      [[], /error: redeliver requires --from/],
      [
        ['--from', '1h', '--contract', CONTRACT, '--contract', '7'],
        new RegExp(
          `error: --contract: the state file has no ionos/7 \\(it has: ${CONTRACTS.map((one) => `ionos/${one}`).join(', ')}\\)\n`,
        ),
      ],
    ] as const) {
      assert.equal(await m.command('redeliver', ...args), 2, m.said.join(''));
      assert.match(m.said.join(''), why);
    }
  });
});
