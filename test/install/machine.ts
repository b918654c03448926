import { spawnSync } from 'node:child_process';
import {
  accessSync,
  chmodSync,
  constants,
  cpSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createHash } from 'node:crypto';
import { builtFile } from '../helpers/built-file.ts';
import { PATIENCE_MS } from '../helpers/patience.ts';
import { STAND_INS, STOCK_MAIN, STOCK_PARSERS, TOOLS } from './stand-ins.ts';

export const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));
export const SCRIPT = 'opt/fluent-bit/scripts/fetch-activity-logs';
export const MAIN = 'etc/fluent-bit/fluent-bit.conf';
export const ENV_FILE = 'etc/fluent-bit/activity-log.env';
export const TOKEN_FILE = 'etc/fluent-bit/activity-log.token';
export const DROP_INS = 'etc/systemd/system/fluent-bit.service.d';
export const HOST = 'abc123.logging.de-txl.ionos.com';
export const LINK = 'usr/local/bin/fetch-activity-logs';
const BUILT = await builtFile();
/** A branch of `case`: as the program's check, which the tests of the installer have no use for. */
const CHECK = `*check) echo 'fetch-activity-logs check' >>"$knobs/calls"; exit "$(cat "$knobs/check-status" 2>/dev/null || echo 0)" ;;`;
export const TOKEN = 'token-that-nobody-may-see';
export const KEY = 'key+that/nobody=may:see';

/** The shells that install.sh is for, as far as they are here. */
export const SHELLS: readonly (readonly string[])[] = [['dash'], ['busybox', 'sh'], ['sh']]
  .filter(([program = '']) => whereIs(program) !== undefined)
  .slice(0, 2);

const KNOB = `knob() { ${whereIs('cat') ?? 'cat'} "$knobs/$1" 2>/dev/null || printf %s "$2"; }
if [ -e "$knobs/signal-at" ] && [ "$(knob signal-at)" = "\${0##*/} $*" ]; then kill -s "$(knob signal)" "$(knob pid)"; fi
`;

export interface Result {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** What was called of the stand-ins, a line each. */
  readonly calls: readonly string[];
}

/** What it did to the service. */
export const service = ({ calls }: Result): string[] => calls.filter((call) => call.startsWith('systemctl'));

/** A machine in a folder: a root, a PATH of stand-ins, and an unpacked release to install from. */
export class Machine {
  readonly folder: string;
  readonly root: string;
  readonly bin: string;
  readonly release: string;
  readonly shell: readonly string[];
  /** What the stand-ins go by. */
  readonly #knobs: string;

