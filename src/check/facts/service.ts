import { readFileSync } from 'node:fs';
import { codeOf } from '../../lib/errors.ts';
import type { Position } from '../fluent-bit-config/model.ts';
import { pathOn, type Machine } from './machine.ts';
import { ENV_FILE } from './paths.ts';
import { parseEnvironmentFile, unitWords } from './systemd-files.ts';

/** Makes systemd read the unit again, and Fluent Bit its environment. */
export const RESTART = 'sudo systemctl daemon-reload && sudo systemctl restart fluent-bit';
const UNIT = 'fluent-bit.service';
const PROPERTIES = [
  'LoadState',
  'ActiveState',
  'SubState',
  'NeedDaemonReload',
  'FragmentPath',
  'DropInPaths',
  'Environment',
  'UnsetEnvironment',
  'EnvironmentFiles',
  'ExecStart',
  'User',
];
/** The files from which the service usually reads its variables. */
const USUAL_FILES = ['/etc/default/fluent-bit', ENV_FILE];
/** The token that systemd passes to the script. From the units: `systemctl show` (252) says only `[unprintable]`. */
const CREDENTIAL = /^[ \t]*LoadCredential[ \t]*=[ \t]*activity-log-token:(\S+)[ \t]*$/gm;

export interface Variable {
  readonly name: string;
  readonly value: string;
  readonly at: Position;
  /** It is set in a unit, which every user of the machine may read. */
  readonly isPublic: boolean;
}

/** How systemd starts Fluent Bit, as `systemctl show` says. */
export interface Service {
  readonly isThere: boolean;
  /** Such as `active (running)`. */
  readonly status: string;
  readonly isActive: boolean;
  /** Its unit has changed since systemd last read it. */
  readonly needsReload: boolean;
  readonly variables: ReadonlyMap<string, Variable>;
  /** Those of its units, which every user of the machine can read, also where a file overrides them. */
  readonly inUnits: readonly Variable[];
  readonly environmentFiles: readonly string[];
  /** Variables in usual files that the service does not read. */
  readonly unread: ReadonlyMap<string, Variable>;
  readonly unreadable: readonly string[];
  /** Missing files of EnvironmentFile= without a leading dash: the service does not start. */
  readonly missing: readonly { readonly path: string; readonly at: Position }[];
  readonly user: string;
  /** The file that LoadCredential= passes to the script as its token. */
  readonly tokenFile: string | undefined;
  /** What Fluent Bit is started with (`-c`). */
  readonly configFile: string | undefined;
  readonly binary: string | undefined;
}

/** Asks systemd, and reads the environment files, whose contents it does not show. */
export async function readService(machine: Machine): Promise<Service> {
  const shown = await machine.run('systemctl', ['show', UNIT, '--property', PROPERTIES.join()], process.env);
  const properties = shown?.exitCode === 0 ? propertiesIn(shown.stdout) : new Map<string, string[]>();
  const isThere = properties.get('LoadState')?.[0] === 'loaded';
  return new Reader(machine, isThere ? properties : new Map()).service(isThere);
}

/** `Name=value` lines; a property with several values may have several lines. */
function propertiesIn(text: string): Map<string, string[]> {
  const properties = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    const [, name, value] = /^(\w+)=(.+)$/.exec(line) ?? [];
    if (name !== undefined && value !== undefined) properties.set(name, [...(properties.get(name) ?? []), value]);
  }
  return properties;
}

class Reader {
  readonly #machine: Machine;
  readonly #properties: ReadonlyMap<string, string[]>;
  readonly #unreadable: string[] = [];

  constructor(machine: Machine, properties: ReadonlyMap<string, string[]>) {
    this.#machine = machine;
    this.#properties = properties;
  }

