import type { ApiClient } from '../http/api-client.ts';
import type { EventSlice } from '../events/event.ts';
import type { FieldPath } from '../events/wanted-fields.ts';
import type { Clock } from '../lib/clock.ts';
import type { TimeSpan } from '../lib/duration.ts';
import type { Log } from '../lib/log.ts';

/** How often a page that was bad in the last run is requested before its bad events are set aside. */
export const ATTEMPTS_TO_ISOLATE = 2;

/** What is polled separately and has its own cursor: a contract, a project. */
export interface Source {
  /** Its key in the state file, such as `ionos/31721060`; text from end to end, since contract numbers exceed 2^53. */
  readonly name: string;
  /** Its name for the provider, such as `31721060`. */
  readonly id: string;
  /** The number of its contract, where there are contracts. */
  readonly contract?: string;
}

/** Where a source's next poll begins. */
export interface Checkpoint {
  /** The last delivered page's, or the RFC 3339 instant at which a new source starts. */
  readonly cursor: string;
  /** Events before this instant (epoch seconds) are not wanted: before the first run, or printed by a predecessor. */
  readonly start: number;
  /** An earlier run failed because of a page that cannot be read: find the event that causes it and set it aside. */
  readonly isolatesBadEvents?: boolean;
  /** The time of the last delivered event, in epoch milliseconds. */
  readonly lastEvent?: number;
  /** Events from this instant on (epoch seconds) are not wanted; undefined: up to the present. */
  readonly end?: number;
}

/** Some of a source's events, in the order of delivery. */
export interface Page {
  /** Slices of memory that is used again: valid until the next page is asked for. */
  readonly events: readonly EventSlice[];
  /** What the list had besides events. It is set aside, and the events are delivered. */
  readonly rejected?: readonly EventSlice[];
  /** Where the next poll starts, once this page and all before it are delivered. */
  readonly cursor: string;
  /** Identities of events before this instant (epoch seconds) need not be remembered once the page is delivered. */
  readonly forgetBefore?: number;
  /** Between which instants the server places these events, whatever they say. */
  readonly between?: TimeSpan;
  /** What the API counts but does not return, in words: it has been logged, and the cursor moves past it. */
  readonly gap?: string | undefined;
  /** How many events the API counts in the span that ends with this page, where it counts them. */
  readonly counted?: number | undefined;
  /** A new event from before this instant (epoch seconds) is late. */
  readonly lateBefore?: number;
}

/** What a provider needs of its client. */
export type Api = Pick<ApiClient, 'url' | 'ownUrl' | 'get' | 'clockSkewMs'>;

/** What a provider works with. */
export interface ProviderContext {
  readonly api: Api;
  readonly log: Log;
  readonly now: () => number;
  readonly pause: Clock['pause'];
  /** How far behind the cursor late events are looked for, in milliseconds. */
  readonly overlapMs: number;
  readonly pageSize: number;
  /** Only these contracts; all that the token sees when empty. */
  readonly contracts: readonly string[];
}

/** An audit-log API. It knows nothing of stdout, locks or files. */
export interface Provider {
  /** The sources that can be polled. */
  sources(signal: AbortSignal): Promise<Source[]>;
  /** All that is new in a source since its checkpoint. Ends when there is no more, throws when it cannot continue. */
  pages(source: Source, checkpoint: Checkpoint, signal: AbortSignal): AsyncIterable<Page>;
  /**
   * How many events a source has from one instant to another (epoch seconds, end exclusive), at the cost of one request;
   * undefined when the API does not say exactly. A provider whose API never says has no such function.
   */
  count?(source: Source, from: number, to: number, signal: AbortSignal): Promise<number | undefined>;
}

/** What the command line needs to know about a provider before it is created. */
export interface ProviderDefinition {
  readonly name: string;
  readonly defaultApiUrl: string;
  /** Added to an API address that has no path. */
  readonly apiPath: string;
  readonly defaultStateFile: string;
  /** Where a person creates a token. */
  readonly tokenPlace: string;
  /** Whether --contract applies. */
  readonly hasContracts: boolean;
  readonly environment: {
    readonly apiUrl: string;
    /** In order of precedence. */
    readonly tokens: readonly string[];
    readonly username?: string;
    readonly password?: string;
  };
  /** The top-level field with an event's id; undefined where events have none. */
  readonly idKey?: string;
  /** Where `--add-fields` finds its values. */
  readonly fields: {
    readonly time: FieldPath;
    readonly event_type: FieldPath;
    readonly source_service?: FieldPath;
  };
  /** What a stub keeps of an event that is too long for a line. */
  readonly stubFields: readonly FieldPath[];
  /** The columns of `export --format csv`, by name and in this order, besides the contract. */
  readonly csvColumns: Readonly<Record<string, FieldPath>>;
  create(context: ProviderContext): Provider;
}
