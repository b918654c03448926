import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { thisMachine } from '../../src/check/facts/machine.ts';
import { checksum, checksumOn, formatRecord, readRecord } from '../../src/setup/record.ts';
import { formatSteps, drop, put } from '../../src/setup/step.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

it('the record of an installation is written as sha256sum does, and read again line by line', async (t) => {
  const machine = { ...thisMachine(), root: await temporaryFolder(t) };
  assert.deepEqual(readRecord(machine), new Map());
  mkdirSync(join(machine.root, 'etc/fluent-bit'), { recursive: true });
  const record = new Map([
    ['/etc/fluent-bit/a b.conf', 'abc'],
    ['enabled', 'by-us'],
  ]);
  const file = join(machine.root, 'etc/fluent-bit/.activity-log.installed');
  writeFileSync(file, formatRecord(record));
  assert.deepEqual(readRecord(machine), record);
  writeFileSync(file, '# abc  /x\n  /y\nabc /z\n\nabc  /etc/ok\n');
  assert.deepEqual(readRecord(machine), new Map([['/etc/ok', 'abc']]), 'nothing of lines of another form');
  assert.match(checksumOn(machine, '/etc/fluent-bit/.activity-log.installed') ?? '', /^[0-9a-f]{64}$/);
  assert.equal(checksumOn(machine, '/etc/fluent-bit'), undefined);
  writeFileSync(file, Buffer.of(0xff, 0xc3, 0xa4));
  assert.equal(checksumOn(machine, '/etc/fluent-bit/.activity-log.installed'), checksum(Buffer.of(0xff, 0xc3, 0xa4)));
});

it('the steps are for the shell: a line each, the source last, since it may have blanks', () => {
  const steps = [put('600', '/etc/a', '/tmp/my stage/a'), put('as-is', '/etc/b', '/b', '-'), drop('/etc/c')];
  assert.equal(
    formatSteps([...steps, drop('/etc/d', '-')]),
    'put 600 restart /etc/a /tmp/my stage/a\nput as-is - /etc/b /b\ndrop - restart /etc/c \ndrop - - /etc/d \n',
  );
});
