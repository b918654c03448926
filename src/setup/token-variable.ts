import { parseEnvironmentFile, unitWords } from '../check/facts/systemd-files.ts';
import { localFiles } from '../check/fluent-bit-config/read.ts';
import { pathOn, type Machine } from '../check/facts/machine.ts';

const UNIT = '/etc/systemd/system/fluent-bit.service';
const DEFAULTS = '/etc/default/fluent-bit';
const ENVIRONMENT = /^[ \t]*Environment[ \t]*=(.*)$/gm;
const PASSWORD = 'IONOS_PASSWORD';
const NAMES: Readonly<Record<string, readonly string[]>> = {
  ionos: ['IONOS_API_TOKEN', 'IONOS_TOKEN', PASSWORD],
  cloudscale: ['CLOUDSCALE_API_TOKEN'],
};

/** A variable of the service that holds a token or a password, as in the vendor's tutorial. */
interface TokenVariable {
  readonly name: string;
  readonly value: string;
  readonly file: string;
  /** False for a password, which cannot be copied into the token file. */
  readonly isToken: boolean;
  /** It is in a unit, and `systemctl show` shows units to every local user. */
  readonly isPublic: boolean;
}

/** The variable with the service's token, in the unit's drop-ins (the last one counts), the unit or its environment files. */
export function findTokenVariable(provider: string, envFile: string, machine: Machine): TokenVariable | undefined {
  const names = NAMES[provider] ?? [];
  const folder = `${UNIT}.d`;
  const dropIns = localFiles.list(pathOn(machine, folder)).filter((name) => name.endsWith('.conf'));
  const units = [UNIT, ...dropIns.sort().map((name) => `${folder}/${name}`)].reverse();
  for (const file of [...units, DEFAULTS, envFile]) {
    const isPublic = file.startsWith(UNIT);
    const found = assignments(pathOn(machine, file), isPublic).filter(
      ([name, value]) => names.includes(name) && value !== '',
    );
    const [name, value] = found.at(-1) ?? [];
    if (name !== undefined && value !== undefined) {
      return { name, value, file, isToken: name !== PASSWORD, isPublic };
    }
  }
  return undefined;
}

function assignments(file: string, isUnit: boolean): (readonly [name: string, value: string])[] {
  if (!localFiles.isFile(file)) return [];
  const text = localFiles.read(file);
  if (!isUnit) return parseEnvironmentFile(text).map(({ name, value }) => [name, value]);
  const settings = Array.from(text.matchAll(ENVIRONMENT), ([, words = '']) => words);
  return settings
    .flatMap(unitWords)
    .map((word) => [word.slice(0, word.indexOf('=')), word.slice(word.indexOf('=') + 1)]);
}
