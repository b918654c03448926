import { Agent, loadProxyAgent, type Dispatcher } from './undici.ts';

/**
 * Connections to the API, through the proxy that the environment names: HTTPS_PROXY for https, HTTP_PROXY for http,
 * ALL_PROXY for both, NO_PROXY for exceptions, in capitals or small letters.
 */
export async function createDispatcher(url: URL, env: NodeJS.ProcessEnv, connections: number): Promise<Dispatcher> {
  const proxy =
    url.protocol === 'https:'
      ? first(env, 'https_proxy', 'HTTPS_PROXY', 'all_proxy', 'ALL_PROXY')
      : first(env, 'http_proxy', 'HTTP_PROXY', 'all_proxy', 'ALL_PROXY');
  if (proxy === undefined) return new Agent({ connections });
  const EnvHttpProxyAgent = await loadProxyAgent();
  return new EnvHttpProxyAgent({
    connections,
    httpProxy: proxy,
    httpsProxy: proxy,
    noProxy: first(env, 'no_proxy', 'NO_PROXY') ?? '',
    // As other clients do it: a tunnel for https only.
    proxyTunnel: false,
  });
}

function first(env: NodeJS.ProcessEnv, ...names: readonly string[]): string | undefined {
  return names.map((name) => env[name]).find((value) => value !== undefined && value !== '');
}
