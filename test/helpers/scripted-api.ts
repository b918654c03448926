import type { RequestOptions } from '../../src/http/api-client.ts';
import { ApiError, PageError } from '../../src/lib/errors.ts';
import type { Api } from '../../src/providers/provider.ts';

const BASE = 'https://api.example.com/v1';

/** What is answered to a URL: a page, or an error instead. */
export type Answer = (url: URL) => string | Error;

/** An API without a network: each request is answered at once, and never repeated. */
export class ScriptedApi implements Api {
  /** What was asked for, in order. */
  readonly asked: URL[] = [];
  /** With what each request was made. */
  readonly options: RequestOptions[] = [];
  clockSkewMs: number | undefined;
  readonly #answer: Answer;

  constructor(answer: Answer) {
    this.#answer = answer;
  }

  url(path: string): URL {
    return new URL(`${BASE}${path}`);
  }

  ownUrl(text: string): URL {
    const url = new URL(text);
    if (url.origin !== new URL(BASE).origin) throw new ApiError(`${url.origin} is not the API`, { retryable: false });
    return url;
  }

  get<T>(url: URL, parse: (body: Buffer) => T, _signal: AbortSignal, options: RequestOptions = {}): Promise<T> {
    this.asked.push(new URL(url));
    this.options.push(options);
    const answer = this.#answer(url);
    return Promise.resolve().then(() => {
      if (answer instanceof Error) throw answer;
      return parse(Buffer.from(answer));
    });
  }

  /** Of each request, the value of this parameter. */
  parameter(name: string): (string | null)[] {
    return this.asked.map(({ searchParams }) => searchParams.get(name));
  }
}

/** How an API refuses a request. */
export function refusal(status = 400): ApiError {
  return new ApiError(`HTTP ${status}`, { status, retryable: false });
}

export function unreadable(): PageError {
  return new PageError('it is not JSON');
}
