// What a poll needs of undici, and no more: its index loads fetch, WebSocket, caches and mocks as well, which takes
// three times as long (some 80 ms instead of 25).
import type { Dispatcher } from 'undici';
import Agent from 'undici/lib/dispatcher/agent.js';
import { connect, request as requestOf } from 'undici/lib/api/index.js';

export { Agent };
export type { Dispatcher };

export type RequestOptions = Omit<Dispatcher.RequestOptions, 'origin' | 'path' | 'method'>;

/** GETs a URL through a dispatcher; rejects like undici's own `request`. */
export function get(url: URL, dispatcher: Dispatcher, options: RequestOptions): Promise<Dispatcher.ResponseData> {
  return requestOf.call(dispatcher, { ...options, method: 'GET', origin: url.origin, path: url.pathname + url.search });
}

/** The dispatcher that goes through proxies; loaded where there is one. */
export async function loadProxyAgent() {
  const { default: EnvHttpProxyAgent } = await import('undici/lib/dispatcher/env-http-proxy-agent.js');
  const { default: AnyDispatcher } = await import('undici/lib/dispatcher/dispatcher.js');
  // It opens tunnels with this method of its dispatchers, which they have from undici's index.
  Object.assign(AnyDispatcher.prototype, { connect });
  return EnvHttpProxyAgent;
}
