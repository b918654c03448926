import assert from 'node:assert/strict';
import { it } from 'node:test';
import { MAIN, installedMachine } from '../../helpers/checked-machine.ts';

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
