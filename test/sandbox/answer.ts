/** An answer before it is sent, and how it is sent when all goes well. */

import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { promisify } from 'node:util';
import { constants, gzip } from 'node:zlib';
import { prettyJson } from './json-text.ts';
import type { SandboxOptions } from './options.ts';
import type { RequestRecord } from './request-record.ts';

export interface Answer {
  status: number;
  headers: Record<string, string>;
  body: Buffer;
}

export function jsonAnswer(status: number, body: string | Buffer, headers: Record<string, string> = {}): Answer {
  return {
    status,
    headers: { 'content-type': 'application/json;charset=UTF-8', ...headers },
    body: typeof body === 'string' ? Buffer.from(body) : body,
  };
}

/** Pretty-printed and compressed as the switches say. */
export async function encode(answer: Answer, record: RequestRecord, options: SandboxOptions): Promise<Answer> {
  const body = options.pretty === 'no' ? answer.body : pretty(answer.body, options.pretty);
  const accepted = /(^|[\s,])(gzip|\*)\s*(;\s*q=(?!0(\.0*)?\s*(,|$))[\d.]+\s*)?(,|$)/.test(
    record.headers['accept-encoding'] ?? '',
  );
  return options.gzip && accepted ? compressed({ ...answer, body }) : { ...answer, body };
}

export async function compressed(answer: Answer): Promise<Answer> {
  const body = await promisify(gzip)(answer.body, { level: constants.Z_BEST_SPEED });
  return { ...answer, body, headers: { ...answer.headers, 'content-encoding': 'gzip' } };
}

/** Latin-1 keeps each byte as it is, and all that counts between tokens is ASCII. */
function pretty(body: Buffer, mode: 'lf' | 'crlf'): Buffer {
  return Buffer.from(prettyJson(body.toString('latin1'), mode === 'lf' ? '\n' : '\r\n'), 'latin1');
}

export function writeHead(response: ServerResponse, answer: Pick<Answer, 'status' | 'headers'>): void {
  response.writeHead(answer.status, answer.headers);
}

export async function send(response: ServerResponse, answer: Answer, options: SandboxOptions): Promise<void> {
  if (!options.chunked) {
    writeHead(response, { ...answer, headers: { ...answer.headers, 'content-length': `${answer.body.length}` } });
    response.end(answer.body);
    return;
  }
  writeHead(response, answer);
  for (let at = 0; at < answer.body.length && !response.destroyed; at += options.chunkBytes) {
    if (!response.write(answer.body.subarray(at, at + options.chunkBytes))) await drained(response);
  }
  response.end();
}

/** Resolves when there is room again, or nobody is listening any more. */
export async function drained(response: ServerResponse): Promise<void> {
  if (response.destroyed) return;
  const over = new AbortController();
  await Promise.race([
    once(response, 'drain', { signal: over.signal }),
    once(response, 'close', { signal: over.signal }),
  ]).catch(() => undefined);
  over.abort();
}
