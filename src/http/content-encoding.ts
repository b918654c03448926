import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { ApiError, PageError, codeOf, messageOf } from '../lib/errors.ts';

const inflate = promisify<Buffer, { maxOutputLength: number }, Buffer>(gunzip);

/**
 * A body without its Content-Encoding (RFC 9110, 8.4): gzip, the only one asked for, once or several times, or identity.
 * Throws PageError when it is another one or damaged, ApiError when the body is too large.
 */
export async function decoded(body: Buffer, header: string | string[] | undefined, maxBytes: number): Promise<Buffer> {
  const names = String(header ?? '').toLowerCase().split(','); // prettier-ignore
  const encodings = names.map((name) => name.trim()).filter((name) => name !== '' && name !== 'identity');
  const unknown = encodings.find((name) => name !== 'gzip' && name !== 'x-gzip');
  if (unknown !== undefined) throw new PageError(`its encoding is ${unknown}, only gzip was asked for`);
  try {
    let bytes = body;
    for (const _ of encodings) bytes = await inflate(bytes, { maxOutputLength: maxBytes });
    return bytes;
  } catch (error) {
    if (codeOf(error) === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(maxBytes);
    throw new PageError(`its gzip data is damaged or cut off: ${messageOf(error)}`, error);
  }
}

/** The error for a page above the size limit. */
export function tooLarge(maxBytes: number): ApiError {
  return new ApiError(`the page is larger than ${maxBytes} bytes; a smaller --page-size helps`, { retryable: false });
}
