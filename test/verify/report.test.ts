import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { renderReport, type VerifyReport } from '../../src/verify/report.ts';

const RANGE = { from: '2026-11-19T12:00:00Z', to: '2026-11-26T12:00:00Z' };
const BEFORE_OVERLAP = '2026-11-26T11:55:00Z';

function rendered(ends: readonly string[]): string {
  const compared = ends.map((to, index): VerifyReport['compared'][number] => ({
    source: `ionos/${index + 1}`,
    from: RANGE.from,
    to,
    events: 10,
    read: [],
  }));
  const chain = { lines: 4, first: undefined, last: undefined, problems: [], completeFrom: 0 };
  return renderReport({ range: RANGE, begins: null, chain, compared, copy: undefined, findings: [], errors: [] });
}

describe('renderReport', () => {
  it('says of which span it speaks, not which one was asked for', () => {
    assert.equal(
      rendered([BEFORE_OVERLAP, BEFORE_OVERLAP]),
      `✓ whole: 20 events of 2 sources between ${RANGE.from} and ${BEFORE_OVERLAP}; 4 commits\n` +
        'Newer events were not compared: some may still appear within the overlap.\n',
    );
    assert.equal(
      rendered([RANGE.to]),
      `✓ whole: 10 events of 1 source between ${RANGE.from} and ${RANGE.to}; 4 commits\n`,
    );
  });

  it('names the span of each source when one is behind the others', () => {
    assert.equal(
      rendered([BEFORE_OVERLAP, '2026-11-25T08:00:00Z']),
      '✓ whole: 20 events of 2 sources; 4 commits\n' +
        `  ionos/1: 10 events between ${RANGE.from} and ${BEFORE_OVERLAP}\n` +
        `  ionos/2: 10 events between ${RANGE.from} and 2026-11-25T08:00:00Z\n` +
        'Newer events were not compared: some may still appear within the overlap.\n',
    );
  });
});
