import type { TimeSpan } from '../lib/duration.ts';
import type { Source } from '../providers/provider.ts';
import { HOUR_S, hourOf, type HourCounts } from '../state/hour-counts.ts';
import type { Session } from './session.ts';

/**
 * The hours of a span, oldest first, for which the API's count differs from the journal's, or is unknown, as for more
 * events than it counts. The whole span when the API does not count at all.
 */
export async function differingSpans(
  { provider, run }: Pick<Session, 'provider' | 'run'>,
  source: Source,
  span: TimeSpan,
  hours: HourCounts,
): Promise<TimeSpan[]> {
  if (provider.count === undefined) return [span];
  const found: TimeSpan[] = [];
  const open = [span];
  for (let part = open.pop(); part !== undefined; part = open.pop()) {
    const { from, to } = part;
    const count = await provider.count(source, from, to, run.signal);
    if (count === hours.between(hourOf(from), to)) continue;
    const middle = Math.max(hourOf((from + to) / 2), hourOf(from) + HOUR_S);
    if (middle >= to) found.push(part);
    else open.push({ from: middle, to }, { from, to: middle });
  }
  return found;
}
