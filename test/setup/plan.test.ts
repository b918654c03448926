import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { thisMachine, type Machine } from '../../src/check/facts/machine.ts';
import { plan, type Given, type Plan } from '../../src/setup/plan.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

const TEMPLATE =
  '#ACTIVITY_LOG_TAG=activityLog\n#ACTIVITY_LOG_HOST=\n#ACTIVITY_LOG_API_KEY=\nACTIVITY_LOG_INTERVAL=300\n';
const IONOS = '@INCLUDE outputs/ionos.conf\n';
const LOKI = '@INCLUDE outputs/loki.conf\n';
const HOST = 'abc.logging.de-txl.ionos.com';
const ENV = 'etc/fluent-bit/activity-log.env';
const OVERRIDE = 'etc/systemd/system/fluent-bit.service.d/override.conf';
const NOTHING: Given = { usesCredentials: false, ignoresMain: true };
const ALL: Given = { ...NOTHING, tag: 'audit', host: HOST, token: 'tok', key: 'key' };

async function machineWith(t: TestContext, files: Readonly<Record<string, string>>): Promise<Machine> {
  const root = await temporaryFolder(t);
  for (const [path, text] of Object.entries({ 'etc/fluent-bit/x': '', ...files })) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return { ...thisMachine(), root };
}

async function planned(
  t: TestContext,
  given: Given,
  files: Readonly<Record<string, string>> = {},
  pipeline = IONOS,
): Promise<Plan> {
  return plan(given, TEMPLATE, pipeline, await machineWith(t, files));
}

