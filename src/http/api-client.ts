import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { ApiError, AppError, PageError, codeOf, messageOf } from '../lib/errors.ts';
import { get } from './http-get.ts';
import type { Log } from '../lib/log.ts';
import type { ReusableMemory } from '../lib/reusable-memory.ts';
import { redact } from '../lib/secrets.ts';
import type { Dispatcher } from './undici.ts';
import { pause, withTimeout } from '../lib/wait.ts';

/** A page larger than this is an error: nothing that the API is known to send comes near. */
export const MAX_PAGE_BYTES = 64 * 1024 * 1024;
/** Tries for one request, the first included, unless told otherwise. */
const MAX_ATTEMPTS = 5;
const FIRST_WAIT_MS = 500;
const MAX_WAIT_MS = 30_000;
const MAX_REDIRECTS = 3;
/** How much of an error's body is quoted. */
const MAX_QUOTE_CHARACTERS = 200;
const RETRYABLE_STATUSES = new Set([408, 429, 500, 502, 503, 504]);
const REDIRECT_STATUSES = new Set([301, 302, 303, 307, 308]);

export interface ApiClientOptions {
  /** Requests go to its origin only: the credentials must not leave it. */
  readonly baseUrl: URL;
  /** The value of the Authorization header, read again for each request. */
  readonly authorization: string;
  readonly dispatcher: Dispatcher;
  /** For the whole answer, its last byte included. */
  readonly requestTimeoutMs: number;
  /** No wait goes beyond this instant (epoch milliseconds). */
  readonly deadline: number;
  readonly log: Log;
  readonly now: () => number;
  readonly random: () => number;
  readonly maxPageBytes?: number;
  readonly maxAttempts?: number | undefined;
  readonly userAgent?: string;
}

/** Fetches pages of one API: with credentials, a time limit, a size limit and retries. */
export class ApiClient {
  readonly #options: ApiClientOptions;
  #clockLeadMs: number | undefined;
  /** What went wrong last, for a run that ends before it succeeds. */
  lastFailure: AppError | undefined;
  readonly stats = { requests: new Map<string, number>(), retries: 0, bytes: 0 };

  constructor(options: ApiClientOptions) {
    this.#options = options;
  }

  /** How far our clock was ahead of the server's at the last answer that had a date. */
  get clockLeadMs(): number | undefined {
    return this.#clockLeadMs;
  }

  /** The address of a path below the API's own, such as `/contracts`. */
  url(path: string): URL {
    const url = new URL(this.#options.baseUrl);
    url.pathname = `${url.pathname.replace(/\/+$/, '')}${path}`;
    return url;
  }

  /** A URL that the API handed out. Throws ApiError when it is none, leads to another origin or holds credentials. */
  ownUrl(text: string): URL {
    if (!URL.canParse(text)) {
      throw new ApiError(`"${text.slice(0, 200)}" is no URL to go on from`, { retryable: false });
    }
    const url = new URL(text);
    this.#checkOrigin(url);
    return url;
  }

  /**
   * The page at `url`, read by `parse`. What may pass is tried again, with growing waits: connections that fail,
   * time-outs, answers that are cut off or that `parse` refuses with a PageError, and 408, 429, 500, 502, 503, 504.
   * Throws ApiError or PageError when that did not help, and the signal's reason once it is aborted. Where `memory` is
   * given, the body that `parse` gets may lie in it.
   */
  async get<T>(url: URL, parse: (body: Buffer) => T, signal: AbortSignal, memory?: ReusableMemory): Promise<T> {
    const { maxAttempts = MAX_ATTEMPTS } = this.#options;
    for (let attempt = 1; ; attempt++) {
      try {
        return parse(await this.#fetch(url, signal, memory));
      } catch (error) {
        signal.throwIfAborted();
        const failure = error instanceof AppError ? error : connectionError(error, url);
        this.lastFailure = failure;
        const retryable = failure instanceof PageError || (failure instanceof ApiError && failure.retryable);
        if (!retryable || attempt === maxAttempts) throw failure;
        const wait = this.#wait(attempt, failure);
        if (this.#options.now() + wait >= this.#options.deadline) throw failure;
        this.#options.log.debug(`${url.pathname}: ${failure.message}; trying again in ${Math.round(wait)} ms`);
        this.stats.retries++;
        await pause(wait, signal);
      }
    }
  }

  /** Doubled each time, with jitter, so that many collectors do not come back at once; what the server asks for wins. */
  #wait(attempt: number, failure: AppError): number {
    const asked = failure instanceof ApiError ? failure.retryAfterMs : undefined;
    const backoff = Math.min(FIRST_WAIT_MS * 2 ** (attempt - 1), MAX_WAIT_MS) * (0.5 + this.#options.random() / 2);
    return Math.max(asked ?? 0, backoff);
  }

  async #fetch(url: URL, signal: AbortSignal, memory: ReusableMemory | undefined): Promise<Buffer> {
    const { requestTimeoutMs } = this.#options;
    return withTimeout(
      signal,
      requestTimeoutMs,
      () => new ApiError(`no complete answer within ${requestTimeoutMs / 1000} s`, { retryable: true }),
      async (limited) => {
        let target = url;
        for (let redirects = 0; ; redirects++) {
          const answer = await this.#send(target, limited, memory);
          if (answer.body !== undefined) return answer.body;
          if (redirects === MAX_REDIRECTS) {
            throw new ApiError(`more than ${MAX_REDIRECTS} redirects from ${url.origin}`, { retryable: false });
          }
          target = answer.location;
        }
      },
    );
  }

  async #send(
    url: URL,
    signal: AbortSignal,
    memory: ReusableMemory | undefined,
  ): Promise<{ body: Buffer } | { body?: never; location: URL }> {
    const { authorization, dispatcher, requestTimeoutMs, maxPageBytes = MAX_PAGE_BYTES } = this.#options;
    this.#checkOrigin(url);
    const { status, headers, body } = await get(url, dispatcher, {
      signal,
      headers: {
        authorization,
        accept: 'application/json',
        'accept-encoding': 'gzip',
        'user-agent': this.#options.userAgent ?? 'fetch-activity-logs',
      },
      // The time limit is one for the whole answer: undici's own for a silence, 5 minutes, may be shorter.
      silenceMs: requestTimeoutMs,
      onHeaders: (code, { date }) => {
        this.stats.requests.set(String(code), (this.stats.requests.get(String(code)) ?? 0) + 1);
        this.#readClock(date);
      },
      memory,
      maxBytes: maxPageBytes,
      tooLarge: () => tooLarge(maxPageBytes),
    });
    this.stats.bytes += body.length;
    if (status >= 200 && status < 300) {
      const bytes = await decoded(body, headers['content-encoding'], maxPageBytes);
      return { body: bytes };
    }
    const { location } = headers;
    if (REDIRECT_STATUSES.has(status) && typeof location === 'string' && URL.canParse(location, url.href)) {
      return { location: new URL(location, url) };
    }
    throw new ApiError(`HTTP ${status}${await quote(body, headers['content-encoding'], authorization)}`, {
      status,
      retryAfterMs: retryAfterMs(headers['retry-after'], this.#options.now()),
      retryable: RETRYABLE_STATUSES.has(status),
    });
  }

  #checkOrigin(url: URL): void {
    const { origin } = this.#options.baseUrl;
    if (url.origin !== origin || url.username !== '' || url.password !== '') throw foreignOrigin(url, origin);
  }

  #readClock(date: string | string[] | undefined): void {
    const server = typeof date === 'string' ? Date.parse(date) : NaN;
    if (!Number.isNaN(server)) this.#clockLeadMs = this.#options.now() - server;
  }
}

