import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { thisMachine, type Machine } from '../../src/check/facts/machine.ts';
import { ConfigError, ExitCode } from '../../src/lib/errors.ts';
import { readService } from '../../src/check/facts/service.ts';
import { plan, type Given, type Plan } from '../../src/setup/plan.ts';
import { RUNNING, runOn } from '../helpers/checked-machine.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

const TEMPLATE =
  '#ACTIVITY_LOG_TAG=activityLog\n#ACTIVITY_LOG_HOST=\n#ACTIVITY_LOG_API_KEY=\nACTIVITY_LOG_INTERVAL=300\n';
const IONOS = '[SERVICE]\n    Flush 1\n@INCLUDE outputs/ionos.conf\n';
const LOKI = '#@INCLUDE outputs/ionos.conf\n@INCLUDE outputs/loki.conf\n';
const HOST = 'abc.logging.de-txl.ionos.com';
const ENV = 'etc/fluent-bit/activity-log.env';
const OVERRIDE = 'etc/systemd/system/fluent-bit.service.d/override.conf';
const UNIT = 'etc/systemd/system/fluent-bit.service';
const PACKAGED = '[Service]\nEnvironmentFile=-/etc/default/fluent-bit\n';
const DEFAULTS = 'etc/default/fluent-bit';
const NOTHING: Given = { usesCredentials: false, ignoresMain: true };
const ALL: Given = { ...NOTHING, tag: 'audit', host: HOST, token: 'tok', key: 'key' };

async function machineWith(t: TestContext, files: Readonly<Record<string, string>>): Promise<Machine> {
  const root = await temporaryFolder(t);
  for (const [path, text] of Object.entries({ 'etc/fluent-bit/x': '', [UNIT]: PACKAGED, ...files })) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  mkdirSync(join(root, 'run/systemd/system'), { recursive: true });
  return { ...thisMachine(), root, run: runOn(root, RUNNING) };
}

