/** A real Fluent Bit that runs the built script by the shipped configuration, with an HTTP sink on loopback for output. */

import { spawn, type ChildProcess } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { accessSync, constants } from 'node:fs';
import { cp, readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { delimiter, join, resolve } from 'node:path';
import { buffer } from 'node:stream/consumers';
import type { TestContext } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { builtFile } from '../helpers/built-file.ts';
import { INSTALLED_SCRIPT } from '../helpers/in-exec-options.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

export const SHIPPED = resolve('fluent-bit');
export const FORMATS = ['fluent-bit.conf', 'fluent-bit.yaml'] as const;
export type Format = (typeof FORMATS)[number];

/** What to replace in the shipped files. */
export type Edits = readonly (readonly [RegExp, string])[];

export const VARIABLES = {
  ACTIVITY_LOG_TAG: 'activityLog',
  ACTIVITY_LOG_INTERVAL: '2',
  ACTIVITY_LOG_HOST: '127.0.0.1',
  ACTIVITY_LOG_API_KEY: 'a-key',
};

/** FLUENT_BIT, or the one on PATH; undefined when there is none. */
export function findFluentBit(): string | undefined {
  const { FLUENT_BIT, PATH = '' } = process.env;
  if (FLUENT_BIT !== undefined && FLUENT_BIT !== '') return FLUENT_BIT;
  return PATH.split(delimiter)
    .map((folder) => join(folder, 'fluent-bit'))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

interface Received {
  readonly '@uuid': string;
}

/** Takes what Fluent Bit's http output posts. */
export class Sink {
  /** How often each event came, by its `@uuid`. */
  readonly counts = new Map<string, number>();
  /** What is answered from now on; below 300, events are taken. */
  status = 200;
  refused = 0;
  /** The bodies as they came, compressed or not. */
  largestPost = 0;
  readonly encodings = new Set<string | undefined>();
  port = 0;
  readonly keys = new Set<string | undefined>();
  /** Connections stay open: one that is closed between two requests makes Fluent Bit send a chunk again. */
  readonly #server = createServer({ keepAliveTimeout: 0 }, (request, response) => void this.#take(request, response));
  readonly #waiting = new Set<() => void>();

  static async start(t: TestContext): Promise<Sink> {
    const sink = new Sink();
    await sink.open();
    t.after(() => sink.shut());
    return sink;
  }

  async open(): Promise<void> {
    this.#server.listen(this.port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.port = (this.#server.address() as AddressInfo).port;
  }

  /** Nobody listens any more. */
  async shut(): Promise<void> {
    await new Promise((resolve) => {
      this.#server.close(resolve);
      this.#server.closeAllConnections();
    });
  }

  /** Waits until this holds; it is asked again after each request. */
  async until(holds: () => boolean): Promise<void> {
    while (!holds()) await new Promise<void>((resolve) => this.#waiting.add(resolve));
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const body = await buffer(request);
      const encoding = request.headers['content-encoding'];
      const text = encoding === 'gzip' ? gunzipSync(body).toString() : body.toString();
      const records = JSON.parse(text) as readonly Received[];
      this.largestPost = Math.max(this.largestPost, body.length);
      this.encodings.add(encoding);
      this.keys.add(request.headers['apikey']?.toString());
      if (this.status >= 300) this.refused++;
      else for (const { '@uuid': id } of records) this.counts.set(id, (this.counts.get(id) ?? 0) + 1);
      response.writeHead(this.status).end();
    } catch {
      response.destroy(); // Fluent Bit was killed in the middle of a request
    }
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }
}

export class RealFluentBit {
  /** Where the state file is. */
  readonly folder: string;
  readonly #main: string;
  readonly #env: NodeJS.ProcessEnv;
  readonly #binary: string;
  #process: ChildProcess | undefined;
  /** What it and the script said, of all its lives. */
  said = '';

  private constructor(binary: string, folder: string, main: string, env: NodeJS.ProcessEnv) {
    this.#binary = binary;
    this.folder = folder;
    this.#main = main;
    this.#env = env;
  }

  /** `destination` listens without TLS at the port that the output has; `variables` come on top of the usual ones. */
  static async start(
    t: TestContext,
    binary: string,
    format: Format,
    destination: { readonly port: number },
    apiUrl: string,
    edits: Edits = [],
    variables: Readonly<Record<string, string>> = {},
  ) {
    const script = await builtFile();
    const running: RealFluentBit[] = [];
    t.after(() => running[0]?.end());
    const folder = await temporaryFolder(t);
    const etc = join(folder, 'etc');
    await cp(SHIPPED, etc, { recursive: true, verbatimSymlinks: true });
    const http = `127.0.0.1:${await freePort()}`;
    const replacements: Edits = [
      [new RegExp(INSTALLED_SCRIPT, 'g'), `'${process.execPath}' '${script}'`],
      [/127\.0\.0\.1:2020/g, http],
      [/(http_port:? +)2020/gi, `$1${http.split(':')[1] ?? ''}`],
      [/\/var\/lib\/fluent-bit\//g, `${folder}/`],
      [/\/etc\/fluent-bit\//g, `${etc}/`],
      [/(scheduler\.cap:? +)60/g, '$11'],
      [/(port:? +)443/gi, `$1${destination.port}`],
      [/^.*tls\.verify_hostname.*$/gm, ''],
      [/( tls:? +)on/gi, '$1off'],
      ...edits,
    ];
    const files = (await readdir(etc, { recursive: true })).filter((file) => /\.(conf|yaml)$/.test(file));
    for (const path of files.map((file) => join(etc, file))) {
      const text = await readFile(path, 'utf8');
      await writeFile(
        path,
        replacements.reduce((changed, [from, to]) => changed.replace(from, to), text),
      );
    }
    const env = {
      ...process.env,
      ...VARIABLES,
      IONOS_API_URL: apiUrl,
      IONOS_API_TOKEN: 'sandbox-token',
      ACTIVITY_LOG_STATE_FILE: join(folder, 'state.json'),
      NO_PROXY: '*',
      ...variables,
    };
    const fluentBit = new RealFluentBit(binary, folder, join(etc, format), env);
    running.push(fluentBit);
    fluentBit.run();
    return fluentBit;
  }

  /** Starts it, again after kill(), and whenever it ends by itself, as a supervisor does. */
  run(): void {
    const child = spawn(this.#binary, ['-c', this.#main], { env: this.#env, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => (this.said += text));
    }
    // The script inherits its listening socket: until an orphan has ended, there is no other under the same address.
    child.on('exit', () => {
      if (this.#process === child) this.run();
    });
    this.#process = child;
  }

  /** Returns when it is gone; the script may live on. */
  async kill(signal: NodeJS.Signals): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child?.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill(signal);
    await gone;
  }

  /** For good, with the script. */
  async end(): Promise<void> {
    await this.kill('SIGKILL');
    await this.killScript();
  }

  /** kill -9 of the script that runs at present, if there is one. */
  async killScript(): Promise<void> {
    try {
      const owner = JSON.parse(await readFile(join(this.folder, 'state.json.owner'), 'utf8')) as {
        readonly pid: number;
      };
      process.kill(owner.pid, 'SIGKILL');
    } catch (error) {
      const { code = '' } = error as NodeJS.ErrnoException;
      if (code !== 'ENOENT' && code !== 'ESRCH') throw error;
    }
  }
}

/** One from below those that the kernel hands out: nobody gets it by chance before Fluent Bit takes it. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(10_000, 32_000);
    const server = createServer().listen(port, '127.0.0.1');
    const isFree = await once(server, 'listening').then(
      () => true,
      () => false,
    );
    if (!isFree) continue;
    server.close();
    await once(server, 'close');
    return port;
  }
}
