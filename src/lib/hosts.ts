const LOOPBACK = /^(localhost|127(\.\d+){3}|\[?::1\]?)$/i;

/** Whether a host name or address, as in a URL or without brackets, is this machine itself. */
export function isLoopback(host: string): boolean {
  return LOOPBACK.test(host);
}
