import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isWithUs, restore, rewrite } from '../../src/setup/main-file.ts';
import type { Block, Survey } from '../../src/setup/tutorial.ts';

const ENV_FILE = '/x.env';
const MARK = '#~# Taken over by fetch-activity-logs; install.sh --uninstall brings it back.\n';
const OURS = '@INCLUDE activity-log.conf\n';

function surveyOf(blocks: readonly (readonly [first: number, last: number, ...keyLines: number[]])[]): Survey {
  const made = blocks.map(([first, last, ...keyLines]): Block => ({ title: '', first, last, keyLines }));
  const none = { tag: '', interval: '', host: '', key: '', hasStoragePath: false, includesUs: false, warnings: [] };
  return { ...none, blocks: made };
}

describe('fluent-bit.conf, when it is taken over', () => {
  it('has its blocks commented out, each run of lines under one mark, and our line at the end', () => {
    const written = rewrite(
      'a\nb\nc\nd\ne\n',
      surveyOf([
        [1, 1],
        [2, 2],
        [4, 5],
      ]),
      ENV_FILE,
    );
    assert.equal(written, `${MARK}#~ a\n#~ b\nc\n${MARK}#~ d\n#~ e\n${OURS}`);
    assert.equal(restore(written, ENV_FILE, ''), 'a\nb\nc\nd\ne\n');
  });

  it('does not show the key any more, and gets it back from activity-log.env', () => {
    const written = rewrite(
      '[x]\n \tHeader APIKEY abc\n  Header other\nHEADER apikey d',
      surveyOf([[1, 4, 2, 4]]),
      ENV_FILE,
    );
    assert.equal(
      written,
      `${MARK}#~ [x]\n#~  \tHeader APIKEY (now in /x.env)\n#~   Header other\n#~ Header APIKEY (now in /x.env)\n${OURS}`,
    );
    assert.equal(
      restore(written, ENV_FILE, "a$'b"),
      "[x]\n \tHeader APIKEY a$'b\n  Header other\nHeader APIKEY a$'b\n",
    );
  });

  it('may be edited before it is brought back', () => {
    const edited = `#~ theirs\n${MARK}#~ a\n\n# a comment\n \t\n#~ b\n[SERVICE]\n#~ theirs, too\n${OURS}x\n`;
    assert.equal(restore(edited, ENV_FILE, ''), '#~ theirs\na\n\n# a comment\n \t\nb\n[SERVICE]\n#~ theirs, too\nx\n');
  });
});

it('an input that the user included there goes as well: without its file, Fluent Bit would not start', () => {
  assert.equal(restore(`a\n${OURS}@INCLUDE cloudscale.conf\n`, ENV_FILE, ''), 'a\n');
});

describe('our changes in fluent-bit.conf', () => {
  for (const [text, isOurs] of [
    ['a\n@include activity-log.conf\n', true],
    ['@INCLUDE /etc/fluent-bit/activity-log.conf \t\r\n', true],
    ['@INCLUDE\t activity-log.conf', true],
    ['@INCLUDE cloudscale.conf', true],
    [`a\n${MARK}#~ b\n`, true],
    ['a\n#~ b\n', false],
    ['#@INCLUDE activity-log.conf\n', false],
    ['@INCLUDE my-activity-log.conf\n', false],
    ['@INCLUDE activity-log.conf.old\n', false],
    ['@INCLUDEactivity-log.conf\n', false],
    ['a #~# b\n', false],
    ['', false],
  ] as const) {
    it(`are ${isOurs ? '' : 'not '}seen in ${JSON.stringify(text)}`, () => assert.equal(isWithUs(text), isOurs));
  }
});
