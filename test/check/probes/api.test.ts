import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { startProxy } from '../../helpers/loopback-proxy.ts';
import type { Fault } from '../../sandbox/server.ts';
import { DROP_IN, ENVIRONMENT, NOW, installedMachine, type CheckedMachine } from '../../helpers/checked-machine.ts';

/** What check says in these tests, word by word. */
const GOLDEN = 'check/api.txt';

async function found(machine: CheckedMachine, options: string[] = []): Promise<string[]> {
  const faults = await machine.told(GOLDEN, options);
  return faults.map(({ level, code, message }) => `${level} ${code}: ${message}`);
}

describe('check looks at the API', { concurrency: 4 }, () => {
  it('counts the contracts, and those that are polled', async (t) => {
    const machine = await installedMachine(t);
    for (const number of ['1', '9876543218374837483']) machine.sandbox.addContract(number);
    assert.match(
      (await machine.run()).stdout,
      /✓ API answers: the token sees 3 contracts \(31721060, 1, 9876543218374837483\)\n/,
    );
    const { stdout } = await machine.run(['--contract', '9876543218374837483']);
    assert.match(
      stdout,
      /✓ API answers: the token sees 3 contracts \(31721060, 1, 9876543218374837483\), 1 of them polled\n/,
    );
  });

  it('calls a contract an error that the token does not see', async (t) => {
    const machine = await installedMachine(t);
    assert.deepEqual(await found(machine, ['--contract', '31721060,4711']), [
      'error contract-unknown: the token does not see contract 4711 (it sees 31721060)',
    ]);
    const [part] = await machine.faults(['--contract', '3172']);
    assert.equal(part?.message, 'the token does not see contract 3172 (it sees 31721060)');
  });

  it('says which contracts there are, and how to name them, where the setting is', async (t) => {
    const machine = await installedMachine(t);
    for (const number of ['2', '3', '4', '5', '6', '7']) machine.sandbox.addContract(number);
    const [byOption] = await machine.told(GOLDEN, ['--contract', '4711']);
    assert.match(byOption?.message ?? '', /\(it sees 31721060, 2, 3, 4, 5 and 2 more\)$/);
    assert.equal(byOption?.fix, '--contract 31721060,2,3,4,5');
    await machine.edit(ENVIRONMENT, [/$/, 'ACTIVITY_LOG_CONTRACT=4711,2\n']);
    assert.deepEqual((await machine.told(GOLDEN)).map(({ fix }) => fix), ['ACTIVITY_LOG_CONTRACT=2']); // prettier-ignore
  });

  it('calls a token an error that sees nothing', async (t) => {
    const machine = await installedMachine(t);
    machine.sandbox.fail({ fault: { type: 'body', body: '[]' } });
    assert.deepEqual(await found(machine), ['error contracts: API answers, but the token sees no contract']);
  });

  it('tries to read events of a contract, since the list does not say whether that is allowed', async (t) => {
    const machine = await installedMachine(t);
    machine.sandbox.options.forbiddenContracts = ['31721060'];
    const [finding, ...others] = await found(machine);
    assert.match(
      finding ?? '',
      /^error api-403: ionos\/31721060: the token may not read this .* give its user the privilege/,
    );
    assert.deepEqual(others, []);
  });

  it('names the proxy to the API, and says whether it answers', async (t) => {
    const machine = await installedMachine(t);
    const proxy = await startProxy(t);
    await machine.edit(ENVIRONMENT, [/$/, `HTTP_PROXY=http://user:secret@${proxy.host}\n`]);
    const { stdout } = await machine.run();
    assert.match(stdout, new RegExp(`✓ the proxy ${proxy.host} \\(HTTP_PROXY\\) to the API answers\n`));
    assert.doesNotMatch(stdout, /secret/);
    assert.ok(proxy.asked.length > 0);
    await machine.edit(ENVIRONMENT, [proxy.host, '127.0.0.1:1']);
    const [first, second] = await found(machine);
    assert.equal(first, 'error proxy: the proxy 127.0.0.1:1 (HTTP_PROXY) to the API does not answer (ECONNREFUSED)');
    assert.match(second ?? '', /^error api: no answer from API/);
  });

  it('asks for no more than an event of the last second, of three contracts, and twice where that fails', async (t) => {
    const machine = await installedMachine(t);
    for (const number of ['1', '2', '3']) machine.sandbox.addContract(number);
    await machine.run();
    const pages = machine.sandbox.requests.filter(({ kind }) => kind === 'page');
    const query = { dateStart: '2026-11-21T20:29:59Z', dateEnd: '2026-11-21T20:30:00Z', offset: '0', limit: '1' };
    assert.deepEqual(
      pages.map((page) => [page.contract, page.query]),
      ['31721060', '1', '2'].map((contract) => [contract, query]),
    );
    const before = machine.sandbox.requests.length;
    machine.sandbox.fail({ fault: { type: 'status', status: 503 }, times: Infinity });
    await machine.run();
    assert.equal(machine.sandbox.requests.length - before, 2);
  });

  it('asks only for the contracts that are polled', async (t) => {
    const machine = await installedMachine(t);
    for (const number of ['1', '2']) machine.sandbox.addContract(number);
    await machine.run(['--contract', '2']);
    const asked = machine.sandbox.requests.flatMap(({ contract }) => contract ?? []);
    assert.deepEqual(asked, ['2']);
  });

  for (const skew of [30_000, -30_000]) {
    it(`is content with a clock that is ${skew / 1000} s from its own`, async (t) => {
      const machine = await installedMachine(t);
      machine.sandbox.options.dateSkewMs = skew;
      assert.deepEqual(await machine.faults(), []);
    });
  }

  const failures: [string, Fault, RegExp][] = [
    ['401', { type: 'status', status: 401 }, /^error api-401: API does not accept the token .* create a new one/],
    ['403', { type: 'status', status: 403 }, /^error api-403: the token may not read this/],
    ['404', { type: 'status', status: 404 }, /^error api-404: API answered HTTP 404.*; check --api-url and the contract number \(fetch-activity-logs check lists them\)/],
    ['503', { type: 'status', status: 503 }, /^error api-503: API answered HTTP 503/],
    ['a page of a proxy', { type: 'body', body: '<html>' }, /^error api-answer: cannot use the answer of API/],
    ['no connection', { type: 'reset' }, /^error api: no answer from API/],
  ]; // prettier-ignore
  for (const [name, fault, expected] of failures) {
    it(`explains ${name}`, async (t) => {
      const machine = await installedMachine(t);
      machine.sandbox.fail({ fault, times: Infinity });
      const [finding, ...others] = await found(machine);
      assert.match(finding ?? '', expected);
      assert.deepEqual(others, []);
    });
  }

  it('names a proxy that cannot be one', async (t) => {
    const machine = await installedMachine(t);
    await machine.edit(DROP_IN, ['[Service]', '[Service]\nEnvironment=http_proxy=nonsense://proxy']);
    assert.deepEqual((await found(machine)).length, 1);
    assert.match((await found(machine)).join(), /^error api: http_proxy: expected a proxy/);
  });

  for (const [skew, direction] of [[31_000, 'behind'], [-31_000, 'ahead of']] as const) {
    it(`calls a clock an error that is ${direction} the API's by more than 30 s`, async (t) => {
      const machine = await installedMachine(t);
      machine.sandbox.options.dateSkewMs = skew;
      const [finding, ...others] = await machine.told(GOLDEN);
      assert.deepEqual([finding?.level, finding?.code, others], ['error', 'clock', []]);
      assert.equal(finding?.message, `this machine's clock is 31 s ${direction} the API's`);
      assert.equal(finding.command, 'sudo timedatectl set-ntp true');
    });
  } // prettier-ignore

  it('looks at the clock also where the API refuses', async (t) => {
    const machine = await installedMachine(t);
    machine.sandbox.options.token = 'another';
    machine.sandbox.options.now = () => NOW + 60_000;
    assert.deepEqual((await machine.told(GOLDEN)).map(({ code }) => code), ['api-401', 'clock']); // prettier-ignore
  });

  it('reads a project of cloudscale.ch', async (t) => {
    const machine = await installedMachine(t);
    await machine.write('/etc/fluent-bit/fluent-bit.conf', '[SERVICE]\n    Flush 1\n');
    await machine.write('/root/token', 'sandbox-token', 0o600);
    const { stdout } = await machine.run(['--provider', 'cloudscale', '--token-file', '/root/token']);
    assert.match(stdout, /✓ API answers: the token sees a project\n/);
  });
});
