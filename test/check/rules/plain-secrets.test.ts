import assert from 'node:assert/strict';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { thisMachine } from '../../../src/check/facts/machine.ts';
import { checkPlainSecrets } from '../../../src/check/rules/plain-secrets.ts';
import { sectionOf, type Keys } from '../../helpers/checked-input.ts';
import { PIPELINE, installedMachine } from '../../helpers/checked-machine.ts';
import { configOf } from '../../helpers/fluent-bit-config.ts';
import { temporaryFolder } from '../../helpers/temporary-folder.ts';

it('a variable that is a switch is not a secret, whatever its name', async (t) => {
  const machine = await installedMachine(t);
  await machine.edit(PIPELINE, [/^/, '@SET USE_TOKEN=on\n']);
  assert.deepEqual(await machine.faults(), []);
  await machine.edit(PIPELINE, ['USE_TOKEN=on', 'USE_TOKEN=k-4711']);
  assert.deepEqual((await machine.faults()).map(({ code }) => code), ['plain-secret']); // prettier-ignore
});

describe('a secret in a configuration', () => {
  const told = async (t: TestContext, keys: Keys, mode = 0o640, variables: Readonly<Record<string, string>> = {}) => {
    const root = await temporaryFolder(t);
    writeFileSync(join(root, 'main.conf'), '');
    chmodSync(join(root, 'main.conf'), mode);
    const at = { file: 'main.conf', line: 9 };
    const set = new Map(Object.entries(variables).map(([name, value]) => [name, { value, at }]));
    const config = { ...configOf([]), variables: set };
    return checkPlainSecrets(config, [sectionOf('output', keys)], { ...thisMachine(), root });
  };

  for (const [keys, what, fix] of [
    [{ header: 'APIKEY k' }, 'the value of APIKEY', 'Header APIKEY ${ACTIVITY_LOG_API_KEY}'],
    [{ header: 'APIKEY ${K}' }, undefined, undefined],
    [{ header: 'APIKEY <KEY>' }, undefined, undefined],
    [{ header: 'APIKEY' }, undefined, undefined],
    [{ header: 'X-Tenant k' }, undefined, undefined],
    [{ shared_key: 'k' }, 'shared_key', 'shared_key ${ACTIVITY_LOG_API_KEY}'],
    [{ shared_key: 'x${K}' }, undefined, undefined],
    [{ shared_key: 'on' }, undefined, undefined],
    [{ host: 'k' }, undefined, undefined],
    [{ command: 'MY_TOKEN=k x' }, 'MY_TOKEN in Command', '--token-file /etc/fluent-bit/activity-log.token instead of MY_TOKEN=…'],
    [{ command: 'MY_TOKEN= x A=b' }, undefined, undefined],
    [{ command: 'MY_TOKEN_FILE=k x' }, undefined, undefined],
  ] as const) {
    it(`${what === undefined ? 'is not' : 'is'} seen in ${JSON.stringify(keys)}`, async (t) => {
      const found = (await told(t, keys)).map((finding) => [finding.message, finding.fix, finding.line]);
      assert.deepEqual(found, what === undefined ? [] : [[`${what} is in plain text`, fix, 1]]);
    });
  } // prettier-ignore

  it('is seen in a variable, and each in a command', async (t) => {
    const found = await told(t, { command: 'A_TOKEN=1x B=2 C_PASSWORD=3x cmd' }, 0o640, { K_TOKEN: 'abc', N: 'abc', L_TOKEN: 'on' }); // prettier-ignore
    assert.deepEqual(
      found.map(({ message, fix, line }) => [message.split(' is in')[0], fix?.split(' ')[0], line]),
      [
        ['A_TOKEN in Command', '--token-file', 1],
        ['C_PASSWORD in Command', '--token-file', 1],
        ['variable K_TOKEN', 'delete', 9],
      ],
    );
  });

  it('is read by every user where the mode of the file allows it, and in copies anyway', async (t) => {
    const impact = async (mode: number) => (await told(t, { shared_key: 'k' }, mode))[0]?.impact;
    const where = '; it belongs in /etc/fluent-bit/activity-log.env';
    assert.equal(await impact(0o604), `every user of this machine can read the file${where}`);
    assert.equal(await impact(0o663), `every copy of the file contains it: backups, tickets, repositories${where}`);
  });
});
