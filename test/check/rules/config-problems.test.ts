import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { DryRun } from '../../../src/check/facts/dry-run.ts';
import type { Environment } from '../../../src/check/facts/environment.ts';
import type { FluentBitConfig, Problem } from '../../../src/check/fluent-bit-config/model.ts';
import { isIncomplete, problemFindings } from '../../../src/check/rules/config-problems.ts';
import { sectionOf, type Keys } from '../../helpers/checked-input.ts';
import { MAIN, installedMachine } from '../../helpers/checked-machine.ts';
import { configOf } from '../../helpers/fluent-bit-config.ts';

it('a section that Fluent Bit does not know is cured by its right name, and by deleting it, as check offers', async (t) => {
  const section = '\n[OUTPUTT]\n    Name  null\n    Match nothing\n';
  for (const instead of [section.replace('OUTPUTT', 'OUTPUT'), '']) {
    const machine = await installedMachine(t);
    await machine.edit(MAIN, [/$/, section]);
    const [fault, ...others] = await machine.faults();
    assert.deepEqual([fault?.code, others], ['config-section-unknown', []]);
    assert.equal(fault?.fix, 'correct its name, or delete it');
    await machine.edit(MAIN, [section, instead]);
    assert.deepEqual(await machine.faults(), []);
  }
});

describe('what is wrong with a configuration', () => {
  const environment: Environment = { variables: {}, service: undefined, isKnown: true, hint: (name) => ` (hint for ${name})` }; // prettier-ignore
  const problem = (code: Problem['code'], line: number): Problem => ({ code, message: `a ${code}`, at: { file: 'main.conf', line } }); // prettier-ignore
  const refused = (message: string): DryRun => ({ isAccepted: false, message, command: 'try' });
  const accepted: DryRun = { isAccepted: true, message: '', command: 'try' };
  const told = (config: FluentBitConfig, tried?: DryRun, ours = config.sections) =>
    problemFindings(config, environment, ours, tried).map(
      ({ level, code, message, line }) => `${level} ${code} ${line ?? 0}: ${message}`,
    );
  const withProblems = (...problems: readonly Problem[]): FluentBitConfig => ({ ...configOf([]), problems, files: ['main.conf'] }); // prettier-ignore

  it('is what our reader found, where there is no Fluent Bit to ask: the first of it, and unknown sections', () => {
    assert.deepEqual(told(withProblems()), []);
    const config = withProblems(problem('section-unknown', 1), problem('syntax', 2), problem('include-twice', 3));
    const unknown = 'warning config-section-unknown 1: a section-unknown';
    assert.deepEqual(told(config), ['error config-syntax 2: a syntax', unknown]);
    assert.deepEqual(told(config, accepted), ['warning config-unread 2: a syntax', unknown]);
    assert.deepEqual(told(withProblems(problem('section-unknown', 1)), accepted), [unknown]);
  });

  it('is what Fluent Bit says, with what our reader knows of the same place', () => {
    const config = withProblems(problem('syntax', 2));
    assert.deepEqual(told(config, refused('x')), ['error config-refused 2: Fluent Bit says "x" (a syntax)']);
    assert.deepEqual(told(config, refused('in main.conf:2')), ['error config-refused 2: Fluent Bit says "in main.conf:2" (a syntax)']);
    assert.deepEqual(told(config, refused('in main.conf:3')), ['error config-refused 3: Fluent Bit says "in main.conf:3"']);
    assert.deepEqual(told(withProblems(), refused('x')), ['error config-refused 0: Fluent Bit says "x"']);
  }); // prettier-ignore

  it('is told once where a variable is the reason', () => {
    const at = { file: 'main.conf', line: 1 };
    const section = (key: string) => ({ kind: 'output' as const, at, entries: [{ key, raw: '${A}${B}', value: '', at }] });
    const config = (key: string) => ({ ...configOf([section(key)]), files: ['main.conf'] });
    const [unset, other] = ['A', 'B'].map((name) => `config-variable-unset 1: variable \${${name}} is used but not set (hint for ${name})`);
    assert.deepEqual(told(config('host'), refused('in main.conf:1')), [`error ${unset}`, `error ${other}`]);
    assert.deepEqual(told(config('workers'), refused('in main.conf:1')), [
      `warning ${unset}`,
      `warning ${other}`,
      'error config-refused 1: Fluent Bit says "in main.conf:1" (it is empty: ${A} (hint for A) and ${B} (hint for B) is not set)',
    ]);
  }); // prettier-ignore

  it('is a Parsers_File that is named twice, which Fluent Bit says in other words', () => {
    const config = configOf([sectionOf('service', { parsers_file: 'p' }), sectionOf('service', { flush: '1', parsers_file: 'p' })]); // prettier-ignore
    const twice = 'error config-parser-duplicate 2: Parsers_File p a second time (first in main.conf:1)';
    assert.deepEqual(told(config), [twice]);
    assert.deepEqual(told(config, refused("parser named 'a' already exists")), [twice]);
    assert.deepEqual(told(config, refused('x')), [twice, 'error config-refused 0: Fluent Bit says "x"']);
    const parsers = configOf([sectionOf('service', { parsers_file: 'p' })]);
    assert.deepEqual(told(parsers, refused("parser named 'a' already exists")).length, 1);
  });

  it('is a key that was meant otherwise, of the service and of parsers', () => {
    const config: FluentBitConfig = {
      ...configOf([sectionOf('service', { flushh: '1', nonsense: '1' }), sectionOf('input', { flushh: '1' })]),
      parsers: [sectionOf('parser', { formt: 'json' }), sectionOf('multiline_parser', { formt: 'json' })],
    };
    assert.deepEqual(told(config), [
      "warning config-key-unknown 1: a [SERVICE] has no key 'flushh'; 'flush' was probably meant",
      "warning config-key-unknown 1: a parser has no key 'formt'; 'format' was probably meant",
    ]);
  });

  it('is an alias that one of ours shares with a section of its kind', () => {
    const keys: Keys = { name: 'x', alias: 'a' };
    const [input, second] = [sectionOf('input', keys), sectionOf('input', keys)];
    const config = configOf([input, second, sectionOf('output', keys)]);
    const message = "error config-alias-duplicate 2: alias 'a' is already used";
    assert.deepEqual(told(config, accepted, [input]), [message]);
    assert.deepEqual(told(config, accepted, [sectionOf('output', keys)]), []);
    assert.deepEqual(told(config, accepted, []), []);
  });

  it('is a key that is set again, unless it may be, or Fluent Bit has said so', () => {
    const keys = ['header', 'tag', 'add_option', 'header', 'tag', 'processors', 'processors', 'add_option', 'tag'];
    const entries = keys.map((key, index) => ({ key, raw: 'x', value: 'x', at: { file: 'main.conf', line: index } }));
    const config = configOf([{ kind: 'input', at: { file: 'main.conf', line: 0 }, entries }]);
    const twice = [4, 8].map((line) => `warning config-key-overridden ${line}: 'tag' is set more than once`);
    assert.deepEqual(told(config), twice);
    assert.deepEqual(told(config, accepted), twice);
    assert.deepEqual(told(config, refused('x')), ['error config-refused 0: Fluent Bit says "x"']);
    assert.deepEqual(told(config, accepted, []), []);
  });

  it('may hide what seems to be missing', () => {
    const codes = ['syntax', 'include-missing', 'include-twice', 'section-unknown'] as const;
    assert.deepEqual(codes.map((code) => isIncomplete(withProblems(problem(code, 1)))), [true, true, false, false]); // prettier-ignore
  });
});
