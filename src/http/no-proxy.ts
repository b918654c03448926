import { BlockList, isIP } from 'node:net';

const DEFAULT_PORTS: Readonly<Record<string, string>> = { 'http:': '80', 'https:': '443' };

/**
 * Whether NO_PROXY exempts a URL, as curl, Go and Python's requests understand it: names with all names below them,
 * addresses, networks (10.0.0.0/8, fd00::/8), each optionally with a port, or `*` for everything.
 */
export function isExempt(url: URL, noProxy: string): boolean {
  const port = url.port === '' ? DEFAULT_PORTS[url.protocol] : url.port;
  const host = url.hostname.replace(/^\[|\]$/g, '');
  return noProxy.split(/[\s,]+/).some((text) => {
    const entry = parseEntry(text.toLowerCase());
    if (entry.port !== undefined && entry.port !== port) return false;
    return entry.host === '*' || covers(entry.host, host);
  });
}

interface Entry {
  readonly host: string;
  readonly port?: string | undefined;
}

/** `host`, `host:port`, `address`, `[IPv6]`, `[IPv6]:port` or a bare IPv6 address, which itself has colons. */
function parseEntry(text: string): Entry {
  const [, bracketed, portBehind] = /^\[(.*)\](?::(\d+))?$/.exec(text) ?? [];
  if (bracketed !== undefined) return { host: bracketed, port: portBehind };
  const [, host, port] = /^([^:]*):(\d+)$/.exec(text) ?? [];
  return host === undefined ? { host: text } : { host, port };
}

function covers(entry: string, host: string): boolean {
  const family = isIP(host);
  if (family === 0) {
    const name = entry.replace(/^\*?\./, '');
    return name !== '' && (host === name || host.endsWith(`.${name}`));
  }
  const [, address = entry, prefix] = /^(.*)\/(\d+)$/.exec(entry) ?? [];
  if (isIP(address) !== family) return false;
  const type = family === 4 ? 'ipv4' : 'ipv6';
  const list = new BlockList();
  const bits = Number(prefix ?? (family === 4 ? 32 : 128));
  if (bits > (family === 4 ? 32 : 128)) return false;
  list.addSubnet(address, bits, type);
  return list.check(host, type);
}
