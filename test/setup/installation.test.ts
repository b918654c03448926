import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { thisMachine, type Machine } from '../../src/check/facts/machine.ts';
import {
  installation,
  pipelineText,
  withoutStoragePath,
  type Circumstances,
  type Installation,
} from '../../src/setup/installation.ts';
import type { Plan } from '../../src/setup/plan.ts';
import { checksum, formatRecord, readRecord } from '../../src/setup/record.ts';
import { removal } from '../../src/setup/removal.ts';
import { formatSteps, put } from '../../src/setup/step.ts';
import type { Survey } from '../../src/setup/tutorial.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

const PIPELINE = '/etc/fluent-bit/activity-log.conf';
const LOKI = '/etc/fluent-bit/outputs/loki.conf';
const DROP_IN = '/etc/systemd/system/fluent-bit.service.d/10-activity-log.conf';
const MAIN = '/etc/fluent-bit/fluent-bit.conf';
const TOKEN = '/etc/fluent-bit/activity-log.token';
const BACKUP = `${MAIN}.before-activity-log`;
const RECORD = '/etc/fluent-bit/.activity-log.installed';
const PLAN: Plan = {
  env: '',
  token: undefined,
  main: undefined,
  survey: undefined,
  tokenIn: TOKEN,
  missing: [],
  notes: [],
  warnings: [],
};

const SURVEY: Survey = {
  tag: '',
  interval: '',
  host: '',
  key: '',
  hasStoragePath: false,
  includesUs: true,
  blocks: [],
  warnings: [],
};

/** A machine, and a release of the files that this repository ships. */
class Trial {
  readonly machine: Machine;
  readonly release: string;

  constructor(folder: string) {
    this.release = join(folder, 'release');
    this.machine = { ...thisMachine(), root: join(folder, 'root') };
    for (const name of ['fluent-bit', 'systemd']) cpSync(name, join(this.release, name), { recursive: true });
    this.write(MAIN, 'theirs\n');
    mkdirSync(join(folder, 'root/stage'));
    for (const name of ['activity-log.conf', 'fluent-bit.conf']) writeFileSync(join(folder, 'root/stage', name), name);
  }

  static async make(t: TestContext): Promise<Trial> {
    return new Trial(await temporaryFolder(t));
  }

