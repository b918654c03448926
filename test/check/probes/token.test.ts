import assert from 'node:assert/strict';
import { chmod } from 'node:fs/promises';
import { describe, it } from 'node:test';
import {
  DROP_IN,
  ENVIRONMENT,
  TOKEN,
  installedMachine,
  tokenFor,
  type CheckedMachine,
} from '../../helpers/checked-machine.ts';

/** What check says in these tests, word by word. */
const GOLDEN = 'check/token.txt';

const OWN_DROP_IN = '/etc/systemd/system/fluent-bit.service.d/override.conf';

async function put(machine: CheckedMachine, token: string, mode = 0o600): Promise<void> {
  machine.sandbox.options.token = token;
  await machine.write(TOKEN, token, mode);
}

async function found(machine: CheckedMachine, options: string[] = [], env: NodeJS.ProcessEnv = {}): Promise<string[]> {
  const faults = await machine.told(GOLDEN, options, { env });
  return faults.map(({ level, code, message }) => `${level} ${code}: ${message}`);
}

describe('check looks at the token', { concurrency: 4 }, () => {
  it('warns of one that expires soon', async (t) => {
    const machine = await installedMachine(t);
    await put(machine, tokenFor(3));
    assert.deepEqual(await found(machine), [
      `warning token-expiry: the token from ${TOKEN} expires in 3 d, on 2026-11-24: create a new one in time`,
    ]);
  });

  it('calls one an error that has expired, and says so of the refusal as well', async (t) => {
    const machine = await installedMachine(t);
    await machine.write(TOKEN, tokenFor(-1), 0o600);
    const [expiry, refusal, ...others] = await found(machine);
    assert.equal(expiry, `error token-expiry: the token from ${TOKEN} expired on 2026-11-20`);
    assert.match(refusal ?? '', /^error api-401: API does not accept the token/);
    assert.deepEqual(others, []);
  });

  it('is content with one that does not say when it expires', async (t) => {
    const machine = await installedMachine(t);
    await put(machine, 'no-web-token');
    assert.deepEqual(await found(machine), []);
    assert.match((await machine.run()).stdout, /✓ token from .*token, without an expiry date/);
  });

  it('warns of a file that others can read', async (t) => {
    const machine = await installedMachine(t);
    await chmod(machine.path(TOKEN), 0o644);
    const [finding, ...others] = await machine.told(GOLDEN);
    assert.deepEqual(
      [finding?.level, finding?.code, finding?.file, finding?.command],
      ['warning', 'token-mode', TOKEN, `chmod 600 ${TOKEN}`],
    );
    assert.deepEqual(others, []);
  });

  const missing: [string, (machine: CheckedMachine) => Promise<unknown>, RegExp][] = [
    ['a missing file', ({ remove }) => remove(TOKEN), /the token file .* does not exist/],
    ['an empty file', ({ write }) => write(TOKEN, '\n', 0o600), /is empty/],
    ['a folder', async ({ remove, write }) => { await remove(TOKEN); await write(`${TOKEN}/x`, ''); }, /cannot be read: it is a folder/],
  ]; // prettier-ignore
  for (const [name, change, message] of missing) {
    it(`calls ${name} an error`, async (t) => {
      const machine = await installedMachine(t);
      await change(machine);
      const [finding, ...others] = await machine.told(GOLDEN);
      assert.deepEqual([finding?.level, finding?.code, others], ['error', 'token', []]);
      assert.match(finding?.message ?? '', message);
      assert.match(finding?.fix ?? '', /^put a token into this file \(mode 600\); create one in the DCD/);
    });
  }

  it('says where to put a token that no service would read', async (t) => {
    const machine = await installedMachine(t);
    await machine.remove('/run/systemd');
    const [finding] = await machine.faults();
    const fix = `put the token into ${TOKEN} (mode 600), and write ACTIVITY_LOG_TOKEN_FILE=${TOKEN} in ${ENVIRONMENT}`;
    assert.deepEqual([finding?.code, finding?.fix, finding?.command], ['token', fix, undefined]);
  });

  it('is content with a variable of a unit that is empty', async (t) => {
    const machine = await installedMachine(t);
    await machine.edit(DROP_IN, ['[Service]', '[Service]\nEnvironment=IONOS_API_TOKEN=\nEnvironment=IONOS_PASSWORD=']);
    assert.deepEqual(await machine.faults(), []);
  });

  it('does not look for a token in this shell where a file is named', async (t) => {
    const machine = await installedMachine(t);
    await machine.remove(TOKEN);
    const [finding] = await machine.faults([], { env: { IONOS_API_TOKEN: tokenFor(90) } });
    assert.match(finding?.message ?? '', /does not exist$/);
  });

  it('notices that a token is set in this shell and not in the service', async (t) => {
    const machine = await installedMachine(t);
    await machine.write(DROP_IN, '[Service]\nEnvironmentFile=/etc/fluent-bit/activity-log.env\n');
    const [finding, ...others] = await machine.told(GOLDEN, [], { env: { IONOS_API_TOKEN: tokenFor(90) } });
    assert.deepEqual([finding?.level, finding?.code, others], ['error', 'token', []]);
    assert.match(finding?.message ?? '', /\(it is set in this shell, which the service does not see\)$/);
    assert.ok(finding?.fix?.endsWith(`write ACTIVITY_LOG_TOKEN_FILE=${TOKEN} in /etc/fluent-bit/activity-log.env`));
  });

  const setting = `ACTIVITY_LOG_TOKEN_FILE=${TOKEN}`;
  const advised: [string, Readonly<Record<string, string>>, string][] = [
    [
      'in the file of variables where one is empty, which goes before the unit',
      { [DROP_IN]: `[Service]\nEnvironmentFile=${ENVIRONMENT}\nEnvironment=${setting}\n`, empty: 'ACTIVITY_LOG_TOKEN_FILE=\n' },
      `${setting} in ${ENVIRONMENT}:1`,
    ],
    ['in the file of variables where the service reads one', { [DROP_IN]: `[Service]\nEnvironmentFile=${ENVIRONMENT}\n` }, `${setting} in ${ENVIRONMENT}`],
    [
      'in a unit where an empty one is in a unit',
      { [DROP_IN]: `[Service]\nEnvironmentFile=${ENVIRONMENT}\nEnvironment=ACTIVITY_LOG_TOKEN_FILE=\n` },
      `Environment=${setting} in ${DROP_IN}:3`,
    ],
  ]; // prettier-ignore
  for (const [name, { empty = '', ...files }, fix] of advised) {
    it(`says to name the token's file ${name}, and that helps`, async (t) => {
      const machine = await installedMachine(t);
      for (const [file, text] of Object.entries(files)) await machine.write(file, text);
      if (empty !== '') await machine.edit(ENVIRONMENT, [/^/, empty]);
      const [finding, ...others] = await machine.told(GOLDEN);
      assert.deepEqual([finding?.code, others], ['token', []]);
      assert.equal(finding?.fix, `put the token into ${TOKEN} (mode 600), and write ${fix}`);
      const [, line = '', file = '', number] = /write (\S+) in ([^:]+)(?::(\d+))?$/.exec(finding.fix) ?? [];
      await machine.edit(file, number === undefined ? [/^/, `${line}\n`] : [/^(Environment=)?ACTIVITY_LOG_TOKEN_FILE=\n/m, `${line}\n`]);
      assert.deepEqual(await machine.told(GOLDEN), []);
    });
  } // prettier-ignore

  it('says how to get a token out of a unit, and that helps, though a file of variables overrides the unit', async (t) => {
    const machine = await installedMachine(t);
    await machine.write(DROP_IN, `[Service]\nEnvironmentFile=${ENVIRONMENT}\n`);
    await machine.write(OWN_DROP_IN, `[Service]\nEnvironment=IONOS_API_TOKEN=${tokenFor(90)}\n`);
    await machine.edit(ENVIRONMENT, [/^/, 'ACTIVITY_LOG_TOKEN_FILE=\n']);
    const [finding] = await machine.told(GOLDEN);
    assert.equal(finding?.code, 'token-public');
    assert.equal(finding.fix, `put it into ${TOKEN} (mode 600), write ${setting} in ${ENVIRONMENT}:1, and delete this line`); // prettier-ignore
    await machine.edit(ENVIRONMENT, ['ACTIVITY_LOG_TOKEN_FILE=\n', `${setting}\n`]);
    await machine.remove(OWN_DROP_IN);
    assert.deepEqual(await machine.told(GOLDEN), []);
  });

  it('notices a token in a unit, which everybody may read', async (t) => {
    const machine = await installedMachine(t);
    await machine.edit(DROP_IN, [/^Environment=.*\n/m, '']);
    await machine.write(OWN_DROP_IN, `# by hand\n[Service]\nEnvironment="IONOS_API_TOKEN=${tokenFor(90)}"\n`);
    const [finding, ...others] = await machine.told(GOLDEN);
    assert.deepEqual([finding?.code, finding?.file, finding?.line], ['token-public', OWN_DROP_IN, 3]);
    assert.deepEqual(others, []);
  });

  it("notices the tutorial's token, which was left in a unit, though the file is read", async (t) => {
    const machine = await installedMachine(t);
    await machine.write(OWN_DROP_IN, '[Service]\nEnvironment=IONOS_API_TOKEN=left-over\n');
    const [finding, ...others] = await machine.told(GOLDEN);
    assert.deepEqual([finding?.code, finding?.file, finding?.line, others], ['token-public', OWN_DROP_IN, 2, []]);
    assert.equal(finding?.fix, `delete this line: the token is read from ${TOKEN}`);
    await machine.write(OWN_DROP_IN, '[Service]\n');
    assert.deepEqual(await machine.told(GOLDEN), []);
  });

  it("notices a password and the destination's key in a unit, which belong in the file of variables", async (t) => {
    const machine = await installedMachine(t);
    const secrets = 'IONOS_USERNAME=me IONOS_PASSWORD=hunter2 ACTIVITY_LOG_API_KEY=a-long-key';
    await machine.edit(DROP_IN, [/^EnvironmentFile=/m, `Environment=${secrets}\nEnvironmentFile=`]);
    await machine.edit(ENVIRONMENT, [/^ACTIVITY_LOG_API_KEY=.*\n/m, '']);
    const faults = (await machine.told(GOLDEN)).filter(({ code }) => code === 'token-public');
    const fix = `move it to ${ENVIRONMENT}, and delete this line`;
    assert.deepEqual(
      faults.map((finding) => [finding.message, finding.fix]),
      ['IONOS_PASSWORD', 'ACTIVITY_LOG_API_KEY'].map((name) => [`${name} is set in a unit`, fix]),
    );
  });

  it('reads the file that LoadCredential= hands to the service', async (t) => {
    const machine = await installedMachine(t);
    await machine.write(
      OWN_DROP_IN,
      '[Service]\nLoadCredential=activity-log-token:/root/token\nUnsetEnvironment=ACTIVITY_LOG_TOKEN_FILE\n',
    );
    await machine.write('/root/token', tokenFor(90), 0o600);
    assert.deepEqual(await found(machine), []);
    await machine.remove('/root/token');
    assert.match((await found(machine)).join(), /^error token: the token file \/root\/token does not exist$/);
  });

  it('tries another token on request', async (t) => {
    const machine = await installedMachine(t);
    await machine.write('/root/new-token', 'another', 0o600);
    machine.sandbox.options.token = 'another';
    assert.match((await found(machine)).join(), /error api-401/);
    assert.deepEqual(await found(machine, ['--token-file', '/root/new-token']), []);
  });

  it('never shows it', async (t) => {
    const machine = await installedMachine(t);
    const token = tokenFor(90);
    machine.sandbox.fail({ fault: { type: 'status', status: 403, body: `{"message":"${token} may not"}` } });
    await machine.write('/etc/fluent-bit/outputs/ionos.conf', `[OUTPUT]\n    Name http\n    Match *\n    URI /a-key-that-is-secret\n    Header APIKEY x\n`); // prettier-ignore
    for (const { stdout } of [await machine.run(), await machine.run(['--json'])]) {
      assert.match(stdout, /\[redacted\]/);
      assert.ok(!stdout.includes(token) && !stdout.includes('a-key-that-is-secret'));
    }
  });
});
