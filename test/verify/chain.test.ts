import assert from 'node:assert/strict';
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { FIRST_PREV, hashOf } from '../../src/state/chain.ts';
import { readChain, type Snapshot } from '../../src/verify/chain.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

const DAYS = ['2026-11-20', '2026-11-21', '2026-11-22'];
const LINES_A_DAY = 4;
const ID = '6757073e-3913-8203-b9a5-a83a77e51c16';

/** Three days of four commits each, by default: its folder, the lines of each file, and what the state file knows. */
class Chain {
  readonly folder: string;
  readonly files = new Map<string, string[]>();
  snapshot: Snapshot = { seq: 0, hash: FIRST_PREV, first: { seq: 1, file: `${DAYS[0] ?? ''}.jsonl` } };

  constructor(folder: string, linesADay = LINES_A_DAY) {
    this.folder = join(folder, 'journal');
    mkdirSync(this.folder);
    for (const day of DAYS)
      this.files.set(
        `${day}.jsonl`,
        Array.from({ length: linesADay }, () => this.#next(day)),
      );
    for (const [file, lines] of this.files) this.write(file, [...lines, '']);
  }

  write(file: string, lines: readonly string[]): void {
    writeFileSync(join(this.folder, file), lines.join('\n'));
  }

  rename(file: string, to: string): void {
    renameSync(join(this.folder, file), join(this.folder, to));
  }

  remove(file: string): void {
    rmSync(join(this.folder, file));
  }

  async problems(): Promise<readonly string[]> {
    const { problems } = await readChain(this.folder, this.snapshot, ({ sources }) => {
      for (const { forEachId } of sources.values()) forEachId(() => undefined);
    });
    return problems;
  }

  #next(day: string): string {
    const { seq, hash: prev, first } = this.snapshot;
    const sources = { 'ionos/1': { delivered: { [1_795_000_000 + seq]: [ID] } } };
    const line = JSON.stringify({ seq: seq + 1, at: `${day}T00:00:00.000Z`, prev, sources });
    this.snapshot = { seq: seq + 1, hash: hashOf(Buffer.from(line)), first };
    return line;
  }
}

