import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { thisMachine, type Machine } from '../../src/check/facts/machine.ts';
import { installation, pipelineText, type Circumstances, type Installation } from '../../src/setup/installation.ts';
import type { Plan } from '../../src/setup/plan.ts';
import { checksum, formatRecord, readRecord } from '../../src/setup/record.ts';
import { removal } from '../../src/setup/removal.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

const PIPELINE = '/etc/fluent-bit/activity-log.conf';
const LOKI = '/etc/fluent-bit/outputs/loki.conf';
const DROP_IN = '/etc/systemd/system/fluent-bit.service.d/10-activity-log.conf';
const MAIN = '/etc/fluent-bit/fluent-bit.conf';
const TOKEN = '/etc/fluent-bit/activity-log.token';
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

const paths = (steps: Installation['steps'], what: 'put' | 'drop'): string[] =>
  steps.filter((step) => step.what === what).map(({ path }) => path);

describe('the steps of an installation', () => {
  it('put every file, and note its checksum', async (t) => {
    const trial = await Trial.make(t);
    const { steps, record, warnings } = trial.install();
    assert.ok(
      [PIPELINE, LOKI, DROP_IN, MAIN, TOKEN.replace('token', 'env')].every((path) =>
        paths(steps, 'put').includes(path),
      ),
    );
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
    const { steps, warnings } = trial.install({}, { main: 'edited' });
    assert.ok(!paths(steps, 'put').includes(PIPELINE));
    assert.match(warnings.join('\n'), /^\S+activity-log\.conf is yours and stays; what is new in ours: diff \S+ \S+$/);
    assert.deepEqual(trial.plan({}, { main: 'edited' }).warnings, []);
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
    assert.ok(!paths(trial.plan({}, { main: 'ignored' }).steps, 'put').includes(MAIN));
  });

  it('keep a storage.path of the user', async (t) => {
    const trial = await Trial.make(t);
    const survey = {
      tag: '',
      interval: '',
      host: '',
      key: '',
      hasStoragePath: true,
      includesUs: true,
      blocks: [],
      warnings: [],
    };
    const { steps } = trial.plan({ survey }, { main: 'edited' });
    assert.match(steps.find(({ path }) => path === PIPELINE)?.source ?? '', /\/stage\/activity-log\.conf$/);
  });

  it('restart for a new token only where systemd hands out a copy of it', async (t) => {
    const trial = await Trial.make(t);
    const token = (usesCredentials: boolean) =>
      trial.plan({ token: 'abc' }, { usesCredentials }).steps.find(({ path }) => path === TOKEN);
    assert.deepEqual([token(false)?.effect, token(true)?.effect], ['-', 'restart']);
    assert.ok(paths(trial.plan({ tokenIn: '' }).steps, 'put').includes(TOKEN), 'empty, to be filled in');
    assert.ok(!paths(trial.plan({ tokenIn: 'variable' }).steps, 'put').includes(TOKEN));
    symlinkSync('/run/secrets/token', join(trial.machine.root, TOKEN));
    assert.ok(!paths(trial.plan({ tokenIn: '' }).steps, 'put').includes(TOKEN), 'something else looks after it');
  });
});

describe('the steps of a removal', () => {
  it('drop all that was put, and bring fluent-bit.conf back', async (t) => {
    const trial = await Trial.make(t);
    const { steps } = trial.install();
    const { steps: removed, main, isMainRestored } = trial.remove(true);
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
    assert.ok(stays.includes(`${DROP_IN}.saved`) && stays.includes(TOKEN));
    assert.ok(!paths(trial.remove(true).steps, 'put').includes(`${DROP_IN}.saved`));
  });

  it('leave a fluent-bit.conf that was edited since, without our line', async (t) => {
    const trial = await Trial.make(t);
    trial.install();
    trial.write(MAIN, '[SERVICE]\n@INCLUDE activity-log.conf\n');
    const { main, isMainRestored, stays } = trial.remove();
    assert.deepEqual([main, isMainRestored], ['[SERVICE]\n', false]);
    assert.ok(stays.includes(`${MAIN}.before-activity-log`));
  });

  it("keep the state from which the tutorial's fetcher resumes", async (t) => {
    const trial = await Trial.make(t);
    const state = '/var/lib/fluent-bit/activity_log_state.json';
    trial.write(state, '{}');
    assert.ok(trial.remove(true).state.includes(`${state}*`));
    trial.write(MAIN, '[INPUT]\n    Command python3 /x/fetch_activity_logs.py\n');
    assert.ok(trial.remove(true).state.includes(`${state}?*`));
  });

  it("of a packager's folder, which has no record, drop all of it", async (t) => {
    const trial = await Trial.make(t);
    trial.install({}, { main: 'ignored' });
    rmSync(join(trial.machine.root, RECORD));
    assert.ok([PIPELINE, LOKI, DROP_IN].every((path) => paths(trial.remove(true, false).steps, 'drop').includes(path)));
  });
});
