import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  rmdirSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { assertNothingLost, assertPrintedOnce, eventsOf } from '../helpers/account.ts';
import { type Collector, collectorFor, type Ended, quickCollectorFor } from '../helpers/collector.ts';
import { codeOf } from '../../src/lib/errors.ts';
import { journalFolder } from '../../src/state/journal-files.ts';
import { journalOf } from '../helpers/saved-state.ts';
import { type Sandbox, type SandboxSettings, startSandbox } from '../sandbox/server.ts';

const CONTRACTS = ['9876543218374837483', '31721060'];
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const IS_ROOT = process.getuid?.() === 0;
/** A user who owns nothing; root may do what the others may not, so the tests are done as this one. */
const NOBODY = 65_534;

const run = promisify(execFile);

interface Place {
  readonly sandbox: Sandbox;
  readonly collector: Collector;
  /** New events in each contract, of the last minutes. */
  readonly happen: (count: number) => void;
}

async function place(t: TestContext, settings: SandboxSettings = {}): Promise<Place> {
  const sandbox = await startSandbox(settings);
  t.after(async () => sandbox.close());
  const happen = (count: number) => {
    const to = Date.now() - SECOND;
    for (const contract of CONTRACTS) sandbox.generate(contract, { count, from: to - 2 * MINUTE, to });
  };
  happen(20);
  return { sandbox, collector: quickCollectorFor(t, sandbox), happen };
}

function assertGood({ code, stderr }: Ended): void {
  assert.equal(code, 0, stderr);
}

/** A run as a user without rights, where there are others. */
async function asNobody(t: TestContext, sandbox: Sandbox, { stateFile, folder }: Collector): Promise<Ended> {
  const collector = await collectorFor(t, sandbox);
  collector.stateFile = stateFile;
  return collector.runWith({ cwd: folder, ...(IS_ROOT ? { uid: NOBODY } : {}) });
}

/** Nothing was asked of the API, nothing was printed, and one line says why. */
function assertRefused({ code, lines, rest, stderr }: Ended, sandbox: Sandbox, why: RegExp): void {
  assert.deepEqual([code, lines, rest.length], [1, [], 0], stderr);
  assert.match(stderr, /^fetch-activity-logs: error: [^\n]+\n$/, 'one line');
  assert.match(stderr, why);
  assert.deepEqual(sandbox.requests, [], 'found before the first request');
}

function filesOf({ folder }: Collector): string[] {
  return readdirSync(folder).sort();
}

describe('the state file of the Python fetcher', () => {
  const second = Math.floor(Date.now() / SECOND) * SECOND - 2 * MINUTE;

  for (const [name, last_run] of [
    ['with microseconds and a zone', new Date(second).toISOString().replace('.000Z', '.123456+00:00')],
    ['in another zone', new Date(second + 60 * MINUTE).toISOString().replace('.000Z', '+01:00')],
    ['without a zone', new Date(second).toISOString().replace('.000Z', '.123456')],
  ] as const) {
    it(`is taken over: it continues exactly there, ${name}`, async (t) => {
      const { sandbox, collector } = await place(t);
      // What it printed, and what it did not: it asked for whole seconds, the end not included.
      const before = CONTRACTS.flatMap((contract) =>
        sandbox.generate(contract, { count: 10, from: second - SECOND, to: second }),
      );
      for (const contract of CONTRACTS) sandbox.generate(contract, { count: 3, from: second, to: second + SECOND });
      writeFileSync(collector.stateFile, JSON.stringify({ last_run }));
      assertGood(await collector.run());
      assertGood(await collector.run());
      const expected = eventsOf(sandbox, CONTRACTS).filter(({ time }) => time >= second);
      assert.ok(before.length > 0 && expected.length > 6);
      assertPrintedOnce(collector.printed, expected);
    });
  }

  it('is one that it could take back: the oldest cursor counts', async (t) => {
    const { sandbox, collector, happen } = await place(t);
    writeFileSync(
      collector.stateFile,
      JSON.stringify({ last_run: new Date(second).toISOString().replace('Z', '000+00:00') }),
    );
    const [failing = ''] = CONTRACTS;
    sandbox.fail({ match: { contract: failing }, fault: { type: 'status', status: 403 } });
    assert.equal((await collector.run()).code, 3);
    assert.match(collector.state().last_run, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00$/);
    assert.equal(Date.parse(collector.state().last_run), second);

    happen(3);
    assertGood(await collector.run());
    const cursors = Object.values(collector.state().sources).map(({ cursor }) => Date.parse(cursor));
    assert.equal(Date.parse(collector.state().last_run), Math.min(...cursors));
  });
});

