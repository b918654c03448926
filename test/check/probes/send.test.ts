import { Decoder, encode } from '@msgpack/msgpack';
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { createServer as createHttpServer, type IncomingMessage } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { describe, it, type TestContext } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { NOW, OUTPUT, PIPELINE, installedMachine, type CheckedMachine } from '../../helpers/checked-machine.ts';
import { assertGoldenPart } from '../../helpers/golden.ts';
import { loopbackCertificate } from '../../helpers/loopback-certificate.ts';

/** What check says in these tests, word by word. */
const GOLDEN = 'check/send.txt';

const MARK = 'test record of fetch-activity-logs check --send';
const CERTIFICATE = loopbackCertificate();
const SECRET = 'a-key-that-is-secret';

async function listen(t: TestContext, server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

interface Request {
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

/** A destination that keeps what it was sent and answers with this status. */
async function destination(t: TestContext, status: number, answer = '', isTls = true, certificate = CERTIFICATE) {
  const requests: Request[] = [];
  const listener: Parameters<typeof createHttpServer>[1] = (request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      requests.push({ url: request.url ?? '', headers: request.headers, body: Buffer.concat(parts) });
      response.writeHead(status).end(answer);
    });
  };
  const port = await listen(t, isTls ? createHttpsServer(certificate, listener) : createHttpServer(listener));
  return { requests, port };
}

/** A machine whose only output has these lines. */
async function sendingTo(t: TestContext, port: number, ...lines: readonly string[]): Promise<CheckedMachine> {
  const machine = await installedMachine(t);
  const all = ['Match ${ACTIVITY_LOG_TAG}', 'Host 127.0.0.1', `Port ${port}`, 'Alias out', ...lines];
  await machine.write(OUTPUT, `[OUTPUT]\n${all.map((line) => `    ${line}\n`).join('')}`);
  await machine.write('/etc/ca.pem', CERTIFICATE.cert);
  return machine;
}

const HTTP = ['Name http', 'Format json', 'URI /activityLog', 'Header APIKEY ${ACTIVITY_LOG_API_KEY}'];

/** What check says of the test record. In the golden file, ports and the words of the system go by names. */
async function sent(t: TestContext, machine: CheckedMachine): Promise<string> {
  const { stdout } = await machine.run(['--send']);
  assert.ok(!stdout.includes(SECRET), stdout);
  const said = stdout.split('\n').filter((line) => line.includes('test record')).join('\n'); // prettier-ignore
  const named = said
    .replaceAll(/(?<=127\.0\.0\.1:)\d+/g, 'PORT')
    .replace(/(?<= at \S+:\w+: ).*(?=: no event arrives)/, '…');
  const look = (looks.get(t) ?? 0) + 1;
  looks.set(t, look);
  assertGoldenPart(GOLDEN, look === 1 ? t.fullName : `${t.fullName} (${look})`, `${named}\n`);
  return said;
}

const looks = new WeakMap<TestContext, number>();

/** TLS as the file names it, with the machine's own certificate. */
async function trusting(machine: CheckedMachine): Promise<void> {
  await machine.edit(OUTPUT, ['[OUTPUT]\n', '[OUTPUT]\n    tls On\n    tls.verify_hostname On\n    tls.ca_file /etc/ca.pem\n']);
} // prettier-ignore

