import { parseInstant } from '../lib/duration.ts';
import { ShapeError } from '../lib/narrow.ts';
import { counted } from '../lib/words.ts';
import { FIRST_PREV, hashOf, type ChainEnd } from '../state/chain.ts';
import { linesOf } from '../state/journal-files.ts';
import { visitLine, type JournalLine } from '../state/journal-line.ts';
import type { JournalMark } from '../state/state.ts';
import { filesInOrder } from './renamed-files.ts';

/** The result of checking the chain of a journal's lines. */
export interface ChainReport {
  lines: number;
  /** The first and the last commit in it. */
  first: { readonly seq: number; readonly at: string } | undefined;
  last: ChainEnd | undefined;
  /** The journal is complete from this second (epoch) on: its beginning is missing. 0 when it is not. */
  complete_from: number;
  /** Each place where it is broken, in words. */
  readonly problems: string[];
}

/** What the state file has of the chain: its last commit, and where it begins. */
export type Snapshot = Pick<JournalMark, 'seq' | 'hash' | 'first'>;

/** At most this many missing commits are looked for elsewhere. */
const MOST_MOVED = 10_000;

/** A commit and the line that it is on. */
interface Link extends ChainEnd {
  readonly place: string;
}

/** A commit in its place. */
interface Placed extends Link {
  /** The number that its line has: another one only where that was altered. */
  readonly says: number;
}

/**
 * Reads the whole journal and passes each readable line to `visit`. `snapshot` is what the state file has of it: only
 * this reveals a change of the journal's last line, and whether its first lines are missing.
 */
export async function readChain(
  folder: string,
  snapshot: Snapshot,
  visit: (line: JournalLine) => void,
): Promise<ChainReport> {
  const { files, problems } = await filesInOrder(folder, snapshot.hash);
  const report: ChainReport = { lines: 0, first: undefined, last: undefined, complete_from: 0, problems };
  const checker = new ChainChecker(problems, snapshot);
  for (const file of files) {
    for await (const raw of linesOf(folder, file)) {
      const place = `${file}, line ${raw.number}`;
      // A run may just be appending the last line; otherwise, the next run cuts it off.
      if (!raw.isWhole && file === files.at(-1)) continue;
      const line = raw.isWhole ? visitLine(raw.bytes, visit) : undefined;
      if (line === undefined || line instanceof ShapeError) {
        checker.addUnreadable(place);
        continue;
      }
      report.lines++;
      const seq = checker.add({ seq: line.seq, hash: hashOf(raw.bytes), place }, line.prev);
      if (report.first === undefined) {
        report.first = { seq, at: line.at };
        if (seq > (snapshot.first?.seq ?? 1)) report.complete_from = Math.ceil((parseInstant(line.at) ?? 0) / 1000);
      }
    }
  }
  checker.end();
  report.last = checker.last;
  return report;
}

/** Compares each line with the one before it, and names the line that is wrong. */
class ChainChecker {
  readonly #problems: string[];
  readonly #snapshot: Snapshot;
  #before: Placed | undefined;
  /** Lines since `#before` that cannot be read. */
  readonly #unreadable: string[] = [];
  /** Consecutive lines whose hash differs from the next line's `prev`: only the line after shows which was altered. */
  #altered: Link[] = [];
  /** Commits that are not where they belong. */
  readonly #missing = new Set<number>();
  #isAsInState = true;

  constructor(problems: string[], snapshot: Snapshot) {
    this.#problems = problems;
    this.#snapshot = snapshot;
  }

  /** The last commit that is where it belongs. */
  get last(): ChainEnd | undefined {
    return this.#before && { seq: this.#before.seq, hash: this.#before.hash };
  }

  addUnreadable(place: string): void {
    this.#unreadable.push(place);
  }

