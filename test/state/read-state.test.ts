import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { accessAdvice, readState } from '../../src/state/read-state.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

describe('a command that only looks at the state', () => {
  const rows: [string, string | undefined, string][] = [
    [
      'is missing',
      undefined,
      'there is no state file FILE: no run for ionos has saved anything there yet, ' +
        'or it keeps its state elsewhere (--state-file)',
    ],
    [
      'cannot be parsed',
      '{',
      'the state file FILE cannot be parsed: it is not JSON; the next run sets it aside and rebuilds it from the journal',
    ],
    [
      'is of a newer version',
      '{"version":99}',
      'the state file FILE cannot be parsed: it has version 99, and this program knows versions up to 2: a newer one wrote it',
    ],
  ];
  for (const [what, text, message] of rows) {
    it(`says what to do when its file ${what}`, async (t) => {
      const file = join(await temporaryFolder(t), 'state.json');
      if (text !== undefined) await writeFile(file, text);
      await assert.rejects(readState(file, 'ionos'), { name: 'StateError', message: message.replace('FILE', file) });
    });
  }

  it('says why it cannot be read, and as whom to run where that is the reason', async (t) => {
    const folder = await temporaryFolder(t);
    await assert.rejects(readState(folder, 'ionos'), {
      message: `cannot read the state file ${folder}: EISDIR: illegal operation on a directory, read`,
    });
    const failure = (code: string) => Object.assign(new Error(code), { code });
    assert.equal(accessAdvice(failure('EACCES')), ' (run it as the user that collects, or as root)');
    assert.equal(accessAdvice(failure('EISDIR')), '');
  });

  it('reads it, and leaves it as it is', async (t) => {
    const file = join(await temporaryFolder(t), 'state.json');
    await writeFile(file, '{"version":1,"generation":7}');
    assert.equal((await readState(file, 'ionos')).generation, 7);
  });
});
