import type { EventSlice } from '../events/event.ts';
import { JsonReader } from '../events/json-reader.ts';
import { FieldScanner, stringAt, textAt } from '../events/field-scanner.ts';
import { escaped } from '../lib/one-line.ts';
import type { ProviderDefinition, Source } from '../providers/provider.ts';

/** A spreadsheet takes a text that starts with one of these for a formula (CWE-1236). */
const FORMULA = /^[=+\-@]/;
/** A spreadsheet shows a longer number as 9.88E+18. */
const MAX_DIGITS = 15;
/** Tells a spreadsheet that the file is UTF-8. */
export const BYTE_ORDER_MARK = Buffer.from('\ufeff');
const SEPARATORS = { comma: ',', semicolon: ';', tab: '\t' } as const;
type SeparatorName = keyof typeof SEPARATORS;
/** Control characters, lone surrogates and Unicode's line breaks: they would end a row or confuse a spreadsheet. */
const UNPRINTABLE = /[\p{Cc}\p{Cs}\u2028\u2029]/gu;

/** The columns of a provider's csv, in their order: the contract comes second, where there are contracts. */
export function csvColumns({ csvColumns: columns, hasContracts }: ProviderDefinition): readonly string[] {
  const [first = '', ...others] = Object.keys(columns);
  return hasContracts ? [first, 'contract', ...others] : [first, ...others];
}

/** The first line of a provider's csv, with its line break. */
export function csvHeader(definition: ProviderDefinition, separator: SeparatorName = 'comma'): Buffer {
  return Buffer.from(`${csvColumns(definition).join(SEPARATORS[separator])}\n`);
}

/**
 * Makes a function that turns an event into a row (RFC 4180) of one line. Strings are decoded; lists and objects are
 * written as JSON; null and missing fields are empty. Control characters become `\n` and the like. A text that a
 * spreadsheet would take for a formula is prefixed with an apostrophe. Digits that it would round, such as a contract's
 * number, are written as `="…"`.
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

/** The line breaks of a JSON text are between its tokens; what follows them is indentation. */
function jsonCell(json: string): string {
  return json === 'null' ? '' : json.replace(/[\r\n]+[ \t]*/g, '');
}

function cell(text: string, separator: string): string {
  const shown = /^\d+$/.test(text) && text.length > MAX_DIGITS ? `="${text}"` : text;
  return shown.includes('"') || shown.includes(separator) ? `"${shown.replaceAll('"', '""')}"` : shown;
}
