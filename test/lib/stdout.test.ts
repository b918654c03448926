import assert from 'node:assert/strict';
import { appendFileSync, closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { describe, it, type TestContext } from 'node:test';
import { codeOf } from '../../src/lib/errors.ts';
import { openStdout } from '../../src/lib/stdout.ts';
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
});
