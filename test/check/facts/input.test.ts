import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Environment } from '../../../src/check/facts/environment.ts';
import { inputsOf, pythonInputsOf } from '../../../src/check/facts/input.ts';
import type { FluentBitConfig } from '../../../src/check/fluent-bit-config/model.ts';
import { PIPELINE, installedMachine } from '../../helpers/checked-machine.ts';
import { CALL, checkedInput, sectionOf, type Keys } from '../../helpers/checked-input.ts';
import { configOf } from '../../helpers/fluent-bit-config.ts';

it('an input may be of the plugin Exec, whose name Fluent Bit takes in any case', async (t) => {
  const machine = await installedMachine(t);
  await machine.edit(PIPELINE, [/^ +Name +exec$/m, '    Name Exec']);
  assert.deepEqual(await machine.faults(), []);
});

describe('the inputs that run this program', () => {
  const environment: Environment = { variables: { A: 'service', B: 'service' }, service: undefined, isKnown: true, hint: () => '' }; // prettier-ignore
  const configWith = (...inputs: readonly Keys[]): FluentBitConfig =>
    configOf([sectionOf('service', {}), ...inputs.map((keys) => sectionOf('input', keys))]);

  it('are those of the plugin exec, each with its place among all inputs, and what it sets itself', () => {
    const config = configWith(
      { name: 'cpu', command: CALL },
      { name: 'exec' },
      { name: 'exec', command: `B=own ${CALL}` },
      { name: 'exec', command: 'python3 /x/fetch_activity_logs.py' },
      { name: 'exec', command: CALL, alias: 'a', tag: 't', interval_sec: '7m' },
    );
    assert.deepEqual(
      inputsOf(config, environment).map(({ name, alias, tag, intervalSec, env }) => ({ name, alias, tag, intervalSec, env })),
      [
        { name: 'exec.2', alias: undefined, tag: 'exec.2', intervalSec: 1, env: { A: 'service', B: 'own' } },
        { name: 'a', alias: 'a', tag: 't', intervalSec: 7, env: { A: 'service', B: 'service' } },
      ],
    );
    assert.deepEqual(pythonInputsOf(config).map(({ name }) => name), ['exec.3']);
  }); // prettier-ignore

  for (const [interval, seconds] of [
    ['0', 1],
    ['-3', 1],
    ['x', 1],
    ['1', 1],
    ['60', 60],
  ] as const) {
    it(`are started every ${seconds} s with an Interval_Sec ${interval}`, async () => {
      assert.equal((await checkedInput({ input: { interval_sec: interval } })).intervalSec, seconds);
    });
  }

  it('have the settings of their command, and what is wrong with it', async () => {
    const read = async (more: string, env: Readonly<Record<string, string>> = {}) => {
      const { runs, options, config, refusal } = await checkedInput({ input: { command: `${CALL} ${more}` }, env });
      return [runs, options['peek'], config?.deadlineMs, refusal];
    };
    assert.deepEqual(await read('--deadline 9s'), ['collect', undefined, 9000, undefined]);
    assert.deepEqual(await read('', { ACTIVITY_LOG_DEADLINE: '8s' }), ['collect', undefined, 8000, undefined]);
    assert.deepEqual((await read('follow --peek --deadline 9s')).slice(0, 2), ['follow', true]);
    assert.deepEqual(await read('--help'), ['collect', undefined, undefined, 'the command only prints help or the version']); // prettier-ignore
    const [runs, peek, deadlineMs, refusal] = await read('follow --peek --deadline 9x');
    assert.deepEqual([runs, peek, deadlineMs], ['follow', true, undefined], 'the rest is looked at all the same');
    assert.match(String(refusal), /^--deadline: expected/);
  });
});
