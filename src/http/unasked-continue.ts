import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';

/** undici's channel for each connection, before its first answer (https://undici.nodejs.org/#/docs/api/DiagnosticsChannel). */
const CONNECTED = 'undici:client:connected';
const CONTINUE = /^HTTP\/1\.[01] 100[^\r\n]*\r\n(?:[^\r\n]+\r\n)*\r\n/;
const STATUS_LINE_BYTES = 12;
/** More than any `100 Continue` has. */
const MAX_HEAD_BYTES = 1_024;

/**
 * Some servers and proxies answer `100 Continue` though nobody asked (RFC 9110, 15.2: to be ignored). undici takes that for
 * a bad response and ends the connection, so it is removed from what a connection reads. No page can look like it: JSON
 * escapes line breaks in strings.
 */
export function ignoreUnaskedContinue(): void {
  unsubscribe(CONNECTED, onConnected);
  subscribe(CONNECTED, onConnected);
}

function onConnected(message: unknown): void {
  const { socket } = message as { readonly socket: Socket };
  const read = socket.read.bind(socket);
  socket.read = (size?: number) => withoutContinue(read(size) as Buffer | null);
}

function withoutContinue(chunk: Buffer | null): Buffer | null {
  if (chunk?.toString('latin1', 0, STATUS_LINE_BYTES).endsWith(' 100') !== true) return chunk;
  const head = chunk.toString('latin1', 0, MAX_HEAD_BYTES);
  return chunk.subarray(CONTINUE.exec(head)?.[0].length ?? 0);
}
