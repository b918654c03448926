import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Result } from '../../src/check/facts/machine.ts';
import { unitWords } from '../../src/check/facts/systemd-files.ts';

const UNIT = 'fluent-bit.service';
/** Where systemd looks for units; the first counts most (systemd.unit(5)). */
const UNIT_FOLDERS = [
  '/etc/systemd/system',
  '/run/systemd/system',
  '/usr/local/lib/systemd/system',
  '/usr/lib/systemd/system',
  '/lib/systemd/system',
];

/** A setting of a systemd unit. */
interface UnitEntry {
  readonly section: string;
  readonly key: string;
  readonly value: string;
  /** From 1. */
  readonly line: number;
}

/** The settings of a unit or drop-in (systemd.syntax(7)). */
function parseUnit(text: string): UnitEntry[] {
  const entries: UnitEntry[] = [];
  let section = '';
  let continued: { text: string; line: number } | undefined;
  for (const [index, physical] of text.split(/\r?\n/).entries()) {
    if (/^\s*[#;]/.test(physical)) continue;
    const { text: before, line } = continued ?? { text: '', line: index + 1 };
    const joined = before + physical;
    if (joined.endsWith('\\')) {
      continued = { text: `${joined.slice(0, -1)} `, line };
      continue;
    }
    continued = undefined;
    const header = /^\s*\[([^\]]*)\]\s*$/.exec(joined);
    const setting = /^\s*([A-Za-z]\w*)\s*=(.*)$/.exec(joined);
    if (header?.[1] !== undefined) section = header[1];
    else if (setting?.[1] !== undefined) {
      entries.push({ section, key: setting[1], value: (setting[2] ?? '').trim(), line });
    }
  }
  return entries;
}

interface Setting extends UnitEntry {
  readonly file: string;
}

/** What systemd says of the service: its state is given, the rest comes from its units. */
export interface Activity {
  ActiveState: string;
  SubState: string;
  NeedDaemonReload: string;
}

/**
 * `systemctl show fluent-bit.service --property NAME,…`, on a machine whose files begin at `root`, as systemd 252 answers:
 * with these properties, and nothing else.
 */
export function systemctlShow(root: string, activity: Activity, args: readonly string[]): Result {
  const [verb, shown, option, names = ''] = args;
  if (verb !== 'show' || shown !== UNIT || option !== '--property') throw new Error(`systemctl ${args.join(' ')}`);
  if (!existsSync(join(root, '/run/systemd/system'))) {
    const output = "System has not been booted with systemd as init system (PID 1). Can't operate.\n";
    return { exitCode: 1, stdout: '', output };
  }
  const unit = UNIT_FOLDERS.map((folder) => join(folder, UNIT)).find((file) => existsSync(join(root, file)));
  const drops = dropIns(root);
  const settings = (unit === undefined ? [] : [unit, ...drops]).flatMap((file) =>
    parseUnit(textOf(join(root, file)))
      .filter(({ section }) => section === 'Service')
      .map((entry) => ({ ...entry, file })),
  );
  const values = (key: string) => listOf(settings, key).map(({ value }) => value);
  const argv = unitWords(values('ExecStart').at(-1) ?? '');
  const environment = new Map(
    values('Environment')
      .flatMap(unitWords)
      .filter((word) => /^[A-Za-z_]\w*=/.test(word))
      .map((word) => [word.split('=', 1)[0], word]),
  );
  const lines = [
    `LoadState=${unit === undefined ? 'not-found' : 'loaded'}`,
    ...Object.entries(activity).map(([name, value]: [string, string]) => `${name}=${value}`),
    `FragmentPath=${unit ?? ''}`,
    `DropInPaths=${drops.join(' ')}`,
    `Environment=${[...environment.values()].map(quoted).join(' ')}`,
    `UnsetEnvironment=${values('UnsetEnvironment').flatMap(unitWords).map(quoted).join(' ')}`,
    ...values('EnvironmentFile').map((value) => `EnvironmentFiles=${value.replace(/^-/, '')} (ignore_errors=${value.startsWith('-') ? 'yes' : 'no'})`),
    `ExecStart={ path=${argv[0] ?? ''} ; argv[]=${argv.join(' ')} ; ignore_errors=no ; start_time=[n/a] ; stop_time=[n/a] ; pid=0 ; code=(null) ; status=0/0 }`,
    ...(values('LoadCredential').length > 0 ? ['LoadCredential=[unprintable]'] : []),
    `User=${values('User').at(-1) ?? ''}`,
  ]; // prettier-ignore
  const asked = names.split(',');
  const stdout = lines
    .flatMap((line) => (asked.includes(line.slice(0, line.indexOf('='))) ? [`${line}\n`] : []))
    .join('');
  return { exitCode: 0, stdout, output: stdout };
}

/** As systemd's shell_maybe_quote(). */
function quoted(word: string): string {
  return /^[\w=./:@%+,-]*$/.test(word) ? word : `"${word.replaceAll(/["\\`$]/g, String.raw`\$&`)}"`;
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return ''; // a folder of a drop-in's name: systemd passes over it
  }
}

/** In the order of their names; of two with the same name the one in the folder that counts more. */
function dropIns(root: string): string[] {
  const files = new Map<string, string>();
  for (const folder of UNIT_FOLDERS.toReversed()) {
    const dropInFolder = join(folder, `${UNIT}.d`);
    const onMachine = join(root, dropInFolder);
    const names = existsSync(onMachine) ? readdirSync(onMachine) : [];
    for (const name of names) if (name.endsWith('.conf')) files.set(name, join(dropInFolder, name));
  }
  const inOrder = [...files].sort(([a], [b]) => Number(a > b) - Number(a < b));
  return inOrder.map(([, file]) => file);
}

/** All settings of a key; an empty one takes back those before it. */
function listOf(settings: readonly Setting[], key: string): Setting[] {
  const all = settings.filter((setting) => setting.key === key);
  return all.slice(all.findLastIndex(({ value }) => value === '') + 1);
}
