import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import fs, { appendFileSync, closeSync, constants, openSync, readFileSync, readSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { PassThrough, type Writable } from 'node:stream';
import { describe, it, type TestContext } from 'node:test';
import { codeOf } from '../../src/lib/errors.ts';
import { columnsOf, isTerminal, openStdout } from '../../src/lib/stdout.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

async function write(stream: Writable, text: string): Promise<Error | null | undefined> {
  return new Promise((resolve) => stream.write(text, resolve));
}

function opened(t: TestContext, file: string, flags: string): Writable {
  const fd = openSync(file, flags);
  t.after(() => closeSync(fd));
  return openStdout(fd);
}

describe('openStdout', () => {
  it('appends to a file', async (t) => {
    const file = join(await temporaryFolder(t), 'out');
    appendFileSync(file, 'before\n');
    const stdout = opened(t, file, 'a');
    assert.ok((await write(stdout, 'one\n')) == null);
    assert.ok((await write(stdout, 'two\n')) == null);
    assert.equal(readFileSync(file, 'utf8'), 'before\none\ntwo\n');
  });

  it('hands the error of a full device to the write', async (t) => {
    assert.equal(codeOf(await write(opened(t, '/dev/full', 'w'), 'one\n')), 'ENOSPC');
  });

  it('fails where whoever started the program discards what it prints', async (t) => {
    assert.match(String(await write(opened(t, '/dev/null', 'r+'), 'one\n')), /closed/);
  });

  it("takes a person's > /dev/null for what it is", async (t) => {
    assert.ok((await write(opened(t, '/dev/null', 'w'), 'one\n')) == null);
  });

  it('waits for the reader of a pipe, and can be given up while it waits', async (t) => {
    const pipe = join(await temporaryFolder(t), 'pipe');
    execFileSync('mkfifo', [pipe]);
    // Both ends are this process's: nothing is closed before it is read, and no open waits for the other end.
    const end = openSync(pipe, constants.O_RDWR | constants.O_NONBLOCK);
    const stdout = openStdout(openSync(pipe, constants.O_RDWR | constants.O_NONBLOCK));
    let answer: unknown = 'none yet';
    const more = Buffer.alloc(1_000_000);
    stdout.write(more, (error) => (answer = error));
    for (let n = 0; n < 3; n++) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(answer, 'none yet');
    assert.ok(readSync(end, more) > 0);
    closeSync(end);
    stdout.destroy();
    await once(stdout, 'close');
  });

  /** A disk that takes three bytes more, and then no more. */
  function fillDisk(t: TestContext, meanwhile: () => void = () => undefined): void {
    const real = fs.writeSync;
    let left = 3;
    t.mock.method(fs, 'writeSync', (fd: number, chunk: Buffer, offset: number) => {
      if (left === 0) {
        meanwhile();
        throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
      }
      const written = real(fd, chunk, offset, left);
      left -= written;
      return written;
    });
    syncBuiltinESMExports();
    t.after(() => {
      t.mock.restoreAll();
      syncBuiltinESMExports();
    });
  }

  it('takes back half a line that a full disk left, so that the next run does not continue it', async (t) => {
    const file = join(await temporaryFolder(t), 'out');
    appendFileSync(file, 'before\n');
    const stdout = opened(t, file, 'a');
    fillDisk(t);
    assert.equal(codeOf(await write(stdout, 'one\n')), 'ENOSPC');
    assert.equal(readFileSync(file, 'utf8'), 'before\n');
  });

  it('takes nothing back where another process has appended, or where the next write would leave a hole', async (t) => {
    const file = join(await temporaryFolder(t), 'out');
    appendFileSync(file, 'before\n');
    const appending = opened(t, file, 'a');
    fillDisk(t, () => appendFileSync(file, 'other\n'));
    assert.equal(codeOf(await write(appending, 'one\n')), 'ENOSPC');
    t.mock.restoreAll();
    syncBuiltinESMExports();
    assert.equal(readFileSync(file, 'utf8'), 'before\noneother\n');
    const plain = opened(t, file, 'w');
    fillDisk(t);
    assert.equal(codeOf(await write(plain, 'one\n')), 'ENOSPC');
    assert.equal(readFileSync(file, 'utf8'), 'one');
  });

  it('is as wide as its terminal, and 80 columns where that is unknown', () => {
    const wide = (columns?: unknown) => Object.assign(new PassThrough(), columns === undefined ? {} : { columns });
    assert.deepEqual([wide(132), wide(0), wide(), wide('x')].map(columnsOf), [132, 80, 80, 80]);
    const tty = (isTTY: boolean) => Object.assign(wide(), { isTTY });
    assert.deepEqual([tty(true), tty(false), wide()].map(isTerminal), [true, false, false]);
  });
});
