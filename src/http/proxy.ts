import { setDefaultAutoSelectFamilyAttemptTimeout } from 'node:net';
import { ConfigError } from '../lib/errors.ts';
import { withoutPassword } from '../lib/secrets.ts';
import { isExempt } from './no-proxy.ts';
import { ignoreUnaskedContinue } from './unasked-continue.ts';
import { Agent, loadProxyAgent, type Dispatcher } from './undici.ts';

/** With undici's SOCKS 5, the proxy resolves names, as socks5h asks. */
const PROTOCOLS: Readonly<Record<string, string>> = {
  'http:': 'http:',
  'https:': 'https:',
  'socks:': 'socks5:',
  'socks5:': 'socks5:',
  'socks5h:': 'socks5:',
};
/**
 * How long each address of a host has to answer while others are left. Node's own 250 ms is less than a round trip over
 * a satellite: where the other address family is unreachable, it never connects (https://github.com/nodejs/node/issues/54359).
 */
const ADDRESS_TIMEOUT_MS = 2_500;

/**
 * Connections to the API, through the proxy that the environment names: HTTPS_PROXY for https, HTTP_PROXY for http,
 * ALL_PROXY for both, NO_PROXY for exceptions, in upper or lower case. Throws ConfigError.
 */
export async function createDispatcher(url: URL, env: NodeJS.ProcessEnv, connections: number): Promise<Dispatcher> {
  setDefaultAutoSelectFamilyAttemptTimeout(ADDRESS_TIMEOUT_MS);
  ignoreUnaskedContinue();
  const proxy = proxyFor(url, env);
  if (proxy === undefined) return new Agent({ connections });
  const ProxyAgent = await loadProxyAgent();
  // Decoded here, because undici decodes user name and password for HTTP proxies only.
  const { uri, username, password } = proxy;
  const options = { uri, username, password, connections, proxyTunnel: false }; // a tunnel for https only, as others do
  return new ProxyAgent(options);
}

/** The proxy for requests to this address; undefined when they go there directly. Throws ConfigError. */
export function proxyFor(url: URL, env: NodeJS.ProcessEnv): Proxy | undefined {
  const variable =
    url.protocol === 'https:'
      ? first(env, 'https_proxy', 'HTTPS_PROXY', 'all_proxy', 'ALL_PROXY')
      : first(env, 'http_proxy', 'HTTP_PROXY', 'all_proxy', 'ALL_PROXY');
  const proxy = variable === undefined ? undefined : parseProxy(variable);
  return isExempt(url, first(env, 'no_proxy', 'NO_PROXY')?.value ?? '') ? undefined : proxy;
}

interface Variable {
  readonly name: string;
  readonly value: string;
}

function first(env: NodeJS.ProcessEnv, ...names: readonly string[]): Variable | undefined {
  return names.map((name) => ({ name, value: env[name] ?? '' })).find(({ value }) => value !== '');
}

export interface Proxy {
  /** The variable that names it. */
  readonly name: string;
  readonly uri: string;
  readonly username: string;
  readonly password: string;
}

/** The scheme defaults to http, as for curl and Python's requests. */
function parseProxy({ name, value }: Variable): Proxy {
  const text = /^[a-z][a-z0-9+.-]*:\/\//i.test(value) ? value : `http://${value}`;
  const proxy = URL.canParse(text) ? decoded(new URL(text), name) : undefined;
  if (proxy !== undefined) return proxy;
  throw new ConfigError(
    `${name}: expected a proxy such as http://proxy.example.com:3128, got "${withoutPassword(value)}"`,
  );
}

/** Undefined when its protocol is unknown, or when user name or password contain a stray %. */
function decoded({ protocol, username, password, href }: URL, name: string): Proxy | undefined {
  const known = PROTOCOLS[protocol];
  if (known === undefined) return undefined;
  try {
    return {
      name,
      uri: href.replace(protocol, known),
      username: decodeURIComponent(username),
      password: decodeURIComponent(password),
    };
  } catch {
    return undefined;
  }
}
