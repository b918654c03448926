import { ReusableMemory } from '../lib/reusable-memory.ts';
import { tooLarge } from './content-encoding.ts';
import type { Dispatcher } from './undici.ts';

/** By name in lower case; a list where a header came more than once. */
type Headers = Readonly<Record<string, string | string[] | undefined>>;

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
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** As received, still encoded. Valid until its memory is used again. */
  readonly body: Buffer;
}

/**
 * GETs a URL through a dispatcher, to the last byte of its body. Rejects at once with the signal's reason when that is
 * aborted, with ApiError when the body has more than maxBytes, and with undici's error where there is no whole answer.
 */
export async function get(url: URL, dispatcher: Dispatcher, options: GetOptions): Promise<Answer> {
  const { signal, headers, silenceMs } = options;
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    dispatcher.dispatch(
      {
        method: 'GET',
        origin: url.origin,
        path: url.pathname + url.search,
        ...(headers === undefined ? {} : { headers }),
        ...(silenceMs === undefined ? {} : { headersTimeout: silenceMs, bodyTimeout: silenceMs }),
      },
      receiver(options, resolve, reject),
    );
  });
}

/** Copies a body into memory as it arrives: a stream would keep its parts until all of them are there. */
function receiver(
  { signal, memory = new ReusableMemory(), maxBytes = Infinity, onHeaders }: GetOptions,
  resolve: (answer: Answer) => void,
  reject: (error: unknown) => void,
): Dispatcher.DispatchHandler {
  let request: Dispatcher.DispatchController | undefined;
  let status = 0;
  let headers: Headers = {};
  let body: Buffer = Buffer.alloc(0);
  let length = 0;
  const onAbort = (): void => {
    const reason = signal.reason as Error;
    // A connection that is still being opened cannot be cancelled, so do not wait for it.
    reject(reason);
    request?.abort(reason);
  };
  const leave = (): void => signal.removeEventListener('abort', onAbort);
  signal.addEventListener('abort', onAbort, { once: true });
  return {
    onRequestStart(controller) {
      request = controller;
      if (signal.aborted) onAbort();
    },

    onResponseStart(_, code, received: Headers) {
      if (code < 200) return; // the answer is still to come
      onHeaders?.(code, received);
      status = code;
      headers = received;
      const announced = Number(headers['content-length'] ?? 0);
      if (announced <= maxBytes) body = memory.ensureCapacity(announced);
    },

    onResponseData(controller, chunk) {
      const end = length + chunk.length;
      if (end > maxBytes) {
        controller.abort(tooLarge(maxBytes));
        return;
      }
      body = memory.ensureCapacity(end, length);
      body.set(chunk, length);
      length = end;
    },

    onResponseEnd() {
      leave();
      resolve({ status, headers, body: body.subarray(0, length) });
    },

    onResponseError(controller: Dispatcher.DispatchController | undefined, error) {
      leave();
      reject(error);
      // Behind a proxy that refuses, undici continues with the answer, though its memory may be in use again.
      controller?.abort(error);
    },
  };
}
