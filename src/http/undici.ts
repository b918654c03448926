// What a poll needs of undici, and no more: its index loads fetch, WebSocket, caches and mocks as well, which takes
// three times as long (some 80 ms instead of 25).
import type { Dispatcher } from 'undici';
import Agent from 'undici/lib/dispatcher/agent.js';

export { Agent };
export type { Dispatcher };

/** The dispatcher that goes through proxies; loaded where there is one. */
export async function loadProxyAgent() {
  const { default: EnvHttpProxyAgent } = await import('undici/lib/dispatcher/env-http-proxy-agent.js');
  const { default: AnyDispatcher } = await import('undici/lib/dispatcher/dispatcher.js');
  const { default: connect } = await import('undici/lib/api/api-connect.js');
  // It opens tunnels with this method of its dispatchers, which they have from undici's index.
  Object.assign(AnyDispatcher.prototype, { connect });
  return EnvHttpProxyAgent;
}
