import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, existsSync } from 'node:fs';
import { Writable, type Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { describe, it, type TestContext } from 'node:test';
import { setImmediate as soon } from 'node:timers/promises';
import { ExitCode } from '../../src/lib/errors.ts';
import { Outlet } from '../../src/delivery/outlet.ts';

const never = new AbortController().signal;

/** A process that reads from a pipe, as Fluent Bit does. */
function reader(t: TestContext, command: string): ChildProcess & { stdin: Writable; stdout: Readable } {
  const child = spawn('sh', ['-c', command], { stdio: ['pipe', 'pipe', 'inherit'] });
  t.after(() => child.kill('SIGKILL'));
  return child;
}

/** So many whole lines of so many bytes each, their line breaks included. */
function lines(count: number, bytes: number): Buffer {
  return Buffer.from(`${'x'.repeat(bytes - 1)}\n`.repeat(count));
}

describe('Outlet', () => {
  const sizes: [string, Buffer][] = [
    ['nothing', Buffer.alloc(0)],
    ['one line', Buffer.from('{"a":1}\n')],
    ['more than a pipe holds', lines(3000, 386)],
    ['a line longer than a pipe holds', Buffer.concat([lines(2, 100), lines(1, 300_000), lines(2, 100)])],
    ['lines that fill a pipe to the byte', lines(4, 65_536)],
    ['bytes that are no UTF-8', Buffer.from([0xff, 0xfe, 0x0a])],
  ];
  for (const [name, text] of sizes) {
    it(`prints ${name}`, async (t) => {
      const child = reader(t, 'exec cat');
      const printed = buffer(child.stdout);
      assert.equal(await new Outlet(child.stdin).print(text, never), text.length);
      child.stdin.end();
      assert.deepEqual(await printed, text);
    });
  }

  it('prints one thing after the other', async (t) => {
    const child = reader(t, 'exec cat');
    const printed = buffer(child.stdout);
    const outlet = new Outlet(child.stdin);
    for (const line of ['a\n', 'b\n', 'c\n']) await outlet.print(Buffer.from(line), never);
    child.stdin.end();
    assert.equal((await printed).toString(), 'a\nb\nc\n');
  });

  it('waits for the reader: what it has not taken is not printed', async (t) => {
    const child = reader(t, 'exec cat');
    const printed = buffer(child.stdout);
    const text = lines(2000, 1000);
    let done = false;
    child.kill('SIGSTOP');
    const printing = new Outlet(child.stdin).print(text, never).finally(() => {
      done = true;
    });
    while (child.stdin.writableLength === 0) await soon();
    assert.equal(done, false);
    assert.ok(child.stdin.writableLength <= 65_536);
    child.kill('SIGCONT');
    assert.equal(await printing, text.length);
    child.stdin.end();
    assert.deepEqual(await printed, text);
  });

  it('stops when it is given up, and counts what was surely written only', async (t) => {
    const child = reader(t, 'exec sleep 1000');
    const giveUp = new AbortController();
    const text = lines(1000, 1000);
    const printing = new Outlet(child.stdin).print(text, giveUp.signal);
    while (child.stdin.writableLength === 0) await soon();
    giveUp.abort();
    const written = await printing;
    assert.equal(written % 1000, 0);
    assert.ok(written < text.length);
    assert.ok(child.stdin.destroyed);
    assert.equal(await new Outlet(child.stdin).print(text, giveUp.signal), 0);
  });

  it('counts nothing that stdout has not taken when it is given up', async () => {
    const giveUp = new AbortController();
    const stuck = new Writable({ write: () => giveUp.abort() });
    assert.equal(await new Outlet(stuck).print(lines(2, 10), giveUp.signal), 0);
  });

  it('prints nothing when it was given up before', async (t) => {
    const child = reader(t, 'exec cat');
    const printed = buffer(child.stdout);
    assert.equal(await new Outlet(child.stdin).print(lines(1, 10), AbortSignal.abort()), 0);
    child.stdin.end();
    assert.equal((await printed).length, 0);
  });

  it('fails when the reader closes, and says that the rest comes with the next run', async (t) => {
    // It lives on: Node destroys the stdin of a child that has ended, which is another failure.
    const child = reader(t, 'exec <&-; echo closed; exec sleep 1000');
    await once(child.stdout, 'data');
    const outlet = new Outlet(child.stdin);
    const refused = {
      name: 'StdoutError',
      exitCode: ExitCode.NotDelivered,
      message: /^stdout was closed before everything was printed$/,
    };
    await assert.rejects(outlet.print(lines(10_000, 1000), never), refused);
    await assert.rejects(outlet.print(lines(1, 1000), never), refused);
  });

  it('fails when the stream was destroyed by someone else', async (t) => {
    const child = reader(t, 'exec cat');
    const outlet = new Outlet(child.stdin);
    child.stdin.destroy();
    await assert.rejects(outlet.print(lines(1, 10), never), { code: 'STDOUT', message: /^cannot write to stdout: / });
  });

  it('fails when the stream breaks in the middle of a line, though the write is never answered', async () => {
    const stream = new Writable({ write: () => undefined });
    const printing = new Outlet(stream).print(lines(1, 10), never);
    stream.emit('error', Object.assign(new Error('write EIO'), { code: 'EIO' }));
    await assert.rejects(printing, { message: 'cannot write to stdout: write EIO' });
  });

  it('gives stdout as many whole lines at a time as a pipe holds, and a longer line alone', async () => {
    const sizes: number[] = [];
    const stream = new Writable({
      write: (chunk: Buffer, _encoding, callback) => {
        sizes.push(chunk.length);
        callback();
      },
    });
    await new Outlet(stream).print(Buffer.concat([lines(150, 1000), lines(1, 100_000), lines(2, 1000)]), never);
    assert.deepEqual(sizes, [65_000, 65_000, 20_000, 100_000, 2_000]);
  });

  it('names the first of several errors', async () => {
    const stream = new Writable({ write: () => undefined });
    const outlet = new Outlet(stream);
    for (const text of ['write EIO', 'read ECONNRESET']) stream.emit('error', new Error(text));
    await assert.rejects(outlet.print(lines(1, 10), never), { message: 'cannot write to stdout: write EIO' });
  });

  it('fails when the error comes between two pages', async () => {
    const stream = new Writable({ write: (_chunk, _encoding, callback) => callback() });
    const outlet = new Outlet(stream);
    await outlet.print(lines(1, 10), never);
    stream.destroy(Object.assign(new Error('write EIO'), { code: 'EIO' }));
    await new Promise((resolve) => stream.once('close', resolve));
    await assert.rejects(outlet.print(lines(1, 10), never), { message: /^cannot write to stdout: write EIO$/ });
  });

  it('fails on a full disk', { skip: existsSync('/dev/full') ? false : 'needs /dev/full' }, async () => {
    const outlet = new Outlet(createWriteStream('/dev/full'));
    await assert.rejects(outlet.print(lines(1, 10), never), {
      code: 'STDOUT',
      message: /^cannot write to stdout: ENOSPC: .*$/,
    });
  });

  it('listens no more to a signal that was not needed', async () => {
    const stream = new Writable({ write: (_chunk, _encoding, callback) => callback() });
    const giveUp = new AbortController();
    await new Outlet(stream).print(lines(500, 1000), giveUp.signal);
    giveUp.abort();
    assert.equal(stream.destroyed, false);
  });

  it('lets go of the stream at its end', () => {
    const stream = new Writable();
    const outlet = new Outlet(stream);
    assert.equal(stream.listenerCount('error'), 1);
    outlet.close();
    assert.equal(stream.listenerCount('error'), 0);
  });
});
