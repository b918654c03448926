import type { EventSlice } from '../events/event.ts';
import { FieldScanner } from '../events/field-scanner.ts';
import { JsonReader } from '../events/json-reader.ts';
import type { FieldPath } from '../events/wanted-fields.ts';

/** Writes what replaces an event that exceeds Fluent Bit's limits. */
export class StubWriter {
  readonly #paths: readonly FieldPath[];
  readonly #maxDepth: number;
  readonly #fields: FieldScanner;

  /** `paths`: the fields that identify an event. `maxDepth`: fields nested deeper are left out. */
  constructor(paths: readonly FieldPath[], maxDepth: number) {
    this.#paths = paths;
    this.#maxDepth = maxDepth;
    this.#fields = new FieldScanner(Object.fromEntries(paths.map((path) => [path.join('.'), path])));
  }

  /** The event's own bytes of the fields that fit into `room` bytes, and `truncated` as `_truncated`. */
  write(event: EventSlice, truncated: string, room: number): EventSlice {
    const reader = new JsonReader(event.json, event.start);
    this.#fields.scan(reader);
    const kept: Nested = new Map();
    let left = room;
    let depth = 2;
    for (const path of this.#paths) {
      const span = this.#fields.field(path.join('.'));
      if (span === undefined || span.end - span.start > left) continue;
      reader.pos = span.start;
      reader.skipValue();
      if (path.length + reader.depth > this.#maxDepth) continue;
      depth = Math.max(depth, path.length + reader.depth);
      left -= span.end - span.start;
      put(kept, path, event.json.toString('utf8', span.start, span.end));
    }
    kept.set('_truncated', truncated);
    const json = Buffer.from(render(kept));
    return { ...event, json, start: 0, end: json.length, depth };
  }
}

/** JSON texts by key, nested. */
type Nested = Map<string, string | Nested>;

function put(into: Nested, [key = '', ...below]: FieldPath, json: string): void {
  if (below.length === 0) {
    into.set(key, json);
    return;
  }
  const inner = into.get(key);
  const nested: Nested = inner instanceof Map ? inner : new Map<string, string | Nested>();
  into.set(key, nested);
  put(nested, below, json);
}

function render(object: Nested): string {
  const members = [...object].map(
    ([key, value]) => `${JSON.stringify(key)}:${typeof value === 'string' ? value : render(value)}`,
  );
  return `{${members.join(',')}}`;
}
