import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface InputMetrics {
  readonly records: number;
  readonly bytes: number;
  readonly paused: boolean;
}

export interface OutputMetrics {
  readonly proc_records: number;
  readonly errors: number;
  readonly retries: number;
  readonly dropped_records: number;
  /** How many records of the first input left for it; only Fluent Bit 4.2 and newer say so. */
  readonly routed?: number;
}

/** The figures as they were when they were last taken. */
export interface Picture {
  readonly inputs: ReadonlyMap<string, InputMetrics>;
  readonly outputs?: ReadonlyMap<string, OutputMetrics>;
  readonly uptimeSec: number;
  /** Epoch seconds. */
  readonly startedAt: number;
}

export interface MetricsSource {
  /** Undefined until the figures are taken for the first time: until then the real one answers 404. */
  readonly picture: () => Picture | undefined;
  /** Live, other than in the picture. */
  readonly uptimeSec: () => number;
}

export interface MetricsServer {
  readonly port: number;
  openConnections(): Promise<number>;
  /** Cuts all connections and stops listening. */
  close(): Promise<void>;
}

/** Fluent Bit's HTTP server, as far as its counters go. */
export async function serveMetrics(source: MetricsSource, port: number): Promise<MetricsServer> {
  const server = createServer((request, response) => {
    const answer = answerTo(request.url ?? '', source);
    if (answer === undefined) response.writeHead(404).end();
    else response.writeHead(200, { 'content-type': answer.type }).end(answer.body);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  // Whoever does not close a connection keeps it.
  server.keepAliveTimeout = 3_600_000;
  return {
    port: (server.address() as AddressInfo).port,
    openConnections: () =>
      new Promise((resolve, reject) => {
        server.getConnections((error, count) => (error === null ? resolve(count) : reject(error)));
      }),
    close: () => close(server),
  };
}

function answerTo(url: string, source: MetricsSource): { readonly type: string; readonly body: string } | undefined {
  const json = 'application/json';
  if (url === '/api/v1/uptime') {
    const seconds = source.uptimeSec();
    const body = { uptime_sec: seconds, uptime_hr: `Fluent Bit has been running: ${seconds} seconds` };
    return { type: json, body: JSON.stringify(body) };
  }
  const picture = source.picture();
  if (picture === undefined) return undefined;
  if (url === '/api/v1/metrics') {
    const input = Object.fromEntries(
      [...picture.inputs].map(([name, { records, bytes }]) => [name, { records, bytes }]),
    );
    return {
      type: json,
      body: JSON.stringify({ input, filter: {}, output: Object.fromEntries(picture.outputs ?? []) }),
    };
  }
  if (url !== '/api/v2/metrics/prometheus') return undefined;
  return { type: 'text/plain; version=0.0.4', body: prometheus(picture) };
}

function prometheus({ inputs, outputs = new Map(), uptimeSec, startedAt }: Picture): string {
  const metric = (name: string, help: string, samples: readonly [labels: string, value: number][]): string =>
    [`# HELP ${name} ${help}`, ...samples.map(([labels, value]) => `${name}{${labels}} ${value}`), ''].join('\n');
  const ofInputs = (value: (input: InputMetrics) => number): [string, number][] =>
    [...inputs].map(([name, input]) => [`name="${name}"`, value(input)]);
  const host = 'hostname="vm"';
  const [input = ''] = inputs.keys();
  const routed = [...outputs].flatMap(([name, { routed: records }]): [string, number][] =>
    records === undefined ? [] : [[`input="${input}",output="${name}"`, records]],
  );
  return [
    metric('fluentbit_uptime', 'Number of seconds that Fluent Bit has been running.', [[host, uptimeSec]]),
    metric('fluentbit_process_start_time_seconds', 'Start time of the process.', [[host, startedAt]]),
    metric(
      'fluentbit_input_bytes_total',
      'Number of input bytes.',
      ofInputs(({ bytes }) => bytes),
    ),
    metric(
      'fluentbit_input_records_total',
      'Number of input records.',
      ofInputs(({ records }) => records),
    ),
    metric('fluentbit_routing_logs_records_total', 'Number of log records delivered per route.', routed),
    metric(
      'fluentbit_input_ingestion_paused',
      'Is the input paused or not?',
      ofInputs(({ paused }) => Number(paused)),
    ),
  ].join('');
}

async function close(server: Server): Promise<void> {
  await new Promise((resolve) => {
    server.close(resolve);
    server.closeAllConnections();
  });
}
