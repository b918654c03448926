// Only what a poll needs of undici: its index also loads fetch, WebSocket, caches and mocks, which takes three times as
// long (about 80 ms instead of 25).
import type { Dispatcher } from 'undici';
import Agent from 'undici/lib/dispatcher/agent.js';

export { Agent };
export type { Dispatcher };

/** The dispatcher that goes through a proxy; loaded only where there is one. */
export async function loadProxyAgent() {
  const { default: ProxyAgent } = await import('undici/lib/dispatcher/proxy-agent.js');
  const { default: AnyDispatcher } = await import('undici/lib/dispatcher/dispatcher.js');
  const { default: connect } = await import('undici/lib/api/api-connect.js');
  // It opens tunnels with this method of its dispatchers, which undici's index adds.
  Object.assign(AnyDispatcher.prototype, { connect });
  return ProxyAgent;
}