const [FIRST, MIDDLE, LAST] = DAYS.map((day) => `${day}.jsonl`) as [string, string, string];
/** Another line instead of this one, which still is a commit. */
const altered = (line = ''): string => line.replace('"17950', '"17940');
const unknownPrev = (line = ''): string => line.replace(/"prev":".{4}/, '"prev":"wxyz');

describe('the chain of the journal', () => {
  const table: [string, (chain: Chain, middle: string[], last: string[]) => void, string[]][] = [
    ['is whole', () => undefined, []],
    [
      'has a line that was altered',
      (chain, [a = '', b, ...rest]) => chain.write(MIDDLE, [a, altered(b), ...rest, '']),
      [`${MIDDLE}, line 2 was altered: ${MIDDLE}, line 3 has a different hash of it`],
    ],
    [
      'has a line of which the hash of the one before was altered as well',
      (chain, [a = '', b, ...rest]) => chain.write(MIDDLE, [a, unknownPrev(altered(b)), ...rest, '']),
      [`${MIDDLE}, line 2 was altered, and perhaps the lines before it, from ${MIDDLE}, line 1 on`],
    ],
    [
      'has a line whose number was altered',
      (chain, [a = '', b = '', ...rest]) => chain.write(MIDDLE, [a, b.replace('"seq":6', '"seq":966'), ...rest, '']),
      [`${MIDDLE}, line 2 was altered: ${MIDDLE}, line 3 has a different hash of it`],
    ],
    [
      'has a first line whose number was altered',
      (chain) => {
        const [a = '', ...rest] = chain.files.get(FIRST) ?? [];
        chain.write(FIRST, [a.replace('"seq":1', '"seq":7'), ...rest, '']);
      },
      [`${FIRST}, line 1 was altered: ${FIRST}, line 2 has a different hash of it`],
    ],
    [
      'has a last line whose number was altered, and which the state file does not have yet',
      (chain, _, [a = '', b = '', c = '', d = '']) => {
        chain.write(LAST, [a, b, c, d.replace('"seq":12', '"seq":92'), '']);
        chain.snapshot = { ...chain.snapshot, seq: 11, hash: hashOf(Buffer.from(c)) };
      },
      [`${LAST}, line 4 was altered: it is commit 12, but has the number 92`],
    ],
    [
      'has a line whose number was altered while it was the last, so that the next runs continued from it',
      (chain, _, [a = '', b = '']) => {
        const lines = [a, b.replace('"seq":10', '"seq":90')];
        for (const seq of [91, 92]) {
          const hash = hashOf(Buffer.from(lines.at(-1) ?? ''));
          lines.push(b.replace('"seq":10', `"seq":${seq}`).replace(/"prev":"\w+"/, `"prev":"${hash}"`));
        }
        chain.write(LAST, [...lines, '']);
        chain.snapshot = { ...chain.snapshot, seq: 92, hash: hashOf(Buffer.from(lines.at(-1) ?? '')) };
      },
      [`${LAST}, line 2 was altered: it is commit 10, but has the number 90`],
    ],
    [
      'has a day that was altered in the first line of its file',
      (chain, [a = '', ...rest]) => chain.write(MIDDLE, [a.replace('"2026', '"3026'), ...rest, '']),
      [`${MIDDLE}, line 1 was altered: ${MIDDLE}, line 2 has a different hash of it`],
    ],
    [
      'has an id that was altered',
      (chain, [a = '', b = '', ...rest]) => chain.write(MIDDLE, [a, b.replace(ID, `x${ID.slice(1)}`), ...rest, '']),
      [`${MIDDLE}, line 2 cannot be read: it was altered`],
    ],
    [
      'has a last line that was altered',
      (chain, _, [a = '', b = '', c = '', d]) => chain.write(LAST, [a, b, c, altered(d), '']),
      [`${LAST}, line 4 was altered: the state file has a different hash of commit 12`],
    ],
    [
      'has a last line of which the hash of the one before was altered',
      (chain, _, [a = '', b = '', c = '', d]) => chain.write(LAST, [a, b, c, unknownPrev(d), '']),
      [`${LAST}, line 4 was altered: the state file has a different hash of commit 12`],
    ],
    [
      'has a line before the last that was altered',
      (chain, _, [a = '', b = '', c, d = '']) => chain.write(LAST, [a, b, altered(c), d, '']),
      [`${LAST}, line 3 was altered: ${LAST}, line 4 has a different hash of it`],
    ],
    [
      'lacks a line',
      (chain, [a = '', _b, ...rest]) => chain.write(MIDDLE, [a, ...rest, '']),
      [`commit 6 is missing between ${MIDDLE}, line 1 and ${MIDDLE}, line 2`],
    ],
    [
      'lacks the last lines of a day',
      (chain, [a = '', b = '']) => chain.write(MIDDLE, [a, b, '']),
      [`commits 7 to 8 are missing between ${MIDDLE}, line 2 and ${LAST}, line 1`],
    ],
    [
      'lacks the last line of all',
      (chain, _, [a = '', b = '', c = '']) => chain.write(LAST, [a, b, c, '']),
      ['the journal ends with commit 11, but the state file has commit 12: lines are missing at its end'],
    ],
    [
      'has a line twice',
      (chain, [a = '', ...rest]) => chain.write(MIDDLE, [a, a, ...rest, '']),
      [`${MIDDLE}, line 2 is commit 5 after commit 5: it was inserted`],
    ],
    [
      'has a forged line',
      (chain, [a = '', b = '', ...rest]) => chain.write(MIDDLE, [a, b, altered(b), ...rest, '']),
      [`${MIDDLE}, line 3 is commit 6 after commit 6: it was inserted`],
    ],
    [
      'has a line that is not a commit',
      (chain, [a = '', ...rest]) => chain.write(MIDDLE, [a, 'hello', ...rest, '']),
      [`${MIDDLE}, line 2 is not a commit: it was inserted`],
    ],
    [
      'has a line that cannot be read, behind which others are missing',
      (chain, [a = '']) => chain.write(MIDDLE, [a, 'hello', '']),
      [
        `${MIDDLE}, line 2 cannot be read: it was altered`,
        `2 commits are missing between ${MIDDLE}, line 1 and ${LAST}, line 1`,
      ],
    ],
    [
      'has a line that cannot be read, behind which another one is missing',
      (chain, [a = '', _b, _c, d = '']) => chain.write(MIDDLE, [a, 'hello', d, '']),
      [
        `${MIDDLE}, line 2 cannot be read: it was altered`,
        `1 commit is missing between ${MIDDLE}, line 1 and ${MIDDLE}, line 3`,
      ],
    ],
    [
      'begins and ends with lines that cannot be read',
      (chain, _, [a = '', b = '', c = '']) => {
        chain.write(FIRST, ['hello', ...(chain.files.get(FIRST) ?? []).slice(1), '']);
        chain.write(LAST, [a, b, c, 'hello', '']);
      },
      [`${FIRST}, line 1 cannot be read: it was altered`, `${LAST}, line 4 cannot be read: it was altered`],
    ],
    [
      'ends with a line that cannot be read, and lacks the one before',
      (chain, _, [a = '', b = '']) => chain.write(LAST, [a, b, 'hello', '']),
      [
        `${LAST}, line 3 cannot be read: it was altered`,
        'the journal ends with commit 10, but the state file has commit 12: lines are missing at its end',
      ],
    ],
    [
      'has a line that was altered before one that cannot be read',
      (chain, [a, b = '', ...rest]) => chain.write(MIDDLE, [altered(a), 'hello', b, ...rest, '']),
      [`${MIDDLE}, line 2 cannot be read: it was altered`],
    ],
    [
      'has lines that were altered on two days, which are named in order',
      (chain, [a = '', b, ...rest], [c = '', d, ...others]) => {
        chain.write(MIDDLE, [a, altered(b), ...rest, '']);
        chain.write(LAST, [c, altered(d), ...others, '']);
      },
      [
        `${MIDDLE}, line 2 was altered: ${MIDDLE}, line 3 has a different hash of it`,
        `${LAST}, line 2 was altered: ${LAST}, line 3 has a different hash of it`,
      ],
    ],
    [
      'has two lines that cannot be read, which are named in order',
      (chain, [a = '', _b, _c, d = '']) => chain.write(MIDDLE, [a, 'hello', 'there', d, '']),
      [2, 3].map((number) => `${MIDDLE}, line ${number} cannot be read: it was altered`),
    ],
    [
      'has two lines swapped',
      (chain, [a = '', b = '', c = '', d = '']) => chain.write(MIDDLE, [a, c, b, d, '']),
      [
        `commit 6 is missing between ${MIDDLE}, line 1 and ${MIDDLE}, line 2`,
        `${MIDDLE}, line 3 is commit 6 after commit 7: it was moved`,
      ],
    ],
    [
      'has the last line of a day swapped with the first of the next one',
      (chain, [a = '', b = '', c = '', d = ''], [e = '', ...rest]) => {
        chain.write(MIDDLE, [a, b, c, e, '']);
        chain.write(LAST, [d, ...rest, '']);
      },
      [
        `commit 8 is missing between ${MIDDLE}, line 3 and ${MIDDLE}, line 4`,
        `${LAST}, line 1 is commit 8 after commit 9: it was moved`,
      ],
    ],
    [
      'has a line that is not finished, though the journal continues after it',
      (chain, [a = '', b = '', c = '', d = '']) => chain.write(MIDDLE, [a, b, c, d.slice(0, 20)]),
      [`${MIDDLE}, line 4 cannot be read: it was altered`],
    ],
    ['has a last line that a run is writing', (chain, _, last) => chain.write(LAST, [...last, '{"seq":13']), []],
    [
      'has a file that was renamed',
      (chain) => chain.rename(MIDDLE, '2026-11-28.jsonl'),
      ['2026-11-28.jsonl begins with a commit of 2026-11-21: it was renamed'],
    ],
    [
      'has a file that was renamed, in the same order',
      (chain) => chain.rename(FIRST, '2026-11-18.jsonl'),
      ['2026-11-18.jsonl begins with a commit of 2026-11-20: it was renamed'],
    ],
    [
      'lacks a file',
      (chain) => chain.remove(MIDDLE),
      [`commits 5 to 8 are missing between ${FIRST}, line 4 and ${LAST}, line 1`],
    ],
    [
      'lacks the newest file',
      (chain) => chain.remove(LAST),
      ['the journal ends with commit 8, but the state file has commit 12: lines are missing at its end'],
    ],
    [
      'lacks the oldest file, which a run removed as --journal-days says',
      (chain) => {
        chain.remove(FIRST);
        chain.snapshot = { ...chain.snapshot, first: { seq: 5, file: MIDDLE } };
      },
      [],
    ],
    [
      'still has a file that a run was about to remove when it was killed',
      (chain) => {
        chain.snapshot = { ...chain.snapshot, first: { seq: 5, file: MIDDLE } };
      },
      [],
    ],
    [
      'lacks the oldest file, and the state does not know where it began',
      (chain) => {
        chain.remove(FIRST);
        chain.snapshot = { ...chain.snapshot, first: null };
      },
      [],
    ],
    [
      'lacks the oldest file, which no run removed',
      (chain) => chain.remove(FIRST),
      [
        `commits 1 to 4 are missing before ${MIDDLE}, line 1: the journal began with commit 1 in ${FIRST}, and no run removed that`,
      ],
    ],
    [
      'lacks its first line',
      (chain) => chain.write(FIRST, [...(chain.files.get(FIRST) ?? []).slice(1), '']),
      [
        `commit 1 is missing before ${FIRST}, line 1: the journal began with commit 1 in ${FIRST}, and no run removed that`,
      ],
    ],
    [
      'does not begin where it says',
      (chain) => chain.write(FIRST, [unknownPrev(chain.files.get(FIRST)?.[0]), '']),
      [
        `${FIRST}, line 1 is not the start of a journal: it was altered`,
        `commits 2 to 4 are missing between ${FIRST}, line 1 and ${MIDDLE}, line 1`,
      ],
    ],
  ];
  for (const [what, change, problems] of table) {
    it(what, async (t: TestContext) => {
      const chain = new Chain(await temporaryFolder(t));
      change(chain, [...(chain.files.get(MIDDLE) ?? [])], [...(chain.files.get(LAST) ?? [])]);
      assert.deepEqual(await chain.problems(), problems);
    });
  }

  for (const [what, change, problems] of [
    ['is whole', () => undefined, []],
    [
      'has a day that was altered',
      (chain, line) => chain.write(MIDDLE, [line.replace('"2026', '"3026'), '']),
      [`${MIDDLE}, line 1 was altered: ${LAST}, line 1 has a different hash of it`],
    ],
    [
      'has a file that was renamed',
      (chain) => chain.rename(MIDDLE, '2026-11-28.jsonl'),
      ['2026-11-28.jsonl begins with a commit of 2026-11-21: it was renamed'],
    ],
    [
      'has a newest file that was renamed',
      (chain) => chain.rename(LAST, '2026-11-19.jsonl'),
      ['2026-11-19.jsonl begins with a commit of 2026-11-22: it was renamed'],
    ],
  ] satisfies [string, (chain: Chain, middle: string) => void, string[]][]) {
    it(`with one commit a day ${what}`, async (t: TestContext) => {
      const chain = new Chain(await temporaryFolder(t), 1);
      change(chain, chain.files.get(MIDDLE)?.[0] ?? '');
      assert.deepEqual(await chain.problems(), problems);
    });
  }

  it('is told with its length, its ends, and since when it is complete', async (t) => {
    const chain = new Chain(await temporaryFolder(t));
    const read = async (first: Snapshot['first']) => {
      const { problems: _, ...rest } = await readChain(chain.folder, { ...chain.snapshot, first }, () => undefined);
      return rest;
    };
    const { seq, hash, first } = chain.snapshot;
    const last = { seq, hash };
    const [at, later] = [`${DAYS[0] ?? ''}T00:00:00.000Z`, `${DAYS[1] ?? ''}T00:00:00.000Z`];
    for (const known of [first, null]) {
      assert.deepEqual(await read(known), { lines: 12, first: { seq: 1, at }, last, complete_from: 0 });
    }
    chain.remove(FIRST);
    const rest = { lines: 8, first: { seq: 5, at: later }, last };
    assert.deepEqual(await read({ seq: 5, file: MIDDLE }), { ...rest, complete_from: 0 });
    for (const known of [first, null]) {
      assert.deepEqual(await read(known), { ...rest, complete_from: Date.parse(later) / 1000 });
    }
    const [a = '', b = '', ...others] = chain.files.get(LAST) ?? [];
    chain.write(LAST, [b, a, ...others, '']);
    assert.deepEqual((await read(null)).last, last);
    chain.write(LAST, [b, a, '']);
    assert.equal((await read(null)).last?.seq, 10, 'the newest, not the one at the end');
    for (const file of [MIDDLE, LAST]) chain.remove(file);
    assert.deepEqual(await read(null), { lines: 0, first: undefined, last: undefined, complete_from: 0 });
  });

  it('is not blamed for an error of whoever reads it', async (t) => {
    const { folder, snapshot } = new Chain(await temporaryFolder(t));
    const bug = () => {
      throw new RangeError('not of the journal');
    };
    await assert.rejects(readChain(folder, snapshot, bug), RangeError);
  });
});
