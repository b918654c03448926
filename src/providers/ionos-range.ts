import type { TimeSpan } from '../lib/duration.ts';
import { earliest } from './earliest.ts';
import { isAccepted } from './ionos-request.ts';
import type { Api } from './provider.ts';

/** Short enough for any API to accept, unless it is too long ago. */
const SHORT_SECONDS = 60;

/**
 * What the API accepts of a window that it refused: it may go too far back, or be too long. `from` is where to
 * continue, `width` how long a window may be. Undefined when it refuses the last minute before `end` as well: then
 * the range is not the cause.
 */
export async function acceptedRange(
  api: Api,
  contract: string,
  window: TimeSpan,
  end: number,
  signal: AbortSignal,
): Promise<{ from: number; width: number } | undefined> {
  const accepts = (from: number, to: number) => isAccepted(api, contract, { from, to: Math.min(to, end) }, signal);
  const latest = Math.max(window.from, end - SHORT_SECONDS);
  if ((latest === window.from && end === window.to) || !(await accepts(latest, end))) return undefined;
  if (await accepts(window.from, window.from + SHORT_SECONDS)) {
    let width = window.to - window.from;
    while (width > SHORT_SECONDS && !(await accepts(window.from, window.from + width))) width = Math.ceil(width / 2);
    return { from: window.from, width };
  }
  const from = await earliest(window.from, latest, (second) => accepts(second, second + SHORT_SECONDS));
  // What the API retains moves with the clock, and the next request comes a moment later.
  return { from: Math.min(from + 1, latest), width: end - from };
}
