import { fstatSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Writable } from 'node:stream';

/**
 * The stream for stdout. A pipe gets a socket of its own: unlike process.stdout it can be destroyed, and a run that
 * was asked to end must not wait for a reader that takes nothing.
 */
export function openStdout(): Writable {
  const stats = fstatSync(1);
  const isPipe = stats.isFIFO() || stats.isSocket();
  const stream = isPipe ? new Socket({ fd: 1, readable: false, writable: true }) : process.stdout;
  // Who writes is told by the write's callback; an error that nobody listens to would end the process.
  return stream.on('error', () => undefined);
}
