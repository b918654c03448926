/** A body larger than anyone wants, streamed without being held in memory. */

import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';

const HEAD = '{"hits":{"total":0,"hits":[';
const TAIL = ']}}';
const MEBIBYTE = Buffer.alloc(1024 * 1024, ' ');

export interface Oversized {
  mebibytes: number;
  /** With Content-Length; not for gzip. */
  announced?: boolean;
  gzip?: boolean;
}

export async function playOversized(
  response: ServerResponse,
  { mebibytes, announced, gzip }: Oversized,
): Promise<void> {
  const length = HEAD.length + mebibytes * MEBIBYTE.length + TAIL.length;
  response.writeHead(200, {
    'content-type': 'application/json',
    ...(gzip === true ? { 'content-encoding': 'gzip' } : {}),
    ...(announced === true && gzip !== true ? { 'content-length': `${length}` } : {}),
  });
  const source = Readable.from(body(mebibytes));
  const sent = gzip === true ? pipeline(source, createGzip(), response) : pipeline(source, response);
  // The client is free to turn away.
  await sent.catch(() => undefined);
}

function* body(mebibytes: number): Generator<Buffer> {
  yield Buffer.from(HEAD);
  for (let i = 0; i < mebibytes; i++) yield MEBIBYTE;
  yield Buffer.from(TAIL);
}
