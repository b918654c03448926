import { fstatSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Writable } from 'node:stream';

/**
 * The stream for stdout. A pipe gets a socket of its own: unlike process.stdout it can be destroyed, and a run that
 * was asked to end must not wait for a reader that takes nothing.
 */
export function openStdout(): Writable {
  const stats = fstatSync(1);
  if (stats.isFIFO() || stats.isSocket()) return new Socket({ fd: 1, readable: false, writable: true });
  return process.stdout;
}
