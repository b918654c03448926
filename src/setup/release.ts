import { join } from 'node:path';
import { localFiles } from '../check/fluent-bit-config/read.ts';
import { ConfigError, ExitCode } from '../lib/errors.ts';
import { DROP_INS, ETC } from '../check/facts/paths.ts';

/** The second is parsers.conf by the name that it has once it is installed. */
const NOT_PIPELINE = new Set(['fluent-bit.conf', 'activity-log-parsers.conf']);

/** A file of an unpacked release, or a checkout, and where it is installed. */
export interface Shipped {
  readonly path: string;
  readonly source: string;
}

/** Throws unless all of it is there that is not looked for by its ending. */
export function demandRelease(release: string): void {
  const names = ['systemd/activity-log.env', 'fluent-bit/activity-log.conf', 'fluent-bit/fluent-bit.conf'];
  const files = [...names.map((name) => join(release, name)), ...dropIns(release).map(({ source }) => source)];
  const missing = files.find((file) => !localFiles.isFile(file));
  if (missing === undefined) return;
  throw new ConfigError(`${missing} is missing: run install.sh where it was unpacked`, ExitCode.NothingCollected);
}

/** The pipeline's files. The package has its own parsers.conf, so ours gets another name. */
export function pipelineFiles(release: string): Shipped[] {
  const folder = join(release, 'fluent-bit');
  const confsIn = (name: string): string[] =>
    localFiles.list(join(folder, name)).flatMap((file) => (file.endsWith('.conf') ? join(name, file) : []));
  return [...confsIn('.').sort(), ...confsIn('outputs').sort()]
    .filter((name) => !NOT_PIPELINE.has(name))
    .map((name) => ({
      path: join(ETC, name === 'parsers.conf' ? 'activity-log-parsers.conf' : name),
      source: join(folder, name),
    }));
}

/** The drop-ins of the service: always the first, and with --credentials the second. */
export function dropIns(release: string): readonly [usual: Shipped, credentials: Shipped] {
  const shipped = (name: string): Shipped => ({
    path: join(DROP_INS, name),
    source: join(release, 'systemd/fluent-bit.service.d', name),
  });
  return [shipped('10-activity-log.conf'), shipped('20-activity-log-credentials.conf')];
}
