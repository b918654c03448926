/** What the last run knew about the lines after Fluent Bit's input, so that the next one reports only what is new. */
export interface DestinationSeen {
  /** When that was, RFC 3339. */
  readonly looked_at: string;
  /** When Fluent Bit was started, in epoch seconds: its counters began at 0 then. */
  readonly started_at: number;
  /** How many records each output had dropped. */
  readonly dropped: Readonly<Record<string, number>>;
  /** The modification time of the newest chunk that was set aside, in epoch milliseconds. */
  readonly rejected_until: number;
}

/** Undefined when there is none or it cannot be read: no event depends on it. */
export function parseDestinationSeen(value: unknown): DestinationSeen | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { looked_at, started_at, dropped, rejected_until } = value as Partial<Record<keyof DestinationSeen, unknown>>;
  if (typeof looked_at !== 'string' || typeof started_at !== 'number' || typeof rejected_until !== 'number') {
    return undefined;
  }
  if (typeof dropped !== 'object' || dropped === null) return undefined;
  const counts = Object.entries(dropped).filter((entry): entry is [string, number] => typeof entry[1] === 'number');
  return { looked_at, started_at, dropped: Object.fromEntries(counts), rejected_until };
}
