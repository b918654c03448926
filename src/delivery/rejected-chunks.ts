import { readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { headOf, ifThere } from '../lib/read-file.ts';

/** At most this many chunks, the oldest and the newest, are searched for the times of their events. */
const MAX_SEARCHED = 64;
/** A chunk is about 2 MB (FLB_INPUT_CHUNK_FS_MAX_SIZE), plus at most one append. */
const MAX_BYTES = 8_000_000;
/**
 * A key `time` and its text as MessagePack writes them: fixstr, or str 8 (https://github.com/msgpack/msgpack). IONOS
 * has it in `meta`, `--add-fields time` in front, cloudscale at the top level.
 */
const TIME =
  /(?:\xa4time|\xa9timestamp)(?:[\xb4-\xbf]|\xd9.)(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d))/gs;

/** Chunks that a destination refused and Fluent Bit set aside (`storage.keep.rejected On`). */
export interface RejectedChunks {
  readonly folder: string;
  readonly chunks: readonly Chunk[];
  readonly bytes: number;
}

export interface Chunk {
  readonly file: string;
  readonly bytes: number;
  /** When it was set aside, in epoch milliseconds. */
  readonly at: number;
}

/** The folder in the shipped configuration, where the state and Fluent Bit's storage share a folder. */
export function usualRejectedFolder(stateFile: string): string {
  return join(dirname(stateFile), 'storage', 'rejected');
}

/** The chunks in the folder, oldest first; none when there is no folder, undefined when it cannot be read. */
export async function readRejected(folder: string): Promise<RejectedChunks | undefined> {
  try {
    const names = ((await ifThere(readdir(folder))) ?? []).filter((name) => name.endsWith('.flb'));
    const found = await Promise.all(names.map((name) => chunkOf(join(folder, name))));
    const chunks = found.filter((chunk) => chunk !== undefined).sort((a, b) => a.at - b.at);
    return { folder, chunks, bytes: chunks.reduce((sum, { bytes }) => sum + bytes, 0) };
  } catch {
    return undefined;
  }
}

/** Undefined when it was removed in the meantime. */
async function chunkOf(file: string): Promise<Chunk | undefined> {
  const stats = await ifThere(stat(file));
  return stats && { file, bytes: stats.size, at: stats.mtimeMs };
}

/** The earliest and latest time of these chunks' events, in epoch milliseconds. Undefined when none is found. */
export async function spanOf(chunks: readonly Chunk[]): Promise<{ from: number; to: number } | undefined> {
  const half = MAX_SEARCHED / 2;
  const searched = chunks.length <= MAX_SEARCHED ? chunks : [...chunks.slice(0, half), ...chunks.slice(-half)];
  let from = Infinity;
  let to = -Infinity;
  for (const chunk of searched) {
    const head = await headOf(chunk.file, Math.min(chunk.bytes, MAX_BYTES)).catch(() => '');
    for (const [, text = ''] of head.matchAll(TIME)) {
      const instant = Date.parse(text);
      if (Number.isNaN(instant)) continue;
      from = Math.min(from, instant);
      to = Math.max(to, instant);
    }
  }
  return from <= to ? { from, to } : undefined;
}
