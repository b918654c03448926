import assert from 'node:assert/strict';
import { it } from 'node:test';
import { pipelineFiles } from '../../src/setup/release.ts';

it("our parsers.conf is installed by another name, since the package's own has that one", () => {
  const paths = pipelineFiles('.').map(({ path }) => path);
  assert.ok(paths.includes('/etc/fluent-bit/activity-log-parsers.conf'));
  assert.ok(!paths.includes('/etc/fluent-bit/parsers.conf'));
});
