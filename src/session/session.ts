import type { Acknowledgement } from '../delivery/acknowledgement.ts';
import { fieldAdder } from '../delivery/add-fields.ts';
import { ApiClient } from '../http/api-client.ts';
import type { Config } from '../config/config.ts';
import type { Credentials } from '../config/credentials.ts';
import { Delivery } from '../delivery/delivery.ts';
import { createDispatcher } from '../http/proxy.ts';
import { FluentBit } from '../delivery/fluent-bit-counter.ts';
import type { Log } from '../lib/log.ts';
import { Outlet } from '../delivery/outlet.ts';
import { DestinationWatch } from './destination-watch.ts';
import { LineBuilder } from '../delivery/line-builder.ts';
import { beginAcknowledgement, withoutCounter } from '../delivery/pending.ts';
import { openStore } from './open-store.ts';
import type { Provider } from '../providers/provider.ts';
import { startRun, type Run } from '../lib/run.ts';
import { emptyStore, type Store } from '../state/store.ts';
import { TypeFilter } from '../delivery/type-filter.ts';
import type { World } from '../lib/world.ts';

/** What one poll works with. */
export interface Session {
  readonly config: Config;
  readonly credentials: Credentials;
  readonly log: Log;
  /** Says what must not be held back, such as where a new source begins. */
  readonly announce: (message: string) => void;
  readonly run: Run;
  readonly store: Store;
  readonly api: ApiClient;
  readonly provider: Provider;
  readonly acknowledgement: Acknowledgement;
  readonly delivery: Delivery;
  readonly filter: TypeFilter;
  readonly destination: DestinationWatch;
  /** When it started, in epoch milliseconds. */
  readonly startedAt: number;
  readonly now: () => number;
}

/** Opens everything that a poll needs, runs `work`, and closes it again in any case. */
export async function withSession<T>(
  { config, credentials, log, world, keptStore, maxAttempts, announce = log.info }: SessionOptions,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const { now } = world;
  const startedAt = now();
  const dispatcher = await createDispatcher(config.apiUrl, world.env, config.concurrency);
  const run = startRun(world.signal, config.deadlineMs, world.monotonic);
  const isCounted = config.ackUrl !== undefined && !config.peek;
  const fluentBit = isCounted ? new FluentBit(config.ackUrl, config.ackInput, now) : undefined;
  const outlet = new Outlet(world.stdout);
  let store = keptStore;
  try {
    store ??= config.peek ? emptyStore(now) : await openStore(config, world, log, run);
    const api = new ApiClient({
      baseUrl: config.apiUrl,
      authorization: credentials.authorization,
      dispatcher,
      requestTimeoutMs: config.requestTimeoutMs,
      remainingMs: () => run.remainingMs(),
      log,
      announce: world.terminal === undefined ? undefined : announce,
      now,
      monotonic: world.monotonic,
      pause: world.pause,
      random: world.random,
      maxAttempts,
    });
    const provider = config.provider.create({
      api,
      log,
      now,
      pause: world.pause,
      overlapMs: config.overlapMs,
      pageSize: config.pageSize,
      contracts: config.contracts,
    });
    const acknowledgement =
      fluentBit === undefined
        ? await withoutCounter(store, log)
        : await beginAcknowledgement({
            fluentBit,
            input: config.ackInput,
            store,
            run,
            log,
            clock: world,
            patienceMs: config.ackPatienceMs,
          });
    const lineBuilder = new LineBuilder({
      addFields: config.addFields.length > 0 ? fieldAdder(config.addFields, config.provider) : undefined,
      maxLineBytes: config.maxLineBytes,
      stateFile: config.peek ? undefined : config.stateFile,
      stubFields: config.provider.stubFields,
      log,
    });
    const filter = new TypeFilter(config);
    const delivery = new Delivery({ outlet, lineBuilder, acknowledgement, store, run, filter });
    return await work({
      config,
      credentials,
      log,
      announce,
      run,
      store,
      api,
      provider,
      acknowledgement,
      delivery,
      filter,
      destination: new DestinationWatch({ fluentBit, store, config, now }),
      startedAt,
      now,
    });
  } finally {
    run.end();
    outlet.close();
    if (keptStore === undefined) await store?.close();
    await dispatcher.destroy();
    await fluentBit?.close();
  }
}

interface SessionOptions {
  readonly config: Config;
  readonly credentials: Credentials;
  readonly log: Log;
  readonly world: World;
  /** Used instead of the state file, and not closed. */
  readonly keptStore?: Store | undefined;
  /** Attempts per request; by default, the client's own number. */
  readonly maxAttempts?: number;
  /** Reports on a terminal that a request is retried; by default, log.info. */
  readonly announce?: (message: string) => void;
}
