/** JSON texts for property tests: every spelling that JSON.parse accepts, not only the one that JSON.stringify writes. */

import fc from 'fast-check';

/** A JSON text, and the same without the line breaks between its tokens. */
export interface JsonText {
  readonly json: string;
  readonly line: string;
}

const NUMBERS = ['0', '-0', '1.0', '1e400', '-1E+2', '9007199254740993', '9876543218374837483', '0.1e-7', '1E400'];
const ESCAPES = ['\\"', '\\\\', '\\/', '\\b', '\\f', '\\n', '\\r', '\\t', '\\u0041', '\\uD83D', '\\ude80', '\\u0000'];
/** Keys that mean something to this program, so that they come up, and come up twice. */
const KEYS = ['"@uuid"', '"meta"', '"time"', '"event"', '"type"', '"\\u0040uuid"', '"m\\u0065ta"', '""', '"__proto__"'];

const gap = fc.constantFrom('', '', '', ' ', '\t', '\n', '\r\n', '\r', '\n\n', ' \r\n\t ');
const digits = fc.stringMatching(/^[0-9]{1,4}$/);

const number = fc.oneof(
  fc.constantFrom(...NUMBERS),
  fc
    .tuple(
      fc.constantFrom('', '-'),
      fc.stringMatching(/^(0|[1-9][0-9]{0,20})$/),
      fc.option(digits, { nil: undefined }),
      fc.option(fc.tuple(fc.constantFrom('e', 'E', 'e+', 'E-'), digits), { nil: undefined }),
    )
    .map(([sign, whole, fraction, exponent]) =>
      [sign, whole, fraction === undefined ? '' : `.${fraction}`, ...(exponent ?? [])].join(''),
    ),
);

const string = fc
  .array(
    fc.oneof(
      fc.string({ unit: 'binary', maxLength: 6 }).map((text) => JSON.stringify(text).slice(1, -1)),
      fc.constantFrom(...ESCAPES),
      // Valid in a JSON string as they are, and a line break to some readers.
      fc.constantFrom('\u2028', '\u2029', '\u0085', '\u007f', 'ü', '🚀'),
      fc.constantFrom('{', '}', '[', ']', ':', ',', '//'),
    ),
    { maxLength: 5 },
  )
  .map((pieces) => `"${pieces.join('')}"`);

function token(text: string): fc.Arbitrary<JsonText> {
  return gap.map((space) => ({ json: text + space, line: text + space.replace(/[\r\n]/g, '') }));
}

function joined(parts: readonly JsonText[]): JsonText {
  return { json: parts.map(({ json }) => json).join(''), line: parts.map(({ line }) => line).join('') };
}

/** `[` or `{`, members each with a comma before the next, `]` or `}`. */
function list(open: string, members: fc.Arbitrary<JsonText[]>, close: string): fc.Arbitrary<JsonText> {
  return fc.tuple(token(open), members, token(','), token(close)).map(([head, items, comma, tail]) => {
    const separated = items.flatMap((item, index) => (index === 0 ? [item] : [comma, item]));
    return joined([head, ...separated, tail]);
  });
}

const trees = fc.letrec<{ value: JsonText; object: JsonText; array: JsonText }>((tie) => {
  const key = fc.oneof(string, fc.constantFrom(...KEYS)).chain(token);
  const member = fc.tuple(key, token(':'), tie('value')).map(joined);
  return {
    value: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc.oneof(fc.constantFrom('true', 'false', 'null'), number, string).chain(token),
      tie('array'),
      tie('object'),
    ),
    object: list('{', fc.array(member, { maxLength: 4 }), '}'),
    array: list('[', fc.array(tie('value'), { maxLength: 4 }), ']'),
  };
});

function trimmed({ json, line }: JsonText): JsonText {
  return { json: json.trimEnd(), line: line.trimEnd() };
}

/** Any JSON value, without white space around it. */
export const anyJson: fc.Arbitrary<JsonText> = trees.value.map(trimmed);

/** Any JSON object, without white space around it. */
export const anyJsonObject: fc.Arbitrary<JsonText> = trees.object.map(trimmed);

/** A text that was JSON before it was cut off or some of it was replaced, and sometimes still is. */
export const damagedJson: fc.Arbitrary<string> = fc
  .tuple(
    anyJson,
    fc.nat(),
    fc.nat({ max: 3 }),
    fc.oneof(
      fc.constantFrom(
        '',
        '"',
        '\\',
        '{',
        '}',
        '[',
        ']',
        ',',
        ':',
        '0',
        '-',
        '.',
        'e',
        '+',
        't',
        'null',
        '\n',
        '\u0001',
      ),
      fc.string({ unit: 'binary', maxLength: 2 }),
    ),
    fc.boolean(),
  )
  .map(([{ json }, place, removed, inserted, cut]) => {
    const at = place % (json.length + 1);
    return json.slice(0, at) + inserted + (cut ? '' : json.slice(at + removed));
  });

/** What JSON.parse says to the text that these bytes are. */
export function isJson(bytes: Uint8Array): boolean {
  try {
    JSON.parse(Buffer.from(bytes).toString());
    return true;
  } catch {
    return false;
  }
}
