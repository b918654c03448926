import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import {
  assertResumable,
  readRecord,
  recordName,
  restartHint,
  serializeRecord,
} from '../../src/export/progress-record.ts';
import { ConfigError } from '../../src/lib/errors.ts';
import { thisProcess } from '../../src/lib/process-identity.ts';
import { emptyState } from '../../src/state/state.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

const RANGE = { from: 0, to: 1, given: { from: '0', to: null } };
const LEFT = { range: RANGE, parameters: { format: 'csv' }, bytes: 5, owner: null, tallies: {}, state: emptyState() };
const PART = 'events.part';

describe('the record of an export', () => {
  it('is read again as it was written', async (t) => {
    const part = join(await temporaryFolder(t), 'events.part');
    assert.equal(recordName(part), `${part}.json`);
    const tallies = {
      a: { first: null, last: null, counted: 0, countedUpTo: null },
      b: { first: 0, last: 2, counted: 3, countedUpTo: 'x' },
    };
    const range = { ...RANGE, given: { from: '1d', to: '1h' } };
    for (const record of [LEFT, { ...LEFT, range, tallies, owner: await thisProcess(7) }]) {
      await writeFile(recordName(part), serializeRecord(record));
      assert.deepEqual(await readRecord(part, 5), record);
    }
  });

  it('may be missing only where nothing was written', async (t) => {
    const part = join(await temporaryFolder(t), 'events.part');
    assert.equal(await readRecord(part, 0), undefined);
    await assert.rejects(
      readRecord(part, 1),
      new ConfigError(
        `--output: ${part} exists but ${part}.json is missing, so the export cannot be resumed; move or remove it`,
      ),
    );
    await writeFile(recordName(part), serializeRecord(LEFT).replace('"version":1', '"version":2'));
    const message = `--output: cannot read ${part}.json: version is 2, expected 1; ${restartHint(part)}`;
    await assert.rejects(readRecord(part, 1), new ConfigError(message));
  });

  const tally = { first: 1, last: 2, counted: 3, countedUpTo: 'x' };
  for (const [what, damage] of Object.entries({
    'bytes is -1, expected a number': { bytes: -1 },
    'owner is 7, expected a process': { owner: 7 },
    'range is null, expected an object': { range: null },
    'range.from is "0", expected a number': { range: { ...RANGE, from: '0' } },
    'range.to is null, expected a number': { range: { ...RANGE, to: null } },
    'range.given is missing, expected an object': { range: { from: 0, to: 1 } },
    'range.given.from is 0, expected a string': { range: { ...RANGE, given: { from: 0, to: null } } },
    'range.given.to is 7, expected a string': { range: { ...RANGE, given: { from: '0', to: 7 } } },
    'parameters is [], expected an object': { parameters: [] },
    'tallies is "x", expected an object': { tallies: 'x' },
    'tallies.a is 7, expected an object': { tallies: { a: 7 } },
    'first is "x", expected a number': { tallies: { a: { ...tally, first: 'x' } } },
    'last is "x", expected a number': { tallies: { a: { ...tally, last: 'x' } } },
    'counted is null, expected a number': { tallies: { a: { ...tally, counted: null } } },
    'countedUpTo is 7, expected a string': { tallies: { a: { ...tally, countedUpTo: 7 } } },
  })) {
    it(`names what is wrong with it: ${what}`, async (t) => {
      const part = join(await temporaryFolder(t), 'events.part');
      const [head = '', rest = ''] = serializeRecord(LEFT).split('\n');
      await writeFile(recordName(part), `${JSON.stringify({ ...(JSON.parse(head) as object), ...damage })}\n${rest}`);
      const message = `--output: cannot read ${part}.json: ${what}; ${restartHint(part)}`;
      await assert.rejects(readRecord(part, 1), new ConfigError(message));
    });
  }
});

describe('an export is not resumed', () => {
  it('with an option that an older version did not know', async () => {
    await assertResumable(LEFT, PART, 5, { range: RANGE, parameters: { format: 'csv', separator: '' } });
    await assert.rejects(
      assertResumable(LEFT, PART, 5, { range: RANGE, parameters: { format: 'csv', separator: ';' } }),
      /a different export \(--separator was not given, now ;\)/,
    );
  });

  it('with another range, unless it is the same instant or the same words', async () => {
    const key = (from: string, second: number, to: string | null = null, end = 1) => ({
      ...LEFT,
      range: { from: second, to: end, given: { from, to } },
    });
    await assertResumable(LEFT, PART, 5, key('0', 9));
    await assertResumable(LEFT, PART, 5, key('1970', 0));
    await assertResumable(LEFT, PART, 5, key('0', 0, null, 9));
    const different = (what: string): ConfigError =>
      new ConfigError(
        `--output: ${PART} belongs to a different export (${what}): finish it with its own options, choose another name, or ${restartHint(PART)}`,
      );
    await assert.rejects(assertResumable(LEFT, PART, 5, key('1', 1)), different('--from was 0, now 1'));
    await assert.rejects(assertResumable(LEFT, PART, 5, key('0', 0, '9', 9)), different('--to was not given, now 9'));
    await assert.rejects(assertResumable(LEFT, PART, 5, key('1', 1, '9', 9)), different('--from was 0, now 1'));
    const ended = { ...LEFT, range: { ...RANGE, given: { from: '0', to: '1h' } } };
    await assert.rejects(
      assertResumable(ended, PART, 5, key('0', 0, null, 9)),
      different('--to was 1h, now not given'),
    );
  });

  it('where its file is too short', async () => {
    await assertResumable(LEFT, PART, 6, LEFT);
    const message = `--output: ${PART} has 4 bytes, but 5 were written; ${restartHint(PART)}`;
    await assert.rejects(assertResumable(LEFT, PART, 4, LEFT), new ConfigError(message));
  });
});

it('an export is resumed after the process that wrote it has ended, or by the same process', async () => {
  const owner = await thisProcess(0);
  await assertResumable({ ...LEFT, owner }, PART, 5, LEFT);
  await assertResumable({ ...LEFT, owner: { ...owner, pid: 1, started: 'before' } }, PART, 5, LEFT);
});
