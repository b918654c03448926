import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { thisMachine, type Machine } from '../../../src/check/facts/machine.ts';
import type { Section } from '../../../src/check/fluent-bit-config/model.ts';
import { addressOf, headersOf, secretsOfOutput } from '../../../src/check/probes/send-settings.ts';
import { temporaryFolder } from '../../helpers/temporary-folder.ts';

const AT = { file: 'main.conf', line: 1 };

function output(...lines: readonly (readonly [key: string, value: string])[]): Section {
  return { kind: 'output', at: AT, entries: lines.map(([key, value]) => ({ key, value, raw: value, at: AT })) };
}

async function machineWith(t: TestContext, ...files: readonly string[]): Promise<Machine> {
  const root = await temporaryFolder(t);
  for (const file of files) {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), file);
  }
  return { ...thisMachine(), root };
}

describe('the address to which check --send sends', () => {
  for (const [name, port] of [
    ['http', 80],
    ['loki', 3100],
    ['forward', 24_224],
  ] as const) {
    it(`is this machine, port ${port}, for an output ${name} that does not say`, async (t) => {
      const machine = await machineWith(t);
      assert.deepEqual(addressOf(output(['name', name]), machine), { host: '127.0.0.1', port, tls: undefined });
      const said = output(['name', name], ['host', 'h'], ['port', '1'], ['tls', 'off']);
      assert.deepEqual(addressOf(said, machine), { host: 'h', port: 1, tls: undefined });
    });
  }

  it("has the output's own files for TLS, and its names", async (t) => {
    const machine = await machineWith(t, '/ca', '/crt', '/key', '/etc/ssl/certs/ca-bundle.crt');
    const files = [['tls.ca_file', '/ca'], ['tls.crt_file', '/crt'], ['tls.key_file', '/key']] as const; // prettier-ignore
    const names = [['tls.key_passwd', 'pass'], ['tls.vhost', 'v'], ['tls.verify_hostname', 'on']] as const; // prettier-ignore
    assert.deepEqual(addressOf(output(['name', 'http'], ['tls', 'on'], ...files, ...names), machine).tls, {
      rejectUnauthorized: true,
      ca: Buffer.from('/ca'),
      cert: Buffer.from('/crt'),
      key: Buffer.from('/key'),
      passphrase: 'pass',
      servername: 'v',
    });
  });

  it('trusts the first store of certificates that is there, and any server only where the output does', async (t) => {
    const [bundle, other] = ['/etc/ssl/certs/ca-bundle.crt', '/etc/ssl/certs/ca-certificates.crt'];
    const tls = async (files: readonly string[], ...lines: [string, string][]) =>
      addressOf(output(['name', 'http'], ['tls', 'on'], ['tls.ca_file', ''], ...lines), await machineWith(t, ...files)).tls; // prettier-ignore
    assert.deepEqual((await tls([bundle, other]))?.ca, Buffer.from(bundle));
    assert.deepEqual((await tls([other]))?.ca, Buffer.from(other));
    const plain = await tls([]);
    assert.deepEqual([plain?.ca, plain?.cert, plain?.rejectUnauthorized], [undefined, undefined, true]);
    assert.equal(typeof plain?.checkServerIdentity, 'function', 'Fluent Bit does not look at the name either');
    assert.equal((await tls([], ['tls.verify', 'off']))?.rejectUnauthorized, false);
  });
});

it('an output of check --send has its headers, those of its user or token, and that of its tenant', () => {
  const given = [['header', 'X-A  a b '], ['header', 'X-B\tc'], ['header', 'Authorization mine']] as const; // prettier-ignore
  const own = { 'X-A': 'a b', 'X-B': 'c', Authorization: 'mine' };
  assert.deepEqual(headersOf(output(...given)), own);
  const basic = `Basic ${Buffer.from('u:').toString('base64')}`;
  assert.deepEqual(headersOf(output(...given, ['http_user', 'u'])), { ...own, Authorization: basic });
  const all = output(['http_user', 'u'], ['http_passwd', 'p'], ['bearer_token', 't'], ['tenant_id', 'x']);
  assert.deepEqual(headersOf(all), { Authorization: 'Bearer t', 'X-Scope-OrgID': 'x' });
});

it('what check --send hides is every secret of an output, and no other value', () => {
  const keys = ['http_passwd', 'bearer_token', 'shared_key', 'password', 'tls.key_passwd', 'host', 'uri', 'http_user'];
  const all = output(['header', 'APIKEY k'], ['header', 'X-A a'], ...keys.map((key) => [key, `v-${key}`] as const));
  const basic = 'Bearer v-bearer_token';
  assert.deepEqual(secretsOfOutput(all), ['k', basic, ...keys.slice(0, 5).map((key) => `v-${key}`)]);
  assert.deepEqual(secretsOfOutput(output(['name', 'http'])), []);
});
