import { connect } from 'node:net';
import { once } from 'node:events';
import { codeOf, messageOf } from '../../lib/errors.ts';
import type { Proxy } from '../../http/proxy.ts';
import { fatal, ok, type Finding } from '../finding.ts';

const PATIENCE_MS = 5_000;
const DEFAULT_PORTS: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443, 'socks5:': 1080 };

/** Whether the proxy to the API accepts connections. An answer of the API alone would not tell which of the two is gone. */
export async function checkProxy({ name, uri }: Proxy, signal: AbortSignal): Promise<[Finding]> {
  const { protocol, hostname, host, port } = new URL(uri);
  const proxy = `the proxy ${host} (${name})`;
  const address = hostname.replace(/^\[(.*)\]$/, '$1');
  const socket = connect(port === '' ? (DEFAULT_PORTS[protocol] ?? 0) : Number(port), address);
  try {
    await once(socket, 'connect', { signal: AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MS)]) });
    return ok('proxy', `${proxy} to the API answers`);
  } catch (thrown) {
    signal.throwIfAborted();
    return fatal('proxy', `${proxy} to the API does not answer (${codeOf(thrown) ?? messageOf(thrown)})`);
  } finally {
    socket.destroy();
  }
}
