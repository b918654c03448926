import assert from 'node:assert/strict';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { SourceTally } from '../../src/export/progress-record.ts';
import { reportOf, sha256Of, sourceReport, summaryOf, tallyEvent, writeReport } from '../../src/export/report.ts';
import { ConfigError } from '../../src/lib/errors.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

const HASH_OF_ABC = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';
const tally = (made: Partial<SourceTally> = {}): SourceTally => ({
  first: null,
  last: null,
  counted: 0,
  countedUpTo: null,
  ...made,
});
const source = (name: string, made: Partial<ReturnType<typeof sourceReport>> = {}) => ({
  ...sourceReport(name, { delivered: 0, rejected: 0, cursor: 'c' }, tally()),
  ...made,
});
const report = (made: Partial<Parameters<typeof reportOf>[0]> = {}) =>
  reportOf({
    provider: 'ionos',
    api_url: 'https://api.example',
    range: { from: 0, to: 3600, given: { from: '1h', to: null } },
    format: 'jsonl',
    output: null,
    bytes: 1234,
    sha256: 'abc',
    rejected_file: null,
    complete: true,
    sources: [],
    ...made,
  });

describe('the report of an export', () => {
  it('has the time of the first and of the last event of each source, in any order, and none of events without one', () => {
    const times = tally();
    for (const time of [5_000, undefined, 2_000, 9_500, 0, 7_000]) tallyEvent(times, time);
    assert.deepEqual([times.first, times.last], [0, 9_500]);
    const { first_event, last_event } = sourceReport('a', { delivered: 5, rejected: 0, cursor: 'c' }, times);
    assert.deepEqual([first_event, last_event], ['1970-01-01T00:00:00Z', '1970-01-01T00:00:09Z']);
    assert.deepEqual(source('a'), {
      source: 'a',
      events: 0,
      api_events: null,
      rejected: 0,
      first_event: null,
      last_event: null,
    });
  });

  it('has the count of the API where it is of the whole range', () => {
    const state = { delivered: 5, rejected: 1, cursor: 'end' };
    assert.equal(sourceReport('a', state, tally({ counted: 6, countedUpTo: 'end' })).api_events, 6);
    assert.equal(sourceReport('a', state, tally({ counted: 6, countedUpTo: 'before' })).api_events, null);
    assert.equal(sourceReport('a', state, tally({ counted: 6 })).api_events, null);
  });

  it('adds up its sources, with the range in UTC', () => {
    const { from, to, events, program, ...others } = report({
      sources: [source('a', { events: 2 }), source('b', { events: 3 })],
    });
    assert.deepEqual([from, to, events], ['1970-01-01T00:00:00Z', '1970-01-01T01:00:00Z', 5]);
    assert.match(program, /^fetch-activity-logs \d/);
    assert.ok(!('range' in others));
  });

  it('says to people what was written of each source, and of all', () => {
    const whole = { events: 1200, api_events: 1201, rejected: 1000, first_event: 'A', last_event: 'B' };
    const sources = [source('a', whole), source('b', { events: 1 })];
    assert.deepEqual(summaryOf(report({ sources, rejected_file: '/out.rejected.jsonl' })), [
      'a: 1,200 events (the API counts 1,201), from A to B; 1,000 cannot be read: in /out.rejected.jsonl',
      'b: 1 event',
      '1,201 events from 2 sources, 1970-01-01T00:00:00Z to 1970-01-01T01:00:00Z',
      '1,234 bytes in stdout, SHA-256 abc',
    ]);
    const [first, , last] = summaryOf(report({ sources: [source('a', { rejected: 1 })], output: '/out' }));
    assert.equal(first, 'a: 0 events; 1 cannot be read: left out');
    assert.equal(last, '1,234 bytes in /out, SHA-256 abc');
  });

  it('is a file of JSON, for its owner alone, or an error that names the option', async (t) => {
    const folder = await temporaryFolder(t);
    const file = join(folder, 'report.json');
    await writeReport(file, report());
    assert.equal(await readFile(file, 'utf8'), `${JSON.stringify(report(), null, 2)}\n`);
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    await assert.rejects(writeReport(join(folder, 'none', 'x'), report()), (error: Error) => {
      assert.ok(error instanceof ConfigError);
      assert.match(error.message, /^--report: cannot write \S+\/none\/x: .*ENOENT/);
      return true;
    });
  });

  it('has the hash of the file as it is on the disk', async (t) => {
    const file = join(await temporaryFolder(t), 'events');
    await writeFile(file, 'abc');
    assert.equal(await sha256Of(file), HASH_OF_ABC);
  });
});
