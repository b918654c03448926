import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { inputSettings, settingsForOne } from '../../src/commands/service-settings.ts';
import { readConfig } from '../../src/config/config.ts';
import { DROP_IN, ENVIRONMENT, installedMachine, MAIN, PIPELINE, TOKEN, UNIT } from '../helpers/checked-machine.ts';

const OTHER_STATE = '/srv/other/state.json';
const root = (env: NodeJS.ProcessEnv = {}) => ({ env, hasService: true });

describe('by hand, as root on the machine of a service', () => {
  it('finds the state that activity-log.env names, and the token', async (t) => {
    const { machine, edit } = await installedMachine(t);
    const lines = `ACTIVITY_LOG_STATE_FILE=${OTHER_STATE}\nACTIVITY_LOG_SINCE=1d\nACTIVITY_LOG_LOG_LEVEL=error\n`;
    await edit(ENVIRONMENT, ['ACTIVITY_LOG_INTERVAL', `${lines}ACTIVITY_LOG_INTERVAL`]);
    const [settings, ...others] = await inputSettings({}, root(), machine);
    assert.deepEqual([settings?.input, others], ['activity_log', []]);
    const config = readConfig(settings?.options ?? {}, settings?.env ?? {});
    assert.deepEqual([config.stateFile, config.tokenFile], [OTHER_STATE, TOKEN]);
    assert.equal(config.logLevel, 'info');
    assert.equal(config.since(1e9), 1e9 - 300_000, 'how the service prints, and when, is its own affair');
  });

  it('takes the token that systemd loads for the service, unless the input names a file itself', async (t) => {
    const { machine, write, edit } = await installedMachine(t);
    const credentials = DROP_IN.replace('10-activity-log', '20-credentials');
    const load = '[Service]\nLoadCredential=activity-log-token:/srv/token\n';
    await write(credentials, load);
    const tokenFile = async (options = {}) => {
      const [settings] = await inputSettings(options, root(), machine);
      return readConfig(settings?.options ?? {}, settings?.env ?? {}).tokenFile;
    };
    assert.equal(await tokenFile(), TOKEN);
    await write(credentials, `${load}UnsetEnvironment=ACTIVITY_LOG_TOKEN_FILE\n`);
    assert.equal(await tokenFile(), '/srv/token');
    assert.equal(await tokenFile({ 'token-file': '/mine' }), '/mine');
    await edit(PIPELINE, [/(Command .*)/, `Command /opt/fluent-bit/scripts/fetch-activity-logs --token-file /srv/own`]);
    assert.equal(await tokenFile(), '/srv/own');
  });

  it("reads the configuration that the service is started with, and the package's where none is named", async (t) => {
    const { machine, write, edit, path } = await installedMachine(t);
    await write(
      '/srv/main.conf',
      (await readFile(path(MAIN), 'utf8')).replaceAll('activity-log.conf', '/srv/pipeline.conf'),
    );
    await write('/srv/pipeline.conf', (await readFile(path(PIPELINE), 'utf8')).replace(/Alias .*/, 'Alias elsewhere'));
    const name = async () => (await inputSettings({}, root(), machine))[0]?.input;
    await edit(UNIT, [`-c ${MAIN}`, '-c /srv/main.conf']);
    assert.equal(await name(), 'elsewhere');
    await edit(UNIT, [' -c /srv/main.conf', '']);
    assert.equal(await name(), 'activity_log');
  });

  it('shows every input, or those of the provider that is named', async (t) => {
    const { machine, write, path } = await installedMachine(t);
    const second = `\n[INPUT]\n    Name exec\n    Alias second\n    Tag second\n    Command exec /opt/fluent-bit/scripts/fetch-activity-logs --provider cloudscale --state-file /srv/c.json --since 1d\n`;
    await write(PIPELINE, `${await readFile(path(PIPELINE), 'utf8')}${second}`);
    const names = async (options: Record<string, unknown>) =>
      (await inputSettings(options, root(), machine)).map(({ input }) => input);
    assert.deepEqual(await names({}), ['activity_log', 'second']);
    assert.deepEqual(await names({ provider: 'cloudscale' }), ['second']);
    const { options } = await settingsForOne({ provider: 'cloudscale', from: '1d' }, root(), machine);
    assert.equal(options['state-file'], '/srv/c.json');
    // What the service does with its own lines is not meant by hand.
    assert.equal(options['since'], undefined);
  });

  it("finds the chunks that a destination refused under the configuration's own storage.path", async (t) => {
    const { machine, edit, path } = await installedMachine(t);
    await edit(PIPELINE, [/storage.path +\/var.*/, 'storage.path /srv/chunks']);
    const [settings] = await inputSettings({}, root(), machine);
    assert.equal(settings?.rejectedFolder, path('/srv/chunks/rejected'));
  });

  it('asks which one is meant when there are several', async (t) => {
    const { machine, write, path } = await installedMachine(t);
    const second = `\n[INPUT]\n    Name exec\n    Alias second\n    Tag second\n    Command exec /opt/fluent-bit/scripts/fetch-activity-logs --state-file /srv/2.json\n`;
    await write(PIPELINE, `${await readFile(path(PIPELINE), 'utf8')}${second}`);
    await assert.rejects(settingsForOne({ from: '1d' }, root(), machine), {
      message: 'this machine has several such inputs (activity_log, second): choose one with --token-file',
    });
    const given = { from: '1d', 'token-file': 'x' };
    assert.deepEqual((await settingsForOne(given, root(), machine)).options, given);
  });

  it('asks the service nothing where the state or the token is named, by an option or a variable', async (t) => {
    const { machine } = await installedMachine(t);
    for (const [options, env] of [
      [{ 'state-file': '/x' }, {}],
      [{ 'token-file': '/x' }, {}],
      [{}, { ACTIVITY_LOG_STATE_FILE: '/x' }],
      [{}, { ACTIVITY_LOG_TOKEN_FILE: '/x' }],
    ] as const) {
      assert.deepEqual(await settingsForOne(options, root(env), machine), { input: undefined, options, env });
    }
    const empty = await settingsForOne({}, root({ ACTIVITY_LOG_STATE_FILE: '' }), machine);
    assert.equal(empty.input, 'activity_log');
  });

  it('goes by what is set here first', async (t) => {
    const { machine } = await installedMachine(t);
    const { env, options } = await settingsForOne({}, root({ ACTIVITY_LOG_PAGE_SIZE: '7' }), machine);
    assert.equal(readConfig(options, env).pageSize, 7);
    const [settings] = await inputSettings({ 'page-size': '8' }, root({ ACTIVITY_LOG_TAG: '' }), machine);
    assert.equal(readConfig(settings?.options ?? {}, settings?.env ?? {}).pageSize, 8);
    assert.equal(settings?.env['ACTIVITY_LOG_TAG'], 'activityLog', 'an empty variable is not set');
  });

  it('goes by nothing of the service for anybody else, or where there is none', async (t) => {
    const { machine, remove } = await installedMachine(t);
    assert.deepEqual(await inputSettings({}, root(), { ...machine, uid: 1000 }), []);
    assert.deepEqual(await inputSettings({}, { env: {} }, machine), []);
    await remove('/run/systemd/system');
    assert.deepEqual(await settingsForOne({ from: '1d' }, root(), machine), {
      input: undefined,
      options: { from: '1d' },
      env: {},
    });
  });
});
