import assert from 'node:assert/strict';
import { chmod, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { readService } from '../../../src/check/facts/service.ts';
import {
  DROP_IN,
  ENVIRONMENT,
  MAIN,
  SCRIPT,
  STATE,
  TOKEN,
  UNIT,
  installedMachine,
  tokenFor,
  type CheckedMachine,
} from '../../helpers/checked-machine.ts';

/** What check says in these tests, word by word. */
const GOLDEN = 'check/service.txt';

const ETC = '/etc/systemd/system/fluent-bit.service';

async function variables(machine: CheckedMachine): Promise<Record<string, string>> {
  const own = [...(await readService(machine.machine)).variables.values()];
  return Object.fromEntries(own.map(({ name, value, at }) => [name, `${value} ${at.file}:${at.line}`]));
}

describe('what systemd gives Fluent Bit', () => {
  it('comes from the unit, its drop-ins and the files that they name, in this order', async (t) => {
    const machine = await installedMachine(t);
    await machine.write(UNIT, '[Unit]\nEnvironment=A=no\n[Service]\nEnvironment=A=1 "B=two words"\nEnvironment=C=1\nExecStart=/x -c /y\n');
    await machine.write(DROP_IN, '[Service]\nEnvironment=C=2 D=1\nEnvironmentFile=/srv/env\nEnvironmentFile=-/srv/none\n');
    await machine.write(`${ETC}.d/20.conf`, '[Service]\nUnsetEnvironment=D\nUser=fluent\nExecStart=\nExecStart=/x --config=/z\n');
    await machine.write('/srv/env', '# comment\nB=3\n');
    assert.deepEqual(await variables(machine), { A: `1 ${UNIT}:4`, B: '3 /srv/env:2', C: `2 ${DROP_IN}:2` });
    const { user, configFile, isThere, missing } = await readService(machine.machine);
    assert.deepEqual([user, configFile, isThere, missing], ['fluent', '/z', true, []]);
  }); // prettier-ignore

  it('is what /etc says where /usr/lib says something else', async (t) => {
    const machine = await installedMachine(t);
    await machine.write(ETC, '[Service]\nEnvironment=A=etc\n');
    await machine.write(`${UNIT}.d/10-activity-log.conf`, '[Service]\nEnvironment=A=lib\n');
    await machine.write(`${UNIT}.d/05.conf`, '[Service]\nEnvironment=B=lib\n');
    await machine.write(DROP_IN, '[Service]\nEnvironment=C=etc\n');
    assert.deepEqual(Object.keys(await variables(machine)).sort(), ['A', 'B', 'C']);
    assert.equal((await variables(machine))['A'], `etc ${ETC}:2`);
  });

  it('is taken back by an empty setting', async (t) => {
    const machine = await installedMachine(t);
    await machine.write(DROP_IN, '[Service]\nEnvironment=A=1\nEnvironment=\nEnvironment=B=1\nEnvironmentFile=\n');
    assert.deepEqual(Object.keys(await variables(machine)), ['B']);
  });

  it('has no word that is not an assignment, and nothing of a drop-in that is none', async (t) => {
    const machine = await installedMachine(t);
    await machine.write(DROP_IN, '[Service]\nEnvironment=A=1 nonsense\n');
    await machine.write(`${ETC}.d/20.conf/x`, '');
    assert.deepEqual(Object.keys(await variables(machine)), ['A']);
    assert.deepEqual((await readService(machine.machine)).unreadable, []);
  });

  it('has the token of the last LoadCredential= of its name', async (t) => {
    const machine = await installedMachine(t);
    const lines = ['/a', '/b'].map((file) => `LoadCredential=activity-log-token:${file}\n`).join('');
    await machine.write(DROP_IN, `[Service]\n${lines}LoadCredential=other:/c\n#LoadCredential=activity-log-token:/d\n`);
    assert.equal((await readService(machine.machine)).tokenFile, '/b');
  });

  it('is nothing where systemd does not run', async (t) => {
    const machine = await installedMachine(t);
    await machine.remove('/run/systemd');
    const { isThere, variables: own, unread } = await readService(machine.machine);
    assert.deepEqual([isThere, own.size, unread.get('ACTIVITY_LOG_TAG')?.value], [false, 0, 'activityLog']);
  });
});

describe('check goes by the environment that Fluent Bit has', () => {
  it("which is the service's, not this shell's", async (t) => {
    const machine = await installedMachine(t);
    await machine.edit(ENVIRONMENT, [/^ACTIVITY_LOG_HOST=.*\n/m, '']);
    const env = { ACTIVITY_LOG_HOST: 'logs.example.com', ACTIVITY_LOG_TAG: '' };
    const [finding, ...others] = await machine.told(GOLDEN, [], { env });
    assert.deepEqual([finding?.code, others], ['config-variable-unset', []]);
    assert.match(finding?.message ?? '', /\(it is set in this shell, which the service does not see\)$/);
  });

  it('and notices a file that the service does not read', async (t) => {
    const machine = await installedMachine(t);
    await machine.edit(DROP_IN, [/^EnvironmentFile=.*\n/m, '']);
    const [finding] = await machine.told(GOLDEN);
    assert.equal(finding?.code, 'config-variable-unset');
    assert.match(
      finding.message,
      /\(it is set in \/etc\/fluent-bit\/activity-log\.env, which the service does not read\)$/,
    );
    const fix = `EnvironmentFile=${ENVIRONMENT} below [Service] (sudo systemctl edit fluent-bit)`;
    assert.deepEqual([finding.fix, finding.command?.startsWith('sudo systemctl daemon-reload')], [fix, true]);
    await machine.write(
      '/etc/systemd/system/fluent-bit.service.d/override.conf',
      `[Service]\n${fix.split(' ')[0] ?? ''}\n`,
    );
    assert.deepEqual(await machine.faults(), []);
  });

  it('and says only to read the unit again where a new drop-in, which names the file, was not read yet', async (t) => {
    const machine = await installedMachine(t);
    await machine.edit(DROP_IN, [/^EnvironmentFile=.*\n/m, '']);
    Object.assign(machine.systemd, { NeedDaemonReload: 'yes', ActiveState: 'inactive', SubState: 'dead' });
    const [reload, stopped, variable] = await machine.faults();
    assert.deepEqual(
      [reload?.code, stopped?.code, variable?.code],
      ['service-reload', 'service', 'config-variable-unset'],
    );
    assert.deepEqual([variable?.fix, variable?.command], [undefined, reload?.command]);
  });

  it("which is this shell's where another file than the service's is looked at", async (t) => {
    const machine = await installedMachine(t);
    const other = '/etc/fluent-bit/other.conf';
    await machine.write(other, '[SERVICE]\n    Flush 1\n@INCLUDE activity-log.conf\n');
    const env = { ACTIVITY_LOG_TOKEN_FILE: TOKEN, ACTIVITY_LOG_INTERVAL: '60' };
    const faults = await machine.told(GOLDEN, ['--config', other], { env });
    assert.deepEqual(
      faults.map(({ code, fix }) => [code, fix]),
      [['deadline', 'ACTIVITY_LOG_DEADLINE=48s in /etc/fluent-bit/activity-log.env']],
    );
  });

  it('whose variable would not help where the command has the option', async (t) => {
    const machine = await installedMachine(t);
    const file = '/etc/fluent-bit/activity-log.conf';
    const text = await readFile(machine.path(file), 'utf8');
    await machine.write(file, text.replace(/^( *Command .*)$/m, '$1 --deadline 10m'));
    const faults = await machine.told(GOLDEN);
    assert.deepEqual(
      faults.map(({ code, fix }) => [code, fix]),
      [['deadline', '--deadline 240s']],
    );
  });

  it("which is this shell's where there is no systemd, with the usual files behind it", async (t) => {
    const machine = await installedMachine(t);
    await machine.remove('/run/systemd');
    assert.deepEqual(await machine.told(GOLDEN, [], { env: { IONOS_API_TOKEN: tokenFor(90) } }), []);
  });

  it('and says once what the program refuses in it', async (t) => {
    const machine = await installedMachine(t);
    await machine.edit(ENVIRONMENT, [/$/, 'ACTIVITY_LOG_PAGE_SIZE=many\n']);
    await machine.write(MAIN, '[SERVICE]\n    Flush 1\n');
    const faults = await machine.told(GOLDEN);
    assert.deepEqual(faults.map(({ code }) => code), ['settings', 'input']); // prettier-ignore
    assert.match(
      faults[0]?.message ?? '',
      /Fluent Bit's environment holds an invalid setting: ACTIVITY_LOG_PAGE_SIZE: expected/,
    );
  });

  it('unless @SET says something else', async (t) => {
    const machine = await installedMachine(t);
    await machine.edit(ENVIRONMENT, [/^ACTIVITY_LOG_HOST=.*\n/m, '']);
    await machine.edit(MAIN, [/$/, '\n@SET ACTIVITY_LOG_HOST=abc.logging.es-vit.ionos.com\n']);
    assert.deepEqual(await machine.told(GOLDEN), []);
  });

  it('follows the service to another main file', async (t) => {
    const machine = await installedMachine(t);
    await machine.edit(UNIT, ['fluent-bit.conf', 'other.conf']);
    await machine.write('/etc/fluent-bit/other.conf', '[SERVICE]\n    Flush 1\n');
    const [finding, ...others] = await machine.told(GOLDEN);
    assert.deepEqual([finding?.code, finding?.file, others], ['input', '/etc/fluent-bit/other.conf', []]);
    assert.equal(finding?.fix, '@INCLUDE activity-log.conf');
  });
});

describe('check of a file without [SERVICE]', () => {
  it('names the file where the section is missing', async (t) => {
    const machine = await installedMachine(t);
    await machine.edit(MAIN, [/$/, '\n[PARSER]\n    Name x\n']);
    const pipeline = '/etc/fluent-bit/activity-log.conf';
    await machine.edit(pipeline, [/^\[SERVICE\]\n(?:(?!\[).*\n)*/m, '']);
    const faults = await machine.told(GOLDEN);
    const ofService = ['storage-path', 'http-server', 'keep-rejected'];
    for (const finding of faults.filter(({ code }) => ofService.includes(code))) {
      assert.ok(finding.file !== undefined && finding.fix !== undefined, JSON.stringify(finding));
    }
    assert.deepEqual(ofService.filter((code) => !faults.some((finding) => finding.code === code)), []); // prettier-ignore
  });
});

describe('check leaves alone what concerns others', () => {
  it('such as keys and names of other inputs', async (t) => {
    const machine = await installedMachine(t);
    const cpu = '[INPUT]\n    Name cpu\n    Alias cpu\n    Tag a\n    Tag cpu.local\n';
    await machine.edit(MAIN, [/$/, `\n${cpu}${cpu}[INPUT]\n    Name exec\n    Tag x\n`]);
    assert.deepEqual(await machine.told(GOLDEN), []);
  });

  it('and looks at inputs of the provider that is named', async (t) => {
    const machine = await installedMachine(t);
    assert.deepEqual(await machine.told(GOLDEN, ['--provider', 'ionos']), []);
    const codes = (await machine.told(GOLDEN, ['--provider', 'cloudscale', '--token-file', '/none'])).map(
      ({ code }) => code,
    );
    assert.deepEqual(codes, ['token']);
  });
});

describe('check without a configuration', () => {
  it('only warns when none was named', async (t) => {
    const machine = await installedMachine(t);
    await machine.remove(MAIN);
    const codes = (await machine.told(GOLDEN)).map(({ level, code }) => `${level} ${code}`);
    assert.deepEqual(codes, ['warning config']);
  });

  it('calls it an error when one was named', async (t) => {
    const machine = await installedMachine(t);
    const [finding] = await machine.told(GOLDEN, ['--config', '/etc/none.conf'], {
      env: { ACTIVITY_LOG_TOKEN_FILE: TOKEN },
    });
    assert.deepEqual([finding?.level, finding?.code, finding?.file], ['error', 'config', '/etc/none.conf']);
  });

  it('calls a folder an error', async (t) => {
    const machine = await installedMachine(t);
    await machine.remove(MAIN);
    await machine.write(`${MAIN}/x`, '');
    const [finding] = await machine.told(GOLDEN);
    assert.deepEqual([finding?.level, finding?.message], ['error', 'it cannot be read (EISDIR)']);
  });
});

describe('check goes by the user that Fluent Bit runs as', () => {
  async function machineOf(t: TestContext, user: string, members = ''): Promise<CheckedMachine> {
    const machine = await installedMachine(t);
    await machine.write('/etc/passwd', 'root:x:0:0::/root:/bin/sh\nfluent:x:4242:4242::/:/bin/false\n');
    await machine.write('/etc/group', `all:x:${process.getgid?.() ?? 0}:${members}\n`);
    await machine.edit(DROP_IN, ['[Service]', `[Service]\nUser=${user}`]);
    return machine;
  }
  const codesOf = async (machine: CheckedMachine) =>
    (await machine.told(GOLDEN)).map(({ level, code }) => `${level} ${code}`);

  it('who is kept out of what belongs to root alone', async (t) => {
    const machine = await machineOf(t, 'fluent');
    await chmod(machine.path(SCRIPT), 0o700);
    assert.deepEqual(await codesOf(machine), ['error token-user', 'error state-user', 'error script-user']);
  });

  it('who may have the token from systemd instead', async (t) => {
    const machine = await machineOf(t, 'fluent');
    await machine.edit(DROP_IN, [/^Environment=.*$/m, `LoadCredential=activity-log-token:${TOKEN}`]);
    await chmod(machine.path(dirname(STATE)), 0o755);
    assert.deepEqual(await codesOf(machine), ['error state-user']);
  });

  it('who may be of a group that is let in', async (t) => {
    const machine = await machineOf(t, 'fluent', 'daemon,fluent');
    await chmod(machine.path(TOKEN), 0o640);
    await chmod(machine.path(dirname(STATE)), 0o770);
    assert.deepEqual(await codesOf(machine), []);
  });

  it('who must come through all folders on the way', async (t) => {
    const machine = await machineOf(t, '4242');
    await chmod(machine.path(TOKEN), 0o644);
    await chmod(machine.path(dirname(STATE)), 0o777);
    await chmod(machine.path('/var/lib'), 0o700);
    assert.deepEqual(await codesOf(machine), ['warning token-mode', 'error state-user']);
  });

  it('to whom files may belong', async (t) => {
    const machine = await installedMachine(t);
    const uid = process.getuid?.() ?? 0;
    await machine.write('/etc/passwd', `owner:x:${uid}:4242::/:/bin/false\n`);
    await machine.edit(DROP_IN, ['[Service]', '[Service]\nUser=owner']);
    assert.deepEqual(await codesOf(machine), []);
  });

  it('of whom nothing can be said where nobody is known', async (t) => {
    const machine = await machineOf(t, 'fluent');
    await machine.remove('/etc/passwd');
    assert.deepEqual(await codesOf(machine), []);
  });

  it('of whom nothing can be said when nobody knows him', async (t) => {
    assert.deepEqual(await codesOf(await machineOf(t, 'somebody')), []);
  });
});

it('a path that begins with two slashes in the unit is the same file', async (t) => {
  const machine = await installedMachine(t);
  const { stdout } = await machine.run();
  await machine.edit(UNIT, [' -c /', ' -c //']);
  assert.equal((await machine.run()).stdout, stdout);
});
