import { counted, grouped } from '../lib/words.ts';
import { formatDuration, parseInstant } from '../lib/duration.ts';
import type { ExportRange } from '../config/export-request.ts';
import type { SourceState } from '../state/state.ts';

/** Shorter times give no useful rate. */
const MIN_ELAPSED_MS = 1_000;

interface ExportProgressOptions {
  readonly range: ExportRange;
  /** In any order; they change during the export. */
  readonly sources: readonly SourceState[];
  readonly hasContracts: boolean;
  readonly now: () => number;
}

/** Reports to people how far an export is. */
export class ExportProgress {
  readonly #options: ExportProgressOptions;
  readonly #startedAt: number;
  readonly #eventsBefore: number;
  readonly #shareBefore: number;
  readonly #finished = new Set<SourceState>();
  /** How often a source advanced: time windows, or pages. */
  #steps = 0;

  constructor(options: ExportProgressOptions) {
    this.#options = options;
    this.#startedAt = options.now();
    this.#eventsBefore = this.events;
    this.#shareBefore = this.#share();
  }

  /** Events exported so far, including those of earlier runs. */
  get events(): number {
    return this.#options.sources.reduce((sum, source) => sum + source.delivered, 0);
  }

  step(): void {
    this.#steps++;
  }

  finish(source: SourceState): void {
    this.#finished.add(source);
  }

  /** `2 of 12 contracts, 37 windows, 120,345 events, 4,210/s, 3 min left` */
  render(): string {
    const { sources, hasContracts, now } = this.#options;
    const elapsed = now() - this.#startedAt;
    const parts = [counted(this.#steps, hasContracts ? 'window' : 'page'), counted(this.events, 'event')];
    if (hasContracts) parts.unshift(`${grouped(this.#finished.size)} of ${counted(sources.length, 'contract')}`);
    if (elapsed >= MIN_ELAPSED_MS) {
      parts.push(`${grouped(Math.round(((this.events - this.#eventsBefore) / elapsed) * 1000))}/s`);
      const share = this.#share();
      const gained = share - this.#shareBefore;
      if (gained > 0) parts.push(`${formatDuration((elapsed * (1 - share)) / gained)} left`);
    }
    return parts.join(', ');
  }

  /** From 0 to 1: how much of the range all sources together have done. */
  #share(): number {
    const { range, sources } = this.#options;
    const length = (range.to - range.from) * 1000;
    const shares = sources.map((source) => {
      if (this.#finished.has(source)) return 1;
      const reached = parseInstant(source.cursor) ?? parseInstant(source.last_event ?? '') ?? 0;
      return Math.min(1, Math.max(0, (reached - range.from * 1000) / length));
    });
    return shares.reduce((sum, share) => sum + share, 0) / Math.max(1, shares.length);
  }
}
