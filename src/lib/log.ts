import { fstatSync } from 'node:fs';
import { oneLine } from './one-line.ts';
import { redact } from './secrets.ts';

export const LOG_LEVELS = ['error', 'warn', 'info', 'debug'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Messages for people, one line each. */
export type Log = Readonly<Record<LogLevel, (message: string) => void>>;

export interface LogOptions {
  readonly write: (line: string) => void;
  readonly level: LogLevel;
  /** Start each line with a priority that systemd's journal understands (sd-daemon(3)). */
  readonly journal: boolean;
  /** Texts that are redacted, such as the token. */
  readonly secrets?: readonly string[];
}

/** syslog's numbers, as in sd-daemon(3). */
const PRIORITIES: Record<LogLevel, number> = { error: 3, warn: 4, info: 6, debug: 7 };
const WORDS: Record<LogLevel, string> = { error: 'error: ', warn: 'warning: ', info: '', debug: 'debug: ' };

export function createLog(options: LogOptions): Log {
  const threshold = LOG_LEVELS.indexOf(options.level);
  const { secrets = [] } = options;
  const at = (level: LogLevel) => (message: string) => {
    if (LOG_LEVELS.indexOf(level) > threshold) return;
    const priority = options.journal ? `<${PRIORITIES[level]}>` : '';
    const text = oneLine(redact(message, secrets));
    options.write(`${priority}fetch-activity-logs: ${WORDS[level]}${text}\n`);
  };
  return { error: at('error'), warn: at('warn'), info: at('info'), debug: at('debug') };
}

/** Whether this descriptor is the one that systemd connected to the journal: JOURNAL_STREAM holds device and inode. */
export function isJournal(fd: number, journalStream: string | undefined): boolean {
  if (journalStream === undefined) return false;
  try {
    const { dev, ino } = fstatSync(fd, { bigint: true });
    return journalStream === `${dev}:${ino}`;
  } catch {
    return false;
  }
}
