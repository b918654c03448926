/** The Loki that LOKI names, on loopback and a temporary folder, and what its HTTP API answers. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestContext } from 'node:test';
import { freePort } from '../fluent-bit/real-fluent-bit.ts';
import { PATIENCE_MS } from '../helpers/patience.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

const PAUSE_MS = 250;
/** Of one log query. */
const MAX_LINES = 5000;
/** Of a range query, as the panels have it. */
const STEP_SECONDS = 300;

export interface Line {
  readonly labels: Readonly<Record<string, string>>;
  readonly text: string;
}

export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

interface Answer {
  readonly data: {
    readonly resultType: 'streams' | 'vector' | 'matrix';
    readonly result: readonly {
      readonly stream?: Record<string, string>;
      readonly metric?: Record<string, string>;
      readonly value?: readonly [number, string];
      readonly values?: readonly (readonly [number | string, string])[];
    }[];
  };
}

export class RealLoki {
  readonly port: number;
  said = '';

  private constructor(port: number) {
    this.port = port;
  }

  /** Until the test ends. `rules` go to its ruler. */
  static async start(t: TestContext, binary: string, rules: string): Promise<RealLoki> {
    const folder = await temporaryFolder(t);
    const [port, grpcPort] = [await freePort(), await freePort()];
    await mkdir(join(folder, 'rules', 'fake'), { recursive: true });
    await writeFile(join(folder, 'rules', 'fake', 'rules.yaml'), rules);
    await writeFile(join(folder, 'loki.yaml'), JSON.stringify(configuration(folder, port, grpcPort)));
    const loki = new RealLoki(port);
    const child = spawn(binary, [`-config.file=${join(folder, 'loki.yaml')}`], { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => (loki.said += text));
    }
    t.after(async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await once(child, 'exit');
    });
    await loki.until('ready', async () => (await loki.#get('/ready')).startsWith('ready'));
    return loki;
  }

  /** Asks again and again until this holds. */
  async until(what: string, holds: () => Promise<boolean>): Promise<void> {
    const end = Date.now() + PATIENCE_MS;
    while (!(await holds().catch(() => false))) {
      if (Date.now() > end) throw new Error(`Loki is not ${what}\n${this.said.slice(-5000)}`);
      await sleep(PAUSE_MS);
    }
  }

  async push(labels: Readonly<Record<string, string>>, lines: readonly string[]): Promise<void> {
    const now = BigInt(Date.now()) * 1_000_000n;
    const values = lines.map((line, index) => [`${now + BigInt(index)}`, line]);
    const response = await fetch(`http://127.0.0.1:${this.port}/loki/api/v1/push`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ streams: [{ stream: labels, values }] }),
    });
    if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
  }

  /** Of a log query, over the last two hours. */
  async lines(expr: string): Promise<Line[]> {
    const { data } = await this.#query('query_range', { query: expr, since: '2h', limit: `${MAX_LINES}` });
    return data.result.flatMap(({ stream = {}, values = [] }) => values.map(([, text]) => ({ labels: stream, text })));
  }

  /** Of a metric query, now. */
  async samples(expr: string): Promise<Sample[]> {
    const { data } = await this.#query('query', { query: expr });
    return data.result.map(({ metric = {}, value }) => ({ labels: metric, value: Number(value?.[1]) }));
  }

  /** Of a metric query with a panel's step as its range, over the last two hours: the sum of each series. */
  async sums(expr: string): Promise<Sample[]> {
    const { data } = await this.#query('query_range', { query: expr, since: '2h', step: `${STEP_SECONDS}` });
    return data.result.map(({ metric = {}, values = [] }) => ({
      labels: metric,
      value: values.reduce((sum, [, value]) => sum + Number(value), 0),
    }));
  }

  async get<T>(path: string): Promise<T> {
    return JSON.parse(await this.#get(path)) as T;
  }

  async #query(path: string, parameters: Record<string, string>): Promise<Answer> {
    return this.get(`/loki/api/v1/${path}?${new URLSearchParams(parameters).toString()}`);
  }

  async #get(path: string): Promise<string> {
    const response = await fetch(`http://127.0.0.1:${this.port}${path}`);
    const text = await response.text();
    if (!response.ok) throw new Error(`${response.status} ${text}`);
    return text;
  }
}

function configuration(folder: string, port: number, grpcPort: number): object {
  const loopback = '127.0.0.1';
  const inMemory = { kvstore: { store: 'inmemory' } };
  return {
    auth_enabled: false,
    server: {
      http_listen_address: loopback,
      http_listen_port: port,
      grpc_listen_address: loopback,
      grpc_listen_port: grpcPort,
      log_level: 'warn',
    },
    common: {
      instance_addr: loopback,
      path_prefix: folder,
      replication_factor: 1,
      storage: { filesystem: { chunks_directory: join(folder, 'chunks'), rules_directory: join(folder, 'rules') } },
      ring: { instance_addr: loopback, ...inMemory },
    },
    memberlist: { bind_addr: [loopback] },
    ingester: { lifecycler: { min_ready_duration: '0s', final_sleep: '0s' } },
    ruler: {
      enable_api: true,
      rule_path: join(folder, 'ruler'),
      storage: { type: 'local', local: { directory: join(folder, 'rules') } },
      ring: inMemory,
    },
    schema_config: {
      configs: [
        {
          from: '2020-10-24',
          store: 'tsdb',
          object_store: 'filesystem',
          schema: 'v13',
          index: { prefix: 'index_', period: '24h' },
        },
      ],
    },
    analytics: { reporting_enabled: false },
  };
}
