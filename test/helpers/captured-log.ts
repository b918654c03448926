import { LOG_LEVELS, type Log, type LogLevel } from '../../src/lib/log.ts';

/** A log that keeps what it is told, as `level: message`. */
export interface CapturedLog extends Log {
  readonly messages: string[];
}

export function captureLog(onMessage: (message: string) => void = () => undefined): CapturedLog {
  const messages: string[] = [];
  const at = (level: LogLevel) => (message: string) => {
    messages.push(`${level}: ${message}`);
    onMessage(message);
  };
  const [error, warn, info, debug] = LOG_LEVELS;
  return { messages, error: at(error), warn: at(warn), info: at(info), debug: at(debug) };
}