describe('a broken state file', { concurrency: 2 }, () => {
  const half = (file: string) => truncateSync(file, statSync(file).size >> 1);
  const noise = Buffer.from(Array.from({ length: 4096 }, (_, nth) => (nth * 167 + (nth >> 3) * 31) & 0xff));
  const kinds: readonly (readonly [string, (file: string) => void])[] = [
    ['is empty', (file) => truncateSync(file, 0)],
    ['is half of one', half],
    ['is binary noise', (file) => writeFileSync(file, noise)],
    ['is full of zeros', (file) => writeFileSync(file, Buffer.alloc(statSync(file).size))],
    ['has no object in it', (file) => writeFileSync(file, '[]')],
    [
      'has a cursor that is none',
      (file) => writeFileSync(file, readFileSync(file, 'utf8').replace(/"cursor":"[^"]+"/, '"cursor":5')),
    ],
  ];

  for (const [name, spoil] of kinds) {
    it(`that ${name} is kept, and rebuilt from the journal: nothing comes twice`, async (t) => {
      const { sandbox, collector, happen } = await place(t);
      assertGood(await collector.run());
      happen(5);
      assertGood(await collector.run());
      spoil(collector.stateFile);
      const broken = readFileSync(collector.stateFile);
      happen(5);
      const { code, stderr } = await collector.run();
      assert.equal(code, 0, stderr);
      assert.match(stderr, /^fetch-activity-logs: warning: .*corrupt-/m);
      assert.match(
        stderr,
        /^fetch-activity-logs: warning: .*rebuilt from the journal .*; the redeliver command does$/m,
      );
      const kept = filesOf(collector).filter((file) => file.startsWith('state.json.corrupt-'));
      assert.equal(kept.length, 1);
      assert.deepEqual(readFileSync(join(collector.folder, kept[0] ?? '')), broken);
      assertPrintedOnce(collector.printed, eventsOf(sandbox, CONTRACTS));
    });
  }

  it('that is gone is rebuilt from the journal', async (t) => {
    const { sandbox, collector, happen } = await place(t);
    assertGood(await collector.run());
    rmSync(collector.stateFile);
    happen(5);
    const { code, stderr } = await collector.run();
    assert.equal(code, 0, stderr);
    assert.match(stderr, /warning: there was no state file .*rebuilt from the journal/);
    assertPrintedOnce(collector.printed, eventsOf(sandbox, CONTRACTS));
  });

  it('without a journal beside it starts over, and loses nothing of what is asked for again', async (t) => {
    const { sandbox, collector, happen } = await place(t);
    assertGood(await collector.run());
    half(collector.stateFile);
    rmSync(journalFolder(collector.stateFile), { recursive: true });
    happen(5);
    const { code, stderr } = await collector.run();
    assert.equal(code, 0, stderr);
    assert.match(stderr, /error: there is no journal beside it, either: starting over .* use redeliver for the gap$/m);
    assertNothingLost(collector.printed, eventsOf(sandbox, CONTRACTS));
  });

  it('with a byte-order mark, as an editor leaves it, is read', async (t) => {
    const { sandbox, collector, happen } = await place(t);
    assertGood(await collector.run());
    writeFileSync(collector.stateFile, `\uFEFF${readFileSync(collector.stateFile, 'utf8')}`);
    happen(5);
    assertGood(await collector.run());
    assertPrintedOnce(collector.printed, eventsOf(sandbox, CONTRACTS));
  });
});

describe('a state file that must not be touched', { concurrency: 2 }, () => {
  it('is one from the future: it stays as it is to the byte', async (t) => {
    const { sandbox, collector } = await place(t);
    const text = '{ "version":3, "sources" : {"ionos/1":{"cursor":[1.0]}},\n "novelty": true }\n';
    writeFileSync(collector.stateFile, text);
    const before = statSync(collector.stateFile);
    assertRefused(await collector.run(), sandbox, /version 3.*left as it is/);
    assert.equal(readFileSync(collector.stateFile, 'utf8'), text);
    assert.deepEqual([statSync(collector.stateFile).ino, filesOf(collector)], [before.ino, ['state.json']]);
  });

  it('belongs to another user', { skip: !IS_ROOT && 'only root can give files away (sudo npm test)' }, async (t) => {
    const { sandbox, collector } = await place(t);
    assertGood(await collector.run());
    const text = readFileSync(collector.stateFile);
    sandbox.requests.length = 0;
    chownSync(collector.folder, NOBODY, NOBODY);
    assertRefused(await asNobody(t, sandbox, collector), sandbox, /state\.json.*run it as the user that owns it/);
    assert.deepEqual(readFileSync(collector.stateFile), text);
  });

  it('is in a folder that cannot be written', async (t) => {
    const { sandbox, collector } = await place(t);
    collector.stateFile = join(collector.folder, 'read-only', 'state.json');
    mkdirSync(dirname(collector.stateFile));
    writeFileSync(collector.stateFile, '{}');
    if (IS_ROOT) {
      for (const path of [collector.folder, dirname(collector.stateFile), collector.stateFile])
        chownSync(path, NOBODY, NOBODY);
    }
    chmodSync(dirname(collector.stateFile), 0o555);
    assertRefused(await asNobody(t, sandbox, collector), sandbox, /state\.json.*--state-file/);
    assert.equal(readFileSync(collector.stateFile, 'utf8'), '{}');
    chmodSync(dirname(collector.stateFile), 0o755);
  });

  it('has a journal that cannot be written: nothing is printed, which would be printed again by each run', async (t) => {
    const { sandbox, collector } = await place(t);
    assertGood(await collector.run());
    sandbox.requests.length = 0;
    const journal = journalFolder(collector.stateFile);
    const [file = ''] = journalOf(collector.stateFile);
    if (IS_ROOT)
      for (const path of [collector.folder, collector.stateFile, journal, file]) chownSync(path, NOBODY, NOBODY);
    for (const [path, mode] of [
      [file, 0o400],
      [journal, 0o500],
    ] as const) {
      const before = statSync(path).mode;
      chmodSync(path, mode);
      assertRefused(await asNobody(t, sandbox, collector), sandbox, /journal: EACCES.*run it as the user that owns it/);
      chmodSync(path, before & 0o777);
    }
  });

  it('should lie in a folder that cannot be made', async (t) => {
    const { sandbox, collector } = await place(t);
    writeFileSync(join(collector.folder, 'file'), '');
    collector.stateFile = join(collector.folder, 'file', 'state.json');
    assertRefused(await collector.run(), sandbox, /file\/state\.json/);
  });

  it('is a folder', async (t) => {
    const { sandbox, collector } = await place(t);
    mkdirSync(collector.stateFile);
    assertRefused(await collector.run(), sandbox, /state\.json/);
  });
});

describe('a full disk', () => {
  const BLOCK = 4096;
  const SIZE = 128 * BLOCK;

  /** A small disk of its own, or a plain word on why there is none. */
  async function mounted(t: TestContext, collector: Collector): Promise<boolean> {
    const disk = mkdtempSync(join(tmpdir(), 'fetch-activity-logs-disk-'));
    try {
      await run('mount', ['-t', 'tmpfs', '-o', `size=${SIZE}`, 'tmpfs', disk]);
    } catch {
      rmdirSync(disk);
      t.skip('mounting a small disk needs root (sudo npm test)');
      return false;
    }
    t.after(async () => {
      await run('umount', [disk]);
      rmdirSync(disk);
    });
    collector.stateFile = join(disk, 'state.json');
    return true;
  }

  /** Fills what is left of the disk, but for so many blocks. */
  function fill({ stateFile }: Collector, spare = 0): void {
    const filler = join(dirname(stateFile), 'filler');
    for (let blocks = SIZE / BLOCK; blocks > 0; blocks--) {
      try {
        writeFileSync(filler, Buffer.alloc(BLOCK), { flag: 'a' });
      } catch (error) {
        if (codeOf(error) !== 'ENOSPC') throw error;
        break;
      }
    }
    truncateSync(filler, Math.max(0, statSync(filler).size - spare * BLOCK));
  }

  function makeRoom({ stateFile }: Collector): void {
    rmSync(join(dirname(stateFile), 'filler'));
  }

  it('is found before the first request', async (t) => {
    const { sandbox, collector, happen } = await place(t);
    if (!(await mounted(t, collector))) return;
    assertGood(await collector.run());
    const text = readFileSync(collector.stateFile, 'utf8');
    sandbox.requests.length = 0;

    fill(collector);
    assertRefused(await collector.run(), sandbox, /state\.json.*the disk is full/);
    assert.equal(readFileSync(collector.stateFile, 'utf8'), text);

    makeRoom(collector);
    happen(5);
    assertGood(await collector.run());
    assertPrintedOnce(collector.printed, eventsOf(sandbox, CONTRACTS));
  });

  for (const spare of [3, 5]) {
    it(`with ${spare} blocks left takes the commit from its reserve, and is found by the next run`, async (t) => {
      const { sandbox, collector, happen } = await place(t);
      if (!(await mounted(t, collector))) return;
      assertGood(await collector.run());
      happen(100);
      fill(collector, spare);
      assertGood(await collector.run());
      sandbox.requests.length = 0;
      fill(collector);
      assertRefused(await collector.run(), sandbox, /state\.json.*the disk is full/);
      makeRoom(collector);
      assertGood(await collector.run());
      assertPrintedOnce(collector.printed, eventsOf(sandbox, CONTRACTS));
    });
  }

  it('without any state yet is found before the first request', async (t) => {
    const { sandbox, collector } = await place(t);
    if (!(await mounted(t, collector))) return;
    fill(collector);
    assertRefused(await collector.run(), sandbox, /state\.json.*the disk is full/);
    makeRoom(collector);
    assertGood(await collector.run());
    assertPrintedOnce(collector.printed, eventsOf(sandbox, CONTRACTS));
  });

  for (const pageIndex of ['first', 'later'] as const) {
    it(`during the run, at the ${pageIndex} page: what was printed is committed from the reserve`, async (t) => {
      const { sandbox, collector, happen } = await place(t);
      if (!(await mounted(t, collector))) return;
      happen(100);
      const isTheMoment = ({ kind, pageIndex: index }: { kind: string; pageIndex: string }) =>
        kind === 'page' && index === pageIndex;
      const fills = sandbox.nextRequest(isTheMoment).then(() => fill(collector));
      assertGood(await collector.run('--page-size', '50'));
      await fills;
      makeRoom(collector);
      assertGood(await collector.run());
      assertPrintedOnce(collector.printed, eventsOf(sandbox, CONTRACTS));
    });

    it(`during the run, at the ${pageIndex} page, without a reserve: exit code 1, and nothing lost`, async (t) => {
      const { sandbox, collector, happen } = await place(t);
      if (!(await mounted(t, collector))) return;
      happen(300);
      const isTheMoment = ({ kind, pageIndex: index }: { kind: string; pageIndex: string }) =>
        kind === 'page' && index === pageIndex;
      const fills = sandbox.nextRequest(isTheMoment).then(() => {
        rmSync(join(journalFolder(collector.stateFile), 'reserve'));
        fill(collector);
      });
      const { code, lines, stderr } = await collector.run('--page-size', '50');
      await fills;
      assert.equal(code, 1, stderr);
      assert.match(stderr, /^fetch-activity-logs: error: .*state\.json.*the disk is full/m);
      const committed = Object.values(collector.state().sources).reduce((sum, { delivered }) => sum + delivered, 0);
      assert.ok(committed <= lines.length);

      makeRoom(collector);
      assertGood(await collector.run());
      assertNothingLost(collector.printed, eventsOf(sandbox, CONTRACTS));
    });
  }
});
