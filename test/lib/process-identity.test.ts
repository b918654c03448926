import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { describe, it, type TestContext } from 'node:test';
import { setImmediate as soon } from 'node:timers/promises';
import {
  describeOwner,
  isAlive,
  readOwner,
  thisProcess,
  type ProcessIdentity,
} from '../../src/lib/process-identity.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

const onLinux = { skip: process.platform === 'linux' ? false : 'needs /proc' };
const NOBODY = 65_534;

type Child = ChildProcess & { readonly pid: number; readonly stdin: Writable; readonly stdout: Readable };

/** A process that does nothing until it is killed. */
function idle(t: TestContext, command = 'exec sleep 1000', options: { uid?: number } = {}): Child {
  const child = spawn('sh', ['-c', command], { stdio: ['pipe', 'pipe', 'inherit'], ...options });
  t.after(() => child.kill('SIGKILL'));
  assert.ok(child.pid !== undefined);
  return child as Child;
}

async function firstLine({ stdout }: Child): Promise<string> {
  const [line] = (await once(stdout, 'data')) as [Buffer];
  return line.toString().trim();
}

/** What thisProcess() says in that process. */
async function identityOf(pid: number): Promise<ProcessIdentity> {
  return { ...(await thisProcess(0)), pid, started: await startOf(pid) };
}

async function startOf(pid: number): Promise<string> {
  return (await readFile(`/proc/${pid}/stat`, 'utf8')).replace(/^.*\) /s, '').split(' ')[19] ?? '';
}

describe('thisProcess', () => {
  it('names this process, and that is alive', async () => {
    const identity = await thisProcess(42);
    assert.deepEqual([identity.pid, identity.host, identity.since], [process.pid, hostname(), 42]);
    assert.equal(await isAlive(identity), true);
  });

  it('knows the boot and the start', onLinux, async () => {
    const { boot, started } = await thisProcess(0);
    assert.match(boot, /^[0-9a-f-]{36}$/);
    assert.match(started, /^\d+$/);
  });
});

describe('isAlive', () => {
  it('is unknown of another machine', async () => {
    assert.equal(await isAlive({ ...(await thisProcess(0)), host: 'another.example.com' }), undefined);
  });

  it('is false of a number that no process has, also where the system does not tell when one was started', async () => {
    assert.equal(await isAlive({ ...(await thisProcess(0)), pid: 2 ** 30, started: '' }), false);
  });

  it('is false of before the machine was started', async () => {
    assert.equal(await isAlive({ ...(await thisProcess(0)), boot: 'another' }), false);
  });

  it('is false when another process has that number by now', async () => {
    assert.equal(await isAlive({ ...(await thisProcess(0)), started: '1' }), false);
  });

  it('is true as long as it runs, and false once it was killed', onLinux, async (t) => {
    const child = idle(t);
    const identity = await identityOf(child.pid);
    assert.equal(await isAlive(identity), true);
    child.kill('SIGKILL');
    await once(child, 'exit');
    assert.equal(await isAlive(identity), false);
  });

  it('is true of a process whose name looks like other fields', onLinux, async (t) => {
    const child = idle(t, 'printf "a) Z 1 (b" > /proc/$$/comm; echo renamed; read -r _');
    await firstLine(child);
    assert.match(await readFile(`/proc/${child.pid}/stat`, 'utf8'), /^\d+ \(a\) Z 1 \(b\) /);
    assert.equal(await isAlive(await identityOf(child.pid)), true);
  });

  it('is false of one that has ended and that nobody has taken note of', onLinux, async (t) => {
    // The shell becomes a sleep, which does not wait for the shell's child.
    const parent = idle(t, 'exec 3<&0; sh -c "read -r _ <&3" & echo $!; exec sleep 1000');
    const pid = Number(await firstLine(parent));
    while ((await readFile(`/proc/${parent.pid}/comm`, 'utf8')) !== 'sleep\n') await soon();
    const identity = await identityOf(pid);
    assert.equal(await isAlive(identity), true);
    parent.stdin.end();
    while (!(await readFile(`/proc/${pid}/stat`, 'utf8')).includes(') Z ')) await soon();
    assert.equal(await isAlive(identity), false);
  });

  it("is true of another user's process, which cannot be signalled", onLinux, async (t) => {
    const isRoot = process.getuid?.() === 0;
    const pid = isRoot ? idle(t, undefined, { uid: NOBODY }).pid : 1;
    const identity = await identityOf(pid);
    if (isRoot) process.seteuid?.(1);
    try {
      assert.throws(() => process.kill(pid, 0), { code: 'EPERM' });
      assert.equal(await isAlive(identity), true);
    } finally {
      if (isRoot) process.seteuid?.(0);
    }
  });
});

describe('who holds a lock', () => {
  const owner = { pid: 7, host: hostname(), boot: 'b', started: 's', since: 1_000 };

  it('is a process, of another machine where it is one, and for how long', () => {
    assert.equal(describeOwner(owner, 181_000), 'process 7, for 3 min');
    assert.equal(describeOwner({ ...owner, host: 'vm-2' }, 181_000), 'process 7 on vm-2, for 3 min');
    assert.equal(describeOwner(owner, 0), 'process 7, for 0 s');
    assert.equal(describeOwner(undefined, 0), 'unknown process');
  });

  it('is in a file, if that says who', async (t) => {
    const file = join(await temporaryFolder(t), 'owner');
    const read = async (value: unknown) => {
      await writeFile(file, typeof value === 'string' ? value : JSON.stringify(value));
      return readOwner(file);
    };
    assert.equal(await readOwner(file), undefined);
    assert.deepEqual(await read(owner), owner);
    assert.deepEqual(await read({ pid: 7, host: 'vm-2' }), { pid: 7, host: 'vm-2', boot: '', started: '', since: 0 });
    for (const value of [null, {}, { pid: 7 }, { host: 'vm-2' }, '{"pid":7,'])
      assert.equal(await read(value), undefined);
  });
});
