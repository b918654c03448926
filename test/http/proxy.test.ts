import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:https';
import {
  getDefaultAutoSelectFamilyAttemptTimeout,
  setDefaultAutoSelectFamilyAttemptTimeout,
  type AddressInfo,
} from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { ApiError, ConfigError } from '../../src/lib/errors.ts';
import { createDispatcher, proxyFor } from '../../src/http/proxy.ts';
import { listen } from '../helpers/loopback.ts';
import { loopbackCertificate } from '../helpers/loopback-certificate.ts';
import { startSocks } from '../helpers/loopback-socks.ts';
import { startProxy } from '../helpers/loopback-proxy.ts';
import { clientFor } from '../helpers/test-client.ts';
import { sandboxFor } from '../sandbox/exchange.ts';

/** GETs the contract list of an API with the connections that the environment asks for. */
async function contracts(t: TestContext, url: string, env: NodeJS.ProcessEnv): Promise<string> {
  const api = clientFor(t, url, { dispatcher: await createDispatcher(new URL(url), env, 2) });
  return api.get(api.url('/contracts'), (body) => body.toString(), new AbortController().signal);
}

/** An API behind TLS, which can only say one thing. */
async function serveTls(t: TestContext): Promise<{ url: string; cert: string }> {
  const certificate = loopbackCertificate();
  const server = createServer(certificate, (_request, response) => void response.end('["through TLS"]'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return { url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`, cert: certificate.cert };
}

describe('createDispatcher', () => {
  it('connects directly where no proxy is named', async (t) => {
    const sandbox = await sandboxFor(t);
    const proxy = await startProxy(t);
    const environments = [{}, { HTTP_PROXY: '' }, { HTTPS_PROXY: `http://${proxy.host}` }, { NO_PROXY: '*' }];
    for (const env of environments) assert.equal(await contracts(t, sandbox.url, env), '[]');
    assert.deepEqual([sandbox.requests.length, proxy.asked], [environments.length, []]);
  });

  for (const name of ['HTTP_PROXY', 'http_proxy', 'ALL_PROXY', 'all_proxy']) {
    it(`asks the proxy of ${name} for an http URL`, async (t) => {
      const sandbox = await sandboxFor(t);
      const proxy = await startProxy(t);
      assert.equal(await contracts(t, sandbox.url, { [name]: `http://${proxy.host}` }), '[]');
      assert.deepEqual(proxy.asked, [`GET ${sandbox.url}/activitylog/v1/contracts`]);
      assert.equal(sandbox.requests[0]?.headers['authorization'], 'Bearer sandbox-token');
    });
  }

  it('takes a proxy without a scheme for an http one', async (t) => {
    const sandbox = await sandboxFor(t);
    const proxy = await startProxy(t);
    for (const host of [proxy.host, proxy.host.replace('127.0.0.1', 'localhost'), `user:password@${proxy.host}`]) {
      assert.equal(await contracts(t, sandbox.url, { HTTP_PROXY: host }), '[]');
    }
    assert.equal(proxy.asked.length, 3);
  });

  it('opens no more connections than it may', async (t) => {
    let connections = 0;
    const server = createHttpServer((_request, response) => void setImmediate(() => response.end('[]')));
    server.on('connection', () => connections++);
    const url = new URL(`http://127.0.0.1:${await listen(t, server)}`);
    const api = clientFor(t, url.href, { dispatcher: await createDispatcher(url, {}, 2) });
    const ask = () => api.get(api.url('/'), (body) => body.toString(), new AbortController().signal);
    assert.deepEqual(new Set(await Promise.all([ask(), ask(), ask(), ask(), ask()])), new Set(['[]']));
    assert.equal(connections, 2);
  });

  it('knows which variable names the proxy, and its parts', () => {
    const env = { HTTPS_PROXY: 'socks5h://us%40er:p%20w@proxy.example.com:1080' };
    assert.deepEqual(proxyFor(new URL('https://api.example.com'), env), {
      name: 'HTTPS_PROXY',
      uri: 'socks5://us%40er:p%20w@proxy.example.com:1080',
      username: 'us@er',
      password: 'p w',
    });
    const loud = { https_proxy: 'HTTP://PROXY.example.com:3128' };
    assert.equal(proxyFor(new URL('https://api.example.com'), loud)?.uri, 'http://proxy.example.com:3128/');
  });

  it('prefers the variable of the scheme, and small letters', async (t) => {
    const sandbox = await sandboxFor(t);
    const [wanted, other] = [await startProxy(t), await startProxy(t)];
    await contracts(t, sandbox.url, { HTTP_PROXY: `http://${wanted.host}`, ALL_PROXY: `http://${other.host}` });
    await contracts(t, sandbox.url, { http_proxy: `http://${wanted.host}`, HTTP_PROXY: `http://${other.host}` });
    assert.deepEqual([wanted.asked.length, other.asked.length], [2, 0]);
  });

  it('asks for names that only the proxy knows', async (t) => {
    const sandbox = await sandboxFor(t);
    const proxy = await startProxy(t, { target: new URL(sandbox.url).host });
    const env = { HTTP_PROXY: `http://${proxy.host}`, NO_PROXY: 'other.invalid,example.invalid:1' };
    assert.equal(await contracts(t, 'http://api.example.invalid', env), '[]');
    assert.deepEqual(proxy.asked, ['GET http://api.example.invalid/activitylog/v1/contracts']);
  });

  it('shows its user name and password to the proxy, and to nobody else', async (t) => {
    const sandbox = await sandboxFor(t);
    const proxy = await startProxy(t);
    await contracts(t, sandbox.url, { HTTP_PROXY: `http://us%40er:p%20w@${proxy.host}` });
    const expected = `Basic ${Buffer.from('us@er:p w').toString('base64')}`;
    assert.equal(proxy.headers[0]?.['proxy-authorization'], expected);
    await contracts(t, sandbox.url, {
      HTTP_PROXY: `http://user:password@${proxy.host}`,
      NO_PROXY: '127.0.0.1',
    });
    assert.equal(sandbox.requests[1]?.headers['proxy-authorization'], undefined);
  });

  const exceptions: [string, boolean][] = [
    ['127.0.0.1', true],
    ['127.0.0.1:PORT', true],
    ['localhost, 127.0.0.1', true],
    ['127.0.0.0/8', true],
    ['*', true],
    ['localhost', false],
    ['127.0.0.1:1', false],
    ['7.0.0.1', false],
    ['', false],
  ];
  for (const [noProxy, isDirect] of exceptions) {
    it(`${isDirect ? 'passes the proxy by' : 'asks the proxy'} with NO_PROXY="${noProxy}"`, async (t) => {
      const sandbox = await sandboxFor(t);
      const proxy = await startProxy(t);
      const value = noProxy.replace('PORT', new URL(sandbox.url).port);
      for (const name of ['NO_PROXY', 'no_proxy']) {
        await contracts(t, sandbox.url, { HTTP_PROXY: `http://${proxy.host}`, [name]: value });
      }
      assert.equal(proxy.asked.length, isDirect ? 0 : 2);
      assert.equal(sandbox.requests.length, 2);
    });
  }

  for (const scheme of ['socks', 'socks5', 'socks5h']) {
    it(`goes through ${scheme}://, which is left to resolve the name`, async (t) => {
      const sandbox = await sandboxFor(t);
      const socks = await startSocks(t, new URL(sandbox.url));
      assert.equal(await contracts(t, 'http://api.example.invalid', { ALL_PROXY: `${scheme}://${socks.host}` }), '[]');
      assert.deepEqual([socks.names, socks.logins], [['api.example.invalid'], []]);
    });
  }

  it('ignores a 100 Continue that nobody asked for', async (t) => {
    const sandbox = await sandboxFor(t);
    const proxy = await startProxy(t);
    for (const env of [{}, { HTTP_PROXY: `http://${proxy.host}` }]) {
      const scripted = sandbox.fail({ times: 3, fault: { type: 'continue' } });
      for (let request = 0; request < 4; request++) assert.equal(await contracts(t, sandbox.url, env), '[]');
      assert.equal(scripted.played, 3);
      scripted.remove();
    }
    assert.equal(sandbox.requests.length, 8, 'none was asked again');
  });

  it('decodes user name and password of a SOCKS proxy', async (t) => {
    const sandbox = await sandboxFor(t);
    const socks = await startSocks(t, new URL(sandbox.url));
    await contracts(t, sandbox.url, { ALL_PROXY: `socks5://us%40er:p%20w@${socks.host}` });
    assert.deepEqual(socks.logins, ['us@er:p w']);
  });

  it('gives each address of a host more time than a long way takes', async (t) => {
    const before = getDefaultAutoSelectFamilyAttemptTimeout();
    t.after(() => setDefaultAutoSelectFamilyAttemptTimeout(before));
    setDefaultAutoSelectFamilyAttemptTimeout(250);
    await (await createDispatcher(new URL('https://api.example.com'), {}, 1)).destroy();
    assert.ok(getDefaultAutoSelectFamilyAttemptTimeout() >= 1000);
  });

  it('makes a tunnel for an https URL, and the certificate is checked through it', async (t) => {
    const { url } = await serveTls(t);
    for (const name of ['HTTPS_PROXY', 'https_proxy', 'ALL_PROXY', 'all_proxy']) {
      const proxy = await startProxy(t);
      await assert.rejects(contracts(t, url, { [name]: `http://user:password@${proxy.host}` }), {
        name: 'ApiError',
        message: /^the certificate of 127\.0\.0\.1:\d+ is not accepted: self-signed certificate/,
      });
      assert.deepEqual(proxy.asked, [`CONNECT ${new URL(url).host}`]);
      assert.equal(proxy.headers[0]?.['proxy-authorization'], 'Basic dXNlcjpwYXNzd29yZA==');
      // The token goes through the tunnel only.
      assert.equal(proxy.headers[0].authorization, undefined);
    }
  });

  it('reaches an API through HTTPS_PROXY whose authority NODE_EXTRA_CA_CERTS names', async (t) => {
    const { url, cert } = await serveTls(t);
    const proxy = await startProxy(t);
    const folder = await mkdtemp(join(tmpdir(), 'ca-'));
    t.after(() => rm(folder, { recursive: true }));
    const NODE_EXTRA_CA_CERTS = join(folder, 'ca.pem');
    await writeFile(NODE_EXTRA_CA_CERTS, cert);
    const program = fileURLToPath(new URL('../helpers/get-by-environment.ts', import.meta.url));
    const { stdout, stderr } = await promisify(execFile)(
      process.execPath,
      ['--import', import.meta.resolve('tsx'), program, url],
      { env: { PATH: process.env['PATH'], NODE_EXTRA_CA_CERTS, HTTPS_PROXY: `http://${proxy.host}` } },
    );
    assert.deepEqual([stdout, stderr], ['["through TLS"]', '']);
    assert.deepEqual(proxy.asked, [`CONNECT ${new URL(url).host}`]);
  });

  it('quotes what the proxy says when it refuses', async (t) => {
    const sandbox = await sandboxFor(t);
    const { url } = await serveTls(t);
    for (const status of [403, 407]) {
      const proxy = await startProxy(t, { refuseWith: status });
      const env = { ALL_PROXY: `http://${proxy.host}` };
      const told = { name: 'ApiError', message: new RegExp(`${status}`) };
      await assert.rejects(contracts(t, sandbox.url, env), told);
      await assert.rejects(contracts(t, url, env), told);
    }
    assert.equal(sandbox.requests.length, 0);
  });

  it('fails like any connection when the proxy is not there', async (t) => {
    const sandbox = await sandboxFor(t);
    for (const url of [sandbox.url, 'https://api.example.invalid']) {
      await assert.rejects(contracts(t, url, { ALL_PROXY: 'http://127.0.0.1:1' }), (error) => {
        assert.ok(error instanceof ApiError && error.retryable);
        assert.match(error.message, /^no answer from .*: connect ECONNREFUSED 127\.0\.0\.1:1$/);
        return true;
      });
    }
  });

  const refused: [string, string][] = [
    ['ftp://proxy.example.com', 'ftp://proxy.example.com'],
    ['http://', 'http://'],
    ['proxy.example.com:port', 'proxy.example.com:port'],
    ['http://user:hunter2@proxy:port', 'http://[redacted]@proxy:port'],
    ['user:hunter2@proxy:port', '[redacted]@proxy:port'],
    ['socks4://proxy.example.com', 'socks4://proxy.example.com'],
    ['http://user:hunter%@proxy.example.com', 'http://[redacted]@proxy.example.com'],
  ];
  for (const [value, shown] of refused) {
    it(`refuses ${value}`, async () => {
      await assert.rejects(createDispatcher(new URL('https://api.example.com'), { HTTPS_PROXY: value }, 1), (error) => {
        assert.ok(error instanceof ConfigError);
        const expected = 'expected a proxy such as http://proxy.example.com:3128';
        assert.equal(error.message, `HTTPS_PROXY: ${expected}, got "${shown}"`);
        return true;
      });
    });
  }
});
