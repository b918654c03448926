import { ConfigError } from '../lib/errors.ts';
import { withoutPassword } from '../lib/secrets.ts';
import { Agent, loadProxyAgent, type Dispatcher } from './undici.ts';

const PROXY_PROTOCOLS = ['http:', 'https:', 'socks5:', 'socks:'];

/**
 * Connections to the API, through the proxy that the environment names: HTTPS_PROXY for https, HTTP_PROXY for http,
 * ALL_PROXY for both, NO_PROXY for exceptions, in capitals or small letters. Throws ConfigError.
 */
export async function createDispatcher(url: URL, env: NodeJS.ProcessEnv, connections: number): Promise<Dispatcher> {
  const proxy =
    url.protocol === 'https:'
      ? first(env, 'https_proxy', 'HTTPS_PROXY', 'all_proxy', 'ALL_PROXY')
      : first(env, 'http_proxy', 'HTTP_PROXY', 'all_proxy', 'ALL_PROXY');
  if (proxy === undefined) return new Agent({ connections });
  const uri = proxyUrl(proxy);
  const EnvHttpProxyAgent = await loadProxyAgent();
  return new EnvHttpProxyAgent({
    connections,
    httpProxy: uri,
    httpsProxy: uri,
    noProxy: first(env, 'no_proxy', 'NO_PROXY')?.value ?? '',
    // As other clients do it: a tunnel for https only.
    proxyTunnel: false,
  });
}

interface Variable {
  readonly name: string;
  readonly value: string;
}

function first(env: NodeJS.ProcessEnv, ...names: readonly string[]): Variable | undefined {
  return names.map((name) => ({ name, value: env[name] ?? '' })).find(({ value }) => value !== '');
}

/** Without a scheme it is http, as for curl and for Python's requests. */
function proxyUrl({ name, value }: Variable): string {
  const url = /^[a-z][a-z0-9+.-]*:\/\//i.test(value) ? value : `http://${value}`;
  if (URL.canParse(url) && PROXY_PROTOCOLS.includes(new URL(url).protocol)) return url;
  throw new ConfigError(
    `${name}: expected a proxy such as http://proxy.example.com:3128, got "${withoutPassword(value)}"`,
  );
}
