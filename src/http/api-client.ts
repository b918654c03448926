import { get } from './http-get.ts';
import type { Clock } from '../lib/clock.ts';
import { ApiError, AppError, PageError, messageOf } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import { isObject } from '../lib/narrow.ts';
import type { ReusableMemory } from '../lib/reusable-memory.ts';
import { withTimeout } from '../lib/wait.ts';
import { counted } from '../lib/words.ts';
import { decoded } from './content-encoding.ts';
import { connectionError, statusError } from './failed-answer.ts';
import type { Dispatcher } from './undici.ts';

/** A larger page is an error: no known answer comes near this size. */
const MAX_PAGE_BYTES = 64 * 1024 * 1024;
/** Attempts per request, including the first. */
const MAX_ATTEMPTS = 5;
const FIRST_WAIT_MS = 500;
const MAX_WAIT_MS = 30_000;
const MAX_REDIRECTS = 3;
/** A longer Retry-After is not waited for: the run ends and says why. */
const MAX_RETRY_AFTER_MS = 300_000;
const REDIRECT_STATUSES = new Set([301, 302, 303, 307, 308]);

export interface ApiClientOptions extends Clock {
  /** Requests go to its origin only: the credentials must not leave it. */
  readonly baseUrl: URL;
  /** The value of the Authorization header, read again for each request. */
  readonly authorization: string;
  readonly dispatcher: Dispatcher;
  /** For the whole answer, up to its last byte. */
  readonly requestTimeoutMs: number;
  /** How much time is left; no wait takes longer. */
  readonly remainingMs: () => number;
  readonly log: Log;
  /** Gets a message before each wait for another attempt; by default, the debug log. */
  readonly announce?: ((message: string) => void) | undefined;
  readonly random: () => number;
  readonly maxPageBytes?: number;
  readonly maxAttempts?: number | undefined;
}

export interface RequestOptions {
  readonly headers?: Readonly<Record<string, string>>;
  /** May hold the body that `parse` gets. */
  readonly memory?: ReusableMemory | undefined;
  /** Fewer attempts than usual. */
  readonly maxAttempts?: number;
}

interface Page {
  readonly status: number;
  readonly body: Buffer;
  readonly location?: never;
}

interface Redirect {
  readonly location: URL;
}

/** Fetches pages of one API: with credentials, a time limit, a size limit and retries. */
export class ApiClient {
  readonly #options: ApiClientOptions;
  #clockSkewMs: number | undefined;
  #lastFailure: AppError | undefined;
  readonly stats = { requests: new Map<string, number>(), retries: 0, bytes: 0 };

  constructor(options: ApiClientOptions) {
    this.#options = options;
  }

  /** How far our clock was ahead of the server's at the last answer with a date; negative when it was behind. */
  get clockSkewMs(): number | undefined {
    return this.#clockSkewMs;
  }

  /** The last failure, for a run that ends before a request succeeds. */
  get lastFailure(): AppError | undefined {
    return this.#lastFailure;
  }

  /** The address of a path below the API's own, such as `/contracts`. */
  url(path: string): URL {
    const url = new URL(this.#options.baseUrl);
    url.pathname = `${url.pathname.replace(/\/+$/, '')}${path}`;
    return url;
  }

  /** A URL that the API handed out. Throws ApiError when it is not a URL, has another origin or holds credentials. */
  ownUrl(text: string): URL {
    if (!URL.canParse(text)) {
      throw new ApiError(`"${text.slice(0, 200)}" is not a valid next-page URL`, { retryable: false });
    }
    const url = new URL(text);
    this.#checkOrigin(url);
    return url;
  }

  /**
   * The page at `url`, read by `parse`. Temporary failures are retried with growing waits: failed connections, timeouts,
   * answers that are cut off or that `parse` refuses with a PageError, and 408, 429, 500, 502, 503, 504. Throws ApiError
   * or PageError when no attempt succeeds, and the signal's reason once it is aborted.
   */
  async get<T>(url: URL, parse: (body: Buffer) => T, signal: AbortSignal, options: RequestOptions = {}): Promise<T> {
    const { remainingMs, pause } = this.#options;
    const maxAttempts = Math.min(options.maxAttempts ?? Infinity, this.#options.maxAttempts ?? MAX_ATTEMPTS);
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#attempt(url, parse, signal, options);
      } catch (error) {
        signal.throwIfAborted();
        const failure = error instanceof AppError ? error : connectionError(error, url, this.#options.now());
        this.#lastFailure = failure;
        const retryable = failure instanceof PageError || (failure instanceof ApiError && failure.retryable);
        if (!retryable || attempt === maxAttempts) throw failure;
        const wait = this.#wait(attempt, failure);
        if (wait > MAX_RETRY_AFTER_MS || wait >= remainingMs()) throw failure;
        this.#announce(failure, attempt + 1, wait);
        this.stats.retries++;
        await pause(wait, signal);
      }
    }
  }

  async #attempt<T>(url: URL, parse: (body: Buffer) => T, signal: AbortSignal, options: RequestOptions): Promise<T> {
    const { log, monotonic } = this.#options;
    const started = monotonic();
    let result = '';
    try {
      const { status, body } = await this.#fetch(url, signal, options);
      const page = parse(body);
      result = `HTTP ${status}, ${counted(body.length, 'byte')}${itemsOf(page)}`;
      return page;
    } catch (error) {
      result = messageOf(error);
      throw error;
    } finally {
      log.debug(`GET ${url.pathname}${url.search}: ${result}, ${Math.round(monotonic() - started)} ms`);
    }
  }

