import assert from 'node:assert/strict';
import { it } from 'node:test';
import { ENVIRONMENT, OUTPUT, installedMachine } from '../../helpers/checked-machine.ts';

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
