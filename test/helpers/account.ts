/** Compares what was printed with what there was. */

import assert from 'node:assert/strict';
import type { Sandbox, StoredEvent } from '../sandbox/server.ts';

const SHOWN = 3;

export interface Account {
  /** Events that were never printed. */
  readonly lost: string[];
  /** Events that were printed more than once. */
  readonly repeated: string[];
  /** Lines that are no event, or one that was altered. */
  readonly foreign: string[];
}

/** Byte for byte; events that are alike to the byte count as often as they are there. */
export function accountOf(printed: readonly Buffer[], events: readonly StoredEvent[]): Account {
  const balance = new Map<string, number>();
  for (const { bytes } of events) add(balance, bytes, -1);
  const foreign: string[] = [];
  for (const line of printed) {
    if (balance.has(line.toString('latin1'))) add(balance, line, 1);
    else foreign.push(line.toString());
  }
  const where = (fits: (count: number) => boolean) =>
    [...balance].filter(([, count]) => fits(count)).map(([text]) => Buffer.from(text, 'latin1').toString());
  return { lost: where((count) => count < 0), repeated: where((count) => count > 0), foreign };
}

function add(balance: Map<string, number>, bytes: Buffer, count: number): void {
  const key = bytes.toString('latin1');
  balance.set(key, (balance.get(key) ?? 0) + count);
}

/** Each event was printed once, and nothing else was. */
export function assertPrintedOnce(printed: readonly Buffer[], events: readonly StoredEvent[]): void {
  const { lost, repeated, foreign } = accountOf(printed, events);
  const shown = { lost: lost.slice(0, SHOWN), repeated: repeated.slice(0, SHOWN), foreign: foreign.slice(0, SHOWN) };
  const counts = `${printed.length} lines, ${events.length} events, ${lost.length} lost, ${repeated.length} repeated`;
  assert.deepEqual(shown, { lost: [], repeated: [], foreign: [] }, counts);
}

/** Nothing was lost or altered; some may have been printed more often than they should. Returns how many lines more. */
export function assertNothingLost(printed: readonly Buffer[], events: readonly StoredEvent[]): number {
  const { lost, foreign } = accountOf(printed, events);
  assert.deepEqual({ lost: lost.slice(0, SHOWN), foreign: foreign.slice(0, SHOWN) }, { lost: [], foreign: [] });
  return printed.length - events.length;
}

/** The events of these contracts. */
export function eventsOf(sandbox: Sandbox, contracts: Iterable<string>): StoredEvent[] {
  return Array.from(contracts, (contract) => sandbox.events(contract)).flat();
}
