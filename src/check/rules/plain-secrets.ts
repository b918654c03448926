import { statSync } from 'node:fs';
import { canBeSecret, isSecretName } from '../../lib/secrets.ts';
import type { Entry, FluentBitConfig, Position, Section } from '../fluent-bit-config/model.ts';
import { warning, type Finding, lineIn } from '../finding.ts';
import { pathOn, type Machine } from '../facts/machine.ts';
import { ENV_FILE, TOKEN_FILE } from '../facts/paths.ts';
import { headerName } from '../facts/routes.ts';

const OTHERS_READ = 0o004;
const KEY_VARIABLE = 'ACTIVITY_LOG_API_KEY';

/** Secrets in plain text, in these sections and in variables that the configuration sets. */
export function checkPlainSecrets(config: FluentBitConfig, sections: readonly Section[], machine: Machine): Finding[] {
  const found = [
    ...sections.flatMap(({ entries }) => entries.flatMap((entry) => inEntry(entry, config))),
    ...[...config.variables].flatMap(([name, { value, at }]) =>
      isSecretName(name) && canBeSecret(value) ? [{ what: `variable ${name}`, at, fix: 'delete this line' }] : [],
    ),
  ];
  return found.flatMap(({ what, at, fix }) =>
    warning('plain-secret', `${what} is in plain text`, { at, impact: readers(at, machine), fix }),
  );
}

function inEntry({ key, raw, at }: Entry, config: FluentBitConfig) {
  if (raw.includes('${')) return [];
  if (key === 'header') {
    const name = headerName(raw);
    if (!isSecretName(name) || raw.length === name.length || raw.includes('<')) return [];
    return [{ what: `the value of ${name}`, at, fix: lineIn(config, 'Header', `${name} \${${KEY_VARIABLE}}`) }];
  }
  if (key === 'command') {
    const names = Array.from(raw.matchAll(/\b([A-Za-z_]\w*)=[^\s]/g), ([, name = '']) => name).filter(isSecretName);
    return names.map((name) => ({
      what: `${name} in Command`,
      at,
      fix: `--token-file ${TOKEN_FILE} instead of ${name}=…`,
    }));
  }
  if (!isSecretName(key) || !canBeSecret(raw)) return [];
  return [{ what: key, at, fix: lineIn(config, key, `\${${KEY_VARIABLE}}`) }];
}

function readers({ file }: Position, machine: Machine): string {
  const { mode } = statSync(pathOn(machine, file));
  const where = `; it belongs in ${ENV_FILE}`;
  if ((mode & OTHERS_READ) !== 0) return `every user of this machine can read the file${where}`;
  return `every copy of the file contains it: backups, tickets, repositories${where}`;
}
