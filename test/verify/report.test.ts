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
  const chain = { lines: 4, first: undefined, last: undefined, problems: [], complete_from: 0 };
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

  const CHAIN = { lines: 4, first: undefined, last: undefined, problems: [], complete_from: 0 };
  const EMPTY: VerifyReport = {
    range: RANGE,
    begins: RANGE.from,
    chain: CHAIN,
    compared: [],
    copy: undefined,
    findings: [],
    errors: [],
  };
  const source = 'ionos/1';
  const compared = [{ source, from: RANGE.from, to: RANGE.to, events: 10, read: [] }];
  const WHOLE = `10 events of 1 source between ${RANGE.from} and ${RANGE.to}`;
  const copy = { lines: 9, without: 0, first_without: undefined, cut_off: undefined };
  const time = '2026-11-20T12:00:00Z';

  const rows: [string, Partial<VerifyReport>, string[]][] = [
    ['names the copy', { compared, copy }, [`✓ whole: ${WHOLE}, and 9 lines of the copy; 4 commits`]],
    [
      'says which lines of the copy have no id, and that it is cut off',
      { compared, copy: { lines: 9, without: 1, first_without: 7, cut_off: 9 } },
      [
        '1 line of the copy without an id, the first is line 7.',
        '✗ the copy ends in the middle of line 9: it is cut off',
        `${WHOLE}, and 9 lines of the copy; 4 commits`,
      ],
    ],
    [
      'says what is wrong before what was compared: the chain, the API, and each kind of event',
      {
        compared,
        chain: { ...CHAIN, problems: ['x was altered'] },
        errors: ['ionos/2: HTTP 403'],
        findings: [
          { kind: 'arrived twice', source, id: 'a', time },
          { kind: 'missing', source, id: 'b', time, type: 'Login' },
          { kind: 'set aside', source, id: 'c', time },
          { kind: 'twice', source, id: 'd', time },
          { kind: 'gone', source, id: 'e', time },
          { kind: 'not arrived', source, id: 'f', time },
          { kind: 'missing', source, id: 'g', time },
        ],
      },
      [
        '✗ journal: x was altered',
        '✗ not compared: ionos/2: HTTP 403',
        '✗ 2 events at the API, not delivered:',
        `  ${time}  b  Login  ionos/1`,
        `  ${time}  g  ionos/1`,
        '✗ 1 event delivered twice:',
        `  ${time}  d  ionos/1`,
        '✗ 1 event delivered, no longer at the API:',
        `  ${time}  e  ionos/1`,
        '✗ 1 event delivered, not in the copy:',
        `  ${time}  f  ionos/1`,
        '✗ 1 event not in the copy: Fluent Bit refused them, or they are not events; they are in rejected.jsonl:',
        `  ${time}  c  ionos/1`,
        '✗ 1 event more often in the copy than delivered:',
        `  ${time}  a  ionos/1`,
        `${WHOLE}; 4 commits`,
      ],
    ],
    [
      'says where the journal starts if it is not whole',
      { compared, chain: { ...CHAIN, first: { seq: 5, at: time } } },
      [
        `The journal starts with commit 5 (${time}): what was before cannot be compared.`,
        `✓ whole: ${WHOLE}; 4 commits`,
      ],
    ],
    [
      'does not say so where it starts with the first commit',
      { compared, chain: { ...CHAIN, first: { seq: 1, at: time } } },
      [`✓ whole: ${WHOLE}; 4 commits`],
    ],
    [
      'is not whole where only the copy is cut off, or only the chain is broken',
      { compared, copy: { ...copy, cut_off: 1 }, chain: { ...CHAIN, problems: ['y', 'z'] } },
      [
        '✗ journal: y',
        '✗ journal: z',
        '✗ the copy ends in the middle of line 1: it is cut off',
        `${WHOLE}, and 9 lines of the copy; 4 commits`,
      ],
    ],
    ...(
      [
        [{ begins: null }, ': the state has none of the sources that the token sees.'],
        [{ begins: '2026-11-27T12:00:00Z' }, ': the journal begins at 2026-11-27T12:00:00Z, after this range.'],
        [{}, ' yet: no source is past its overlap in this range.'],
      ] as const
    ).map(([report, why]): [string, Partial<VerifyReport>, string[]] => [
      `says what is wrong with the journal before the reason: Nothing could be compared${why}`,
      { ...report, chain: { ...CHAIN, problems: ['y'] } },
      ['✗ journal: y', `Nothing could be compared${why}`],
    ]),
    [
      'says that the journal is whole where nothing could be compared',
      { errors: ['x'] },
      ['✗ not compared: x', 'Nothing could be compared. The journal is whole: 4 commits.'],
    ],
    [
      'does not say so of one that is not',
      { errors: ['x'], chain: { ...CHAIN, problems: ['y'] } },
      ['✗ journal: y', '✗ not compared: x', 'Nothing could be compared.'],
    ],
    [
      'says that the token sees no source of the state',
      { begins: null },
      ['Nothing could be compared: the state has none of the sources that the token sees.'],
    ],
    [
      'says that the journal begins after the range',
      { begins: RANGE.to },
      [`Nothing could be compared: the journal begins at ${RANGE.to}, after this range.`],
    ],
    ['says that the range is inside the overlap', {}, ['Nothing could be compared yet: no source is past its overlap in this range.']], // prettier-ignore
  ];
  for (const [what, report, lines] of rows) {
    it(what, () => {
      assert.equal(renderReport({ ...EMPTY, ...report }), lines.map((line) => `${line}\n`).join(''));
    });
  }
});
