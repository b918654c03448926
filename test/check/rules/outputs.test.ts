import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { it } from 'node:test';
import { OUTPUT, PIPELINE, installedMachine } from '../../helpers/checked-machine.ts';

it('accepts a Retry_Limit without end only, in any case', async (t) => {
  const machine = await installedMachine(t);
  for (const [value, found] of [
    ['No_Limits', []],
    ['false', []],
    ['5', ['Retry_Limit 5']],
    ['many', ['Retry_Limit many']],
    ['no_retries', ['Retry_Limit no_retries']],
  ] as const) {
    await machine.edit(OUTPUT, [/^ +Retry_Limit .*$/m, `    Retry_Limit ${value}`]);
    assert.deepEqual(
      (await machine.faults()).map(({ message }) => message),
      found,
    );
  }
});

it('says that an output is sound beside one that is not', async (t) => {
  const machine = await installedMachine(t);
  const text = await readFile(machine.path(OUTPUT), 'utf8');
  await machine.write('/etc/fluent-bit/outputs/second.conf', text.replace(/^ +Alias .*$/m, '    Alias second'));
  await machine.edit(PIPELINE, ['@INCLUDE outputs/ionos.conf', '@INCLUDE outputs/ionos.conf\n@INCLUDE outputs/second.conf']); // prettier-ignore
  await machine.edit(OUTPUT, [/^ +Retry_Limit .*$/m, '    Retry_Limit 5']);
  assert.match((await machine.run()).stdout, /✓ .*: output second receives the events of activity_log,/);
});

const http: [what: string, changes: [key: RegExp, line: string][], found: string[]][] = [
  ['its format in capitals', [[/Format .*/, 'Format JSON']], []],
  ['a placeholder for its path, which is said once', [[/URI .*/, 'URI /<TAG>']], ['placeholder']],
  ['no host, whose key nobody sees', [[/Host .*/, ''], [/tls .*/, ''], [/Port .*/, 'Port 8080']], ['output-host']],
  ['this machine, whose key nobody sees', [[/Host .*/, 'Host 127.0.0.1'], [/tls .*/, ''], [/Port .*/, 'Port 8080']], ['output-host-unusual']],
]; // prettier-ignore
for (const [what, changes, found] of http) {
  it(`check says of an http output with ${what}: ${found.join() || 'nothing'}`, async (t) => {
    const machine = await installedMachine(t);
    await machine.edit(OUTPUT, ...changes.map(([key, line]): [RegExp, string] => [new RegExp(`(?<=^ +)${key.source}$`, 'm'), line])); // prettier-ignore
    const codes = (await machine.faults()).map(({ code }) => code);
    assert.deepEqual(codes, found);
  });
}