async function planned(
  t: TestContext,
  given: Given,
  files: Readonly<Record<string, string>> = {},
  pipeline = IONOS,
): Promise<Plan> {
  const machine = await machineWith(t, files);
  return plan(given, TEMPLATE, pipeline, await readService(machine), machine);
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
    const env = '/etc/fluent-bit/activity-log.env';
    assert.deepEqual(missing, [
      `ACTIVITY_LOG_TAG= in ${env} (or --tag NAME)`,
      `ACTIVITY_LOG_HOST= in ${env} (or --host HOST)`,
      `ACTIVITY_LOG_API_KEY= in ${env} (or --api-key-file FILE)`,
      "the API's token, alone in /etc/fluent-bit/activity-log.token (or --token-file FILE)",
    ]);
    assert.deepEqual((await planned(t, { ...NOTHING, tag: 'a', token: 'tok' }, {}, LOKI)).missing, []);
  });

  it('replace those in activity-log.env, each that is given', async (t) => {
    const env = `ACTIVITY_LOG_TAG=old\nACTIVITY_LOG_HOST=${HOST}\nACTIVITY_LOG_API_KEY="key"\nACTIVITY_LOG_INTERVAL=300\n`;
    const files = { [ENV]: `${env}ACTIVITY_LOG_DEADLINE=4m\n`, 'etc/fluent-bit/activity-log.token': 'tok\n' };
    const { env: made, token, notes } = await planned(t, { ...ALL, token: undefined, interval: '300' }, files);
    assert.equal(made, `${env.replace('old', 'audit')}ACTIVITY_LOG_DEADLINE=4m\n`, 'what is the same stays as written');
    assert.deepEqual([token, notes], [undefined, []]);
    const slower = await planned(t, { ...NOTHING, interval: '32' }, files);
    assert.match(slower.env, /^ACTIVITY_LOG_INTERVAL=32\nACTIVITY_LOG_DEADLINE=25s$/m, 'whole seconds, less than 0.8');
  });

  it("of activity-log.env come before those of the tutorial's blocks, also the interval of its template", async (t) => {
    const main =
      '[INPUT]\n    Name exec\n    Tag theirs\n    Command python3 /x/fetch_activity_logs.py\n    Interval_Sec 120\n';
    const files = {
      'etc/fluent-bit/fluent-bit.conf': main,
      [ENV]: TEMPLATE.replace('#ACTIVITY_LOG_TAG=activityLog', 'ACTIVITY_LOG_TAG=mine'),
    };
    const given = { ...NOTHING, ignoresMain: false };
    const made = await planned(t, given, files);
    assert.match(made.env, /^ACTIVITY_LOG_TAG=mine$/m);
    assert.match(made.env, /^ACTIVITY_LOG_INTERVAL=300$/m);
    assert.deepEqual(made.notes, [], 'nothing is taken, and nothing commented out while values are missing');
    const fresh = async (interval: string) =>
      (await planned(t, given, { 'etc/fluent-bit/fluent-bit.conf': main.replace('120', interval) })).env;
    assert.match(await fresh('5'), /^ACTIVITY_LOG_INTERVAL=300$/m, 'one that will not do is not taken');
    assert.match(await fresh('86400'), /^ACTIVITY_LOG_DEADLINE=69120s$/m);
  });

  it("are not taken from the tutorial's blocks where they will not do", async (t) => {
    const main = (tag: string, host: string, key: string): string =>
      `[INPUT]\n    Name exec\n    Tag ${tag}\n    Command python3 /x/fetch_activity_logs.py\n` +
      `[OUTPUT]\n    Name http\n    Match ${tag}\n    Host ${host}\n    URI /${tag}\n    Proxy http://p\n    Header APIKEY ${key}\n`;
    const taken = async (text: string, given: Partial<Given> = {}) =>
      planned(
        t,
        { ...NOTHING, ignoresMain: false, token: 'tok', ...given },
        { 'etc/fluent-bit/fluent-bit.conf': text },
      );
    const { missing } = await taken(main('a+b', 'https://h', 'k"'));
    assert.deepEqual(
      missing.map((line) => line.slice(0, line.indexOf('='))),
      ['ACTIVITY_LOG_TAG', 'ACTIVITY_LOG_HOST', 'ACTIVITY_LOG_API_KEY'],
    );
    const { notes, warnings } = await taken(
      main('audit', 'h', 'k').replace('[OUTPUT]', '    Interval_Sec 60\n[OUTPUT]'),
      { interval: '90' },
    );
    assert.ok(!notes.some((note) => note.includes('INTERVAL')), 'what is given is not taken');
    assert.match(warnings[0] ?? '', /^proxy of the tutorial's output/);
    assert.match(warnings[1] ?? '', /^h does not look like/);
  });

  it('of the Logging Service have its rules, and no others have', async (t) => {
    await assert.rejects(
      planned(t, { ...ALL, tag: 'my-tag' }),
      /: --tag: the Logging Service takes 3 to 20 letters and digits, not my-tag$/,
    );
    assert.equal((await planned(t, { ...ALL, tag: 'my-tag' }, {}, LOKI)).missing.length, 0);
    const { warnings } = await planned(t, { ...ALL, host: 'logs.example' });
    assert.deepEqual(warnings, [
      'logs.example does not look like an endpoint of the Logging Service (….logging.<region>.ionos.com)',
    ]);
    assert.deepEqual((await planned(t, { ...ALL, host: 'logs.example' }, {}, LOKI)).warnings, []);
    const tcp = '@INCLUDE outputs/ionos-tcp.conf\n';
    await assert.rejects(planned(t, { ...ALL, tag: 'my-tag' }, {}, tcp), /--tag: the Logging Service takes/);
    assert.equal((await planned(t, NOTHING, {}, tcp)).missing.length, 4, 'host and key, too');
  });

  it('in activity-log.env that will not do are an error', async (t) => {
    for (const [env, message] of [
      ['ACTIVITY_LOG_TAG=a*\nACTIVITY_LOG_INTERVAL=300\n', /ACTIVITY_LOG_TAG in \/etc\/\S+: expected only letters/],
      ['ACTIVITY_LOG_INTERVAL=5m\n', /ACTIVITY_LOG_INTERVAL in \/etc\/\S+: expected 10 to 86400 seconds, not 5m/],
      ['ACTIVITY_LOG_TAG=a\n', /ACTIVITY_LOG_INTERVAL in \/etc\/\S+: it is empty/],
      ['ACTIVITY_LOG_API_KEY=a b\n', /ACTIVITY_LOG_API_KEY in \/etc\/\S+: not one key alone/],
      ['ACTIVITY_LOG_HOST=a/b\n', /ACTIVITY_LOG_HOST in \/etc\/\S+: expected the host alone/],
    ] as const) {
      await assert.rejects(planned(t, NOTHING, { [ENV]: env }), { message, exitCode: ExitCode.NothingCollected });
    }
  });

  it('that are given and will not do are an error of the call', async (t) => {
    for (const [given, message] of [
      [{ tag: 'a*' }, /^--tag: expected only letters/],
      [{ host: 'a/b' }, /^--host: expected the host alone/],
      [{ interval: '5' }, /^--interval: expected/],
      [{ provider: 'aws' }, /^--provider: expected ionos or/],
      [{ tag: '' }, /^--tag: it is empty/],
    ] as const) {
      await assert.rejects(planned(t, { ...NOTHING, ...given }), { message, exitCode: ExitCode.Usage });
    }
  });

  it("are taken from the tutorial's blocks, except for what is not a value there", async (t) => {
    const main = (key: string): string =>
      '[INPUT]\n    Name exec\n    Tag my-tag\n    Command python3 /x/fetch_activity_logs.py\n    Interval_Sec 120\n' +
      `[OUTPUT]\n    Name http\n    Match my-tag\n    Host logs.example\n    URI /my-tag\n    Header APIKEY ${key}\n`;
    const given = { ...NOTHING, ignoresMain: false, token: 'tok' };
    const made = await planned(t, given, { 'etc/fluent-bit/fluent-bit.conf': main('abc') });
    assert.match(made.env, /^ACTIVITY_LOG_INTERVAL=120\nACTIVITY_LOG_DEADLINE=96s$/m);
    assert.deepEqual(made.notes, [
      'taken from fluent-bit.conf: ACTIVITY_LOG_TAG',
      'taken from fluent-bit.conf: ACTIVITY_LOG_HOST',
      'taken from fluent-bit.conf: ACTIVITY_LOG_API_KEY',
      'taken from fluent-bit.conf: ACTIVITY_LOG_INTERVAL',
      "commented out: the tutorial's [input] exec, lines 1 to 5 of fluent-bit.conf",
      "commented out: the tutorial's [output] http, lines 6 to 11 of fluent-bit.conf",
    ]);
    assert.deepEqual(made.warnings, [
      'the tag my-tag is not one of the Logging Service, which takes 3 to 20 letters and digits',
      'logs.example does not look like an endpoint of the Logging Service (….logging.<region>.ionos.com)',
    ]);
    assert.match(made.main ?? '', /^#~# .*\n#~ \[INPUT\]/);
    const half = await planned(t, given, { 'etc/fluent-bit/fluent-bit.conf': main('<PIPELINE_AUTH_KEY>') });
    assert.deepEqual(half.missing, [
      'ACTIVITY_LOG_API_KEY= in /etc/fluent-bit/activity-log.env (or --api-key-file FILE)',
    ]);
    assert.ok(!half.notes.join().includes('commented out'), 'not before the last value is there');
  });
});

