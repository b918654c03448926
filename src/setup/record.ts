import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { localFiles } from '../check/fluent-bit-config/read.ts';
import { pathOn, type Machine } from '../check/facts/machine.ts';
import { RECORD } from '../check/facts/paths.ts';

/**
 * The checksum of each configuration file as it was installed, to recognize the user's edits. For the backup of
 * fluent-bit.conf, it is that of the user's file as we left it. Two marks are for install.sh: `enabled`, the service was
 * not enabled before, and `restart`, a restart is pending.
 */
export type Installed = Map<string, string>;

export function readRecord(machine: Machine): Installed {
  const file = pathOn(machine, RECORD);
  const text = localFiles.isFile(file) ? localFiles.read(file) : '';
  return new Map(Array.from(text.matchAll(/^(\S+) {2}(.+)$/gm), ([, sum = '', path = '']) => [path, sum]));
}

/** Lines as those of sha256sum(1). */
export function formatRecord(record: Installed): string {
  return [...record].map(([path, sum]) => `${sum}  ${path}\n`).join('');
}

export function checksum(contents: string | Buffer): string {
  return createHash('sha256').update(contents).digest('hex');
}

/** Undefined when there is no such file. */
export function checksumOn(machine: Machine, path: string): string | undefined {
  const file = pathOn(machine, path);
  return localFiles.isFile(file) ? checksum(readFileSync(file)) : undefined;
}