  write(path: string, text: string): void {
    const file = join(this.machine.root, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }

  read(path: string): string {
    return readFileSync(join(this.machine.root, path), 'utf8');
  }

  plan(made: Partial<Plan> = {}, given: Partial<Circumstances> = {}): Installation {
    const usual = { release: this.release, stage: join(this.machine.root, 'stage'), usesCredentials: false };
    return installation({ ...PLAN, ...made }, { ...usual, main: 'stock', ...given }, this.machine);
  }

  /** As install.sh does it. */
  install(...plan: Parameters<Trial['plan']>): Installation {
    const made = this.plan(...plan);
    for (const { what, path, source } of made.steps) {
      if (what === 'drop') rmSync(join(this.machine.root, path));
      else if (!source.includes('/stage/')) this.write(path, readFileSync(source, 'utf8'));
    }
    this.write(RECORD, formatRecord(made.record));
    return made;
  }

  remove(purge = false, isLive = true) {
    return removal({ release: this.release, stage: '/stage', purge, isLive }, this.machine);
  }
}

/** As a table: what is done, with which mode and effect, to which file, out of which. */
function told(trial: Trial, steps: Installation['steps']): string[] {
  const named = (text: string): string =>
    text
      .replace(trial.release, 'release')
      .replaceAll(trial.machine.root, '')
      .replaceAll('/etc/systemd/system/', '')
      .trimEnd();
  return formatSteps(steps.filter(({ path }) => !path.includes('/outputs/')))
    .split('\n')
    .slice(0, -1)
    .map(named);
}

const paths = (steps: Installation['steps'], what: 'put' | 'drop'): string[] =>
  steps.filter((step) => step.what === what).map(({ path }) => path);

describe('the steps of an installation', () => {
  it('put every file, and note its checksum', async (t) => {
    const trial = await Trial.make(t);
    const { steps, record, warnings } = trial.install();
    assert.ok(paths(steps, 'put').includes(LOKI));
    assert.deepEqual(told(trial, steps), [
      'put 644 restart /etc/fluent-bit/activity-log.conf release/fluent-bit/activity-log.conf',
      'put 644 restart /etc/fluent-bit/cloudscale.conf release/fluent-bit/cloudscale.conf',
      'put 644 restart /etc/fluent-bit/activity-log-parsers.conf release/fluent-bit/parsers.conf',
      'put 600 restart /etc/fluent-bit/activity-log.env /stage/activity-log.env',
      'put 644 restart fluent-bit.service.d/10-activity-log.conf release/systemd/fluent-bit.service.d/10-activity-log.conf',
      'put 600 - /etc/fluent-bit/fluent-bit.conf.before-activity-log /etc/fluent-bit/fluent-bit.conf',
      'put as-is restart /etc/fluent-bit/fluent-bit.conf release/fluent-bit/fluent-bit.conf',
    ]);
    assert.equal(record.get(MAIN), checksum(readFileSync('fluent-bit/fluent-bit.conf')));
    assert.deepEqual([...record].sort(), [...readRecord(trial.machine)].sort());
    assert.deepEqual(warnings, []);
    assert.equal(new Set(paths(steps, 'put')).size, steps.length, 'each once');
  });

  it('leave what the user has edited, and say once what is new in ours', async (t) => {
    const trial = await Trial.make(t);
    trial.install();
    trial.write(PIPELINE, 'mine\n');
    assert.deepEqual(trial.install({}, { main: 'edited' }).warnings, []);
    assert.equal(pipelineText(trial.release, trial.machine), 'mine\n');
    writeFileSync(join(trial.release, 'fluent-bit/activity-log.conf'), 'newer\n');
    assert.equal(pipelineText(trial.release, trial.machine), 'mine\n');
    const { steps, warnings } = trial.install({}, { main: 'edited' });
    assert.ok(!paths(steps, 'put').includes(PIPELINE));
    assert.match(warnings.join('\n'), /^\S+activity-log\.conf is yours and stays; what is new in ours: diff \S+ \S+$/);
    assert.deepEqual(trial.plan({}, { main: 'edited' }).warnings, []);
  });

  it('renew what nobody has edited, and put again what is gone', async (t) => {
    const trial = await Trial.make(t);
    const source = join(trial.release, 'fluent-bit/activity-log.conf');
    assert.equal(pipelineText(trial.release, trial.machine), readFileSync(source, 'utf8'));
    trial.install();
    for (const newer of ['newer\n', 'newest\n']) {
      writeFileSync(source, newer);
      assert.equal(pipelineText(trial.release, trial.machine), newer);
      const { steps, record, warnings } = trial.plan();
      assert.deepEqual([paths(steps, 'put').includes(PIPELINE), warnings], [true, []]);
      assert.equal(record.get(PIPELINE), checksum(newer));
    }
    trial.write(PIPELINE, 'newest\n');
    assert.equal(pipelineText(trial.release, trial.machine), 'newest\n');
    assert.deepEqual(trial.plan().warnings, [], 'it is as ours already');
    rmSync(join(trial.machine.root, PIPELINE));
    assert.deepEqual([paths(trial.plan().steps, 'put').includes(PIPELINE), trial.plan().warnings], [true, []]);
  });

  it('leave what was there before us, which is not ours to remove', async (t) => {
    const trial = await Trial.make(t);
    trial.write(LOKI, '# mine\n');
    const { record, warnings } = trial.install();
    assert.equal(warnings.length, 1);
    assert.ok(!record.has(LOKI));
    assert.ok(!paths(trial.remove(true).steps, 'drop').includes(LOKI));
  });

  it('drop what an older version brought, unless it was edited', async (t) => {
    const trial = await Trial.make(t);
    trial.install();
    rmSync(join(trial.release, 'fluent-bit/outputs/loki.conf'));
    assert.deepEqual(paths(trial.plan().steps, 'drop'), [LOKI]);
    trial.write(LOKI, '# mine\n');
    const { steps, record } = trial.plan();
    assert.deepEqual(paths(steps, 'drop'), []);
    assert.ok(record.has(LOKI));
  });

  it('leave fluent-bit.conf alone until no value is missing', async (t) => {
    const trial = await Trial.make(t);
    assert.ok(!paths(trial.plan({ missing: ['tag'] }).steps, 'put').includes(MAIN));
    const ignored = trial.plan({}, { main: 'ignored' });
    assert.ok(!paths(ignored.steps, 'put').includes(MAIN));
    assert.ok(!ignored.record.has(MAIN));
    trial.write(
      RECORD,
      formatRecord(
        new Map([
          [MAIN, 'a'],
          [BACKUP, 'b'],
          ['enabled', 'by-us'],
          ['restart', 'owed'],
        ]),
      ),
    );
    const { record } = trial.plan({ missing: ['tag'] });
    assert.deepEqual(
      [MAIN, BACKUP, 'enabled', 'restart'].map((name) => record.get(name)),
      ['a', 'b', 'by-us', undefined],
    );
  });

  it("comment out the tutorial's blocks in fluent-bit.conf, or leave it when nothing is to be changed", async (t) => {
    const trial = await Trial.make(t);
    const block = { title: '', first: 1, last: 2, keyLines: [] };
    const last = (survey: Plan['survey']) => told(trial, trial.plan({ survey }, { main: 'edited' }).steps).slice(-2);
    const written = [
      'put 600 - /etc/fluent-bit/fluent-bit.conf.before-activity-log /etc/fluent-bit/fluent-bit.conf',
      'put as-is restart /etc/fluent-bit/fluent-bit.conf /stage/fluent-bit.conf',
    ];
    assert.deepEqual(last({ ...SURVEY, includesUs: false }), written);
    assert.deepEqual(last({ ...SURVEY, blocks: [block] }), written);
    assert.ok(!last(SURVEY).join('\n').includes('/etc/fluent-bit/fluent-bit.conf'));
    const { record } = trial.plan({ survey: { ...SURVEY, includesUs: false } }, { main: 'edited' });
    assert.deepEqual([record.get(BACKUP), record.has(MAIN)], [checksum('fluent-bit.conf'), false], 'as we leave it');
    trial.write(RECORD, formatRecord(record));
    trial.write(BACKUP, 'fluent-bit.conf');
    const again = trial.plan({ survey: SURVEY }, { main: 'edited' });
    assert.deepEqual([again.record.get(BACKUP), paths(again.steps, 'drop')], [checksum('fluent-bit.conf'), []]);
  });

  it('renew a fluent-bit.conf that we put there, unless it was edited', async (t) => {
    const trial = await Trial.make(t);
    trial.install();
    writeFileSync(join(trial.release, 'fluent-bit/fluent-bit.conf'), 'newer\n');
    const again = () => trial.plan({ survey: SURVEY }, { main: 'edited' });
    assert.equal(
      told(trial, again().steps).at(-1),
      'put 644 restart /etc/fluent-bit/fluent-bit.conf release/fluent-bit/fluent-bit.conf',
    );
    trial.write(MAIN, 'edited\n');
    assert.ok(!paths(again().steps, 'put').includes(MAIN));
    assert.match(again().warnings.join(), /^\/etc\/fluent-bit\/fluent-bit\.conf is yours and stays/);
  });

  it('put the drop-in for credentials only where they are used', async (t) => {
    const trial = await Trial.make(t);
    const dropIns = (usesCredentials: boolean) =>
      paths(trial.plan({}, { usesCredentials }).steps, 'put').filter((path) => path.includes('/system/'));
    assert.deepEqual(dropIns(false), [DROP_IN]);
    assert.deepEqual(dropIns(true), [DROP_IN, DROP_IN.replace('10-activity-log', '20-activity-log-credentials')]);
  });

  it('forget a file of an older version that the user has removed', async (t) => {
    const trial = await Trial.make(t);
    trial.write(RECORD, formatRecord(new Map([['/etc/fluent-bit/outputs/old.conf', 'a']])));
    const { steps, record } = trial.plan();
    assert.deepEqual([paths(steps, 'drop'), record.has('/etc/fluent-bit/outputs/old.conf')], [[], false]);
  });

  it('keep a storage.path of the user', async (t) => {
    const trial = await Trial.make(t);
    const survey = { ...SURVEY, hasStoragePath: true };
    const { steps } = trial.plan({ survey }, { main: 'edited' });
    assert.match(steps.find(({ path }) => path === PIPELINE)?.source ?? '', /\/stage\/activity-log\.conf$/);
    assert.match(steps.find(({ path }) => path === LOKI)?.source ?? '', /release\/.*\/loki\.conf$/);
    assert.equal(
      withoutStoragePath(
        '[SERVICE]\n    storage.path /a\nstorage.path /c\n  storage.path_x 1\n    my.storage.path 1\n    storage.path /b\n',
      ),
      '[SERVICE]\n    #storage.path /a\n#storage.path /c\n  storage.path_x 1\n    my.storage.path 1\n    #storage.path /b\n',
    );
  });

  it('restart for a new token only where systemd hands out a copy of it', async (t) => {
    const trial = await Trial.make(t);
    const token = (usesCredentials: boolean) =>
      trial.plan({ token: 'abc' }, { usesCredentials }).steps.find(({ path }) => path === TOKEN);
    const staged = join(trial.machine.root, 'stage/activity-log.token');
    assert.deepEqual([token(false), token(true)], [put('600', TOKEN, staged, '-'), put('600', TOKEN, staged)]);
    assert.ok(paths(trial.plan({ tokenIn: '' }).steps, 'put').includes(TOKEN), 'empty, to be filled in');
    assert.ok(!paths(trial.plan({ tokenIn: 'variable' }).steps, 'put').includes(TOKEN));
    trial.write(TOKEN, 'abc');
    const kept = trial.plan({}, { usesCredentials: true }).steps.find(({ path }) => path === TOKEN);
    assert.deepEqual(kept, put('600', TOKEN, join(trial.machine.root, TOKEN), 'restart'), 'for its mode');
    rmSync(join(trial.machine.root, TOKEN));
    symlinkSync('/run/secrets/token', join(trial.machine.root, TOKEN));
    assert.ok(!paths(trial.plan({ tokenIn: '' }).steps, 'put').includes(TOKEN), 'something else looks after it');
  });
});

describe('the steps of a removal', () => {
  it('drop all that was put, and bring fluent-bit.conf back', async (t) => {
    const trial = await Trial.make(t);
    const { steps } = trial.install();
    const { steps: removed, main, isMainRestored, isFetcherBack } = trial.remove(true);
    assert.equal(isFetcherBack, false);
    assert.deepEqual(told(trial, removed), [
      'put as-is restart /etc/fluent-bit/fluent-bit.conf /stage/fluent-bit.conf',
      'drop - - /etc/fluent-bit/fluent-bit.conf.before-activity-log',
      'drop - restart /etc/fluent-bit/activity-log.conf',
      'drop - restart /etc/fluent-bit/cloudscale.conf',
      'drop - restart /etc/fluent-bit/activity-log-parsers.conf',
      'drop - restart fluent-bit.service.d/10-activity-log.conf',
      'drop - - /etc/fluent-bit/activity-log.env',
    ]);
    assert.deepEqual(trial.remove(true).stays, ['/var/lib/fluent-bit']);
    assert.deepEqual([main, isMainRestored], ['theirs\n', true]);
    const left = paths(steps, 'put').filter((path) => !paths(removed, 'drop').includes(path));
    assert.deepEqual(left, [MAIN]);
    assert.equal(new Set(paths(removed, 'drop')).size, paths(removed, 'drop').length);
  });

  it('put aside what the user has edited', async (t) => {
    const trial = await Trial.make(t);
    trial.install();
    trial.write(DROP_IN, '[Service]\nUMask=0027\n');
    trial.write(TOKEN, 'abc\n');
    const { steps, stays } = trial.remove();
    assert.ok(paths(steps, 'put').includes(`${DROP_IN}.saved`) && paths(steps, 'drop').includes(DROP_IN));
    assert.deepEqual(stays, ['/etc/fluent-bit/activity-log.env', TOKEN, '/var/lib/fluent-bit', `${DROP_IN}.saved`]);
    const saved = steps.find(({ path }) => path === `${DROP_IN}.saved`);
    assert.deepEqual(saved, put('600', `${DROP_IN}.saved`, join(trial.machine.root, DROP_IN), '-'));
    const earlier = [`${PIPELINE}.saved`, `${LOKI}.saved`, `${DROP_IN}.saved`];
    for (const path of earlier) trial.write(path, 'of an earlier removal');
    assert.deepEqual(trial.remove(true).stays, ['/var/lib/fluent-bit', ...earlier]);
    assert.ok(!paths(trial.remove(true).steps, 'put').includes(`${DROP_IN}.saved`));
  });

  it('leave a fluent-bit.conf that was edited since, without our line', async (t) => {
    const trial = await Trial.make(t);
    trial.install();
    trial.write('/etc/fluent-bit/activity-log.env', 'ACTIVITY_LOG_API_KEY=abc\n');
    const block = '#~# Taken over\n#~ [OUTPUT]\n#~     Header APIKEY (now in /etc/fluent-bit/activity-log.env)\n';
    trial.write(MAIN, `${block}@INCLUDE activity-log.conf\n`);
    assert.equal(trial.remove().main, '[OUTPUT]\n    Header APIKEY abc\n', 'the key is back in its place');
    trial.write(MAIN, '[SERVICE]\n@INCLUDE activity-log.conf\n');
    const { main, isMainRestored, stays } = trial.remove();
    assert.deepEqual([main, isMainRestored], ['[SERVICE]\n', false]);
    assert.ok(stays.includes(BACKUP));
    assert.ok(paths(trial.remove(true).steps, 'drop').includes(BACKUP), 'it may contain the key');
    rmSync(join(trial.machine.root, MAIN));
    const gone = trial.remove();
    assert.deepEqual([gone.main, gone.isMainRestored], ['', false]);
    assert.ok(!paths(gone.steps, 'put').includes(MAIN));
    rmSync(join(trial.machine.root, RECORD));
    assert.deepEqual([trial.remove().main, trial.remove().isMainRestored], ['', false]);
  });

  it('bring no fluent-bit.conf back without its backup', async (t) => {
    const trial = await Trial.make(t);
    trial.install();
    rmSync(join(trial.machine.root, BACKUP));
    const { main, isMainRestored } = trial.remove();
    assert.equal(isMainRestored, false);
    assert.equal(
      main,
      readFileSync('fluent-bit/fluent-bit.conf', 'utf8').replace(/^@INCLUDE activity-log.conf\n/m, ''),
    );
  });

  it('bring back the fluent-bit.conf of the user into which we put a line', async (t) => {
    const trial = await Trial.make(t);
    trial.write(BACKUP, 'before\n');
    trial.write(MAIN, 'after\n');
    trial.write(RECORD, formatRecord(new Map([[BACKUP, checksum('after\n')]])));
    const { main, isMainRestored, wasEnabledByUs } = trial.remove();
    assert.deepEqual([main, isMainRestored, wasEnabledByUs], ['before\n', true, false]);
    trial.write(RECORD, formatRecord(new Map([['enabled', 'by-us']])));
    assert.equal(trial.remove().wasEnabledByUs, true);
  });

  it('put a drop-in aside that is in no record, and drop no other file', async (t) => {
    const trial = await Trial.make(t);
    trial.write(DROP_IN, '[Service]\n');
    trial.write('/enabled', 'a file by the name of a mark');
    trial.write(
      RECORD,
      formatRecord(
        new Map([
          ['/srv/gone', 'a'],
          [BACKUP, 'a'],
          ['enabled', 'by-us'],
        ]),
      ),
    );
    assert.deepEqual(told(trial, trial.remove().steps).slice(1), [
      'put 600 - fluent-bit.service.d/10-activity-log.conf.saved fluent-bit.service.d/10-activity-log.conf',
      'drop - restart fluent-bit.service.d/10-activity-log.conf',
    ]);
  });

  it('give the state of each input, also under the names that the settings have', async (t) => {
    const trial = await Trial.make(t);
    const folder = '/var/lib/fluent-bit';
    trial.write(`${folder}/cloudscale_log_state.json`, '{}');
    trial.write(`${folder}/other.json`, '{}');
    trial.write(
      '/etc/fluent-bit/activity-log.conf',
      `Command x --state-file ${folder}/own/two.json\n# x --state-file ${folder}/comment.json\nCommand x --state-file=/srv/elsewhere.json\n`,
    );
    trial.write('/etc/fluent-bit/activity-log.env', `ACTIVITY_LOG_STATE_FILE=${folder}/a.json.json\n`);
    trial.write('/etc/fluent-bit/activity-log.conf.old', `Command x --state-file ${folder}/not-in-force.json\n`);
    assert.deepEqual(trial.remove(true).state, [
      `${folder}/cloudscale_log_state.json*`,
      `${folder}/cloudscale_log_journal/*`,
      `${folder}/cloudscale_log_state_journal/*`,
      `${folder}/oversize.jsonl*`,
      `${folder}/rejected.jsonl*`,
      `${folder}/a.json.json*`,
      `${folder}/a.json_journal/*`,
      `${folder}/own/two.json*`,
      `${folder}/own/two_journal/*`,
      `${folder}/own/oversize.jsonl*`,
      `${folder}/own/rejected.jsonl*`,
    ]);
  });

  it("keep the state from which the tutorial's fetcher resumes", async (t) => {
    const trial = await Trial.make(t);
    const state = '/var/lib/fluent-bit/activity_log_state.json';
    trial.write(state, '{}');
    assert.ok(trial.remove(true).state.includes(`${state}*`));
    trial.write(MAIN, '[INPUT]\n    Command python3 /x/fetch_activity_logs.py\n');
    trial.write('/var/lib/fluent-bit/other_state.json', '{}');
    const { state: patterns, isFetcherBack } = trial.remove(true);
    assert.ok(isFetcherBack && patterns.includes(`${state}?*`) && !patterns.includes(`${state}*`));
    assert.ok(patterns.includes('/var/lib/fluent-bit/other_state.json*'));
    trial.write(MAIN, '[INPUT]\n#    Command python3 /x/fetch_activity_logs.py\n');
    assert.equal(trial.remove(true).isFetcherBack, false);
  });

  it("of a packager's folder, which has no record, drop all of it", async (t) => {
    const trial = await Trial.make(t);
    trial.install({}, { main: 'ignored', usesCredentials: true });
    rmSync(join(trial.machine.root, RECORD));
    const { steps } = trial.remove(false, false);
    const credentials = DROP_IN.replace('10-activity-log', '20-activity-log-credentials');
    assert.ok([PIPELINE, LOKI, DROP_IN, credentials].every((path) => paths(steps, 'drop').includes(path)));
    assert.ok(!paths(steps, 'put').some((path) => path.endsWith('.saved')), 'none of it is edited');
  });
});
