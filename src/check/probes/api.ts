import { withAdvice } from '../../session/failures.ts';
import { ApiClient } from '../../http/api-client.ts';
import type { Config } from '../../config/config.ts';
import type { Credentials } from '../../config/credentials.ts';
import { createDispatcher, proxyFor } from '../../http/proxy.ts';
import { formatDuration, formatSecond } from '../../lib/duration.ts';
import { ApiError, AppError, PageError } from '../../lib/errors.ts';
import { createLog } from '../../lib/log.ts';
import { MAX_CLOCK_SKEW_MS } from '../../lib/clock.ts';
import { counted, listed } from '../../lib/words.ts';
import type { Provider, Source } from '../../providers/provider.ts';
import type { World } from '../../lib/world.ts';
import { checkProxy } from './proxy.ts';
import type { Setup } from '../facts/environment.ts';
import { error, fatal, ok, type Finding } from '../finding.ts';

const PATIENCE_MS = 10_000;
const ATTEMPTS = 2;
/** At most this many sources are queried: a reseller has thousands. */
const MAX_SOURCES = 3;
const MAX_LISTED = 5;

/** Whether the API answers, what the token may see, and whether the API's clock and this machine's agree. */
export async function checkApi({ config, env }: Setup, credentials: Credentials, world: World): Promise<Finding[]> {
  let dispatcher;
  let proxy;
  try {
    proxy = proxyFor(config.apiUrl, env);
    dispatcher = await createDispatcher(config.apiUrl, env, 1);
  } catch (thrown) {
    return failure(thrown, config);
  }
  const started = world.monotonic();
  const api = new ApiClient({
    baseUrl: config.apiUrl,
    authorization: credentials.authorization,
    dispatcher,
    requestTimeoutMs: Math.min(config.requestTimeoutMs, PATIENCE_MS),
    remainingMs: () => started + PATIENCE_MS - world.monotonic(),
    log: createLog({ level: 'error', journal: false, write: () => undefined }),
    now: world.now,
    monotonic: world.monotonic,
    pause: world.pause,
    random: world.random,
    maxAttempts: ATTEMPTS,
  });
  try {
    const findings = await look({ config, env }, api, world).catch((thrown: unknown) => failure(thrown, config));
    const way = proxy === undefined ? [] : await checkProxy(proxy, world.signal);
    return [...way, ...findings, ...clock(api)];
  } finally {
    await dispatcher.destroy();
  }
}

async function look(
  { config, env }: Pick<Setup, 'config' | 'env'>,
  api: ApiClient,
  { now, pause, signal }: World,
): Promise<Finding[]> {
  const { host } = config.apiUrl;
  const provider = config.provider.create({
    api,
    log: createLog({ level: 'error', journal: false, write: () => undefined }),
    now,
    pause,
    overlapMs: 0,
    pageSize: 1,
    contracts: [],
  });
  const sources = await provider.sources(signal);
  if (sources.length === 0) {
    return fatal('contracts', `${host} answers, but the token sees no contract`);
  }
  const { contracts } = config;
  const unknown = contracts.filter((contract) => !sources.some(({ id }) => id === contract));
  const wanted = contracts.length === 0 ? sources : sources.filter(({ id }) => contracts.includes(id));
  const refused: Finding[] = [];
  for (const source of wanted.slice(0, MAX_SOURCES)) {
    await readSomething(provider, source, now(), signal).catch((thrown: unknown) => {
      refused.push(...failure(thrown, config, `${source.name}: `));
    });
  }
  const seen = config.provider.hasContracts
    ? `${counted(sources.length, 'contract')} (${listed(idsOf(sources), MAX_LISTED)})`
    : 'a project';
  const polled = contracts.length === 0 ? '' : `, ${wanted.length} of them polled`;
  const usable = idsOf(wanted.length > 0 ? wanted : sources).slice(0, MAX_LISTED);
  return [
    ...ok('api', `${host} answers: the token sees ${seen}${polled}`),
    ...refused,
    ...unknown.flatMap((contract) => {
      const isVariable = (env['ACTIVITY_LOG_CONTRACT'] ?? '').includes(contract);
      const message = `the token does not see contract ${contract} (it sees ${listed(idsOf(sources), MAX_LISTED)})`;
      return error('contract-unknown', message, {
        impact: 'nothing of it is collected',
        fix: `${isVariable ? 'ACTIVITY_LOG_CONTRACT=' : '--contract '}${usable.join(',')}`,
      });
    }),
  ];
}

function idsOf(sources: readonly Source[]): string[] {
  return sources.map(({ id }) => id);
}

/** Reads a page of the last second: only this shows whether the token may read events. */
async function readSomething(provider: Provider, source: Source, now: number, signal: AbortSignal): Promise<void> {
  const start = Math.floor(now / 1000) - 1;
  for await (const _ of provider.pages(source, { cursor: formatSecond(start), start }, signal)) return;
}

/** Throws what is not a failure of the API: the reason of a signal that is aborted. */
function failure(thrown: unknown, { apiUrl, provider }: Config, prefix = ''): Finding[] {
  if (!(thrown instanceof AppError)) throw thrown;
  const message = withAdvice(thrown, apiUrl.host);
  const status = thrown instanceof ApiError ? thrown.status : undefined;
  const code = thrown instanceof PageError ? 'api-answer' : status === undefined ? 'api' : `api-${status}`;
  const place = status === 401 ? ` in ${provider.tokenPlace}` : '';
  return fatal(code, `${prefix}${message}${place}`);
}

function clock({ clockSkewMs }: ApiClient): Finding[] {
  if (clockSkewMs === undefined) return [];
  const difference = formatDuration(Math.abs(clockSkewMs));
  if (Math.abs(clockSkewMs) <= MAX_CLOCK_SKEW_MS) {
    return ok('clock', `this machine's clock is within ${formatDuration(MAX_CLOCK_SKEW_MS)} of the API's`);
  }
  const [direction, impact] =
    clockSkewMs > 0
      ? ['ahead of', 'polls ask for a time that the API has not reached, so later events may be missed']
      : ['behind', 'events arrive that much later, and --since and --overlap cover the wrong times'];
  return error('clock', `this machine's clock is ${difference} ${direction} the API's`, {
    impact,
    command: 'sudo timedatectl set-ntp true',
  });
}
