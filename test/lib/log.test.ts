import assert from 'node:assert/strict';
import { closeSync, fstatSync, openSync } from 'node:fs';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { LOG_LEVELS, createLog, isJournal, type LogOptions } from '../../src/lib/log.ts';
import '../helpers/properties.ts';

/** What is written when every level says this, once. */
function written(message: string, options: Partial<LogOptions> = {}): string[] {
  const lines: string[] = [];
  const log = createLog({ write: (line) => lines.push(line), level: 'debug', journal: false, ...options });
  for (const level of LOG_LEVELS) log[level](message);
  return lines;
}

function errorLine(message: string, options: Partial<LogOptions> = {}): string {
  return written(message, { ...options, level: 'error' }).join('');
}

describe('createLog', () => {
  it('writes one line a message, with a word for what is wrong', () => {
    assert.deepEqual(written('hello'), [
      'fetch-activity-logs: error: hello\n',
      'fetch-activity-logs: warning: hello\n',
      'fetch-activity-logs: hello\n',
      'fetch-activity-logs: debug: hello\n',
    ]);
  });

  it('begins with a priority where the journal reads', () => {
    assert.deepEqual(written('hello', { journal: true }), [
      '<3>fetch-activity-logs: error: hello\n',
      '<4>fetch-activity-logs: warning: hello\n',
      '<6>fetch-activity-logs: hello\n',
      '<7>fetch-activity-logs: debug: hello\n',
    ]);
  });

  it('says no more than the level asks for', () => {
    for (const [index, level] of LOG_LEVELS.entries()) assert.equal(written('x', { level }).length, index + 1);
  });

  it('never shows a secret anywhere', () => {
    const secrets = ['', 'tok.en', 'pass$&word'];
    assert.equal(
      errorLine('tok.en, Bearer tok.en, pass$&word and token', { secrets }),
      'fetch-activity-logs: error: [redacted], Bearer [redacted], [redacted] and token\n',
    );
  });

  const rows: [string, string][] = [
    ['one\ntwo\r\n\tthree', 'one two three'],
    ['at the end \n\n', 'at the end'],
    ['\u001b[31mred\u0007', '\\u001b[31mred\\u0007'],
    ['\u009b31mred with one byte', '\\u009b31mred with one byte'],
    ['next\u0085line', 'next\\u0085line'],
    ['delete\u007f', 'delete\\u007f'],
    ['line\u2028paragraph\u2029end', 'line paragraph end'],
    ['\u001b\u2028\n<3>forged', '\\u001b\\u2028\\n<3>forged'],
    ['Größe 🚀 stays', 'Größe 🚀 stays'],
  ];
  for (const [message, shown] of rows) {
    it(`shows ${JSON.stringify(message)} as ${JSON.stringify(shown)}`, () => {
      assert.equal(errorLine(message), `fetch-activity-logs: error: ${shown}\n`);
    });
  }

  it('lets through no control character, whatever the message', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: control })) }),
        (text) => {
          assert.match(errorLine(text), /^[^\p{Cc}\p{Zl}\p{Zp}]*\n$/u);
        },
      ),
    );
  });
});

const control = fc.integer({ min: 0, max: 0x9f }).map((code) => String.fromCharCode(code));

describe('isJournal', () => {
  it('compares device and inode of the descriptor', (t) => {
    const fd = openSync('/dev/null', 'r');
    t.after(() => closeSync(fd));
    const { dev, ino } = fstatSync(fd, { bigint: true });
    assert.equal(isJournal(fd, `${dev}:${ino}`), true);
    assert.equal(isJournal(fd, `${dev}:${ino + 1n}`), false);
    assert.equal(isJournal(fd, ''), false);
    assert.equal(isJournal(fd, undefined), false);
  });

  it('is false for a descriptor that is closed', () => {
    assert.equal(isJournal(1_000_000, '1:1'), false);
  });
});