  service(isThere: boolean): Service {
    const units = [this.#value('FragmentPath'), ...unitWords(this.#value('DropInPaths'))].filter((file) => file !== '');
    const missing: { path: string; at: Position }[] = [];
    const fromFiles: Variable[] = [];
    const files = this.#all('EnvironmentFiles').map((value) => /^(.*) \(ignore_errors=(yes|no)\)$/.exec(value) ?? []);
    for (const [, path = '', isOptional] of files) {
      const variables = this.#variablesOf(path);
      if (variables === undefined && isOptional === 'no' && !this.#unreadable.includes(path)) {
        missing.push({ path, at: this.#placeOf(units, (line) => line.includes(path)) });
      }
      fromFiles.push(...(variables ?? []));
    }
    const fromUnits = unitWords(this.#value('Environment')).flatMap((word) => {
      const [, name, value] = /^([A-Za-z_]\w*)=(.*)$/s.exec(word) ?? [];
      if (name === undefined || value === undefined) return [];
      const at = this.#placeOf(units, (line) => /^\s*Environment\s*=/.test(line) && line.includes(`${name}=`));
      return [{ name, value, at, isPublic: true }];
    });
    // Files count more than Environment= (systemd.exec(5)), UnsetEnvironment= more than both.
    const variables = new Map([...fromUnits, ...fromFiles].map((one) => [one.name, one]));
    for (const name of unitWords(this.#value('UnsetEnvironment'))) variables.delete(name);
    const isRead = (path: string) => files.some(([, read]) => read === path);
    const unread = USUAL_FILES.filter((path) => !isRead(path)).flatMap((path) => this.#variablesOf(path) ?? []);
    const credentials = units.flatMap((file) => [...(this.#read(file, []) ?? '').matchAll(CREDENTIAL)]);
    const [, argv = ''] = /argv\[\]=(.*?) ;/.exec(this.#all('ExecStart').at(-1) ?? '') ?? [];
    return {
      isThere,
      status: `${this.#value('ActiveState')} (${this.#value('SubState')})`,
      isActive: this.#value('ActiveState') === 'active',
      needsReload: this.#value('NeedDaemonReload') === 'yes',
      variables,
      inUnits: fromUnits,
      environmentFiles: files.flatMap(([, path]) => path ?? []),
      unread: new Map(unread.map((one) => [one.name, one])),
      unreadable: this.#unreadable,
      missing,
      user: this.#value('User') === '' ? 'root' : this.#value('User'),
      tokenFile: credentials.at(-1)?.[1],
      configFile: /\s(?:-c|--config)[\s=](\S+)/.exec(argv)?.[1]?.replace(/^\/+/, '/'),
      binary: /^\S+/.exec(argv)?.[0],
    };
  }

  #all(property: string): readonly string[] {
    return this.#properties.get(property) ?? [];
  }

  #value(property: string): string {
    return this.#all(property)[0] ?? '';
  }

  #variablesOf(file: string): Variable[] | undefined {
    const text = this.#read(file);
    if (text === undefined) return undefined;
    return parseEnvironmentFile(text).map(({ name, value, line }) => ({
      name,
      value,
      at: { file, line },
      isPublic: false,
    }));
  }

  /** The last line of these units that fits; otherwise, the first line of the last unit. */
  #placeOf(units: readonly string[], fits: (line: string) => boolean): Position {
    for (const file of units.toReversed()) {
      // systemd has shown what is in the unit: if this user cannot read it, only the line is unknown.
      const index = (this.#read(file, []) ?? '').split('\n').findLastIndex(fits);
      if (index !== -1) return { file, line: index + 1 };
    }
    return { file: units.at(-1) ?? UNIT, line: 1 };
  }

  /** Undefined when there is no such file, or when it cannot be read, which is noted. */
  #read(file: string, unreadable = this.#unreadable): string | undefined {
    try {
      return readFileSync(pathOn(this.#machine, file), 'utf8');
    } catch (error) {
      if (codeOf(error) !== 'ENOENT' && !unreadable.includes(file)) unreadable.push(file);
      return undefined;
    }
  }
}
