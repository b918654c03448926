import { formatDuration, formatSecond } from '../lib/duration.ts';
import { ApiError, codeOf, messageOf } from '../lib/errors.ts';
import { isObject, parseJson } from '../lib/narrow.ts';
import { redact } from '../lib/secrets.ts';

/** How much of an error's body is quoted. */
const MAX_QUOTE_CHARACTERS = 200;
const RETRYABLE_STATUSES = new Set([408, 429, 500, 502, 503, 504]);
const RATE_LIMIT = 429;
/** JavaScript's dates end with the year 275760. */
const MAX_RETRY_AFTER_S = 1e11;
/** Codes of Node's and OpenSSL's certificate checks: trying again does not help. */
const CERTIFICATE_CODES = /^(CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|ERR_TLS_CERT|HOSTNAME_MISMATCH)/;
/** Checks that depend on the clock. */
const VALIDITY_CODES: Readonly<Record<string, string>> = {
  CERT_NOT_YET_VALID: 'is not valid yet',
  CERT_HAS_EXPIRED: 'has expired',
};

interface FailedAnswer {
  readonly status: number;
  /** Decoded; empty where it cannot be. */
  readonly body: Buffer;
  readonly retryAfter: string | string[] | undefined;
  /** The credentials that the server may have repeated. */
  readonly authorization: string;
  readonly now: number;
}

/** The error for an answer that is not a page, with the server's own words and when it may be asked again. */
export function statusError({ status, body, retryAfter, authorization, now }: FailedAnswer): ApiError {
  const wait = retryAfterMs(retryAfter, now);
  const remarks = [
    ...(status === RATE_LIMIT ? ['rate limit'] : []),
    ...(wait === undefined || wait === 0
      ? []
      : [`retry after ${formatDuration(wait)}, at ${formatSecond((now + wait) / 1000)}`]),
  ];
  const remark = remarks.length === 0 ? '' : ` (${remarks.join(': ')})`;
  return new ApiError(`HTTP ${status}${remark}${quote(body, authorization)}`, {
    status,
    retryAfterMs: wait,
    retryable: RETRYABLE_STATUSES.has(status),
  });
}

/** Retry-After (RFC 9110, 10.2.3): seconds, or a date. */
export function retryAfterMs(header: string | string[] | undefined, now: number): number | undefined {
  if (typeof header !== 'string') return undefined;
  if (/^\d+$/.test(header.trim())) return Math.min(Number(header), MAX_RETRY_AFTER_S) * 1000;
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

/** The error for a request without a whole answer. `now` is the clock by which a certificate is valid or not. */
export function connectionError(error: unknown, url: URL, now: number): ApiError {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const code = codeOf(error) ?? codeOf(cause);
  const text = messageOf(error);
  // V8 gives this error no code.
  if (error instanceof RangeError && text.startsWith('WebAssembly')) {
    return new ApiError(
      `there is not enough address space for WebAssembly (${text}): raise the limit (ulimit -v, LimitAS=), ` +
        'or set NODE_OPTIONS=--disable-wasm-trap-handler',
      { retryable: false, cause: error },
    );
  }
  if (code === undefined || !CERTIFICATE_CODES.test(code)) {
    return new ApiError(`no answer from ${url.host}: ${text}`, { retryable: true, cause: error });
  }
  const validity = VALIDITY_CODES[code];
  const message =
    validity === undefined
      ? `is not accepted: ${text}; NODE_EXTRA_CA_CERTS adds certificate authorities`
      : `${validity} by this machine's clock, which says ${formatSecond(now / 1000)}: either the clock is wrong ` +
        `(timedatectl shows it), or the certificate is`;
  return new ApiError(`the certificate of ${url.host} ${message}`, { retryable: false, cause: error });
}

/** The server's own words on an error, short; markup is left out, and our credentials are hidden. */
function quote(body: Buffer, authorization: string): string {
  const words = messageIn(body.toString()).replace(/\s+/g, ' ').trim();
  const text = redact(words, credentialsIn(authorization));
  if (text === '' || text === '{}' || text.startsWith('<')) return '';
  return `: ${text.length > MAX_QUOTE_CHARACTERS ? `${text.slice(0, MAX_QUOTE_CHARACTERS)}…` : text}`;
}

/**
 * What a JSON body says to people: IONOS's `{"httpStatus":…,"messages":[{"errorCode":…,"message":…}]}`, cloudscale's
 * `{"detail":…}` and `{"field":["…"]}`. Any other body, whole.
 */
function messageIn(body: string): string {
  let document: unknown;
  try {
    document = parseJson(body);
  } catch {
    return body;
  }
  if (!isObject(document)) return body;
  const { messages, detail } = document;
  if (typeof detail === 'string') return detail;
  if (Array.isArray(messages)) {
    const found = messages.flatMap((one) =>
      isObject(one) && typeof one['message'] === 'string' ? [one['message']] : [],
    );
    if (found.length > 0) return found.join('; ');
  }
  const fields = Object.entries(document).flatMap(([field, said]) =>
    Array.isArray(said) && said.length > 0 && said.every((one) => typeof one === 'string')
      ? [`${field}: ${said.join(' ')}`]
      : [],
  );
  return fields.length > 0 ? fields.join('; ') : body;
}

/** What a server might quote of an Authorization header: the token, or user and password, encoded and plain. */
function credentialsIn(authorization: string): string[] {
  const [scheme, credentials = ''] = authorization.split(' ');
  if (scheme !== 'Basic') return [credentials];
  const password = Buffer.from(credentials, 'base64').toString().replace(/^[^:]*:/, ''); // prettier-ignore
  return [credentials, password];
}
