import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { gzipSync } from 'node:zlib';
import { EventId } from '../../src/events/event-id.ts';
import { emptyBatch } from '../../src/state/batch.ts';
import { StateStore } from '../../src/state/state-store.ts';
import { accountOf, assertPrintedOnce } from '../helpers/account.ts';
import { captureLog } from '../helpers/captured-log.ts';
import { CONTRACTS, Model, QUIET, pass } from '../helpers/model.ts';
import { journalLines, journalOf } from '../helpers/saved-state.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { skipPause } from '../helpers/test-client.ts';

const HOUR = 3_600_000;
const [CONTRACT] = CONTRACTS;

interface Desk {
  readonly m: Model;
  readonly stateFile: string;
  /** Runs verify: its exit code, and what it printed. */
  readonly verify: (...args: string[]) => Promise<{ code: number; text: string }>;
}

/** Six hours with an event each, over two days of the journal. */
async function desk(t: TestContext, ...args: string[]): Promise<Desk> {
  const stateFile = join(await temporaryFolder(t), 'state.json');
  const m = await Model.open({}, stateFile, 100, ['--sweep', 'none', ...args]);
  t.after(async () => m.close());
  await pass(m, 0);
  for (let n = 0; n < 6; n++) await pass(m, HOUR, [{ contract: CONTRACT, agoMs: 1000 }]);
  await pass(m, HOUR);
  const verify = async (...more: string[]) => ({ code: await m.command('verify', ...more), text: m.said.join('') });
  return { m, stateFile, verify };
}

/** An event that the polls do not see any more. */
function missed({ m }: Desk): string {
  const [event] = m.sandbox.generate(CONTRACT, { count: 1, from: m.now - 4 * HOUR, to: m.now - 4 * HOUR + 1 });
  return event?.id ?? '';
}

