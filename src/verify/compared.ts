import type { TimeSpan } from '../lib/duration.ts';
import type { Source } from '../providers/provider.ts';
import type { Session } from '../session/session.ts';
import type { HourCounts } from '../state/hour-counts.ts';

/** The parts of a session that ask the API. */
export type Asking = Pick<Session, 'config' | 'provider' | 'run'>;

/** A source, the span of it that is compared (empty when it cannot be), and what of that is read from the API. */
export interface Compared {
  readonly source: Source;
  /** How many different events of each hour the journal has. */
  readonly hours: HourCounts;
  from: number;
  to: number;
  spans: readonly TimeSpan[];
}

/** Called often; `render` gives what is done at the moment, for people. */
export type OnStep = (render: () => string) => void;
