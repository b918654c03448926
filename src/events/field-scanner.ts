import type { JsonReader } from './json-reader.ts';
import { QUOTE } from './json-tokens.ts';
import { want, wantedObject, type FieldPath, type Span } from './wanted-fields.ts';

/**
 * Reads an object to its end and finds some of its fields on the way. Of two equal keys the last one counts, as with
 * JSON.parse. A key may be written with escapes.
 */
export class FieldScanner<Name extends string = string> {
  readonly #wanted = wantedObject();
  readonly #fields: ReadonlyMap<string, Span>;

  constructor(paths: Readonly<Partial<Record<Name, FieldPath>>>) {
    const entries = Object.entries(paths) as [Name, FieldPath][];
    this.#fields = new Map(entries.map(([name, path]) => [name, want(this.#wanted, path)]));
  }

  /** Reads the object at the reader's position. The fields stay known until the next scan. Throws JsonSyntaxError. */
  scan(reader: JsonReader): void {
    reader.skipObject(this.#wanted);
  }

  /** The field of the object scanned last; undefined when the object does not have it. Good until the next scan. */
  field(name: Name): Span | undefined {
    const field = this.#fields.get(name);
    return field === undefined || field.start < 0 ? undefined : field;
  }
}

/** The text of the string at the span; undefined when the span holds another type. */
export function stringAt(json: Uint8Array, span: Span): string | undefined {
  return json[span.start] === QUOTE ? (JSON.parse(textAt(json, span)) as string) : undefined;
}

/** The JSON text of the span. */
export function textAt(json: Uint8Array, { start, end }: Span): string {
  return Buffer.from(json.buffer, json.byteOffset + start, end - start).toString();
}
