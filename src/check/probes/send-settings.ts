import { existsSync, readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';
import { entriesOf, valueOf, type Section } from '../fluent-bit-config/model.ts';
import { truth } from '../fluent-bit-config/values.ts';
import { pathOn, type Machine } from '../facts/machine.ts';
import { headerName, pluginOf } from '../facts/routes.ts';
import { isSecretName } from '../../lib/secrets.ts';

const DEFAULT_PORTS: Readonly<Record<string, number>> = { http: 80, loki: 3100, forward: 24_224 };
/** The certificates that Fluent Bit trusts, the first that is there (src/tls/flb_tls_info.h). */
const SYSTEM_STORES = ['/etc/ssl/certs/ca-bundle.crt', '/etc/ssl/certs/ca-certificates.crt'];
/** The settings with secrets, besides headers. */
const SECRET_KEYS = ['http_passwd', 'bearer_token', 'shared_key', 'password', 'tls.key_passwd'];

/** Where an output sends to. */
export interface Address {
  readonly host: string;
  readonly port: number;
  readonly tls: ConnectionOptions | undefined;
}

/** Throws when a file that the output names cannot be read. */
export function addressOf(output: Section, machine: Machine): Address {
  const port = Number(valueOf(output, 'port') ?? DEFAULT_PORTS[pluginOf(output)]);
  const host = valueOf(output, 'host') ?? '127.0.0.1';
  return { host, port, tls: isOn(output, 'tls') ? tlsOf(output, machine) : undefined };
}

/** The host name in the certificate is verified only where Fluent Bit does that. */
function tlsOf(output: Section, machine: Machine): ConnectionOptions {
  const file = (key: string) => {
    const path = valueOf(output, key) ?? '';
    return path === '' ? undefined : readFileSync(pathOn(machine, path));
  };
  const servername = valueOf(output, 'tls.vhost');
  const passphrase = valueOf(output, 'tls.key_passwd');
  return {
    rejectUnauthorized: truth(valueOf(output, 'tls.verify') ?? 'on') !== false,
    ca: file('tls.ca_file') ?? systemStore(machine),
    cert: file('tls.crt_file'),
    key: file('tls.key_file'),
    ...(passphrase === undefined ? {} : { passphrase }),
    ...(servername === undefined ? {} : { servername }),
    ...(isOn(output, 'tls.verify_hostname') ? {} : { checkServerIdentity: () => undefined }),
  };
}

/** Undefined, for those that Node.js has, where this machine has none. */
function systemStore(machine: Machine): Buffer | undefined {
  const store = SYSTEM_STORES.map((path) => pathOn(machine, path)).find((path) => existsSync(path));
  return store === undefined ? undefined : readFileSync(store);
}

/** The headers of an `http` or `loki` output, with those for its user, token or tenant. */
export function headersOf(output: Section): Record<string, string> {
  const headers = Object.fromEntries(
    entriesOf(output, 'header').map(({ value }) => {
      const name = headerName(value);
      return [name, value.slice(name.length).trim()] as const;
    }),
  );
  const user = valueOf(output, 'http_user') ?? '';
  const token = valueOf(output, 'bearer_token') ?? '';
  const tenant = valueOf(output, 'tenant_id') ?? '';
  const basic = Buffer.from(`${user}:${valueOf(output, 'http_passwd') ?? ''}`).toString('base64');
  return {
    ...headers,
    ...(user === '' ? {} : { Authorization: `Basic ${basic}` }),
    ...(token === '' ? {} : { Authorization: `Bearer ${token}` }),
    ...(tenant === '' ? {} : { 'X-Scope-OrgID': tenant }),
  };
}

/** What must not be shown of an output. */
export function secretsOfOutput(output: Section): string[] {
  const headers = Object.entries(headersOf(output)).flatMap(([name, value]) => (isSecretName(name) ? [value] : []));
  return [...headers, ...SECRET_KEYS.flatMap((key) => valueOf(output, key) ?? [])];
}

export function isOn(output: Section, key: string): boolean {
  return truth(valueOf(output, key)) === true;
}