describe('check --send to an http output', { concurrency: 4 }, () => {
  it('is never done without the flag', async (t) => {
    const { port, requests } = await destination(t, 200, '', false);
    const machine = await sendingTo(t, port, ...HTTP);
    assert.doesNotMatch((await machine.run()).stdout, /test record/);
    assert.equal(requests.length, 0);
  });

  it('sends one marked record, as the output would', async (t) => {
    const { port, requests } = await destination(t, 201);
    const machine = await sendingTo(t, port, ...HTTP, 'compress gzip');
    await trusting(machine);
    assert.equal(await sent(t, machine), `✓ ${OUTPUT}:1: output out at 127.0.0.1:${port} took a test record (HTTP 201); look for it in Grafana: "${MARK}"`); // prettier-ignore
    assert.equal(requests.length, 1);
    const [{ url, headers, body } = { url: '', headers: {}, body: Buffer.alloc(0) }] = requests;
    assert.deepEqual([url, headers['apikey'], headers['content-type']], ['/activityLog', SECRET, 'application/json']);
    const [record] = JSON.parse(gunzipSync(body).toString()) as Record<string, unknown>[];
    assert.deepEqual([record?.['message'], record?.['date']], [MARK, NOW / 1000]);
    assert.equal(headers['content-encoding'], 'gzip');
  });

  it('goes to the path / where the output has none, as it is', async (t) => {
    const { port, requests } = await destination(t, 200, '', false);
    const machine = await sendingTo(t, port, 'Name http', 'Format json');
    assert.equal(await sent(t, machine), `✓ ${OUTPUT}:1: output out at 127.0.0.1:${port} took a test record (HTTP 200); "${MARK}"`); // prettier-ignore
    const [request] = requests;
    assert.deepEqual([request?.url, request?.headers['content-encoding']], ['/', undefined]);
    assert.match(request?.body.toString() ?? '', /^\[\{"date":/);
  });

  const refusals: [number, string, RegExp][] = [
    [401, 'no such key: a-key-that-is-secret', /✗ .* refused a test record: HTTP 401 \(no such key: \[redacted\]\): .*the key is wrong, expired, or of another pipeline/],
    [403, '', /HTTP 403: .*the key is wrong/],
    [405, '', /HTTP 405: .*is the URI/],
    [415, '', /HTTP 415: .*another format/],
    [422, '', /HTTP 422: .*another format/],
    [399, '', /HTTP 399: .*does not follow/],
    [400, 'x'.repeat(301), /HTTP 400 \(x{300}\): /],
    [404, '', /HTTP 404: .*is the URI \/TAG of the pipeline\?/],
    [400, '\r\nbad\n', /HTTP 400 \(bad\): .*another format/],
    [413, '', /only smaller requests/],
    [429, '', /! .* HTTP 429: events arrive late: the destination limits the rate, and Fluent Bit retries/],
    [302, '', /does not follow/],
    [500, '', /! .* HTTP 500: events arrive late/],
    [300, '', /does not follow/],
    [503, '', /! .* HTTP 503: events arrive late: the destination has a problem, and Fluent Bit retries/],
    [418, '', /✗ .*does not say why/],
  ]; // prettier-ignore
  for (const [status, answer, expected] of refusals) {
    it(`says what HTTP ${status} with ${answer.length} characters means`, async (t) => {
      const { port } = await destination(t, status, answer, false);
      assert.match(await sent(t, await sendingTo(t, port, ...HTTP)), expected);
    });
  }

  it('says that nothing listens there', async (t) => {
    const { port } = await destination(t, 200);
    const machine = await sendingTo(t, 1, ...HTTP);
    assert.ok(port > 1);
    assert.match(
      await sent(t, machine),
      /did not reach output out at 127\.0\.0\.1:1: .*ECONNREFUSED.*is the port right\?/,
    );
  });

  it('says that a certificate is not trusted, unless the output does not look at it', async (t) => {
    const { port } = await destination(t, 200);
    const machine = await sendingTo(t, port, ...HTTP, 'tls On');
    assert.match(await sent(t, machine), /self-signed certificate: .*its certificate is not trusted for this host/);
    await machine.edit(OUTPUT, ['tls On', 'tls On\n    tls.verify Off\n    tls.vhost logs.example.com']);
    assert.match(await sent(t, machine), /✓ .*took a test record/);
  });

  it('trusts the certificates of this machine, as Fluent Bit does', async (t) => {
    const { port } = await destination(t, 200);
    const machine = await sendingTo(t, port, ...HTTP, 'tls On');
    await machine.write('/etc/ssl/certs/ca-certificates.crt', CERTIFICATE.cert);
    assert.match(await sent(t, machine), /✓ .*took a test record/);
  });

  it('says that a certificate has expired', async (t) => {
    const expired = loopbackCertificate(undefined, '20200102000000Z');
    const { port } = await destination(t, 200, '', true, expired);
    const machine = await sendingTo(t, port, ...HTTP);
    await trusting(machine);
    await machine.write('/etc/ca.pem', expired.cert);
    assert.match(await sent(t, machine), /expired: no event arrives there: the certificate, or the clock, is wrong$/);
  });

  it('asks whether all is right where it does not know what is wrong', async (t) => {
    const machine = await sendingTo(t, 65_536, ...HTTP);
    assert.match(await sent(t, machine), /: no event arrives there: are host, port, firewall and key right\?$/);
  });

  it('says that one side does not speak TLS', async (t) => {
    const { port } = await destination(t, 200, '', false);
    assert.match(await sent(t, await sendingTo(t, port, ...HTTP, 'tls On')), /✗ .*one side speaks TLS/);
  });

  it('says which file of the output is not there', async (t) => {
    const machine = await sendingTo(t, 1, ...HTTP, 'tls On', 'tls.ca_file /none.pem', 'tls.key_passwd x');
    assert.match(await sent(t, machine), /none\.pem.*: a file that the output names cannot be read/);
  });

  it('says that no such host is known', async (t) => {
    const machine = await sendingTo(t, 1, ...HTTP);
    await machine.edit(OUTPUT, ['127.0.0.1', 'no-such-host.invalid']);
    assert.match(await sent(t, machine), /the host name cannot be resolved/);
  });
});

it('check --send tries the output of the Python fetcher, too', async (t) => {
  const { port, requests } = await destination(t, 200, '', false);
  const machine = await sendingTo(t, port, ...HTTP);
  await machine.edit(PIPELINE, [/^ +Command .*$/m, '    Command python3 /srv/fetch_activity_logs.py']);
  assert.match(await sent(t, machine), /✓ .*took a test record/);
  assert.equal(requests.length, 1);
});

describe('check --send to a loki output', { concurrency: 4 }, () => {
  it('pushes one line with the labels of the output, and its token', async (t) => {
    const { port, requests } = await destination(t, 204, '', false);
    const labels = 'Labels job=audit, provider=$provider, site = a, nothing=, =nobody';
    const machine = await sendingTo(
      t,
      port,
      'Name loki',
      labels,
      'Bearer_Token ${ACTIVITY_LOG_API_KEY}',
      'Tenant_ID me',
    );
    assert.match(await sent(t, machine), /✓ .*took a test record \(HTTP 204\); look for it in Grafana: "/);
    const [{ url, headers, body } = { url: '', headers: {}, body: Buffer.alloc(0) }] = requests;
    assert.deepEqual(
      [url, headers.authorization, headers['x-scope-orgid']],
      ['/loki/api/v1/push', `Bearer ${SECRET}`, 'me'],
    );
    const { streams } = JSON.parse(body.toString()) as { streams: { stream: object; values: string[][] }[] };
    assert.deepEqual(streams[0]?.stream, { job: 'audit', site: 'a' });
    assert.equal(streams[0].values[0]?.[0], `${NOW}000000`);
  });

  it('goes by user and password', async (t) => {
    const { port, requests } = await destination(t, 204, '', false);
    await sent(t, await sendingTo(t, port, 'Name loki', 'http_User me', 'http_Passwd hunter2'));
    assert.equal(requests[0]?.headers.authorization, `Basic ${Buffer.from('me:hunter2').toString('base64')}`);
    const { streams } = JSON.parse(String(requests[0].body)) as { streams: { stream: object }[] };
    assert.deepEqual(streams[0]?.stream, { job: 'fluent-bit' }, 'without Labels');
  });
});

/** A receiver of the forward protocol. */
async function receiver(t: TestContext, converse: (socket: Socket, messages: AsyncGenerator<unknown, void>) => Promise<void>, isTls = false) {
  const listener = (socket: Socket) => {
    socket.on('error', () => undefined);
    void converse(socket, new Decoder().decodeStream(socket)).catch(() => undefined);
  };
  return listen(t, isTls ? createTlsServer(CERTIFICATE, listener) : createServer(listener));
} // prettier-ignore

/** The greeting of Fluent Bit's input: its nonce is 16 bytes that are called text. */
function helo(nonce: Buffer): Buffer {
  const [head, tail] = [encode(['HELO']), encode({ auth: 'of the server', keepalive: true })];
  const entry = Buffer.concat([encode('nonce'), Buffer.from([0xa0 | nonce.length]), nonce]);
  return Buffer.concat([Buffer.from([0x92]), head.subarray(1), Buffer.from([0x83]), entry, tail.subarray(1)]);
}

describe('check --send to a forward output', { concurrency: 4 }, () => {
  const FORWARD = ['Name forward', 'Require_ack_response On'];
  const acknowledge = async (socket: Socket, messages: AsyncGenerator<unknown, void>, seen: unknown[] = []) => {
    const { value } = await messages.next();
    const [tag, entries, { chunk }] = value as [string, unknown[], { chunk: string }];
    seen.push(tag, entries);
    socket.end(encode({ ack: chunk }));
  };

  it('waits for the acknowledgement', async (t) => {
    const seen: unknown[] = [];
    const port = await receiver(t, (socket, messages) => acknowledge(socket, messages, seen));
    assert.match(await sent(t, await sendingTo(t, port, ...FORWARD)), /✓ .*acknowledged a test record$/);
    const [tag, entries] = seen as [string, [number, { message: string }][]];
    assert.deepEqual([tag, entries[0]?.[1].message], ['activityLog', MARK]);
  });

  it('shows that it knows the shared key, without sending it', async (t) => {
    const sha512 = (...parts: (string | Uint8Array)[]) =>
      parts.reduce((hash, part) => hash.update(part), createHash('sha512')).digest('hex');
    let isWelcome = true;
    const port = await receiver(t, async (socket, messages) => {
      const nonce = Buffer.from([0xff, 0xfe, ...Buffer.from('0123456789abcd')]);
      socket.write(helo(nonce));
      const [kind, host, salt, proof, user] = (await messages.next()).value as string[];
      assert.deepEqual([kind, user], ['PING', '']);
      const isRight = proof === sha512(salt ?? "", host ?? "", nonce, SECRET);
      socket.write(encode(['PONG', isRight && isWelcome, isWelcome ? '' : 'not you', 'aggregator', '']));
      await acknowledge(socket, messages);
    }); // prettier-ignore
    const machine = await sendingTo(t, port, ...FORWARD, 'Shared_Key ${ACTIVITY_LOG_API_KEY}');
    assert.match(await sent(t, machine), /✓ .*acknowledged a test record$/);
    isWelcome = false;
    assert.match(await sent(t, machine), /✗ .*the receiver refuses the Shared_Key \(not you\)/);
  });

  it('shows that it knows the password of its user, without sending it', async (t) => {
    let ping: unknown;
    const port = await receiver(t, async (socket, messages) => {
      socket.write(helo(Buffer.from('0123456789abcdef')));
      ping = (await messages.next()).value;
      socket.write(encode(['PONG', false, '', 'aggregator', '']));
    });
    const user = ['Username me', 'Password hunter2', 'Self_Hostname mine'];
    const machine = await sendingTo(t, port, ...FORWARD, 'Shared_Key x', ...user);
    assert.match(await sent(t, machine), /the receiver refuses the Shared_Key: no event/);
    const proof = createHash('sha512').update('of the serverme').update('hunter2').digest('hex');
    const [kind, host, , , ...own] = ping as string[];
    assert.deepEqual([kind, host, own], ['PING', 'mine', ['me', proof]]);
  });

  it('greets a receiver that gives it nothing to work with', async (t) => {
    const port = await receiver(t, async (socket, messages) => {
      socket.write(encode(['HELO', {}]));
      await messages.next();
      socket.write(encode(['PONG', true]));
      await acknowledge(socket, messages);
    });
    assert.match(
      await sent(t, await sendingTo(t, port, ...FORWARD, 'Shared_Key x')),
      /✓ .*acknowledged a test record$/,
    );
  });

  const answers: [string, Uint8Array | undefined, RegExp][] = [
    ['another acknowledgement', encode({ ack: 'x' }), /acknowledged something else/],
    ['a closed connection', undefined, /closed the connection without an answer/],
  ];
  for (const [name, answer, expected] of answers) {
    it(`says what ${name} means`, async (t) => {
      const port = await receiver(t, async (socket, messages) => {
        await messages.next();
        if (answer !== undefined) socket.write(answer);
        socket.end();
      });
      assert.match(await sent(t, await sendingTo(t, port, ...FORWARD)), expected);
    });
  }

  it('says that a receiver asks for no shared key', async (t) => {
    const port = await receiver(t, (socket) => {
      socket.end(encode(['HELLO', {}]));
      return Promise.resolve();
    });
    const machine = await sendingTo(t, port, ...FORWARD, 'Shared_Key x');
    assert.match(await sent(t, machine), /does not ask for a Shared_Key/);
  });

  it('says that an output does not ask for acknowledgements', async (t) => {
    const arrived = new EventEmitter();
    const received = once(arrived, 'message');
    const port = await receiver(t, async (_, messages) => void arrived.emit('message', (await messages.next()).value));
    assert.match(await sent(t, await sendingTo(t, port, 'Name forward')), /✓ .*a test record was written to .*, which was not asked/); // prettier-ignore
    const [[, entries, options]] = (await received) as [[string, [number, unknown][], unknown]];
    assert.deepEqual([entries[0]?.[0], entries.length, options], [NOW / 1000, 1, { size: 1 }]);
  });

  it('goes through TLS, as an http output does', async (t) => {
    const port = await receiver(t, acknowledge, true);
    const machine = await sendingTo(t, port, ...FORWARD);
    await trusting(machine);
    assert.match(await sent(t, machine), /✓ .*acknowledged a test record$/);
    await machine.write('/etc/ca.pem', loopbackCertificate().cert);
    assert.match(await sent(t, machine), /✗ .*certificate.*: its certificate is not trusted for this host$/);
  });
});

describe('check --send', () => {
  it('says which outputs it does not know', async (t) => {
    const machine = await sendingTo(t, 1, 'Name kafka', 'Topics x');
    const faults = await machine.faults(['--send']);
    assert.deepEqual(faults.filter(({ code }) => code === 'send').map(({ level }) => level), ['warning']); // prettier-ignore
  });

  it('says that there is nothing to send to', async (t) => {
    const machine = await installedMachine(t);
    await machine.edit(PIPELINE, ['@INCLUDE outputs/ionos.conf', '']);
    const faults = await machine.faults(['--send']);
    assert.ok(faults.some(({ code, message }) => code === 'send' && message.startsWith('no output sends')));
  });
});
