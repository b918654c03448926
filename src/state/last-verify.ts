import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeDurably } from '../lib/durable-file.ts';
import { count, object, parseJson, text } from '../lib/narrow.ts';

/** Not a secret: `verify` may run as root, and polls, which run as another user, put it into the metrics. */
const MODE = 0o644;
const FILE = 'verified.json';

/** What `verify` last compared, and how it ended. */
export interface LastVerify {
  /** When it ended, RFC 3339. */
  readonly at: string;
  /** The range that was asked for, RFC 3339. */
  readonly from: string;
  readonly to: string;
  /** 0: nothing is missing, twice or altered. */
  readonly exit_code: number;
}

/** Writes it beside the journal's files, for `status` and the metrics. It needs no lock: the last one counts. */
export async function writeLastVerify(journalFolder: string, verified: LastVerify): Promise<void> {
  await writeDurably(join(journalFolder, FILE), `${JSON.stringify(verified)}\n`, MODE);
}

/** Null when there is none, or it cannot be read: nothing depends on it. */
export async function readLastVerify(journalFolder: string): Promise<LastVerify | null> {
  try {
    const verified = object(parseJson(await readFile(join(journalFolder, FILE), 'utf8')), FILE);
    return {
      at: text(verified['at'], 'at'),
      from: text(verified['from'], 'from'),
      to: text(verified['to'], 'to'),
      exit_code: count(verified['exit_code'], 'exit_code'),
    };
  } catch {
    return null;
  }
}
