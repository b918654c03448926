import type { Source } from '../providers/provider.ts';
import { hourOf, type HourCounts } from '../state/hour-counts.ts';
import type { Session } from './session.ts';

/** A time span in epoch seconds, end exclusive. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/**
 * The parts of a span, by hours, for which the API's count differs from the journal's, or is unknown. The whole span when
 * the API does not count.
 */
export async function differingSpans(
  { provider, run }: Pick<Session, 'provider' | 'run'>,
  source: Source,
  span: Span,
  hours: HourCounts,
): Promise<Span[]> {
  if (provider.count === undefined) return [span];
  const found: Span[] = [];
  const open = [span];
  for (let part = open.pop(); part !== undefined; part = open.pop()) {
    const { from, to } = part;
    const count = await provider.count(source, from, to, run.signal);
    if (count === hours.between(hourOf(from), to)) continue;
    const middle = hourOf((from + to) / 2);
    if (middle <= from) found.push(part);
    else open.push({ from: middle, to }, { from, to: middle });
  }
  return found;
}