  constructor(shell: readonly string[] = SHELLS[0] ?? ['sh']) {
    this.shell = shell;
    this.folder = realpathSync(mkdtempSync(join(tmpdir(), 'install-')));
    this.root = join(this.folder, 'root');
    this.bin = join(this.folder, 'bin');
    this.release = join(this.folder, 'release');
    this.#knobs = join(this.folder, 'knobs');
    for (const folder of [this.bin, this.release, this.#knobs]) mkdirSync(folder);
    this.#makeRoot();
    this.#makeBin();
    copyRelease(this.release);
    writeFileSync(join(this.release, 'fetch-activity-logs'), this.#program(), { mode: 0o755 });
  }

  /** In the place of the executable, and faster: only what install.sh asks is the real program's answer. */
  #program(): string {
    const version = '--version) echo 0.1.0 ;;';
    return `#!/bin/sh\nknobs='${this.#knobs}'\ncase $* in ${version} ${CHECK} esac\nexec '${process.execPath}' '${BUILT}' "$@"\n`;
  }

  /** The release as an archive; `spoil` may change its bytes. Returns its path. */
  pack(spoil = (archive: Buffer): Buffer => archive, name = 'fetch-activity-logs-0.1.0-linux-x64'): string {
    const folder = join(this.folder, name);
    cpSync(this.release, folder, { recursive: true, verbatimSymlinks: true });
    const file = join(this.folder, 'fetch-activity-logs-0.1.0-linux-x64.tar.xz');
    spawnSync('tar', ['-C', this.folder, '-cJf', file, name]);
    rmSync(folder, { recursive: true });
    writeFileSync(file, spoil(readFileSync(file)));
    return file;
  }

  /** Makes a checkout of the release: with sources, and what a Node.js of this machine has built. */
  checkout(): string {
    const node = join(this.bin, 'node');
    rmSync(join(this.release, 'fetch-activity-logs'));
    for (const folder of ['src', 'dist']) mkdirSync(join(this.release, folder));
    cpSync(BUILT, join(this.release, 'dist/fetch-activity-logs.js'));
    writeFileSync(join(this.release, 'dist/built-with'), `${node}\n`);
    writeFileSync(join(this.release, 'package.json'), '{}');
    this.standIn('node', `case $* in ${CHECK} esac; exec '${process.execPath}' "$@"`);
    return node;
  }

  #makeRoot(): void {
    for (const folder of [
      'run/systemd/system',
      'etc/systemd/system',
      'opt/fluent-bit/bin',
      'usr/local/bin',
      'var/lib',
    ]) {
      mkdirSync(join(this.root, folder), { recursive: true });
    }
    this.write(MAIN, STOCK_MAIN, 0o644);
    this.write('etc/fluent-bit/parsers.conf', STOCK_PARSERS, 0o644);
    this.set('stock-md5', createHash('md5').update(STOCK_MAIN).digest('hex'));
  }

  #makeBin(): void {
    for (const tool of TOOLS) {
      // The second shell brings a second awk.
      const real = tool === 'awk' && this.shell[0] === 'busybox' ? whereIs('busybox') : whereIs(tool);
      if (real !== undefined) symlinkSync(real, join(this.bin, tool));
    }
    for (const [name, text] of Object.entries(STAND_INS)) this.standIn(name, text);
  }

  /** Puts a shell script on PATH. It finds its knobs in $knobs and writes what it was called with to a log. */
  standIn(name: string, text: string): void {
    const file = join(this.bin, name);
    rmSync(file, { force: true });
    const head = `#!/bin/sh\nknobs='${this.#knobs}' root='${this.root}'\n`;
    writeFileSync(file, `${head}${KNOB}${text}\n`);
    chmodSync(file, 0o755);
  }

  without(...names: readonly string[]): void {
    for (const name of names) rmSync(join(this.bin, name), { force: true });
  }

