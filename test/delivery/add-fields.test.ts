import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { FIELD_NAMES, fieldAdder, type FieldName } from '../../src/delivery/add-fields.ts';
import { EventReader, toLines, type EventSlice } from '../../src/events/event.ts';
import { JsonReader } from '../../src/events/json-reader.ts';
import { ionos } from '../../src/providers/ionos.ts';
import { IONOS_EVENT } from '../../src/providers/ionos-page.ts';
import type { Source } from '../../src/providers/provider.ts';
import '../helpers/properties.ts';
import { anyJsonObject } from '../helpers/arbitrary-json.ts';

const CONTRACT = '9876543218374837483';
const source: Source = { id: CONTRACT, name: `ionos/${CONTRACT}`, contract: CONTRACT };
const reader = new EventReader(IONOS_EVENT);

function read(text: string): EventSlice {
  // Not at the beginning of its page, and not at its end.
  return reader.read(new JsonReader(Buffer.from(`[${text}]`), 1));
}

function lineOf(names: readonly FieldName[], text: string, of: Source = source): string {
  return toLines([fieldAdder(names, ionos)(read(text), of)]).toString();
}

describe('fieldAdder', () => {
  const event =
    '{"@uuid":"a","meta":{"time":"2026-11-21T20:25:55.000Z"},"principal":{"sourceService":"DCD"},"event":{"type":"Error"}}';
  const rows: [string, readonly FieldName[], string, string][] = [
    [
      'all of them, in the order of the option',
      ['provider', 'time', 'contract', 'event_type', 'source_service'],
      event,
      `{"provider":"ionos","time":"2026-11-21T20:25:55.000Z","contract":"${CONTRACT}","event_type":"Error",` +
        `"source_service":"DCD",${event.slice(1)}`,
    ],
    [
      'what the event does not have is left out',
      FIELD_NAMES,
      '{"n":1}',
      `{"contract":"${CONTRACT}","provider":"ionos","n":1}`,
    ],
    ['none at all', ['time', 'event_type'], '{"n": 1}', '{"n": 1}'],
    ['an empty event', ['provider'], '{}', '{"provider":"ionos"}'],
    ['an empty event with space in it', ['provider'], '{ \t }', '{"provider":"ionos" \t }'],
    ['a value of another type, as it is', ['time'], '{"meta":{"time":1.0}}', '{"time":1.0,"meta":{"time":1.0}}'],
    [
      'a value beyond 2^53 and an escape, as they are',
      ['event_type', 'source_service'],
      '{"event":{"type":9007199254740993},"principal":{"sourceService":"\\ud83d"}}',
      '{"event_type":9007199254740993,"source_service":"\\ud83d",' +
        '"event":{"type":9007199254740993},"principal":{"sourceService":"\\ud83d"}}',
    ],
    ['beside a field of that name', ['provider'], '{"provider":"own"}', '{"provider":"ionos","provider":"own"}'],
  ];
  for (const [name, names, text, line] of rows) {
    it(`puts in front: ${name}`, () => assert.equal(lineOf(names, text), `${line}\n`));
  }

  it('knows no contract where there are none', () => {
    const project: Source = { id: 'default', name: 'cloudscale/default' };
    assert.equal(lineOf(['contract', 'provider'], '{"n":1}', project), '{"provider":"ionos","n":1}\n');
  });

  it('changes no byte of any event, and none of its values', () => {
    fc.assert(
      fc.property(anyJsonObject, fc.uniqueArray(fc.constantFrom(...FIELD_NAMES)), ({ json, line }, names) => {
        const printed = lineOf(names, json).slice(0, -1);
        assert.ok(printed.endsWith(line.slice(1)), printed);
        assert.equal(printed.search(/[\r\n]/), -1);
        const added = JSON.parse(printed) as object;
        // JSON.parse takes the last of equal names: the event's own prevail.
        assert.deepEqual({ ...added, ...(JSON.parse(json) as object) }, added);
      }),
      { numRuns: 500 },
    );
  });

  it("keeps the event's identity and time", () => {
    const before = read(event);
    const after = fieldAdder(FIELD_NAMES, ionos)(before, source);
    assert.deepEqual([after.id, after.time], [before.id, before.time]);
  });
});
