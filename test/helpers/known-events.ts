import { EventReader, type EventSlice } from '../../src/events/event.ts';
import { JsonReader } from '../../src/events/json-reader.ts';

const reader = new EventReader({ id: ['@uuid'], time: ['time'] });

/** The event with this number: `{"@uuid":"00000000-…","n":…}`. */
export function numberedEvent(n: number): EventSlice {
  const uuid = `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
  return reader.read(new JsonReader(Buffer.from(JSON.stringify({ '@uuid': uuid, n })), 0));
}

export function numberOf({ json, start, end }: EventSlice): number {
  return (JSON.parse(json.toString('utf8', start, end)) as { n: number }).n;
}