describe('the token', () => {
  it('is copied out of a variable of the unit, which every local user can read', async (t) => {
    const unit = { [OVERRIDE]: '[Service]\nEnvironment="A=1" "IONOS_API_TOKEN=abc"\n' };
    const made = await planned(t, NOTHING, unit);
    assert.equal(made.token, 'abc');
    assert.match(
      made.warnings.join(),
      /^every local user can read IONOS_API_TOKEN in \/etc\/systemd\/\S+ with systemctl show fluent-bit\. Once install\.sh has ended without an error, the token is in \/etc\/\S+\.token: delete the line, then: sudo systemctl daemon-reload$/,
    );
    const kept = await planned(t, NOTHING, { ...unit, 'etc/fluent-bit/activity-log.token': 'def\n' });
    assert.equal(kept.token, undefined, 'the file is there already');
    assert.equal(kept.tokenIn, '/etc/fluent-bit/activity-log.token');
    assert.match(kept.warnings.join(), /the token is in \/etc\/fluent-bit\/activity-log\.token: delete the line/);
    const empty = await planned(t, NOTHING, { ...unit, 'etc/fluent-bit/activity-log.token': '' });
    assert.equal(empty.token, 'abc', 'a file that is empty has none');
  });

  it('of a variable is not copied where a file has one, wherever that is', async (t) => {
    const unit = { [OVERRIDE]: '[Service]\nEnvironment=IONOS_TOKEN=abc\n' };
    const named = { ...unit, [ENV]: `${TEMPLATE}ACTIVITY_LOG_TOKEN_FILE=/root/token\n` };
    const there = await planned(t, NOTHING, { ...named, 'root/token': 'x\n' });
    assert.deepEqual([there.token, there.tokenIn], [undefined, '/root/token']);
    const elsewhere = await planned(t, NOTHING, { ...named, 'etc/fluent-bit/activity-log.token': 'x\n' });
    assert.deepEqual([elsewhere.token, elsewhere.tokenIn], [undefined, '/etc/fluent-bit/activity-log.token']);
    const unnamed = await planned(t, NOTHING, { [ENV]: `${TEMPLATE}ACTIVITY_LOG_TOKEN_FILE=\n` });
    assert.match(unnamed.missing.at(-1) ?? '', /alone in \/etc\/fluent-bit\/activity-log\.token \(or/);
  });

  it('that is given comes before all others', async (t) => {
    const files = {
      [OVERRIDE]: '[Service]\nEnvironment=IONOS_TOKEN=abc\n',
      'etc/fluent-bit/activity-log.token': 'def\n',
    };
    const made = await planned(t, { ...NOTHING, token: 'new', usesCredentials: true }, files);
    assert.deepEqual([made.token, made.tokenIn], ['new', '/etc/fluent-bit/activity-log.token']);
    const named = { ...files, [ENV]: `${TEMPLATE}ACTIVITY_LOG_TOKEN_FILE=/root/token\n`, 'root/token': 'ghi\n' };
    const moved = await planned(t, { ...NOTHING, token: 'new' }, named);
    assert.match(moved.env, /^ACTIVITY_LOG_TOKEN_FILE=\/etc\/fluent-bit\/activity-log\.token$/m);
  });

  const setting = (variable: string): string => `[Service]\nEnvironment=${variable}\n`;
  const places: readonly (readonly [
    where: string,
    files: Readonly<Record<string, string>>,
    found: string | undefined,
  ])[] = [
    [
      'the last drop-in with one, as systemd takes it',
      { [OVERRIDE]: setting('IONOS_TOKEN=b'), [OVERRIDE.replace('override', 'a')]: setting('IONOS_TOKEN=a') },
      'b',
    ],
    ['a drop-in before the unit', { [OVERRIDE]: setting('IONOS_TOKEN=b'), [UNIT]: setting('IONOS_TOKEN=u') }, 'b'],
    ['the defaults before a drop-in', { [OVERRIDE]: setting('IONOS_TOKEN=b'), [DEFAULTS]: 'IONOS_TOKEN=d' }, 'd'],
    [
      'a drop-in before defaults that the service does not read',
      { [UNIT]: '', [OVERRIDE]: setting('IONOS_TOKEN=b'), [DEFAULTS]: 'IONOS_TOKEN=d' },
      'b',
    ],
    ['activity-log.env', { [ENV]: `${TEMPLATE}IONOS_TOKEN=e\n` }, 'e'],
    ['the variable that counts most', { [DEFAULTS]: 'IONOS_TOKEN=1\nIONOS_API_TOKEN=a=b=\nIONOS_TOKEN=2\n' }, 'a=b='],
    ['the one with a value', { [DEFAULTS]: 'IONOS_API_TOKEN=\nIONOS_TOKEN=2\n' }, '2'],
    ['no setting of another name', { [OVERRIDE]: setting('XIONOS_TOKEN=u') }, undefined],
    ['a unit, with an equals sign', { [OVERRIDE]: setting('IONOS_TOKEN=a=b') }, 'a=b'],
    ['no value that is not one alone', { [OVERRIDE]: setting('"IONOS_TOKEN=a b"') }, undefined],
  ];
  for (const [where, files, found] of places) {
    it(`is found in ${where}`, async (t) => {
      assert.equal((await planned(t, NOTHING, files)).token, found);
    });
  }

  it('may be given where there is no service yet', async (t) => {
    const machine = await machineWith(t, {});
    const made = plan(ALL, TEMPLATE, IONOS, undefined, machine);
    assert.deepEqual([made.token, made.missing, made.warnings], ['tok', [], []]);
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
    for (const { warnings } of [placeholder, password]) {
      assert.match(warnings.join(), /: give the token as --token-file FILE, then delete the line$/);
    }
  });

  it('stays in a file of another name, which --credentials does not take', async (t) => {
    const files = { [ENV]: `${TEMPLATE}ACTIVITY_LOG_TOKEN_FILE=/root/token\n`, 'root/token': 'abc\n' };
    const { tokenIn, env } = await planned(t, NOTHING, files);
    assert.deepEqual([tokenIn, env], ['/root/token', files[ENV]]);
    const missing = await planned(t, NOTHING, { [ENV]: files[ENV] });
    assert.match(missing.missing.at(-1) ?? '', /alone in \/root\/token \(or/);
    const both = { [ENV]: files[ENV], 'etc/fluent-bit/activity-log.token': 'def\n' };
    const other = await planned(t, { ...NOTHING, usesCredentials: true }, both);
    assert.equal(other.tokenIn, '/etc/fluent-bit/activity-log.token');
    assert.match(other.env, /^ACTIVITY_LOG_TOKEN_FILE=\/etc\/fluent-bit\/activity-log\.token$/m);
    await planned(t, { ...NOTHING, usesCredentials: true }, {});
    await assert.rejects(
      planned(t, { ...NOTHING, usesCredentials: true }, files),
      new ConfigError(
        '--credentials takes the token from /etc/fluent-bit/activity-log.token: give it as --token-file',
        ExitCode.NothingCollected,
      ),
    );
  });

  it('for another provider is another variable', async (t) => {
    const files = { [OVERRIDE]: '[Service]\nEnvironment=CLOUDSCALE_API_TOKEN=abc\n' };
    assert.equal((await planned(t, NOTHING, files)).token, undefined);
    assert.equal((await planned(t, { ...NOTHING, provider: 'cloudscale' }, files)).token, 'abc');
  });
});
