/** Switches of the sandbox. All but `port` and `seed` are live: a test may change them between two requests. */

export interface SandboxOptions {
  /** 0 takes any free port. */
  port: number;
  /** Everything that looks random follows from this number. */
  seed: number;
  /** Milliseconds since the epoch. What becomes visible, and when, follows from this clock alone. */
  now: () => number;

  /** Bearer token; null accepts none. */
  token: string | null;
  /** Accepted beside the token. */
  basic: { username: string; password: string } | null;
  /** Contracts that answer 403. They stay in the list. */
  forbiddenContracts: readonly string[];

  /** Contracts that answer 401, though the list does not. */
  unauthorizedContracts: readonly string[];

  contractsShape: 'array' | 'items';
  /** How many contracts a page of the list has; null: all of them. The shape is `items` then. */
  contractsPerPage: number | null;
  /** How such a page says that there is another one: a link, one to another origin, offset and limit, or the total. */
  contractsNext: '_links' | 'foreign' | 'offset' | 'total';
  shape: 'hits/_source' | 'hits/source' | 'hits/bare' | 'items' | 'array';
  /** Members that Elasticsearch puts around a hit: `took`, `_index`, `_score`, `sort`. */
  hitExtras: boolean;
  /** `gte`: an object, its value capped at 10,000. The shapes `items` and `array` have no total. */
  total: 'number' | 'object' | 'gte' | 'missing' | 'overstated';
  overstatedBy: number;
  /** `shuffled`: one order for good. `reshuffled`: another one for each request. */
  order: 'ascending' | 'descending' | 'shuffled' | 'reshuffled';
  maxLimit: number;
  /** `cut` answers with fewer hits and says nothing; `refused` answers 400. */
  limitBehaviour: 'cut' | 'refused';
  maxOffset: number | null;
  /** What must not exceed `maxOffset`. */
  offsetRule: 'offset+limit' | 'offset';
  ignoreOffset: boolean;
  /** How far back a query may go, and how long its range may be; 400 otherwise. */
  keptMs: number | null;
  maxRangeMs: number | null;
  /** The places of a window (first, and the one after the last) that its pages leave out though the total counts them. */
  filtered: readonly [number, number] | null;
  /** Answers say that they are not complete, and are not: half of the hits are missing. */
  incomplete: 'no' | 'timed_out' | '_shards';

  pretty: 'no' | 'lf' | 'crlf';
  /** Answers are compressed for a client that accepts gzip. */
  gzip: boolean;
  /** Chunked transfer coding instead of Content-Length. */
  chunked: boolean;
  chunkBytes: number;
  /** Waited for before any answer; a function is given the contract, if the request is about one. */
  latencyMs: number | ((contract: string | undefined) => number);
  /** Added to the clock in the Date header. */
  dateSkewMs: number;

  /** New events each second, all contracts together, from the start of the sandbox on. */
  arrivalsPerSecond: number;

  /** From here on: how events are made (`generate` and arrivals); events that exist stay as they are. */
  uuid: 'present' | 'missing' | 'some';
  /** Fields that are sometimes text, sometimes a number. */
  typeDrift: boolean;
  timeFormat: 'milliseconds' | 'seconds' | 'microseconds' | 'offset';
  /** Pads each event to this size in bytes. */
  sizeBytes: number | null;
  /** The share of events (0 to 1) that become visible late: up to `lateMaxMs` after their own time, or exactly by `lateByMs`. */
  lateShare: number;
  lateMaxMs: number;
  lateByMs: number | null;

  cloudscale: CloudscaleOptions;
}

export interface CloudscaleOptions {
  token: string;
  pageSize: number;
  arrivalsPerSecond: number;
  /** The status that a stale cursor is answered with. */
  staleStatus: 400 | 404 | 410;
  /** Cursors older than this are stale; null keeps them for good. See also `expireCursors()`. */
  maxCursorAgeMs: number | null;
  /** How far back a start may be; 400 otherwise. */
  keptMs: number | null;
  /** Points cursors elsewhere; an origin of one's own (`{ origin }`) shows who follows them. */
  foreignCursors: 'no' | 'host' | 'port' | 'scheme' | 'credentials' | { origin: string };
  foreignIn: 'both' | 'next' | 'poll_more';
}

export type SandboxSettings = Partial<Omit<SandboxOptions, 'cloudscale'>> & { cloudscale?: Partial<CloudscaleOptions> };

export function withDefaults(settings: SandboxSettings): SandboxOptions {
  const { cloudscale, ...ionos } = settings;
  return { ...ionosDefaults(), ...ionos, cloudscale: { ...cloudscaleDefaults(), ...cloudscale } };
}

function ionosDefaults(): Omit<SandboxOptions, 'cloudscale'> {
  return {
    port: 0,
    seed: 1,
    now: Date.now,
    token: 'sandbox-token',
    basic: null,
    forbiddenContracts: [],
    unauthorizedContracts: [],
    contractsShape: 'array',
    contractsPerPage: null,
    contractsNext: '_links',
    shape: 'hits/_source',
    hitExtras: false,
    total: 'number',
    overstatedBy: 7,
    order: 'ascending',
    maxLimit: 10_000,
    limitBehaviour: 'refused',
    maxOffset: null,
    offsetRule: 'offset+limit',
    ignoreOffset: false,
    keptMs: null,
    maxRangeMs: null,
    filtered: null,
    incomplete: 'no',
    pretty: 'no',
    gzip: false,
    chunked: false,
    chunkBytes: 16_384,
    latencyMs: 0,
    dateSkewMs: 0,
    arrivalsPerSecond: 0,
    uuid: 'present',
    typeDrift: false,
    timeFormat: 'milliseconds',
    sizeBytes: null,
    lateShare: 0,
    lateMaxMs: 60_000,
    lateByMs: null,
  };
}

function cloudscaleDefaults(): CloudscaleOptions {
  return {
    token: 'sandbox-token',
    pageSize: 100,
    arrivalsPerSecond: 0,
    staleStatus: 400,
    maxCursorAgeMs: null,
    keptMs: null,
    foreignCursors: 'no',
    foreignIn: 'both',
  };
}
