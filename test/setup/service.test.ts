import assert from 'node:assert/strict';
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { thisMachine, type Machine } from '../../src/check/facts/machine.ts';
import { readService, type Service } from '../../src/check/facts/service.ts';
import { ConfigError, ExitCode } from '../../src/lib/errors.ts';
import { demandService, environmentOf } from '../../src/setup/service.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

const MAIN = '/etc/fluent-bit/fluent-bit.conf';

/** With a fluent-bit.conf, and a systemctl that tells this version; none where it is undefined. */
async function machineWith(t: TestContext, version?: string): Promise<Machine> {
  const root = await temporaryFolder(t);
  mkdirSync(dirname(join(root, MAIN)), { recursive: true });
  writeFileSync(join(root, MAIN), '');
  const told = version === undefined ? undefined : { exitCode: 0, stdout: version, output: version };
  const run: Machine['run'] = (command, [option]) =>
    Promise.resolve(command === 'systemctl' && option === '--version' ? told : undefined);
  return { ...thisMachine(), root, run };
}

const refusal = (message: string): ConfigError => new ConfigError(message, ExitCode.NothingCollected);

describe('the service that install.sh finds', () => {
  it('may be any that reads the fluent-bit.conf of the package as root', async (t) => {
    const machine = await machineWith(t);
    const service = await readService(machine);
    await demandService(service, false, machine);
    await demandService({ ...service, configFile: MAIN }, false, machine);
    await assert.rejects(
      demandService({ ...service, configFile: '/srv/my.conf' }, false, machine),
      refusal(`fluent-bit.service reads /srv/my.conf, not ${MAIN}: install by hand, as the README says`),
    );
  });

  it('is not installed over a fluent-bit.conf that is a symbolic link, or not there', async (t) => {
    const machine = await machineWith(t);
    const demand = async () => demandService(await readService(machine), false, machine);
    rmSync(join(machine.root, MAIN));
    await assert.rejects(
      demand(),
      refusal(`there is no ${MAIN}: install the package fluent-bit again, with --force-confmiss`),
    );
    writeFileSync(join(machine.root, 'elsewhere.conf'), '');
    symlinkSync(join(machine.root, 'elsewhere.conf'), join(machine.root, MAIN));
    await assert.rejects(
      demand(),
      refusal(`${MAIN} is a symbolic link, so something else manages it: install by hand, as the README says`),
    );
  });

  it('may run as another user where systemd hands out the token', async (t) => {
    const machine = await machineWith(t, 'systemd 247 (247.3)\n');
    const service: Service = { ...(await readService(machine)), user: 'collector' };
    await demandService(service, true, machine);
    await assert.rejects(
      demandService(service, false, machine),
      refusal("fluent-bit runs as collector, who cannot read root's token file: use --credentials"),
    );
  });

  for (const [version, said] of [
    ['systemd 246 (246.9)\n', '246'],
    ['none\n', 'unknown'],
    [undefined, 'unknown'],
  ] as const) {
    it(`gets no credentials from systemd ${said}: ${JSON.stringify(version)}`, async (t) => {
      const machine = await machineWith(t, version);
      await assert.rejects(
        demandService(await readService(machine), true, machine),
        refusal(`--credentials needs systemd 247 or newer; this is ${said}`),
      );
    });
  }

  it('starts with its own variables, then those of activity-log.env, and no key', async (t) => {
    const machine = await machineWith(t);
    const at = { file: '/u', line: 1 };
    const given = Object.entries({
      A: '1',
      B: '1',
      PATH: '/x',
      IFS: ' ',
      MYPATH: 'kept',
      '1A': 'x',
      'a-b': 'x',
      C: 'x\ny',
    });
    const variables = new Map(given.map(([name, value]) => [name, { name, value, isPublic: false, at }]));
    assert.equal(
      environmentOf({ ...(await readService(machine)), variables }, 'B=2\nACTIVITY_LOG_API_KEY=real\n#D=1\nE="5"\n'),
      'A=1\nB=2\nMYPATH=kept\nACTIVITY_LOG_API_KEY=secret\nE=5\n',
    );
  });
});