describe('verify', () => {
  it('is short when all is well, and costs one request for each source', async (t) => {
    const { m, verify } = await desk(t);
    m.sandbox.requests.length = 0;
    const { code, text } = await verify();
    assert.equal(code, 0, text);
    assert.match(
      text,
      /^✓ whole: 6 events of 3 sources between .* and .*; \d+ commits\nNewer events were not compared: .*\n$/,
    );
    assert.equal(m.sandbox.requests.length, 1 + CONTRACTS.length);
    assert.equal((await verify('--full')).code, 0);
    assert.doesNotMatch((await verify('--repair')).text, /queued/);
    const env = {
      IONOS_API_TOKEN: 'sandbox-token',
      IONOS_API_URL: m.sandbox.url,
      ACTIVITY_LOG_ACK_URL: 'http://127.0.0.1:1',
    };
    assert.equal(await m.commandIn({ env }, 'verify'), 0, 'it prints nothing that Fluent Bit could count');
    assert.equal((JSON.parse((await verify('--json')).text) as { findings: unknown[] }).findings.length, 0);
  });

  it('says on a terminal what it does, in one line that is erased before the report', async (t) => {
    const { m, stateFile } = await desk(t);
    const copy = join(dirname(stateFile), 'copy.jsonl');
    writeFileSync(
      copy,
      m.printed
        .map((line) => `${line.toString()}\n`)
        .join('')
        .repeat(400),
    );
    let monotonic = 0;
    const verify = async (columns: number, ...args: string[]) => {
      const world = { terminal: { columns }, monotonic: () => (monotonic += 200) };
      await m.commandIn(world, 'verify', '--full', '--arrived', copy, ...args);
      return m.said.join('').split('\r\u001b[K');
    };
    const drawn = await verify(60);
    for (const line of [/^journal: 5 events$/, /^API: source 1 of 3, 6 events$/, /^copy: 2,000 lines$/]) {
      assert.ok(drawn.some((one) => line.test(one)), `${String(line)} ${drawn.join('\n')}`); // prettier-ignore
    }
    assert.deepEqual(
      drawn.slice(0, -1).filter((one) => one.includes('\n')),
      [],
    );
    assert.match(drawn.at(-1) ?? '', /^✗ .*\n/s);
    assert.ok((await verify(10)).slice(0, -1).every((one) => one.length < 10));
    assert.equal((await verify(60, '--quiet')).length, 1);
    await m.command('verify', '--full');
    assert.ok(!m.said.join('').includes('\r'), 'without a terminal');
  });

  it('names what is missing, with time and type, and --repair has it delivered', async (t) => {
    const one = await desk(t);
    const id = missed(one);
    const { code, text } = await one.verify();
    assert.equal(code, 3, text);
    assert.match(
      text,
      new RegExp(`✗ 1 event at the API, not delivered:\\n  2026-11-2\\S+Z  ${id}\\S*  \\w+.*  ionos/${CONTRACT}\\n`),
    );
    await one.m.command('status');
    assert.doesNotMatch(one.m.said.join(''), /Queued/);
    assert.match((await one.verify('--repair')).text, /: 1 range queued: the next runs deliver what is missing\n/);
    await one.m.command('status');
    assert.match(
      one.m.said.join(''),
      /^Queued by redeliver: what is missing of ionos\/\d+ from \S+:00:00Z to \S+:00:00Z$/m,
    );
    await pass(one.m, 1000);
    assertPrintedOnce(one.m.printed, one.m.events);
    assert.equal((await one.verify()).code, 0, one.m.said.join(''));
  });

  it('is noted: status says when it was, and how it ended', async (t) => {
    const one = await desk(t);
    const status = async (...args: string[]) => {
      await one.m.command('status', ...args);
      return one.m.said.join('');
    };
    assert.match(await status('--json'), /"last_verify":null/);
    assert.equal((await one.verify()).code, 0);
    assert.match(await status(), /^Last verify: 0 s ago, 2026-11-15T\S+ to 2026-11-22T03:30:00Z: whole$/m);
    missed(one);
    await one.verify();
    assert.match(await status(), /^Last verify: .*: not whole, or not all compared \(exit code 3\)$/m);
    assert.match(await status('--json'), /"last_verify":\{"at":"2026-11-22T03:30:00.000Z",.*"exit_code":3\}/);
    await one.verify('--from', '2026-01-01', '--to', '2026-01-02');
    assert.match(await status(), /^Last verify: .*: nothing could be compared$/m);
    const file = join(dirname(journalOf(one.stateFile)[0] ?? ''), 'verified.json');
    writeFileSync(file, '{');
    assert.doesNotMatch(await status(), /Last verify/);
    rmSync(file);
    mkdirSync(file);
    const { code, text } = await one.verify();
    assert.equal(code, 3);
    assert.match(text, /warning: status and the metrics will not have this verify: /);
  });

  it('names an event that was delivered twice and one that is missing, though the counts are equal', async (t) => {
    const one = await desk(t);
    const lost = missed(one);
    const source = `ionos/${CONTRACT}`;
    const [second = '', ids = []] = journalLines(one.stateFile).flatMap(({ sources }) => Object.entries(sources[source]?.delivered ?? {}))[1] ?? []; // prettier-ignore
    const [id = ''] = ids;
    const key = EventId.parse(Buffer.from(id), 0, id.length);
    assert.ok(key);
    const options = { log: captureLog(), signal: new AbortController().signal, initialLastRun: '', onFailure: () => undefined }; // prettier-ignore
    const store = await StateStore.open({ ...options, file: one.stateFile, now: () => one.m.now, pause: skipPause });
    store.commit(source, { ...emptyBatch(), entries: [{ key, keepUntil: Number(second), kind: 'delivered' }] });
    await store.flush();
    await store.close();
    const { code, text } = await one.verify();
    assert.equal(code, 3, text);
    assert.match(text, new RegExp(`✗ 1 event at the API, not delivered:\n  \\S+  ${lost}  .*\n✗ 1 event delivered twice:\n  \\S+  ${id.slice(0, 36)}`)); // prettier-ignore
    assert.match(text, /\n6 events of 3 sources/);
    await one.verify('--repair');
    await one.m.command('status');
    assert.equal(one.m.said.join('').split('Queued by redeliver').length, 2, 'only the hour in which one is missing');
  });

  it('compares a copy of what arrived, as it is, wrapped, or gzipped', async (t) => {
    const { m, stateFile, verify } = await desk(t);
    const copy = join(dirname(stateFile), 'copy.jsonl');
    const lines = m.printed.map(String);
    writeFileSync(copy, `${lines.join('\n')}\n`);
    assert.equal((await verify('--arrived', copy)).code, 0, m.said.join(''));
    writeFileSync(copy, gzipSync(lines.map((log) => JSON.stringify({ date: 1, log })).join('\n')));
    assert.equal((await verify('--arrived', copy)).code, 0, m.said.join(''));
    writeFileSync(copy, [...lines.slice(1), lines[2]].join('\n'));
    const { code, text } = await verify('--arrived', copy);
    assert.equal(code, 3);
    assert.match(text, /✗ 1 event delivered, not in the copy:/);
    assert.match(text, /✗ 1 event more often in the copy than delivered:/);
  });

  it('--repair after --arrived has that event delivered, and no other of its hour or of another source', async (t) => {
    const { m, stateFile, verify } = await desk(t);
    const sources = [...CONTRACTS, CONTRACT].map((contract, n) => ({ contract, agoMs: 1000 * (n + 1) }));
    await pass(m, HOUR, sources);
    await pass(m, HOUR);
    const lines = m.printed.map(String);
    const gone = lines.findLast((line) => line.includes(CONTRACTS[1])) ?? '';
    const copy = join(dirname(stateFile), 'copy.jsonl');
    writeFileSync(copy, lines.filter((line) => line !== gone).join('\n'));
    const { code, text } = await verify('--arrived', copy, '--repair');
    assert.deepEqual([code, text.includes('1 range queued')], [3, true], text);
    assert.match(text, new RegExp(`✗ 1 event delivered, not in the copy:\n  \\S+  \\S+  ionos/${CONTRACTS[1]}\n`));
    await pass(m, 1000);
    assert.deepEqual(m.printed.slice(lines.length).map(String), [gone]);

    const all = m.printed.map(String);
    const both = lines.filter((line) => line.includes(CONTRACT)).slice(-2);
    writeFileSync(copy, all.filter((line) => !both.includes(line)).join('\n'));
    assert.match((await verify('--arrived', copy, '--repair')).text, /: 1 range queued/);
    await pass(m, 1000);
    assert.deepEqual(m.printed.slice(all.length).map(String).toSorted(), both.toSorted());
  });

  it('--repair shows what it found also while a poll is running, which has the lock', async (t) => {
    const one = await desk(t);
    const id = missed(one);
    const options = {
      log: captureLog(),
      signal: new AbortController().signal,
      initialLastRun: '',
      onFailure: () => undefined,
    };
    const poll = await StateStore.open({ ...options, file: one.stateFile, now: () => one.m.now, pause: skipPause });
    const { code, text } = await one.verify('--repair');
    await poll.close();
    assert.equal(code, 75, text);
    assert.match(text, new RegExp(id));
    assert.match(text, /another run holds the lock/);
  });

  it('knows what was set aside: it is at the API, and in rejected.jsonl instead of the copy', async (t) => {
    const { m, stateFile, verify } = await desk(t);
    m.sandbox.addEvents(CONTRACT, [{ raw: 'null', time: m.now + 1000, id: 'bad' }]);
    const before = [{ contract: CONTRACT, agoMs: 1000 }];
    for (let n = 0; n < 3; n++) await m.run({ ...QUIET, pauseMs: 2000, before });
    await pass(m, 2 * HOUR);
    assert.equal((await verify()).code, 0, m.said.join(''));
    assert.equal((await verify('--full')).code, 0, m.said.join(''));
    const copy = join(dirname(stateFile), 'copy.jsonl');
    writeFileSync(copy, m.printed.join('\n'));
    const { code, text } = await verify('--arrived', copy);
    assert.equal(code, 3, text);
    assert.match(text, /^✗ 1 event not in the copy: Fluent Bit refused them, .* rejected.jsonl:\n/);
    assert.doesNotMatch(text, /delivered, not in the copy/);
  });

  it('says which source the API does not let it compare, and compares the others', async (t) => {
    const one = await desk(t);
    const refusal = { fault: { type: 'status', status: 403 }, times: Infinity } as const;
    const fault = one.m.sandbox.fail({ match: { kind: 'page', contract: CONTRACTS[1] }, ...refusal });
    assert.equal((await one.verify()).code, 3, one.m.said.join(''));
    fault.remove();
    const id = missed(one);
    one.m.sandbox.fail({
      match: ({ contract, query }) => contract === CONTRACTS[1] && query['limit'] !== '1',
      fault: { type: 'status', status: 403 },
      times: Infinity,
    });
    const { code, text } = await one.verify('--full');
    assert.equal(code, 3);
    assert.match(text, new RegExp(`✗ not compared: ionos/${CONTRACTS[1]}: HTTP 403`));
    assert.match(text, new RegExp(`✗ 1 event at the API, not delivered:\n.* ${id}`));
  });

  it('says what is wrong with a copy', async (t) => {
    const { m, stateFile, verify } = await desk(t);
    const copy = join(dirname(stateFile), 'copy.jsonl');
    const zipped = gzipSync(m.printed.map(String).join('\n'));
    for (const [bytes, why] of [
      ['', /copy.jsonl is empty/],
      ['not json\nat all\n', /no line of .* has an id/],
      [zipped.subarray(0, zipped.length - 20), /cannot read .*unexpected end of file/],
    ] as const) {
      writeFileSync(copy, bytes);
      const { code, text } = await verify('--arrived', copy);
      assert.equal(code, 2, text);
      assert.match(text, why);
    }
    assert.match((await verify('--arrived', `${copy}.none`)).text, /ENOENT/);
    const [torn = '', ...lines] = m.printed.map(String);
    writeFileSync(copy, [...lines, torn.slice(0, -9)].join('\n'));
    const { code, text } = await verify('--arrived', copy);
    assert.equal(code, 3, text);
    assert.match(text, /✗ 1 event delivered, not in the copy:\n/);
    assert.match(text, /✗ the copy ends in the middle of line 6: it is cut off\n/);
  });

  it('finds a journal with a byte changed, a line gone, inserted or moved, and a file that is missing', async (t) => {
    const { stateFile, verify } = await desk(t);
    const [first = '', second = ''] = journalOf(stateFile);
    const whole = readFileSync(first, 'utf8');
    const lines = whole.split('\n');
    const swapped = [lines[0], lines[2], lines[1], ...lines.slice(3)].join('\n');
    for (const [text, why] of [
      [whole.replace('"seq":2,"at":"2026', '"seq":2,"at":"2025'), /2026-11-21.jsonl, line 2 was altered/],
      [whole.replace(/"delivered":\{"/, '"delivered":{x'), /line \d cannot be read: it was altered/],
      [
        [lines[0], ...lines.slice(2)].join('\n'),
        /commit 2 is missing between 2026-11-21.jsonl, line 1 and 2026-11-21.jsonl, line 2/,
      ],
      [
        [lines[0], lines[0], ...lines.slice(1)].join('\n'),
        /✗ journal: 2026-11-21.jsonl, line 2 is commit 1 after commit 1: it was inserted\n/,
      ],
      [swapped, /line 3 is commit 2 after commit 3: it was moved\n/],
    ] as const) {
      writeFileSync(first, text);
      const { code, text: said } = await verify();
      assert.equal(code, 3, said);
      assert.match(said, why);
    }
    writeFileSync(first, whole);
    renameSync(second, `${second}.away`);
    assert.match(
      (await verify()).text,
      /the journal ends with commit \d+, but the state file has commit \d+: lines are missing at its end/,
    );
    renameSync(`${second}.away`, second);
    assert.equal((await verify()).code, 0);
    rmSync(first);
    const { code, text } = await verify();
    assert.equal(code, 3);
    assert.match(
      text,
      /^The journal starts with commit (\d+) .*\n✗ journal: commits 1 to \d+ are missing before 2026-11-22.jsonl, line 1: the journal began with commit 1 in 2026-11-21.jsonl, and no run removed that\n/,
    );
  });

  it('speaks only of what is left: --journal-days removes old files, and the chain begins with the first that is left', async (t) => {
    const one = await desk(t, '--journal-days', '2');
    const { m, stateFile, verify } = one;
    const [oldest = ''] = journalOf(stateFile);
    const lost = missed(one);
    for (let n = 0; n < 6; n++) await pass(m, 12 * HOUR, [{ contract: CONTRACT, agoMs: 1000 }]);
    // A run goes by when the one before polled: its own clock may be wrong.
    await pass(m, 1000);
    const left = journalOf(stateFile).map((file) => basename(file, '.jsonl'));
    const limit = new Date(m.now - 48 * HOUR).toISOString().slice(0, 10);
    assert.ok(left.length >= 2 && left.every((day) => day >= limit), left.join());
    assert.equal(left.includes(basename(oldest, '.jsonl')), false);
    const [first] = journalLines(stateFile);
    assert.ok((first?.seq ?? 0) > 1);

    const { code, text } = await verify();
    assert.equal(code, 0, text);
    assert.ok(
      text.startsWith(
        `The journal starts with commit ${String(first?.seq)} (${String(first?.at)}): what was before cannot be compared.\n`,
      ),
      text,
    );
    assert.doesNotMatch(text, new RegExp(lost));
    assert.match(text, /✓ whole: \d events? of 3 sources/);
    const state = readFileSync(stateFile, 'utf8');
    assert.match(state, new RegExp(`"first":\\{"seq":${String(first?.seq)},"file":"${left[0] ?? ''}.jsonl"\\}`));

    // Where a poll removes a file while verify reads, it is not blamed on anybody.
    const meanwhile = m.sandbox.fail({
      match: () => {
        writeFileSync(stateFile, state.replace(/"first":\{"seq":/, '"first":{"seq":1'));
        return false;
      },
      fault: { type: 'hang' },
    });
    const hasty = await verify();
    assert.deepEqual([hasty.code, hasty.text.includes('a poll removed old files of the journal meanwhile')], [1, true]);
    meanwhile.remove();

    // A state that is gone is rebuilt from what is left, and nothing is printed twice.
    rmSync(stateFile);
    await pass(m, HOUR);
    assert.deepEqual(accountOf(m.printed, m.events).repeated, []);
    rmSync(journalOf(stateFile)[1] ?? '');
    assert.equal((await verify()).code, 3);
  });

  it('checks the chain without the API', async (t) => {
    const { m, stateFile, verify } = await desk(t);
    m.sandbox.fail({ times: Infinity, fault: { type: 'status', status: 401 } });
    const { code, text } = await verify();
    assert.equal(code, 1, text);
    assert.match(
      text,
      /^✗ not compared: the list of sources: .*401.*\nNothing .*\. The journal is whole: \d+ commits\.\n$/,
    );
    const [file = ''] = journalOf(stateFile);
    writeFileSync(file, readFileSync(file, 'latin1').replace('"seq":2,', '"seq":9,'), 'latin1');
    const altered = await verify();
    assert.equal(altered.code, 3, altered.text);
    assert.match(altered.text, /✗ journal: .*\n✗ not compared: .*\nNothing could be compared\.\n$/s);
  });

  it('says so where there is nothing to compare', async (t) => {
    const { stateFile, verify } = await desk(t);
    assert.match((await verify('--from', '1m')).text, /Nothing could be compared yet/);
    assert.equal((await verify('--from', '2030-01-01')).code, 2);
    const early = await verify('--from', '2020-01-01', '--to', '2020-02-01');
    assert.equal(early.code, 1);
    assert.match(early.text, /^Nothing could be compared: the journal begins at 2026-11-21T\S+Z, after this range.\n/);
    assert.match((await verify('--from', '2h', '--to', '3h')).text, /--from \(.*\) must be before --to/);
    assert.match((await verify('--from', '2h', '--to', '2030-01-01')).text, /--to \(.*\) is in the future/);
    rmSync(dirname(journalOf(stateFile)[0] ?? ''), { recursive: true });
    const { code, text } = await verify();
    assert.equal(code, 1);
    assert.match(
      text,
      /error: there is no journal \S+\.journal: no run has delivered anything yet, or it was removed\n$/,
    );
    writeFileSync(`${stateFile}.journal`, '');
    assert.match((await verify()).text, /error: cannot read the journal \S+.journal: ENOTDIR/);
    writeFileSync(stateFile, '{');
    const broken = await verify();
    assert.equal(broken.code, 1);
    assert.match(broken.text, /cannot be parsed: .*; the next run sets it aside and rebuilds it from the journal/);
    rmSync(stateFile);
    assert.match((await verify()).text, /there is no state file/);
  });
});
