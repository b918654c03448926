import assert from 'node:assert/strict';
import { cpSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, it } from 'node:test';
import { ConfigError, ExitCode } from '../../src/lib/errors.ts';
import { demandRelease, dropIns, pipelineFiles } from '../../src/setup/release.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

describe('the files of a release', () => {
  it('are installed under their names, but for parsers.conf, since the package has its own', () => {
    const files = pipelineFiles('.');
    assert.deepEqual(
      files.filter(({ path, source }) => basename(path) !== basename(source)),
      [{ path: '/etc/fluent-bit/activity-log-parsers.conf', source: 'fluent-bit/parsers.conf' }],
    );
    const isOutput = (path: string) => path.startsWith('/etc/fluent-bit/outputs/');
    const paths = files.map(({ path }) => path);
    assert.deepEqual(
      paths.filter((path) => !isOutput(path)),
      ['activity-log.conf', 'cloudscale.conf', 'activity-log-parsers.conf'].map((name) => `/etc/fluent-bit/${name}`),
    );
    const outputs = paths.filter(isOutput);
    assert.ok(outputs.includes('/etc/fluent-bit/outputs/loki.conf'));
    assert.deepEqual(outputs, [...outputs].sort());
    assert.ok(outputs.every((path) => path.endsWith('.conf')));
  });

  it('are two drop-ins, of which the second is for credentials', () => {
    const folder = '/etc/systemd/system/fluent-bit.service.d';
    assert.deepEqual(
      dropIns('/r').map(({ path, source }) => [path, source]),
      ['10-activity-log.conf', '20-activity-log-credentials.conf'].map((name) => [
        `${folder}/${name}`,
        `/r/systemd/fluent-bit.service.d/${name}`,
      ]),
    );
  });

  it('must all be there', async (t) => {
    const release = await temporaryFolder(t);
    for (const name of ['fluent-bit', 'systemd']) cpSync(name, join(release, name), { recursive: true });
    demandRelease(release);
    for (const name of [
      'systemd/fluent-bit.service.d/20-activity-log-credentials.conf',
      'systemd/fluent-bit.service.d/10-activity-log.conf',
      'fluent-bit/fluent-bit.conf',
      'fluent-bit/activity-log.conf',
      'systemd/activity-log.env',
    ]) {
      rmSync(join(release, name));
      const message = `${join(release, name)} is missing: run install.sh where it was unpacked`;
      assert.throws(() => demandRelease(release), new ConfigError(message, ExitCode.NothingCollected));
    }
  });
});
