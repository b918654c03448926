/** One HTTP exchange as a test sees it: also one that ends badly. */

import { Agent, get, type IncomingHttpHeaders } from 'node:http';
import type { TestContext } from 'node:test';
import { type Sandbox, type SandboxSettings, startSandbox } from './server.ts';

export const NOW = Date.parse('2026-11-21T20:30:00Z');
export const CONTRACT = '9876543218374837483';
export const PAGE = `/activitylog/v1/contracts/${CONTRACT}`;

/** A sandbox whose clock stands still at `NOW`, closed at the end of the test. */
export async function sandboxFor(t: TestContext, settings: SandboxSettings = {}): Promise<Sandbox> {
  const sandbox = await startSandbox({ now: () => NOW, ...settings });
  t.after(() => sandbox.close());
  return sandbox;
}

export interface Exchange {
  status: number | undefined;
  headers: IncomingHttpHeaders;
  body: Buffer;
  text: string;
  /** Whether HTTP says that the body is all there. */
  complete: boolean;
  /** Code of the error that ended it. */
  error: string | undefined;
}

export interface Asking {
  headers?: Record<string, string>;
  token?: string | null;
  method?: string;
  signal?: AbortSignal;
  /** Called with each piece of the body. */
  onData?: (piece: Buffer) => void;
}

/** Never rejects. Each exchange has a connection of its own. */
export function ask(sandbox: Sandbox, path: string, asking: Asking = {}): Promise<Exchange> {
  const { token = 'sandbox-token', method = 'GET', signal, onData } = asking;
  const url = path.startsWith('http') ? path : sandbox.url + path;
  const headers = { ...(token === null ? {} : { authorization: `Bearer ${token}` }), ...asking.headers };
  return new Promise((resolve) => {
    const exchange: Exchange = {
      status: undefined,
      headers: {},
      body: Buffer.alloc(0),
      text: '',
      complete: false,
      error: undefined,
    };
    const pieces: Buffer[] = [];
    const finish = (): void => {
      const body = Buffer.concat(pieces);
      resolve({ ...exchange, body, text: body.toString() });
    };
    const fail = (error: NodeJS.ErrnoException): void => {
      exchange.error ??= error.code ?? error.message;
    };
    const options = { agent: new Agent(), method, headers, ...(signal === undefined ? {} : { signal }) };
    const request = get(url, options, (response) => {
      exchange.status = response.statusCode;
      exchange.headers = response.headers;
      response.on('data', (piece: Buffer) => {
        pieces.push(piece);
        onData?.(piece);
      });
      response.on('error', fail).on('close', () => {
        exchange.complete = response.complete;
        finish();
      });
    });
    request.on('error', fail).on('close', () => {
      if (exchange.status === undefined) finish();
    });
  });
}

/** The events of a page in its documented shape; a number above 2^53 does not survive this. */
export function sources(text: string): { '@uuid'?: string }[] {
  const page = JSON.parse(text) as { hits: { hits: { _source: { '@uuid'?: string } }[] } };
  return page.hits.hits.map((hit) => hit._source);
}

export function uuids(text: string): (string | undefined)[] {
  return sources(text).map((source) => source['@uuid']);
}