  /** Returns the commit's number. */
  add(line: Link, prev: string): number {
    // Where a number was altered before the next commit was made, that and the later ones continue from it.
    if (prev === this.#before?.hash) this.#before = this.#withItsNumber(this.#before);
    const before = this.#before;
    // A line that follows the one before by its hash has the next number, even if another one was put into it.
    const isNext = prev === (before?.hash ?? FIRST_PREV);
    const link = { ...line, seq: isNext ? (before?.seq ?? 0) + 1 : line.seq, says: line.seq };
    if (before !== undefined && link.seq <= before.seq) {
      this.#problems.push(
        `${link.place} is commit ${link.seq} after commit ${before.seq}: it was ${this.#missing.has(link.seq) ? 'moved' : 'inserted'}`,
      );
      return link.seq;
    }
    if (before === undefined) this.#begin(link, prev);
    else this.#compare(before, link, prev);
    this.#before = link;
    if (link.seq === this.#snapshot.seq && link.hash !== this.#snapshot.hash) {
      this.#isAsInState = false;
      this.#problems.push(`${link.place} was altered: the state file has a different hash of commit ${link.seq}`);
    }
    return link.seq;
  }

  end(): void {
    const last = this.#before;
    for (const place of this.#unreadable) this.#problems.push(`${place} cannot be read: it was altered`);
    if (last !== undefined && this.#isAsInState) this.#withItsNumber(last);
    // If the last line is as in the state file, the line before it was altered.
    if (this.#isAsInState || this.#altered.length > 1) this.#sayAltered(last);
    // A line that cannot be read was a commit.
    if (this.#snapshot.seq > (last?.seq ?? 0) + this.#unreadable.length) {
      this.#problems.push(
        `the journal ends with commit ${last?.seq ?? 0}, but the state file has commit ${this.#snapshot.seq}: ` +
          'lines are missing at its end',
      );
    }
  }

  /** Reports a number that was altered. */
  #withItsNumber(link: Placed): Placed {
    const { seq, says, place } = link;
    if (says === seq) return link;
    this.#problems.push(`${place} was altered: it is commit ${seq}, but has the number ${says}`);
    return { ...link, seq: says };
  }

  #begin({ seq, place }: Link, prev: string): void {
    const { first } = this.#snapshot;
    const unreadable = this.#unreadable.splice(0);
    for (const one of unreadable) this.#problems.push(`${one} cannot be read: it was altered`);
    if (seq === 1 && prev !== FIRST_PREV) this.#problems.push(`${place} is not the start of a journal: it was altered`);
    if (first === null) return;
    const missing = this.#missingCommits(first.seq, seq, unreadable.length);
    if (missing === undefined) return;
    const began = `the journal began with commit ${first.seq} in ${first.file}`;
    this.#problems.push(`${missing} missing before ${place}: ${began}, and no run removed that`);
  }

  #compare(before: Link, link: Link, prev: string): void {
    const unreadable = this.#unreadable.splice(0);
    const isNext = link.seq === before.seq + 1;
    if (isNext && prev !== before.hash && unreadable.length === 0) {
      this.#altered.push(before);
      return;
    }
    this.#sayAltered(before);
    const why = isNext && prev === before.hash ? 'is not a commit: it was inserted' : 'cannot be read: it was altered';
    for (const place of unreadable) this.#problems.push(`${place} ${why}`);
    const missing = this.#missingCommits(before.seq + 1, link.seq, unreadable.length);
    if (missing !== undefined) this.#problems.push(`${missing} missing between ${before.place} and ${link.place}`);
  }

  /** Which commits from one up to another are missing, in words, if so many lines there cannot be read. */
  #missingCommits(from: number, to: number, unreadable: number): string | undefined {
    const missing = to - from - unreadable;
    if (missing <= 0) return undefined;
    for (let seq = from; seq < to && seq - from < MOST_MOVED; seq++) this.#missing.add(seq);
    if (unreadable > 0) return `${counted(missing, 'commit')} ${missing === 1 ? 'is' : 'are'}`;
    return missing === 1 ? `commit ${from} is` : `commits ${from} to ${to - 1} are`;
  }

  /** Reports the altered lines before `next`, which itself was not altered. */
  #sayAltered(next: Link | undefined): void {
    const [first, ...others] = this.#altered.splice(0);
    const last = others.at(-1);
    if (first === undefined || next === undefined) return;
    this.#problems.push(
      last === undefined
        ? `${first.place} was altered: ${next.place} has a different hash of it`
        : `${last.place} was altered, and perhaps the lines before it, from ${first.place} on`,
    );
  }
}
