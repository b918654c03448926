/** A small SOCKS 5 proxy on loopback (RFC 1928, RFC 1929): it connects to one target, whatever it is asked for. */

import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import type { TestContext } from 'node:test';

const [NO_LOGIN, PASSWORD] = [0, 2];
const DOMAIN = 3;

export interface LoopbackSocks {
  /** `127.0.0.1:<port>`. */
  readonly host: string;
  /** `user:password`, of those that logged in. */
  readonly logins: string[];
  /** The names that it was left to resolve. */
  readonly names: string[];
}

export async function startSocks(t: TestContext, target: URL): Promise<LoopbackSocks> {
  const logins: string[] = [];
  const names: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('data', (greeting) => {
      const wantsLogin = greeting.subarray(2).includes(PASSWORD);
      socket.write(Uint8Array.of(5, wantsLogin ? PASSWORD : NO_LOGIN));
      if (!wantsLogin) socket.once('data', onRequest);
      else {
        socket.once('data', (login) => {
          const length = login[1] ?? 0;
          logins.push(`${login.subarray(2, 2 + length).toString()}:${login.subarray(3 + length).toString()}`);
          socket.write(Uint8Array.of(1, 0));
          socket.once('data', onRequest);
        });
      }
    });
    const onRequest = (request: Buffer): void => {
      if (request[3] === DOMAIN) names.push(request.subarray(5, 5 + (request[4] ?? 0)).toString());
      const tunnel = connect(Number(target.port), target.hostname, () => {
        socket.write(Uint8Array.of(5, 0, 0, 1, 0, 0, 0, 0, 0, 0));
        tunnel.on('error', () => socket.destroy()).pipe(socket);
        socket.pipe(tunnel);
      });
      sockets.add(tunnel);
    };
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return { host: `127.0.0.1:${(server.address() as AddressInfo).port}`, logins, names };
}