function foreignOrigin(url: URL, origin: string): ApiError {
  const credentials = url.username !== '' || url.password !== '' ? ', with credentials in it' : '';
  return new ApiError(
    `the API at ${origin} sends us to ${url.origin}${credentials}, which is not followed: the token would leak`,
    { retryable: false },
  );
}

const inflate = promisify<Buffer, { maxOutputLength: number }, Buffer>(gunzip);

async function decoded(body: Buffer, header: string | string[] | undefined, maxBytes: number): Promise<Buffer> {
  const encoding = String(header ?? 'identity').toLowerCase();
  if (encoding === 'identity') return body;
  if (encoding !== 'gzip' && encoding !== 'x-gzip') {
    throw new PageError(`its encoding is ${encoding}, only gzip was asked for`);
  }
  try {
    return await inflate(body, { maxOutputLength: maxBytes });
  } catch (error) {
    if (codeOf(error) === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(maxBytes);
    throw new PageError(`its gzip data is damaged or cut off: ${messageOf(error)}`, error);
  }
}

function tooLarge(maxBytes: number): ApiError {
  return new ApiError(`the page is larger than ${maxBytes} bytes; a smaller --page-size helps`, { retryable: false });
}

/** The server's own words on an error, short; what is no text of its own is left out, and our credentials, too. */
async function quote(body: Buffer, encoding: string | string[] | undefined, authorization: string): Promise<string> {
  const bytes = await decoded(body, encoding, MAX_PAGE_BYTES).catch(() => Buffer.alloc(0));
  const words = bytes.toString().replace(/\s+/g, ' ').trim();
  const text = redact(words, credentialsIn(authorization));
  if (text === '' || text.startsWith('<')) return '';
  return `: ${text.length > MAX_QUOTE_CHARACTERS ? `${text.slice(0, MAX_QUOTE_CHARACTERS)}…` : text}`;
}

/** What a server might quote of an Authorization header: the token, or user and password, encoded and plain. */
function credentialsIn(authorization: string): string[] {
  const [scheme, credentials = ''] = authorization.split(' ');
  const password =
    scheme === 'Basic'
      ? Buffer.from(credentials, 'base64')
          .toString()
          .replace(/^[^:]*:/, '')
      : '';
  return [credentials, password].filter((secret) => secret !== '');
}

/** Retry-After (RFC 9110, 10.2.3): seconds, or a date. */
export function retryAfterMs(header: string | string[] | undefined, now: number): number | undefined {
  if (typeof header !== 'string') return undefined;
  if (/^\d+$/.test(header.trim())) return Number(header) * 1000;
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

/** Codes of Node's and OpenSSL's certificate checks: they do not pass by themselves. */
const CERTIFICATE_CODES = /^(CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|ERR_TLS_CERT|HOSTNAME_MISMATCH)/;

function connectionError(error: unknown, url: URL): ApiError {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const code = codeOf(error) ?? codeOf(cause);
  const text = messageOf(error) === '' ? (code ?? 'unknown error') : messageOf(error);
  if (code !== undefined && CERTIFICATE_CODES.test(code)) {
    return new ApiError(
      `the certificate of ${url.host} is not accepted: ${text}; NODE_EXTRA_CA_CERTS adds certificate authorities`,
      { retryable: false, cause: error },
    );
  }
  return new ApiError(`no answer from ${url.host}: ${text}`, { retryable: true, cause: error });
}
