import type { EventSlice } from '../events/event.ts';
import { JsonReader } from '../events/json-reader.ts';
import { FieldScanner, stringAt, textAt } from '../events/field-scanner.ts';
import { escaped } from '../lib/one-line.ts';
import type { ProviderDefinition, Source } from '../providers/provider.ts';

/** With these a spreadsheet takes a text for a formula, and anybody may have written it (CWE-1236). */
const FORMULA = /^[=+\-@]/;
const NEEDS_QUOTES = /[",]/;
/** What would end a row or a spreadsheet's patience: control characters, lone surrogates, Unicode's line breaks. */
const UNPRINTABLE = /[\p{Cc}\p{Cs}\u2028\u2029]/gu;

/** The columns of a provider's csv, in their order: the contract comes second, where there are contracts. */
export function csvColumns({ csvColumns: columns, hasContracts }: ProviderDefinition): readonly string[] {
  const [first = '', ...others] = Object.keys(columns);
  return hasContracts ? [first, 'contract', ...others] : [first, ...others];
}

/** The first line of a provider's csv, its line break included. */
export function csvHeader(definition: ProviderDefinition): Buffer {
  return Buffer.from(`${csvColumns(definition).join(',')}\n`);
}

/**
 * Makes a function that turns an event into a row as RFC 4180 has it, but always in one line. Texts are decoded; a
 * list or an object stands as its JSON text; null, and what the event does not have, is empty. Control characters
 * become `\n` and the like, and a text that a spreadsheet would take for a formula gets an apostrophe in front.
 */
export function csvWriter(definition: ProviderDefinition): (event: EventSlice, source: Source) => EventSlice {
  const names = csvColumns(definition);
  const scanner = new FieldScanner(definition.csvColumns);
  return (event, source) => {
    scanner.scan(new JsonReader(event.json, event.start));
    const cells = names.map((name) => {
      if (name === 'contract') return cell(source.contract ?? '');
      const span = scanner.field(name);
      if (span === undefined) return '';
      const text = stringAt(event.json, span);
      return text === undefined ? cell(jsonCell(textAt(event.json, span))) : cell(textCell(text));
    });
    const json = Buffer.from(cells.join(','));
    return { ...event, json, start: 0, end: json.length };
  };
}

function textCell(text: string): string {
  const shown = text.replace(UNPRINTABLE, escaped);
  return FORMULA.test(shown) ? `'${shown}` : shown;
}

/** Line breaks stand only between the tokens of a JSON text; what follows them there is indentation. */
function jsonCell(json: string): string {
  return json === 'null' ? '' : json.replace(/[\r\n]+[ \t]*/g, '');
}

function cell(text: string): string {
  return NEEDS_QUOTES.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
