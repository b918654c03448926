import assert from 'node:assert/strict';
import { it } from 'node:test';
import { headerName } from '../../../src/check/facts/routes.ts';

it('the name of a header ends at a space or a tab', () => {
  assert.deepEqual(['APIKEY k', 'APIKEY\tk', 'APIKEY'].map(headerName), ['APIKEY', 'APIKEY', 'APIKEY']);
});