  set(knob: string, value: string): void {
    writeFileSync(join(this.#knobs, knob), value);
  }

  unset(knob: string): void {
    rmSync(join(this.#knobs, knob), { force: true });
  }

  /** A file outside the root, with a secret in it. */
  secret(name: string, text: string, mode = 0o600): string {
    const file = join(this.folder, name);
    writeFileSync(file, text);
    chmodSync(file, mode);
    return file;
  }

  write(path: string, text: string, mode = 0o644): void {
    const file = join(this.root, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    chmodSync(file, mode);
  }

  read(path: string): string {
    return readFileSync(join(this.root, path), 'utf8');
  }

  has(path: string): boolean {
    return statSync(join(this.root, path), { throwIfNoEntry: false }) !== undefined;
  }

  delete(path: string): void {
    rmSync(join(this.root, path), { recursive: true, force: true });
  }

  md5(path: string): string {
    return createHash('md5').update(this.read(path)).digest('hex');
  }

  /** Another file in the release; undefined: none. */
  ship(path: string, text: string | undefined, how: 'replace' | 'append' = 'replace'): void {
    const file = join(this.release, path);
    if (text === undefined) rmSync(file);
    else writeFileSync(file, how === 'append' ? readFileSync(file, 'utf8') + text : text);
  }

  mode(path: string): string {
    return (statSync(join(this.root, path)).mode & 0o7777).toString(8);
  }

  /** Runs install.sh on this machine. */
  run(options: readonly string[] = [], { input = '', env = {} }: RunOptions = {}): Result {
    return this.runFrom(this.release, ['--destdir', this.root, '--live', ...options], { input, env });
  }

  runFrom(folder: string, options: readonly string[], { input = '', env = {}, through }: RunOptions = {}): Result {
    const [program = 'sh', ...rest] = through ?? this.shell;
    rmSync(join(this.#knobs, 'calls'), { force: true });
    const { status, stdout, stderr } = spawnSync(
      whereIs(program) ?? program,
      [...rest, join(folder, 'install.sh'), ...options],
      { input, env: this.#env(env), encoding: 'utf8', cwd: this.folder, timeout: PATIENCE_MS, killSignal: 'SIGKILL' },
    );
    return { status, stdout, stderr, calls: this.calls() };
  }

  /** As run(), but the shell gets a signal from the stand-in that is called with `at`, while it waits for that. */
  interrupt(options: readonly string[], signal: string, at: string): Result {
    this.set('signal', signal);
    this.set('signal-at', at);
    const pid = join(this.#knobs, 'pid');
    const [program = 'sh', ...rest] = this.shell;
    const shell = [whereIs(program) ?? program, ...rest];
    const through = ['sh', '-c', `echo $$ >'${pid}'; exec "$@"`, 'sh', ...shell];
    const result = this.runFrom(this.release, ['--destdir', this.root, '--live', ...options], { through });
    this.unset('signal-at');
    return result;
  }

  /** Installs with all values, from files. */
  install(...options: readonly string[]): Result {
    return this.run([...this.values(), ...options]);
  }

  values(): string[] {
    const token = this.secret('token', `${TOKEN}\n`);
    const key = this.secret('key', `${KEY}\n`);
    return ['--tag', 'activityLog', '--host', HOST, '--token-file', token, '--api-key-file', key];
  }

  calls(): string[] {
    const file = join(this.#knobs, 'calls');
    if (statSync(file, { throwIfNoEntry: false }) === undefined) return [];
    return readFileSync(file, 'utf8').trimEnd().split('\n');
  }

  /** Everything below the root: path, mode and what is in it. */
  snapshot(): string[] {
    return list(this.root);
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  #env(more: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
    return { PATH: this.bin, HOME: join(this.folder, 'home/root'), TMPDIR: this.folder, ...more };
  }
}

interface RunOptions {
  readonly input?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** What runs instead of the shell. */
  readonly through?: readonly string[];
}

/** The files of a release, but for the executable. */
export function copyRelease(to: string): void {
  const { files } = JSON.parse(readFileSync(join(REPOSITORY, 'package.json'), 'utf8')) as { files: string[] };
  for (const file of files.filter((name) => name !== 'dist')) {
    const from = join(REPOSITORY, file);
    if (lstatSync(from, { throwIfNoEntry: false }) === undefined) continue;
    cpSync(from, join(to, file), { recursive: true, verbatimSymlinks: true });
  }
}

export function list(root: string, folder = root): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      const name = `/${relative(root, path)}`;
      if (entry.isSymbolicLink()) return [`${name} -> ${readlinkSync(path)}`];
      const mode = (lstatSync(path).mode & 0o7777).toString(8);
      if (entry.isDirectory()) return [`${name}/ ${mode}`, ...list(root, path)];
      return [`${name} ${mode} ${createHash('sha256').update(readFileSync(path)).digest('hex').slice(0, 16)}`];
    });
}

/** A snapshot without what is in the files. */
export function modes(snapshot: readonly string[]): string[] {
  return snapshot.map((line) => line.split(' ').slice(0, 2).join(' '));
}

export function whereIs(program: string): string | undefined {
  for (const folder of [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin', '/sbin']) {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return join(folder, program);
    } catch {
      continue;
    }
  }
  return undefined;
}
