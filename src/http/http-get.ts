import { ReusableMemory } from '../lib/reusable-memory.ts';
import type { Dispatcher } from './undici.ts';

/** By name in lower case; a list where a header came more than once. */
export type Headers = Readonly<Record<string, string | string[] | undefined>>;

export interface GetOptions {
  readonly signal: AbortSignal;
  readonly headers?: Readonly<Record<string, string>>;
  /** Longest wait for the headers, and for each part of the body; by default, undici's own limits. */
  readonly silenceMs?: number;
  /** Called when the headers have arrived, before the body. */
  readonly onHeaders?: (status: number, headers: Headers) => void;
  /** Where the body is stored; by default, in new memory. */
  readonly memory?: ReusableMemory | undefined;
  readonly maxBytes?: number;
  /** What is thrown when the body has more than maxBytes. */
  readonly tooLarge?: () => Error;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** As received, still encoded. Valid until its memory is used again. */
  readonly body: Buffer;
}

/**
 * GETs a URL through a dispatcher, to the last byte of its body. Rejects at once with the signal's reason when that is
 * aborted, with tooLarge's error, and with undici's where there is no whole answer.
 */
export async function get(url: URL, dispatcher: Dispatcher, options: GetOptions): Promise<Answer> {
  const { signal, headers, silenceMs } = options;
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    const getting = new Getting(options, resolve, reject);
    signal.addEventListener('abort', getting.onAbort, { once: true });
    dispatcher.dispatch(
      {
        method: 'GET',
        origin: url.origin,
        path: url.pathname + url.search,
        ...(headers === undefined ? {} : { headers }),
        ...(silenceMs === undefined ? {} : { headersTimeout: silenceMs, bodyTimeout: silenceMs }),
      },
      getting,
    );
  });
}

/** Copies a body into memory as it arrives: a stream would keep its parts until all of them are there. */
class Getting implements Dispatcher.DispatchHandler {
  readonly #options: GetOptions;
  readonly #resolve: (answer: Answer) => void;
  readonly #reject: (error: unknown) => void;
  readonly #memory: ReusableMemory;
  readonly #maxBytes: number;
  #controller: Dispatcher.DispatchController | undefined;
  #status = 0;
  #headers: Headers = {};
  #body: Buffer = Buffer.alloc(0);
  #length = 0;

  constructor(options: GetOptions, resolve: (answer: Answer) => void, reject: (error: unknown) => void) {
    this.#options = options;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#memory = options.memory ?? new ReusableMemory();
    this.#maxBytes = options.maxBytes ?? Infinity;
  }

  readonly onAbort = (): void => {
    const reason = this.#options.signal.reason as Error;
    // A connection that is still being opened cannot be cancelled, so do not wait for it.
    this.#reject(reason);
    this.#controller?.abort(reason);
  };

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#options.signal.aborted) this.onAbort();
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: Headers): void {
    if (status < 200) return; // the answer is still to come
    this.#options.onHeaders?.(status, headers);
    this.#status = status;
    this.#headers = headers;
    const announced = Number(headers['content-length'] ?? 0);
    if (announced <= this.#maxBytes) this.#body = this.#memory.ensureCapacity(announced);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    const length = this.#length + chunk.length;
    if (length > this.#maxBytes) {
      controller.abort(this.#options.tooLarge?.() ?? new RangeError(`more than ${this.#maxBytes} bytes`));
      return;
    }
    this.#body = this.#memory.ensureCapacity(length, this.#length);
    this.#body.set(chunk, this.#length);
    this.#length = length;
  }

  onResponseEnd(): void {
    this.#leave();
    this.#resolve({ status: this.#status, headers: this.#headers, body: this.#body.subarray(0, this.#length) });
  }

  onResponseError(controller: Dispatcher.DispatchController | undefined, error: Error): void {
    this.#leave();
    this.#reject(error);
    // Behind a proxy that refuses, undici continues with the answer, though its memory may be in use again.
    controller?.abort(error);
  }

  #leave(): void {
    this.#options.signal.removeEventListener('abort', this.onAbort);
  }
}
