import type { EventSlice } from '../events/event.ts';
import { FieldScanner } from '../events/field-scanner.ts';
import { JsonReader } from '../events/json-reader.ts';
import { CLOSE_OBJECT, skipSpace } from '../events/json-tokens.ts';
import type { ProviderDefinition, Source } from '../providers/provider.ts';

export const FIELD_NAMES = ['time', 'contract', 'event_type', 'source_service', 'provider'] as const;
export type FieldName = (typeof FIELD_NAMES)[number];

/**
 * Makes a function that inserts top-level fields right after an event's opening brace. No byte of the event changes,
 * and where it has a field of the same name, that comes last and so prevails. Values are the event's own bytes; what it
 * does not have is left out.
 */
export function fieldAdder(
  names: readonly FieldName[],
  definition: ProviderDefinition,
): (event: EventSlice, source: Source) => EventSlice {
  const scanner = new FieldScanner({ ...definition.fields });
  return (event, source) => {
    const { json, start, end } = event;
    scanner.scan(new JsonReader(json, start));
    const members = names.flatMap((name): (string | Buffer)[] => {
      if (name === 'contract')
        return source.contract === undefined ? [] : [`"contract":${JSON.stringify(source.contract)}`];
      if (name === 'provider') return [`"provider":${JSON.stringify(definition.name)}`];
      const value = scanner.field(name);
      if (value === undefined) return [];
      return [Buffer.concat([Buffer.from(`"${name}":`), json.subarray(value.start, value.end)])];
    });
    if (members.length === 0) return event;
    const isEmpty = json[skipSpace(json, start + 1)] === CLOSE_OBJECT;
    const front = members.flatMap((member, index) => [Buffer.from(index === 0 ? '' : ','), Buffer.from(member)]);
    const line = Buffer.concat([
      Buffer.from('{'),
      ...front,
      Buffer.from(isEmpty ? '' : ','),
      json.subarray(start + 1, end),
    ]);
    return { ...event, json: line, start: 0, end: line.length };
  };
}
