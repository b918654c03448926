import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Fgets } from './in-exec-fgets.ts';
import { judge } from './in-exec-parser.ts';
import './properties.ts';

describe('the parser', () => {
  const nested = (levels: number, open: string, close: string): string =>
    `{"v":${open.repeat(levels - 1)}1${close.repeat(levels - 1)}}`;

  // Each was given to Fluent Bit 5.1.1, whose verdict stands here.
  const accepted = {
    'an object': '{"a":1}',
    'an empty object': '{}',
    'blanks around it': ' \t{"a":1}  ',
    'a carriage return': '{"a":1}\r',
    'a large integer': '{"a":18446744073709551616}',
    'a tiny number': '{"a":1e-400}',
    'the largest double': '{"a":1.7e308}',
    'minus zero': '{"a":-0}',
    'equal keys': '{"a":1,"a":2}',
    'an empty key': '{"":1}',
    'a lone surrogate': '{"a":"\\ud800"}',
    'an escaped NUL': '{"a":"\\u0000"}',
    'brackets in a string': '{"a":"}{\\"]["}',
    '63 levels of objects': nested(63, '{"a":', '}'),
    '63 levels of lists': nested(63, '[', ']'),
    'a word behind it': '{"a":1} junk',
    'half an object behind it': '{"a":1}{"b":}',
    'half a string behind it': '{"a":1} "x',
    'a closing bracket behind it': '{"a":1}}',
    'a comma behind it': '{"a":1},',
    'no number behind it': '{"a":1} 01',
  };
  const refused = {
    nothing: '',
    blanks: '   ',
    'half an object': '{"a":1',
    'half a string': '{"a":"x',
    'a list': '[1]',
    'a string': '"a"',
    'a number': '12',
    null: 'null',
    'a number beyond a double': '{"a":1e400}',
    'a negative one': '{"a":[-1e400]}',
    'a leading zero': '{"a":01}',
    'a byte order mark': '\ufeff{"a":1}',
    'a comma too many': '{"a":1,}',
    'a comment': '{"a":1/*x*/}',
    'two objects': '{"a":1}{"b":2}',
    'a list behind it': '{"a":1}[]',
    'a number behind it': '{"a":1} 12abc',
    'a string behind it': '{"a":1} "x"',
    'a literal behind it': '{"a":1}truex',
    '65 levels of objects': nested(65, '{"a":', '}'),
    '65 levels of lists': nested(65, '[', ']'),
    '100,000 levels': nested(100_000, '[', ']'),
  };
  for (const [what, line] of Object.entries(accepted)) {
    it(`accepts ${what}`, () => assert.equal(judge(line), 'accepted'));
  }
  for (const [what, line] of Object.entries(refused)) {
    it(`refuses ${what}`, () => assert.equal(judge(line), 'refused'));
  }
  it('is poisoned by 64 levels', () => {
    assert.equal(judge(nested(64, '{"a":', '}')), 'poison');
    assert.equal(judge(nested(64, '[', ']')), 'poison');
  });
});

describe('fgets', () => {
  /** The pieces of a stream that arrives in parts of a size. */
  function pieces(stream: string, size: number, part = stream.length): string[] {
    const reader = new Fgets(size);
    const bytes = Buffer.from(stream);
    const all: string[] = [];
    for (let at = 0; at < bytes.length; at += part) all.push(...reader.push(bytes.subarray(at, at + part)));
    return [...all, ...reader.end()];
  }

  it('returns lines, also empty ones and one without an end', () => {
    assert.deepEqual(pieces('a\n\nb\nc', 100), ['a', '', 'b', 'c']);
  });

  it('cuts lines of the size of the buffer and longer', () => {
    assert.deepEqual(pieces('12345\n123456\n1234567\n', 7), ['12345', '123456', '', '123456', '7']);
  });

  it('loses what is between a NUL and the end of the line', () => {
    assert.deepEqual(pieces('a\0b\nc\n', 100), ['a', 'c']);
  });

  it('returns the same, however the stream arrives', () => {
    const stream = fc.string({ unit: fc.constantFrom('a', 'ü', '\n', '\0'), maxLength: 60 });
    fc.assert(
      fc.property(stream, fc.integer({ min: 2, max: 20 }), fc.integer({ min: 1, max: 30 }), (text, size, part) => {
        assert.deepEqual(pieces(text, size, part), pieces(text, size));
      }),
    );
  });

  it('loses nothing of a stream without NUL but the line breaks', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('a', 'b', '\n') }),
        fc.integer({ min: 2, max: 20 }),
        (text, size) => {
          assert.equal(pieces(text, size).join(''), text.replaceAll('\n', ''));
        },
      ),
    );
  });
});