describe('the values of a machine', () => {
  it('are what was given, each where the template has it', async (t) => {
    const made = await planned(t, { ...ALL, interval: '60', provider: 'cloudscale' });
    assert.equal(
      made.env,
      `ACTIVITY_LOG_TAG=audit\nACTIVITY_LOG_HOST=${HOST}\nACTIVITY_LOG_API_KEY=key\nACTIVITY_LOG_INTERVAL=60\n` +
        'ACTIVITY_LOG_PROVIDER=cloudscale\nACTIVITY_LOG_DEADLINE=48s\n',
    );
    assert.deepEqual([made.token, made.missing, made.warnings, made.main], ['tok', [], [], undefined]);
    assert.equal(made.tokenIn, '/etc/fluent-bit/activity-log.token');
  });

  it('stay as they are when none is given', async (t) => {
    const env = `ACTIVITY_LOG_TAG="my-tag"\nACTIVITY_LOG_HOST=other.example\nACTIVITY_LOG_API_KEY=k\nACTIVITY_LOG_INTERVAL=30\n`;
    const made = await planned(t, NOTHING, { [ENV]: env, 'etc/fluent-bit/activity-log.token': 'tok\n' });
    assert.deepEqual([made.env, made.missing, made.warnings], [env, [], []], 'what is there is not warned of');
  });

  it('are missed one by one', async (t) => {
    const { missing } = await planned(t, NOTHING);
    assert.deepEqual(
      missing.map((line) => /\(or (\S+)/.exec(line)?.[1]),
      ['--tag', '--host', '--api-key-file', '--token-file'],
    );
    assert.deepEqual((await planned(t, { ...NOTHING, tag: 'a', token: 'tok' }, {}, LOKI)).missing, []);
  });

  it('of the Logging Service have its rules, and no others have', async (t) => {
    await assert.rejects(
      planned(t, { ...ALL, tag: 'my-tag' }),
      /--tag: the Logging Service takes 3 to 20 letters and dig/,
    );
    assert.equal((await planned(t, { ...ALL, tag: 'my-tag' }, {}, LOKI)).missing.length, 0);
    const { warnings } = await planned(t, { ...ALL, host: 'logs.example' });
    assert.match(warnings.join(), /^logs\.example does not look like an endpoint of the Logging Service/);
    assert.deepEqual((await planned(t, { ...ALL, host: 'logs.example' }, {}, LOKI)).warnings, []);
    const tcp = '@INCLUDE outputs/ionos-tcp.conf\n';
    await assert.rejects(planned(t, { ...ALL, tag: 'my-tag' }, {}, tcp), /--tag: the Logging Service takes/);
    assert.equal((await planned(t, NOTHING, {}, tcp)).missing.length, 4, 'host and key, too');
  });

  it('in activity-log.env that will not do are an error', async (t) => {
    for (const [env, message] of [
      ['ACTIVITY_LOG_TAG=a*\nACTIVITY_LOG_INTERVAL=300\n', /ACTIVITY_LOG_TAG in \/etc\/\S+: letters/],
      ['ACTIVITY_LOG_INTERVAL=5m\n', /ACTIVITY_LOG_INTERVAL in \/etc\/\S+: seconds, 10 to 86400, not 5m/],
    ] as const) {
      await assert.rejects(planned(t, NOTHING, { [ENV]: env }), message);
    }
  });

  it("are taken from the tutorial's blocks, except for what is not a value there", async (t) => {
    const main = (key: string): string =>
      '[INPUT]\n    Name exec\n    Tag my-tag\n    Command python3 /x/fetch_activity_logs.py\n    Interval_Sec 120\n' +
      `[OUTPUT]\n    Name http\n    Match my-tag\n    Host logs.example\n    URI /my-tag\n    Header APIKEY ${key}\n`;
    const given = { ...NOTHING, ignoresMain: false, token: 'tok' };
    const made = await planned(t, given, { 'etc/fluent-bit/fluent-bit.conf': main('abc') });
    assert.match(made.env, /^ACTIVITY_LOG_INTERVAL=120\nACTIVITY_LOG_DEADLINE=96s$/m);
    assert.equal(made.notes.length, 5);
    assert.equal(made.warnings.length, 2, 'the tag and the host');
    assert.match(made.main ?? '', /^#~# .*\n#~ \[INPUT\]/);
    const half = await planned(t, given, { 'etc/fluent-bit/fluent-bit.conf': main('<PIPELINE_AUTH_KEY>') });
    assert.deepEqual(half.missing, [
      'ACTIVITY_LOG_API_KEY= in /etc/fluent-bit/activity-log.env (or --api-key-file FILE)',
    ]);
  });
});

describe('the token', () => {
  it('is copied out of a variable of the unit, which every local user can read', async (t) => {
    const unit = { [OVERRIDE]: '[Service]\nEnvironment="A=1" "IONOS_API_TOKEN=abc"\n' };
    const made = await planned(t, NOTHING, unit);
    assert.equal(made.token, 'abc');
    assert.match(
      made.warnings.join(),
      /IONOS_API_TOKEN in \/etc\/systemd\/.* is now in \/etc\/.*\.token: delete the line/,
    );
    const kept = await planned(t, NOTHING, { ...unit, 'etc/fluent-bit/activity-log.token': 'def\n' });
    assert.equal(kept.token, undefined, 'the file is there already');
  });

  it('is copied out of the file of defaults, without a warning', async (t) => {
    const made = await planned(t, NOTHING, { 'etc/default/fluent-bit': 'IONOS_TOKEN=abc\n' });
    assert.deepEqual([made.token, made.warnings], ['abc', []]);
  });

  it('is none when a variable holds a placeholder or a password', async (t) => {
    const placeholder = await planned(t, NOTHING, {
      [OVERRIDE]: '[Service]\nEnvironment=IONOS_API_TOKEN=<your_token>\n',
    });
    assert.deepEqual([placeholder.token, placeholder.tokenIn], [undefined, '']);
    const password = await planned(t, NOTHING, { [OVERRIDE]: '[Service]\nEnvironment=IONOS_PASSWORD=secret\n' });
    assert.deepEqual([password.token, password.tokenIn], [undefined, 'variable']);
    assert.match(password.env, /^ACTIVITY_LOG_TOKEN_FILE=$/m);
  });

  it('stays in a file of another name, which --credentials does not take', async (t) => {
    const files = { [ENV]: `${TEMPLATE}ACTIVITY_LOG_TOKEN_FILE=/root/token\n`, 'root/token': 'abc\n' };
    assert.equal((await planned(t, NOTHING, files)).tokenIn, '/root/token');
    await assert.rejects(
      planned(t, { ...NOTHING, usesCredentials: true }, files),
      /--credentials takes the token from/,
    );
  });

  it('for another provider is another variable', async (t) => {
    const files = { [OVERRIDE]: '[Service]\nEnvironment=CLOUDSCALE_API_TOKEN=abc\n' };
    assert.equal((await planned(t, NOTHING, files)).token, undefined);
    assert.equal((await planned(t, { ...NOTHING, provider: 'cloudscale' }, files)).token, 'abc');
  });
});
