/** A small HTTP proxy on loopback: it forwards requests with a whole URL, and makes tunnels for CONNECT. */

import { createServer, request as forward, type IncomingHttpHeaders } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';

export interface LoopbackProxy {
  /** `127.0.0.1:<port>`. */
  readonly host: string;
  /** What it was asked for: `GET http://…`, `CONNECT host:port`. */
  readonly asked: string[];
  readonly headers: IncomingHttpHeaders[];
}

export interface ProxyBehaviour {
  /** Answers everything with this status instead. */
  readonly refuseWith?: number;
  /** Where it goes for any host, since names of a test do not exist: `127.0.0.1:<port>`. */
  readonly target?: string;
}

export async function startProxy(t: TestContext, { refuseWith, target }: ProxyBehaviour = {}): Promise<LoopbackProxy> {
  const asked: string[] = [];
  const headers: IncomingHttpHeaders[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.method ?? ''} ${request.url ?? ''}`);
    headers.push(request.headers);
    if (refuseWith !== undefined) {
      response.writeHead(refuseWith).end('refused by the proxy');
      return;
    }
    const url = new URL(request.url ?? '', `http://${request.headers.host ?? ''}`);
    if (target !== undefined) url.host = target;
    forward(url, { headers: request.headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(response);
    }).end();
  });
  server.on('connect', (request, socket) => {
    asked.push(`CONNECT ${request.url ?? ''}`);
    headers.push(request.headers);
    if (refuseWith !== undefined) {
      socket.end(`HTTP/1.1 ${refuseWith} Refused\r\n\r\n`);
      return;
    }
    const [host, port] = (target ?? request.url ?? '').split(':');
    const tunnel = connect(Number(port), host, () => socket.write('HTTP/1.1 200 OK\r\n\r\n'));
    tunnel.on('error', () => socket.destroy()).pipe(socket);
    socket.on('error', () => tunnel.destroy()).pipe(tunnel);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return { host: `127.0.0.1:${(server.address() as AddressInfo).port}`, asked, headers };
}
