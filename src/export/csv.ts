import type { EventSlice } from '../events/event.ts';
import { JsonReader } from '../events/json-reader.ts';
import { FieldScanner, stringAt, textAt } from '../events/field-scanner.ts';
import { escaped } from '../lib/one-line.ts';
import type { ProviderDefinition, Source } from '../providers/provider.ts';

/** With these a spreadsheet takes a text for a formula, and anybody may have written it (CWE-1236). */
const FORMULA = /^[=+\-@]/;
/** A spreadsheet turns a number of more digits into 9.88E+18. */
const MAX_DIGITS = 15;
/** Tells a spreadsheet that the file is UTF-8. */
export const BYTE_ORDER_MARK = Buffer.from('\ufeff');
/** What may stand between two cells. */
export const SEPARATORS = { comma: ',', semicolon: ';', tab: '\t' } as const;
export type SeparatorName = keyof typeof SEPARATORS;
/** What would end a row or a spreadsheet's patience: control characters, lone surrogates, Unicode's line breaks. */
const UNPRINTABLE = /[\p{Cc}\p{Cs}\u2028\u2029]/gu;

/** The columns of a provider's csv, in their order: the contract comes second, where there are contracts. */
export function csvColumns({ csvColumns: columns, hasContracts }: ProviderDefinition): readonly string[] {
  const [first = '', ...others] = Object.keys(columns);
  return hasContracts ? [first, 'contract', ...others] : [first, ...others];
}

/** The first line of a provider's csv, its line break included. */
export function csvHeader(definition: ProviderDefinition, separator: SeparatorName = 'comma'): Buffer {
  return Buffer.from(`${csvColumns(definition).join(SEPARATORS[separator])}\n`);
}

/**
 * Makes a function that turns an event into a row as RFC 4180 has it, but always in one line. Texts are decoded; a
 * list or an object stands as its JSON text; null, and what the event does not have, is empty. Control characters
 * become `\n` and the like. A text that a spreadsheet would take for a formula gets an apostrophe in front, and one of
 * more than 15 digits, such as a contract's number, is written as `="…"`, which a spreadsheet keeps as it is.
 */
export function csvWriter(
  definition: ProviderDefinition,
  separatorName: SeparatorName = 'comma',
): (event: EventSlice, source: Source) => EventSlice {
  const separator = SEPARATORS[separatorName];
  const names = csvColumns(definition);
  const scanner = new FieldScanner(definition.csvColumns);
  return (event, source) => {
    scanner.scan(new JsonReader(event.json, event.start));
    const cells = names.map((name) => {
      if (name === 'contract') return cell(source.contract ?? '', separator);
      const span = scanner.field(name);
      if (span === undefined) return '';
      const text = stringAt(event.json, span);
      return cell(text === undefined ? jsonCell(textAt(event.json, span)) : textCell(text), separator);
    });
    const json = Buffer.from(cells.join(separator));
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

function cell(text: string, separator: string): string {
  const shown = /^\d+$/.test(text) && text.length > MAX_DIGITS ? `="${text}"` : text;
  return shown.includes('"') || shown.includes(separator) ? `"${shown.replaceAll('"', '""')}"` : shown;
}