  /** Doubled each time, with jitter, so that many collectors do not return at once; a longer Retry-After wins. */
  #wait(attempt: number, failure: AppError): number {
    const asked = failure instanceof ApiError ? failure.retryAfterMs : undefined;
    const backoff = Math.min(FIRST_WAIT_MS * 2 ** (attempt - 1), MAX_WAIT_MS) * (0.5 + this.#options.random() / 2);
    return Math.max(asked ?? 0, backoff);
  }

  #announce(failure: AppError, attempt: number, waitMs: number): void {
    const { log, announce = log.debug, maxAttempts = MAX_ATTEMPTS } = this.#options;
    const seconds = waitMs < 10_000 ? (waitMs / 1000).toFixed(1) : Math.round(waitMs / 1000);
    announce(`${failure.message}; attempt ${attempt} of ${maxAttempts} in ${seconds} s`);
  }

  async #fetch(url: URL, signal: AbortSignal, options: RequestOptions): Promise<Page> {
    const { requestTimeoutMs } = this.#options;
    return withTimeout(
      signal,
      requestTimeoutMs,
      () => new ApiError(`no complete answer within ${requestTimeoutMs / 1000} s`, { retryable: true }),
      async (limited) => {
        let target = url;
        for (let redirects = 0; ; redirects++) {
          const answer = await this.#send(target, limited, options);
          if (answer.location === undefined) return answer;
          if (redirects === MAX_REDIRECTS) {
            throw new ApiError(`more than ${MAX_REDIRECTS} redirects from ${url.origin}`, { retryable: false });
          }
          target = answer.location;
        }
      },
    );
  }

  async #send(url: URL, signal: AbortSignal, { headers: more, memory }: RequestOptions): Promise<Page | Redirect> {
    const { authorization, dispatcher, requestTimeoutMs, maxPageBytes = MAX_PAGE_BYTES } = this.#options;
    this.#checkOrigin(url);
    const { status, headers, body } = await get(url, dispatcher, {
      signal,
      headers: {
        ...more,
        authorization,
        accept: 'application/json',
        'accept-encoding': 'gzip',
        'user-agent': 'fetch-activity-logs',
      },
      // The time limit is one for the whole answer: undici's own for a silence, 5 minutes, may be shorter.
      silenceMs: requestTimeoutMs,
      onHeaders: (code, { date }) => {
        this.stats.requests.set(String(code), (this.stats.requests.get(String(code)) ?? 0) + 1);
        this.#readClock(date);
      },
      memory,
      maxBytes: maxPageBytes,
    });
    this.stats.bytes += body.length;
    const encoding = headers['content-encoding'];
    if (status < 300) return { status, body: await decoded(body, encoding, maxPageBytes) };
    const { location } = headers;
    if (REDIRECT_STATUSES.has(status) && typeof location === 'string' && URL.canParse(location, url.href)) {
      return { location: new URL(location, url) };
    }
    throw statusError({
      status,
      body: await decoded(body, encoding, MAX_PAGE_BYTES).catch(() => Buffer.alloc(0)),
      retryAfter: headers['retry-after'],
      authorization,
      now: this.#options.now(),
    });
  }

  #checkOrigin(url: URL): void {
    const { origin } = this.#options.baseUrl;
    if (url.origin !== origin || url.username !== '' || url.password !== '') throw foreignOrigin(url, origin);
  }

  #readClock(date: string | string[] | undefined): void {
    const server = typeof date === 'string' ? Date.parse(date) : NaN;
    if (!Number.isNaN(server)) this.#clockSkewMs = this.#options.now() - server;
  }
}

function foreignOrigin(url: URL, origin: string): ApiError {
  const credentials = url.username !== '' || url.password !== '' ? ' with credentials in it' : '';
  return new ApiError(
    `refusing to follow ${origin} to another origin (${url.origin}${credentials}): the token would leak`,
    { retryable: false },
  );
}

/** The size of a page for the debug log: of a list, or of the `events` in an object. */
function itemsOf(page: unknown): string {
  const items = isObject(page) ? page['events'] : page;
  return Array.isArray(items) ? `, ${counted(items.length, 'item')}` : '';
}
