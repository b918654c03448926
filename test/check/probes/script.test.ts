import assert from 'node:assert/strict';
import { it } from 'node:test';
import { installedMachine, PIPELINE, SCRIPT } from '../../helpers/checked-machine.ts';

it("a release's executable is a program that can be run, though it does not begin with #!", async (t) => {
  const machine = await installedMachine(t);
  await machine.write(SCRIPT, '\x7fELF\x02\x01\x01', 0o755);
  assert.deepEqual(await machine.faults(), []);
});

it('a script whose Node is gone is pointed to one that exists', async (t) => {
  const machine = await installedMachine(t);
  await machine.write(SCRIPT, '#!/nowhere/node\n', 0o755);
  const [fault] = await machine.faults();
  assert.match(fault?.fix ?? '', /^#!.*\/usr\/bin\/node$/);
  const executable = { node: { version: '26.10.0', path: SCRIPT } };
  const [seen] = await machine.faults([], {}, executable);
  assert.equal(seen?.fix, '#!/usr/bin/node');
});

it('env is env wherever it is: the program that it looks for is what counts', async (t) => {
  const machine = await installedMachine(t);
  await machine.write(SCRIPT, '#!/bin/env -S NODE_OPTIONS= node\n', 0o755);
  assert.deepEqual(await machine.faults(), []);
  await machine.write(SCRIPT, '#!/bin/env nodejs-of-mine\n', 0o755);
  const [fault] = await machine.faults();
  assert.match(fault?.message ?? '', /the interpreter nodejs-of-mine does not exist: not on Fluent Bit's PATH$/);
});

it('only a program that is called node is asked which Node it is, and proposed as one', async (t) => {
  const machine = await installedMachine(t);
  await machine.write('/opt/ts-node', '#!/bin/sh\necho v10.9.2\n', 0o755);
  await machine.write(SCRIPT, '#!/opt/ts-node\n', 0o755);
  assert.deepEqual(await machine.faults(), []);
  await machine.write(SCRIPT, '#!/nowhere/node\n', 0o755);
  const ours = '/opt/activity-node';
  await machine.write(ours, '', 0o755);
  const [fault] = await machine.faults([], {}, { node: { version: '26.10.0', path: machine.path(ours) } });
  assert.equal(fault?.fix, '#!/usr/bin/node');
});

it('a script below a file does not exist', async (t) => {
  const machine = await installedMachine(t);
  await machine.edit(PIPELINE, [SCRIPT, `${SCRIPT}/dist`], [`${SCRIPT}/dist`, `${SCRIPT}/fetch-activity-logs`]);
  const [fault] = await machine.faults();
  assert.equal(fault?.message, `${SCRIPT}/fetch-activity-logs does not exist`);
});

it('a script that is only named is not found where there is no PATH', async (t) => {
  const machine = await installedMachine(t);
  await machine.edit(PIPELINE, [/^ +Command .*$/m, '    Command exec fetch-activity-logs']);
  const found = await machine.faults(['--config', machine.path(PIPELINE)], {}, { root: '/' });
  assert.ok(found.some(({ message }) => message === 'fetch-activity-logs is not on PATH'));
});
