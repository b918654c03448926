import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { codeOf } from '../../lib/errors.ts';
import type { Position } from '../fluent-bit-config/model.ts';
import { parseEnvironmentFile, parseUnit, unitWords, type UnitEntry } from './systemd-files.ts';
import { pathOn, type Machine } from './machine.ts';

const UNIT = 'fluent-bit.service';
/** Where systemd looks for units; the first counts most (systemd.unit(5)). */
const UNIT_FOLDERS = [
  '/etc/systemd/system',
  '/run/systemd/system',
  '/usr/local/lib/systemd/system',
  '/usr/lib/systemd/system',
  '/lib/systemd/system',
];
/** What the service usually reads its variables from. */
const USUAL_FILES = ['/etc/default/fluent-bit', '/etc/fluent-bit/activity-log.env'];
/** The name under which the script looks for a token that systemd hands it. */
const CREDENTIAL = 'activity-log-token';

export interface Variable {
  readonly name: string;
  readonly value: string;
  readonly at: Position;
  /** It stands in a unit, which every user of the machine may read. */
  readonly isPublic: boolean;
}

/** How systemd starts Fluent Bit, as far as its unit and drop-ins tell. */
export interface Service {
  readonly isThere: boolean;
  readonly variables: ReadonlyMap<string, Variable>;
  /** Variables of the usual files that the service does not read. */
  readonly unread: ReadonlyMap<string, Variable>;
  /** Files that could not be read: what they say is not known. */
  readonly unreadable: readonly string[];
  /** EnvironmentFile= without a dash in front, and no such file: then the service does not start. */
  readonly missing: readonly { readonly path: string; readonly at: Position }[];
  readonly user: string;
  /** The file that LoadCredential= hands the script as its token. */
  readonly tokenFile: string | undefined;
  /** What Fluent Bit is started with (`-c`). */
  readonly configFile: string | undefined;
  /** What is started: Fluent Bit itself. */
  readonly binary: string | undefined;
}

/** A setting of the unit with the file that it stands in. */
interface Setting extends UnitEntry {
  readonly file: string;
}

export function readService(machine: Machine): Service {
  const reader = new Reader(machine);
  const unit = UNIT_FOLDERS.map((folder) => join(folder, UNIT)).find((file) => existsSync(pathOn(machine, file)));
  const isRunning = existsSync(pathOn(machine, '/run/systemd/system'));
  if (unit === undefined || !isRunning) {
    return { ...reader.service([]), isThere: false };
  }
  const settings = [unit, ...dropIns(machine)].flatMap((file) =>
    parseUnit(reader.read(file) ?? '')
      .filter(({ section }) => section === 'Service')
      .map((entry) => ({ ...entry, file })),
  );
  return { ...reader.service(settings), isThere: true };
}

/** In the order of their names; of two with the same name the one in the folder that counts more. */
function dropIns(machine: Machine): string[] {
  const files = new Map<string, string>();
  for (const folder of UNIT_FOLDERS.toReversed()) {
    const dropInFolder = join(folder, `${UNIT}.d`);
    const onMachine = pathOn(machine, dropInFolder);
    const names = existsSync(onMachine) ? readdirSync(onMachine) : [];
    for (const name of names) if (name.endsWith('.conf')) files.set(name, join(dropInFolder, name));
  }
  const inOrder = [...files].sort(([a], [b]) => Number(a > b) - Number(a < b));
  return inOrder.map(([, file]) => file);
}

class Reader {
  readonly #machine: Machine;
  readonly #unreadable: string[] = [];

  constructor(machine: Machine) {
    this.#machine = machine;
  }

  /** Undefined when there is none, or when it cannot be read, which is noted. */
  read(file: string): string | undefined {
    try {
      return readFileSync(pathOn(this.#machine, file), 'utf8');
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') this.#unreadable.push(file);
      return undefined;
    }
  }

  service(settings: readonly Setting[]): Omit<Service, 'isThere'> {
    const files = listOf(settings, 'EnvironmentFile');
    const missing: { path: string; at: Position }[] = [];
    const fromFiles: Variable[] = [];
    for (const { value, file, line } of files) {
      const isOptional = value.startsWith('-');
      const path = isOptional ? value.slice(1) : value;
      const variables = this.#variablesOf(path);
      if (variables === undefined && !isOptional && !this.#unreadable.includes(path))
        missing.push({ path, at: { file, line } });
      fromFiles.push(...(variables ?? []));
    }
    // Files count more than Environment= (systemd.exec(5)), UnsetEnvironment= more than both.
    const variables = new Map(
      [...listOf(settings, 'Environment').flatMap(assignments), ...fromFiles].map((one) => [one.name, one]),
    );
    for (const { value } of listOf(settings, 'UnsetEnvironment')) {
      for (const name of unitWords(value)) variables.delete(name);
    }
    const isRead = (path: string) => files.some(({ value }) => value.replace(/^-/, '') === path);
    const unread = USUAL_FILES.filter((path) => !isRead(path)).flatMap((path) => this.#variablesOf(path) ?? []);
    const credential = listOf(settings, 'LoadCredential').findLast(({ value }) => value.startsWith(`${CREDENTIAL}:`));
    return {
      variables,
      unread: new Map(unread.map((one) => [one.name, one])),
      unreadable: this.#unreadable,
      missing,
      user: listOf(settings, 'User').at(-1)?.value ?? 'root',
      tokenFile: credential?.value.slice(CREDENTIAL.length + 1),
      binary: unitWords(listOf(settings, 'ExecStart').at(-1)?.value ?? '')[0],
      configFile: configFileOf(listOf(settings, 'ExecStart').at(-1)?.value ?? ''),
    };
  }

  #variablesOf(file: string): Variable[] | undefined {
    const text = this.read(file);
    if (text === undefined) return undefined;
    return parseEnvironmentFile(text).map(({ name, value, line }) => ({
      name,
      value,
      at: { file, line },
      isPublic: false,
    }));
  }
}

/** All settings of a key; an empty one takes back those before it. */
function listOf(settings: readonly Setting[], key: string): Setting[] {
  const all = settings.filter((setting) => setting.key === key);
  return all.slice(all.findLastIndex(({ value }) => value === '') + 1);
}

function assignments({ value, file, line }: Setting): Variable[] {
  return unitWords(value).flatMap((word) => {
    const [, name, content] = /^([A-Za-z_]\w*)=(.*)$/s.exec(word) ?? [];
    if (name === undefined || content === undefined) return [];
    return [{ name, value: content, at: { file, line }, isPublic: true }];
  });
}

function configFileOf(command: string): string | undefined {
  const words = unitWords(command);
  const index = words.findIndex((word) => word === '-c' || word === '--config');
  return index === -1
    ? words.find((word) => word.startsWith('--config='))?.slice('--config='.length)
    : words[index + 1];
}
