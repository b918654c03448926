import { ApiError, PageError, messageOf } from '../lib/errors.ts';

/** An error of a source or of the whole poll in words that say what to do, where there is something to do. */
export function withAdvice(error: unknown, host: string): string {
  const message = messageOf(error);
  if (error instanceof PageError) return `the answer of ${host} cannot be used: ${message}`;
  if (!(error instanceof ApiError)) return message;
  if (error.status === undefined && error.retryable) {
    return `${message}; does the network let it through (HTTPS_PROXY?), and is --api-url right?`;
  }
  if (error.status === undefined) return message;
  switch (error.status) {
    case 401:
      return `${host} does not accept the token (${message}); create a new one and put it in its place`;
    case 403:
      return `the token may not read this (${message}); give its user the privilege to access the activity log`;
    case 404:
      return `${host} does not know it (${message}); is the contract number or --api-url right?`;
    default:
      return `${host} answered ${message}`;
  }
}
