/** What is on the disk of a state: the snapshot, completed with the journal's lines after it, as a plain document. */

import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { journalFolder } from '../../src/state/journal-files.ts';
import type { StateDocument } from './collector.ts';

export interface SavedLine {
  readonly seq: number;
  readonly at: string;
  readonly prev: string;
  readonly sources: Readonly<Record<string, SavedRecord>>;
}

type Groups = Readonly<Record<string, readonly string[]>>;

export interface SavedRecord {
  readonly cursor?: string;
  readonly start?: string;
  readonly delivered?: Groups;
  readonly delivered_unnamed?: Groups;
  readonly excluded?: Groups;
  readonly set_aside?: Groups;
  readonly redelivered?: Groups;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** The files of a state's journal, oldest first. */
export function journalOf(stateFile: string): string[] {
  const folder = journalFolder(stateFile);
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder).filter((name) => name.endsWith('.jsonl'));
  return names.sort().map((name) => join(folder, name));
}

/** The whole lines of a state's journal. */
export function journalLines(stateFile: string): SavedLine[] {
  return journalOf(stateFile).flatMap((file) => {
    const text = readFileSync(file, 'utf8');
    const whole = text.slice(0, text.lastIndexOf('\n') + 1).split('\n');
    return whole.filter((line) => line !== '').map((line) => JSON.parse(line) as SavedLine);
  });
}

export function idsIn(groups: Groups | undefined): string[] {
  return Object.values(groups ?? {}).flat();
}

/** Throws when there is no state file. */
export function savedState(stateFile: string): StateDocument {
  // In this order: a run may be going on, and it appends before it writes the snapshot.
  const lines = journalLines(stateFile);
  const state = JSON.parse(readFileSync(stateFile, 'utf8')) as StateDocument;
  const sources: Record<string, Mutable<StateDocument['sources'][string]>> = structuredClone(state.sources);
  for (const { seq, sources: records } of lines) {
    if (seq <= (state.journal?.seq ?? 0)) continue;
    for (const [name, { cursor, start, delivered, delivered_unnamed }] of Object.entries(records)) {
      const begin = start ?? cursor ?? '';
      const source = (sources[name] ??= {
        cursor: begin,
        start: begin,
        delivered: 0,
        last_success: null,
        last_error: null,
        late: { count: 0, max_seconds: 0 },
      });
      source.cursor = cursor ?? source.cursor;
      source.delivered += idsIn(delivered).length + idsIn(delivered_unnamed).length;
    }
  }
  return { ...state, sources };
}
