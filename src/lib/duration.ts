/** A time span in epoch seconds, end exclusive. */
export interface TimeSpan {
  readonly from: number;
  readonly to: number;
}

const UNITS: Record<string, number> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/** Milliseconds of `90`, `90s`, `5m`, `24h`, `7d`; plain numbers are seconds. Undefined when it is none of these. */
export function parseDuration(text: string): number | undefined {
  const found = /^(\d+(?:\.\d+)?)\s*([smhdw]?)$/.exec(text.trim());
  if (found === null) return undefined;
  const ms = Number(found[1]) * (UNITS[found[2] === '' ? 's' : (found[2] ?? '')] ?? NaN);
  return Number.isFinite(ms) && ms <= 1e14 ? Math.round(ms) : undefined;
}

/** The instant of an RFC 3339 date and time, in epoch milliseconds. A zone is required: 12:00 of where? */
export function parseInstant(text: string): number | undefined {
  const found = /^(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/i.exec(text.trim());
  if (found === null) return undefined;
  const [year, month, day] = [Number(found[1]), Number(found[2]), Number(found[3])];
  if (new Date(Date.UTC(year, month - 1, day)).getUTCDate() !== day) return undefined;
  const ms = Date.parse(text.trim().replace(' ', 'T').toUpperCase());
  return Number.isNaN(ms) ? undefined : ms;
}

/** For people: `42 s`, `5 min`, `3 h 20 min`, `12 d`. */
export function formatDuration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
  return `${Math.round(hours / 24)} d`;
}

/** The instant to the second, as the Activity Log API takes it: YYYY-MM-DDTHH:MM:SSZ. */
export function formatSecond(epochSeconds: number): string {
  return new Date(Math.floor(epochSeconds) * 1000).toISOString().replace('.000Z', 'Z');
}
