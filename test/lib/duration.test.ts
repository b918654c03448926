import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { formatDuration, formatSecond, parseDuration, parseInstant } from '../../src/lib/duration.ts';
import '../helpers/properties.ts';

describe('parseDuration', () => {
  const rows: [string, number | undefined][] = [
    ['0.0015', 2],
    ['90', 90_000],
    ['90s', 90_000],
    ['5m', 300_000],
    ['24h', 86_400_000],
    ['7d', 604_800_000],
    ['2w', 1_209_600_000],
    ['1.5h', 5_400_000],
    ['0.25', 250],
    ['0', 0],
    [' 5 m ', 300_000],
    ['', undefined],
    ['m', undefined],
    ['-5m', undefined],
    ['5M', undefined],
    ['5ms', undefined],
    ['5 minutes', undefined],
    ['1h30m', undefined],
    ['1e3', undefined],
    ['.5h', undefined],
    ['5,5m', undefined],
    ['Infinity', undefined],
    ['9'.repeat(400), undefined],
    ['99999999999999999d', undefined],
  ];
  for (const [text, ms] of rows) {
    it(`${text.slice(0, 20)} is ${ms ?? 'none'}`, () => assert.equal(parseDuration(text), ms));
  }
});

describe('parseInstant', () => {
  const noon = Date.UTC(2026, 0, 31, 12);
  const rows: [string, number | undefined][] = [
    ['2026-01-31T12:00:00Z', noon],
    ['2026-01-31t12:00:00z', noon],
    ['2026-01-31 12:00:00Z', noon],
    [' 2026-01-31T12:00:00Z\n', noon],
    ['2026-01-31T13:30:00+01:30', noon],
    ['2026-01-31T02:00:00-10:00', noon],
    ['2026-01-31T12:00:00.5Z', noon + 500],
    ['2026-01-31T12:00:00.123456+00:00', noon + 123],
    ['2024-02-29T00:00:00Z', Date.UTC(2024, 1, 29)],
    ['2026-02-29T00:00:00Z', undefined],
    ['2026-02-31T00:00:00Z', undefined],
    ['2026-13-01T00:00:00Z', undefined],
    ['2026-00-10T00:00:00Z', undefined],
    ['2026-01-00T00:00:00Z', undefined],
    ['2026-01-31T25:00:00Z', undefined],
    ['2026-01-31T12:60:00Z', undefined],
    ['2026-01-31T12:00:00', undefined],
    ['2026-01-31T12:00Z', undefined],
    ['2026-01-31', undefined],
    ['2026-1-31T12:00:00Z', undefined],
    ['2026-01-31T12:00:00+0100', undefined],
    ['2026-01-31T12:00:00+99:99', undefined],
    ['31.01.2026 12:00', undefined],
    ['300s', undefined],
    ['', undefined],
  ];
  for (const [text, ms] of rows) {
    it(`${JSON.stringify(text)} is ${ms ?? 'none'}`, () => assert.equal(parseInstant(text), ms));
  }
});

describe('formatSecond', () => {
  it('is what parseInstant reads, for any second of the calendar', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 253_402_300_799 }), (second) => {
        const text = formatSecond(second);
        assert.match(text, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
        assert.equal(parseInstant(text), second * 1000);
      }),
    );
  });
});

describe('formatDuration', () => {
  const rows: [number, string][] = [
    [0, '0 s'],
    [499, '0 s'],
    [42_000, '42 s'],
    [119_499, '119 s'],
    [119_500, '2 min'],
    [300_000, '5 min'],
    [7_199_999, '2 h'],
    [12_000_000, '3 h 20 min'],
    [172_740_000, '47 h 59 min'],
    [172_800_000, '2 d'],
    [1_036_800_000, '12 d'],
  ];
  for (const [ms, text] of rows) it(`${ms} ms is ${text}`, () => assert.equal(formatDuration(ms), text));
});
