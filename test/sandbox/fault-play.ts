/** Plays a scripted fault in place of the answer that a request would have got. */

import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Answer, compressed, drained, send, writeHead } from './answer.ts';
import type { Fault } from './faults.ts';
import type { SandboxOptions } from './options.ts';
import { playOversized } from './oversized.ts';
import type { RequestRecord } from './request-record.ts';

export interface Scene {
  record: RequestRecord;
  response: ServerResponse;
  options: SandboxOptions;
  /** The answer without the fault, encoded; `intruder` takes the place of one event. */
  usual(intruder?: Buffer): Promise<Answer>;
  /** An error answer as this API gives it. */
  error(status: number): Answer;
}

export async function playFault(fault: Fault, scene: Scene): Promise<void> {
  const { record, response, options } = scene;
  const give = (answer: Answer): Promise<void> => {
    record.status = answer.status;
    return send(response, answer, options);
  };
  switch (fault.type) {
    case 'status': {
      const { headers, body } = scene.error(fault.status);
      const own = fault.body === undefined ? body : Buffer.from(fault.body);
      return give({ status: fault.status, headers: { ...headers, ...fault.headers }, body: own });
    }
    case 'redirect': {
      const location = typeof fault.location === 'string' ? fault.location : fault.location(record);
      return give({ status: fault.status ?? 302, headers: { location }, body: Buffer.alloc(0) });
    }
    case 'body': {
      const { headers } = scene.error(200);
      return give({ status: 200, headers: { ...headers, ...fault.headers }, body: bytes(fault.body) });
    }
    case 'bad-event':
      return give(await scene.usual(bytes(fault.raw ?? '42')));
    case 'corrupt-gzip':
      return give(await damaged(await scene.usual()));
    case 'continue':
      response.writeContinue();
      return give(await scene.usual());
    case 'reset':
      response.socket?.resetAndDestroy();
      return;
    case 'hang':
      return;
    case 'truncate':
      return truncate(response, await scene.usual(), fault.afterBytes, fault.framing ?? 'chunked');
    case 'cut':
      await begin(response, await scene.usual(), fault.afterBytes);
      response.socket?.destroySoon();
      return;
    case 'reset-body':
      await begin(response, await scene.usual(), fault.afterBytes);
      response.socket?.resetAndDestroy();
      return;
    case 'hang-body':
      await begin(response, await scene.usual(), fault.afterBytes);
      return;
    case 'trickle':
      return trickle(response, await scene.usual(), fault.bytesPerSecond);
    case 'oversized':
      record.status = 200;
      return playOversized(response, fault);
  }
}

function bytes(content: string | Buffer): Buffer {
  return typeof content === 'string' ? Buffer.from(content) : content;
}

/** Half of the body by default, and never all of it. */
function beginning(body: Buffer, afterBytes = body.length >> 1): Buffer {
  return body.subarray(0, Math.max(0, Math.min(afterBytes, body.length - 1)));
}

/** Resolves when the head and the beginning of the body have left. */
async function begin(response: ServerResponse, answer: Answer, afterBytes: number | undefined): Promise<void> {
  writeHead(response, { ...answer, headers: { ...answer.headers, 'content-length': `${answer.body.length}` } });
  response.flushHeaders();
  const part = beginning(answer.body, afterBytes);
  if (part.length > 0) await new Promise((resolve) => response.write(part, resolve));
}

async function truncate(
  response: ServerResponse,
  answer: Answer,
  afterBytes: number | undefined,
  framing: 'length' | 'chunked' | 'close',
): Promise<void> {
  const part = beginning(answer.body, afterBytes);
  if (framing === 'length') response.setHeader('content-length', part.length);
  if (framing === 'close') response.removeHeader('transfer-encoding');
  writeHead(response, answer);
  response.write(part);
  await new Promise<void>((resolve) => response.end(resolve));
}

async function damaged(answer: Answer): Promise<Answer> {
  const zipped = answer.headers['content-encoding'] === 'gzip' ? answer : await compressed(answer);
  const body = Buffer.from(zipped.body);
  for (let at = body.length >> 1; at < Math.min(body.length, (body.length >> 1) + 8); at++) body[at] = 0xff;
  return { ...zipped, body };
}

async function trickle(response: ServerResponse, answer: Answer, bytesPerSecond: number): Promise<void> {
  const size = Math.max(1, Math.round(bytesPerSecond / 10));
  writeHead(response, { ...answer, headers: { ...answer.headers, 'content-length': `${answer.body.length}` } });
  for (let at = 0; at < answer.body.length && !response.destroyed; at += size) {
    if (!response.write(answer.body.subarray(at, at + size))) await drained(response);
    await sleep((size / bytesPerSecond) * 1000, undefined, { ref: false });
  }
  response.end();
}
