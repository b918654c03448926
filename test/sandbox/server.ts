/**
 * The sandbox: an HTTP server on loopback that plays the IONOS Activity Log API (below `/activitylog/v1`) and
 * cloudscale.ch's project logs (below `/v1`). What is unknown about either API is a switch in `options.ts`.
 *
 *     const sandbox = await startSandbox({ seed: 7, order: 'shuffled', total: 'object' });
 *     sandbox.addContract('9876543218374837483');
 *     sandbox.generate('31721060', { count: 3000, from: now - 300_000, to: now });
 *     sandbox.addEvents('31721060', [{ raw: '{"@uuid":"a","n":1e400}', time: now - 5000, visibleFrom: now + 1000 }]);
 *     sandbox.options.limitBehaviour = 'cut';      // switches are live
 *     …                                            // let a collector run against sandbox.url
 *     sandbox.events('31721060');                  // what it should have printed, byte for byte
 *     await sandbox.close();
 *
 * `sandbox.fail({ match: { kind: 'page', pageIndex: 'later' }, times: 2, fault: { type: 'cut', afterBytes: 500 } })`
 * scripts a fault; all kinds are in `faults.ts`. `sandbox.requests` tells what was asked and what was answered.
 *
 * cloudscale.ch: `addEntries`, `generateEntries` and `entries` are for the project of the token in the options, or of
 * another token. A cursor is a position in the order of becoming visible, and it keeps the `start` and `end` of the
 * query that it came from: an entry older than `start` stays out, however late it becomes visible.
 *
 * The same seed, clock, calls and requests give the same answers. The server never keeps a process alive.
 * As a process of its own: `main.ts`.
 */

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Answer, encode, send } from './answer.ts';
import { CloudscaleApi, cloudscaleError } from './cloudscale-api.ts';
import { CloudscaleStore } from './cloudscale-store.ts';
import type { NewEvent, StoredEvent } from './event-log.ts';
import { playFault } from './fault-play.ts';
import { FaultBook, type FaultRule, type ScriptedFault } from './faults.ts';
import { IonosApi, ionosError } from './ionos-api.ts';
import { type ContractOptions, type GenerateRange, IonosStore } from './ionos-store.ts';
import { type SandboxOptions, type SandboxSettings, withDefaults } from './options.ts';
import { recordOf, type RequestRecord } from './request-record.ts';

export type { NewEvent, StoredEvent } from './event-log.ts';
export { type Fault, type FaultRule, gatewayPage, retryLater, type ScriptedFault } from './faults.ts';
export type { SandboxOptions, SandboxSettings } from './options.ts';
export type { RequestRecord } from './request-record.ts';

export interface Sandbox {
  /** `http://127.0.0.1:<port>`, without a path. */
  readonly url: string;
  /** Live. */
  readonly options: SandboxOptions;
  /** Every request, in the order of arrival. */
  readonly requests: RequestRecord[];
  /** The next request that comes in from now on and fits. */
  nextRequest(fits?: (request: RequestRecord) => boolean): Promise<RequestRecord>;
  addContract(number: string, options?: ContractOptions): void;
  addEvents(contract: string, events: Iterable<NewEvent>): StoredEvent[];
  generate(contract: string, range: GenerateRange): StoredEvent[];
  /** All events of a contract, visible or not, oldest first. */
  events(contract: string): readonly StoredEvent[];
  /** Entries of the project that a token sees: the token of the options by default. */
  addEntries(entries: Iterable<NewEvent>, token?: string): StoredEvent[];
  generateEntries(range: GenerateRange, token?: string): StoredEvent[];
  /** All entries of a project, visible or not, in the order of becoming visible. */
  entries(token?: string): readonly StoredEvent[];
  /** Makes every cursor given out so far a stale one. */
  expireCursors(): void;
  /** Scripts a fault, see `faults.ts`. */
  fail(rule: FaultRule): ScriptedFault;
  /** Ends hanging connections, too. */
  close(): Promise<void>;
}

export async function startSandbox(settings: SandboxSettings = {}): Promise<Sandbox> {
  const options = withDefaults(settings);
  const requests: RequestRecord[] = [];
  const waiting = new Set<(request: RequestRecord) => void>();
  const faults = new FaultBook();
  const store = new IonosStore(options);
  const ionos = new IonosApi(store, options);
  const projects = new CloudscaleStore(options);
  const cloudscale = new CloudscaleApi(projects, options);

  const respond = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    request.resume();
    const record = recordOf(request, options.now());
    requests.push(record);
    const fault = faults.take(record);
    record.fault = fault?.type;
    for (const resolve of [...waiting]) resolve(record);

    const { latencyMs } = options;
    const latency = typeof latencyMs === 'number' ? latencyMs : latencyMs(record.contract);
    if (latency > 0) await sleep(latency, undefined, { ref: false });
    if (response.destroyed) return;

    response.setHeader('date', new Date(options.now() + options.dateSkewMs).toUTCString());
    const usual = (intruder?: Buffer): Promise<Answer> => {
      const answer = (record.kind === 'entries' ? cloudscale : ionos).answer(record, intruder);
      record.status = answer.status;
      return encode(answer, record, options);
    };
    const apiError = record.kind === 'entries' ? cloudscaleError : ionosError;
    const error = (status: number): Answer => apiError(status, `Scripted ${status}`);
    if (fault === undefined) await send(response, await usual(), options);
    else await playFault(fault, { record, response, options, usual, error });
  };

  const server = createServer({ keepAliveTimeout: 0, requestTimeout: 0 }, (request, response) => {
    respond(request, response).catch((error: unknown) => response.destroy(error as Error));
  });
  server.on('connection', (socket) => socket.unref());
  server.unref();
  const port = await new Promise<number>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, '127.0.0.1', () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : 0);
    });
  });

  return {
    url: `http://127.0.0.1:${port}`,
    options,
    requests,
    nextRequest: (fits = () => true) =>
      new Promise((resolve) => {
        const look = (request: RequestRecord): void => {
          if (!fits(request)) return;
          waiting.delete(look);
          resolve(request);
        };
        waiting.add(look);
      }),
    addContract: (number, contractOptions) => store.addContract(number, contractOptions),
    addEvents: (contract, events) => store.addEvents(contract, events),
    generate: (contract, range) => store.generate(contract, range),
    events: (contract) => store.log(contract)?.all() ?? [],
    addEntries: (entries, token) => projects.addEntries(entries, token),
    generateEntries: (range, token) => projects.generate(range, token),
    entries: (token = options.cloudscale.token) => projects.log(token)?.all() ?? [],
    expireCursors: () => cloudscale.expireCursors(),
    fail: (rule) => faults.add(rule),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
