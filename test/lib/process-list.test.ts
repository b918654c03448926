import assert from 'node:assert/strict';
import { basename } from 'node:path';
import { describe, it } from 'node:test';
import { ancestorsOf, listProcesses } from '../../src/lib/process-list.ts';

describe('listProcesses', () => {
  it('knows this process and its parent', () => {
    const processes = listProcesses();
    assert.equal(processes.get(process.pid)?.parent, process.ppid);
    assert.equal(processes.get(process.pid)?.name, basename(process.argv0).slice(0, 15));
    assert.ok(ancestorsOf(process.pid, processes).length > 0);
  });

  it('finds no ancestors of a process that is not there', () => {
    assert.deepEqual(ancestorsOf(0, new Map()), []);
  });

  it('ends where two processes claim to be the parent of each other', () => {
    const circle = new Map([
      [1, { name: 'a', parent: 2 }],
      [2, { name: 'b', parent: 1 }],
    ]);
    assert.deepEqual(ancestorsOf(1, circle), ['b', 'a']);
  });
});
