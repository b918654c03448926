import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Environment } from '../../../src/check/facts/environment.ts';
import type { Section } from '../../../src/check/fluent-bit-config/model.ts';
import { checkPlaceholders, checkVariables, variablesIn } from '../../../src/check/rules/unset-variables.ts';
import { sectionOf } from '../../helpers/checked-input.ts';
import { ENVIRONMENT, OUTPUT, installedMachine } from '../../helpers/checked-machine.ts';
import { configOf } from '../../helpers/fluent-bit-config.ts';

it('a placeholder is to be replaced where it stands: in its variable, or in the line itself', async (t) => {
  const machine = await installedMachine(t);
  await machine.edit(ENVIRONMENT, [/^ACTIVITY_LOG_HOST=.*$/m, 'ACTIVITY_LOG_HOST=HOST-OF-YOUR-PIPELINE']);
  const [inVariable] = await machine.faults();
  assert.match(inVariable?.fix ?? '', /^ACTIVITY_LOG_HOST=/);
  await machine.edit(OUTPUT, [/^( +Host +).*$/m, '    Host HOST-OF-YOUR-PIPELINE']);
  const [inLine] = await machine.faults();
  assert.match(inLine?.fix ?? '', /^Host …$/i);
});

it('a named group of a regular expression is not a placeholder', async (t) => {
  const machine = await installedMachine(t);
  await machine.edit(OUTPUT, [/^ +Match +.*$/m, '    Match_Regex ^(?<TAG>activity.*)$']);
  assert.deepEqual(await machine.faults(), []);
});

it('a placeholder is seen in capitals or not, with blanks or not', async (t) => {
  const machine = await installedMachine(t);
  for (const placeholder of [
    '<PIPELINE_HOST>',
    '<pipeline_host>',
    '<your host>',
    'host-<ID>',
    'CHANGEME',
    'CHANGE-ME',
  ]) {
    await machine.edit(ENVIRONMENT, [/^ACTIVITY_LOG_HOST=.*$/m, `ACTIVITY_LOG_HOST="${placeholder}"`]);
    const found = (await machine.faults()).filter(({ code }) => code === 'placeholder');
    assert.deepEqual(
      found.map(({ message }) => message),
      [`host still contains ${placeholder.replace('host-', '')}`],
    );
  }
});

it('the variables of a value are those without a default, each once', () => {
  assert.deepEqual(variablesIn('${A}-${B:-x}${A}${C} $D ${}'), ['A', 'C']);
});

describe('a placeholder', () => {
  for (const [key, value, found] of [
    ['host', 'a <TAG_NAME> b', '<TAG_NAME>'],
    ['host', '<a-b c>', '<a-b c>'],
    ['host', 'my-HOST-OF-YOUR-PIPELINE', 'HOST-OF-YOUR-PIPELINE'],
    ['header', 'KEY-OF-YOUR-PIPELINE', 'KEY-OF-YOUR-PIPELINE'],
    ['tag', 'TAG-OF-YOUR-PIPELINE', 'TAG-OF-YOUR-PIPELINE'],
    ['header', 'TOKEN-OF-YOUR-ACCOUNT', 'TOKEN-OF-YOUR-ACCOUNT'],
    ['host', 'CHANGEME', 'CHANGEME'],
    ['host', 'changeme', undefined],
    ['host', 'XCHANGEMES', undefined],
    ['host', 'a < b > c', undefined],
    ['host', '<1>', undefined],
    ['host', '<>', undefined],
    ['host', 'PORT-OF-YOUR-PIPELINE', undefined],
    ['command', '<TAG>', undefined],
    ['match_regex', '<TAG>', undefined],
  ] as const) {
    it(`${found === undefined ? 'is not' : 'is'} seen in ${key} ${value}`, () => {
      const findings = checkPlaceholders(configOf([]), [sectionOf('output', { [key]: value })]);
      const message = found === undefined ? [] : [`${key} still contains ${found}`];
      assert.deepEqual(findings.map((finding) => finding.message), message); // prettier-ignore
    });
  }

  it('of variables is replaced in each of them, where it is', () => {
    const at = { file: 'main.conf', line: 1 };
    const header = (raw: string): Section => ({ kind: 'output', at, entries: [{ key: 'header', raw, value: 'x <KEY> y', at }] }); // prettier-ignore
    const fixes = ['${A} ${ACTIVITY_LOG_TAG}', 'x <KEY> y', 'x <KEY> ${A}'].map(
      (raw) => checkPlaceholders(configOf([]), [header(raw)])[0]?.fix,
    );
    assert.deepEqual(fixes, [
      'A=… and ACTIVITY_LOG_TAG=activityLog in /etc/fluent-bit/activity-log.env',
      'header x … y',
      'header x … ${A}',
    ]);
  });
});

describe('a variable that is used', () => {
  const environment: Environment = { variables: { SET: 'x', EMPTY: '' }, service: undefined, isKnown: true, hint: (name) => ` (hint for ${name})` }; // prettier-ignore
  const output = sectionOf('output', { host: '${A} ${SET}', uri: '${B:-x}', workers: '${C}', topics: '${EMPTY}' });
  const input = sectionOf('input', { tag: '${D}', interval_sec: '${E}', command: '${A}' });
  const other = sectionOf('output', { host: '${F} ${V}' });
  const config = {
    ...configOf([input, output, other]),
    parsers: [sectionOf('parser', { regex: '${G}' })],
    variables: new Map([['V', { value: 'v', at: input.at }], ['F', { value: '', at: input.at }]]), // prettier-ignore
  };
  const told = (known: Partial<Environment> = {}) =>
    checkVariables(config, { ...environment, ...known }, [input, output]).map(
      ({ level, message, impact = '', fix = '', line }) => `${level} ${line ?? 0} ${message}: ${impact}. ${fix}`,
    );

  it('is missed once, where it is needed most', () => {
    const where = 'in /etc/fluent-bit/activity-log.env';
    const unset = (name: string) => `variable \${${name}} is used but not set (hint for ${name})`;
    assert.deepEqual(told(), [
      `error 1 ${unset('D')}: Fluent Bit does not start. D=… ${where}`,
      `error 2 ${unset('E')}: the script is started every second. E=… ${where}`,
      `error 3 ${unset('A')}: the events go nowhere. A=… ${where}`,
      `warning 3 ${unset('C')}: Fluent Bit uses an empty value. C=… ${where}`,
      `error 4 ${unset('EMPTY')}: the events go nowhere. EMPTY=… ${where}`,
      `warning 1 ${unset('F')}: Fluent Bit uses an empty value. F=… ${where}`,
      `warning 1 ${unset('G')}: Fluent Bit uses an empty value. G=… ${where}`,
    ]);
  });

  it('may be set where this user cannot see it', () => {
    const [first] = told({ isKnown: false });
    assert.equal(
      first,
      "warning 1 variable ${D} is used but not set, as far as this user can see: the service's variables are in files that only root can read. ",
    );
  });
});
