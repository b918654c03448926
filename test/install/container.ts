import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PATIENCE_MS } from '../helpers/patience.ts';
import { whereIs } from './machine.ts';

const PACKAGES = ['dbus', 'procps', 'systemd', 'systemd-sysv', 'xz-utils'];
/** The oldest release of each distribution that is still to be had, with glibc 2.31. */
const OLDEST: Readonly<Record<string, string>> = { debian: 'bullseye', ubuntu: 'focal' };
/** What the stand-ins run under. It is not on PATH: for everybody else there is no Node. */
export const NODE = '/opt/stand-ins/node';
/** debootstrap downloads and unpacks some hundred packages. */
const FILL_MS = 5 * PATIENCE_MS;
const POLL_MS = 200;
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export interface Output {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A release of this machine's distribution: its own, or the oldest. */
export type Age = 'own' | 'oldest';

/** Boots a small system, or says why that is not to be had on this machine. */
export async function bootContainer(age: Age = 'own'): Promise<Container | string> {
  const reason = whyNoContainer();
  if (reason !== undefined) return reason;
  const container = Container.make(age);
  try {
    container.fill();
    await container.boot();
    return container;
  } catch (error) {
    await container.halt();
    container.remove();
    return error instanceof Error ? error.message : String(error);
  }
}

function whyNoContainer(): string | undefined {
  if (process.platform !== 'linux') return 'needs Linux';
  if (process.getuid?.() !== 0) return 'needs root';
  const missing = ['apt-get', 'debootstrap', 'dpkg-deb', 'nsenter', 'systemd-nspawn'].filter(
    (program) => whereIs(program) === undefined,
  );
  if (missing.length > 0) return `needs ${missing.join(', ')} (apt-get install debootstrap systemd-container)`;
  if (mirror() === undefined) return 'apt has no repository of this release';
  return undefined;
}

/** A small system of this machine's own distribution, booted with systemd. */
export class Container {
  readonly folder: string;
  readonly root: string;
  #nspawn: ChildProcess | undefined;
  #leader = '';
  readonly #age: Age;

  private constructor(folder: string, age: Age) {
    this.folder = folder;
    this.#age = age;
    this.root = join(folder, 'root');
  }

  static make(age: Age): Container {
    return new Container(mkdtempSync(join(tmpdir(), 'systemd-')), age);
  }

  /** Throws with debootstrap's own words when there is no system to be had. */
  fill(): void {
    const { url = '', suite: own = '' } = mirror() ?? {};
    const suite = this.#age === 'own' ? own : oldestSuite();
    const options = ['--variant=minbase', `--include=${PACKAGES.join(',')}`, suite, this.root, url];
    // Proxies are in the environment.
    const env = { ...process.env, PATH };
    const run = spawnSync('debootstrap', options, { env, encoding: 'utf8', timeout: FILL_MS });
    const { status, stdout, stderr, error } = run;
    if (error !== undefined) throw new Error(`debootstrap: ${error.message} within ${FILL_MS} ms`);
    if (status !== 0) throw new Error(`debootstrap: ${(stderr + stdout).trim().split('\n').slice(-3).join(' ')}`);
    this.copy(process.execPath, NODE, 0o755);
  }

  async boot(): Promise<void> {
    // Where systemd does not run, there is nobody to register with.
    const alone = existsSync('/run/systemd/system') ? [] : ['--register=no', '--keep-unit'];
    const name = `activity-log-${process.pid}-${this.#age}`;
    this.#nspawn = spawn(
      'systemd-nspawn',
      ['--quiet', '--boot', '--private-network', '--console=pipe', `--machine=${name}`, '-D', this.root, ...alone],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    );
    let said = '';
    this.#nspawn.stderr?.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    const pid = this.#nspawn.pid ?? 0;
    const end = Date.now() + PATIENCE_MS;
    while (Date.now() < end) {
      if (this.#nspawn.exitCode !== null) throw new Error(`systemd-nspawn: ${said.trim()}`);
      this.#leader = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')[0] ?? '';
      const state = this.#leader === '' ? '' : this.run('systemctl', 'is-system-running').stdout.trim();
      if (state === 'running' || state === 'degraded') return;
      await sleep(POLL_MS);
    }
    throw new Error(`the container did not come up within ${PATIENCE_MS} ms: ${said.trim()}`);
  }

  run(...command: readonly string[]): Output {
    return this.runWith('', ...command);
  }

  /** With something on standard input. */
  runWith(input: string, ...command: readonly string[]): Output {
    const namespaces = ['--mount', '--uts', '--ipc', '--net', '--pid', '--root'];
    return run('nsenter', [`--target=${this.#leader}`, ...namespaces, '--', 'env', '--chdir=/', ...command], input);
  }

  /** As a user who has nothing to do with any of it. */
  runAsNobody(...command: readonly string[]): Output {
    return this.run('setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--', ...command);
  }

  write(path: string, text: string, mode = 0o644): void {
    const file = join(this.root, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    chmodSync(file, mode);
  }

  copy(from: string, path: string, mode: number): void {
    const file = join(this.root, path);
    mkdirSync(dirname(file), { recursive: true });
    copyFileSync(from, file);
    chmodSync(file, mode);
  }

  read(path: string): string {
    return readFileSync(join(this.root, path), 'utf8');
  }

  has(path: string): boolean {
    return existsSync(join(this.root, path));
  }

  async halt(): Promise<void> {
    const nspawn = this.#nspawn;
    if (nspawn?.exitCode !== null) return;
    const ended = once(nspawn, 'exit');
    // Twice at most: the first asks systemd to halt, the second ends it at once.
    nspawn.kill('SIGTERM');
    const impatient = setTimeout(() => nspawn.kill('SIGTERM'), PATIENCE_MS / 8);
    await ended;
    clearTimeout(impatient);
  }

  /** What is mounted there is none of it: debootstrap may have been ended before it took its /proc away. */
  remove(): void {
    run('rm', ['-rf', '--one-file-system', this.folder]);
  }
}

function run(program: string, options: readonly string[], input = ''): Output {
  const { status, stdout, stderr } = spawnSync(program, options, {
    input,
    encoding: 'utf8',
    env: { PATH, HOME: '/root' },
  });
  return { status, stdout, stderr };
}

function oldestSuite(): string {
  return OLDEST[/^ID=(.*)$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? ''] ?? '';
}

/** The repository that apt has for this machine's own release. */
function mirror(): { readonly url: string; readonly suite: string } | undefined {
  const codename = /^VERSION_CODENAME=(.*)$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? '';
  const targets = spawnSync('apt-get', ['indextargets', '--format', '$(SITE) $(RELEASE)', 'Created-By: Packages'], {
    encoding: 'utf8',
  });
  const [url, suite] =
    targets.stdout
      .split('\n')
      .map((line) => line.split(' '))
      .find(([site = '', release]) => site.startsWith('http') && release === codename) ?? [];
  return url === undefined || suite === undefined ? undefined : { url, suite };
}
