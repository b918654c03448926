import { formatSecond, type TimeSpan } from '../lib/duration.ts';
import { ConfigError } from '../lib/errors.ts';
import { settings, since, type Options } from './settings.ts';

/**
 * `--from` and `--to`, which must be in the past and in this order. The default of `--from` is `begin`; without that, it
 * is required. Throws ConfigError.
 */
export function readPastRange(options: Options, now: number, command: string, begin?: number): TimeSpan {
  const setting = settings(options, {});
  const [first, last] = [setting('from', since, undefined), setting('to', since, undefined)];
  const present = Math.floor(now / 1000);
  if (first === undefined && begin === undefined) {
    throw new ConfigError(`${command} requires --from, such as --from 24h or --from 2026-01-31`);
  }
  const from = first === undefined ? (begin ?? 0) : Math.max(0, Math.floor(first(now) / 1000));
  const to = last === undefined ? present : Math.ceil(last(now) / 1000);
  if (from >= present) throw new ConfigError(`--from (${formatSecond(from)}) is in the future`);
  if (to > present) throw new ConfigError(`--to (${formatSecond(to)}) is in the future`);
  if (from >= to) throw new ConfigError(`--from (${formatSecond(from)}) must be before --to (${formatSecond(to)})`);
  return { from, to };
}
