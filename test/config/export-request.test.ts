import assert from 'node:assert/strict';
import { it } from 'node:test';
import { readExportRequest } from '../../src/config/export-request.ts';

it('an export has no deadline but the one that its command line gives: those of polls are for runs every few minutes', () => {
  assert.equal(readExportRequest({ from: '1d' }).deadlineMs, Infinity);
  assert.equal(readExportRequest({ from: '1d', deadline: '2m' }).deadlineMs, 120_000);
});
