import type { EventSlice } from '../events/event.ts';
import { FieldScanner } from '../events/field-scanner.ts';
import { JsonReader } from '../events/json-reader.ts';
import type { Log } from '../lib/log.ts';
import type { ProviderDefinition } from '../providers/provider.ts';
import type { State } from '../state/state.ts';

const DAY_S = 86_400;

interface TypeFilterOptions {
  /** Only events of these types are printed; all when empty. */
  readonly includeTypes: readonly string[];
  /** Events of these types are not printed. */
  readonly excludeTypes: readonly string[];
  readonly provider: Pick<ProviderDefinition, 'fields'>;
}

/**
 * Selects events by type: first those to include, then those to exclude. An event without a type is left out when there
 * are types to include.
 */
export class TypeFilter {
  readonly #include: ReadonlySet<string>;
  readonly #exclude: ReadonlySet<string>;
  readonly #scanner: FieldScanner<'event_type'>;
  /** The named types that events of this run had. */
  readonly #met = new Set<string>();
  #events = 0;

  constructor({ includeTypes, excludeTypes, provider }: TypeFilterOptions) {
    this.#include = new Set(includeTypes);
    this.#exclude = new Set(excludeTypes);
    this.#scanner = new FieldScanner({ event_type: provider.fields.event_type });
  }

  /** Whether the event is printed. */
  keeps(event: EventSlice): boolean {
    if (this.#include.size + this.#exclude.size === 0) return true;
    this.#events++;
    const type = this.#typeOf(event);
    if (type === undefined) return this.#include.size === 0;
    const isIncluded = this.#include.has(type);
    const isExcluded = this.#exclude.has(type);
    if (isIncluded || isExcluded) this.#met.add(type);
    return (isIncluded || this.#include.size === 0) && !isExcluded;
  }

  /**
   * Notes in the state which of the named types this run has met, and warns, at most once a day, about a name that no
   * event has had for a day: it may be misspelt. `now` is in epoch milliseconds.
   */
  noteTypes(state: Pick<State, 'types'>, now: number, log: Log): void {
    const names = new Set([...this.#include, ...this.#exclude]);
    if (names.size === 0) {
      delete state.types;
      return;
    }
    const second = Math.floor(now / 1000);
    const before = new Map(Object.entries(state.types ?? {}));
    const after = [...names].map((name): [string, number] => {
      const last = Math.min(before.get(name) ?? second, second);
      if (this.#met.has(name)) return [name, second];
      if (this.#events === 0 || second - last < DAY_S) return [name, last];
      const option = this.#include.has(name) ? '--include-types' : '--exclude-types';
      log.warn(`${option}: no event of the last day has the type ${name}; check its spelling`);
      return [name, second];
    });
    state.types = Object.fromEntries(after);
  }

  #typeOf({ json, start }: EventSlice): string | undefined {
    this.#scanner.scan(new JsonReader(json, start));
    const field = this.#scanner.field('event_type');
    if (field === undefined) return undefined;
    const value: unknown = JSON.parse(json.toString('utf8', field.start, field.end));
    return typeof value === 'string' ? value : undefined;
  }
}
