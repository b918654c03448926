import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { envValue, withEnv } from '../../src/setup/env-text.ts';
import { flawOf, type Kind } from '../../src/setup/values.ts';

const GOOD: readonly (readonly [Kind, string])[] = [
  ['tag', 'a.b-c_D'],
  ['tag', 'hosts'],
  ['tag', 'yours'],
  ['tag', 'xxxy'],
  ['tag', 'xx'],
  ['tag', '....'],
  ['tag', 'TAGS'],
  ['tag', 'my-TAG'],
  ['host', 'a-b.example'],
  ['host', 'a'],
  ['host', 'ab'],
  ['host', 'A.9'],
  ['host', '1.2.3.4'],
  ['interval', '10'],
  ['interval', '86400'],
  ['provider', 'ionos'],
  ['provider', 'cloudscale'],
  ['token', 'eyJ0eXAi.x-y_z+/='],
  ['token', 'a<b>'],
  ['token', '<a>b'],
  ['token', '!~'],
  ['token', '"$\\{'],
  ['key', 'a+b/c:d='],
];

const BAD: readonly (readonly [Kind, string, RegExp])[] = [
  ['tag', '', /empty/],
  ['tag', 'a/b', /letters, digits/],
  ['tag', '<TAG_NAME>', /not the placeholder <TAG_NAME>/],
  ['tag', '...', /placeholder/],
  ['tag', 'TAG', /placeholder/],
  ['tag', 'change-me', /placeholder/],
  ['tag', 'your-tag', /placeholder/],
  ['tag', 'of-your_tag', /placeholder/],
  ['tag', 'changeme', /placeholder/],
  ['tag', 'change_me', /placeholder/],
  ['tag', 'TAG_NAME', /placeholder/],
  ['host', 'NAME', /placeholder/],
  ['token', 'TOKEN', /^it is a placeholder$/],
  ['token', 'KEY your', /^it is a placeholder$/],
  ['token', 'the key of your pipeline', /^it is a placeholder$/],
  ['tag', 'xxx', /placeholder/],
  ['tag', 'xXxX', /placeholder/],
  ['tag', 'a b', /^expected only letters, digits, dots, dashes and underscores, not "a b"$/],
  ['host', 'a-', /^not a host name: a-$/],
  ['host', 'a_b', /not a host name/],
  ['host', 'https://a', /without a scheme, not https:\/\/a$/],
  ['host', 'a/b', /without a path, not a\/b$/],
  ['host', 'a:443', /without a port \(it is 443\), not a:443$/],
  ['host', '-a', /not a host name/],
  ['host', '.a', /not a host name/],
  ['host', 'a.', /not a host name/],
  ['host', 'HOST-OF-YOUR-PIPELINE', /placeholder/],
  ['interval', '9', /10 to 86400/],
  ['interval', '86401', /10 to 86400/],
  ['interval', '5m', /^expected 10 to 86400 seconds, not 5m$/],
  ['interval', '60.5', /10 to 86400/],
  ['interval', '1e3', /10 to 86400/],
  ['interval', ' 60', /10 to 86400/],
  ['provider', 'aws', /ionos or cloudscale, not aws/],
  ['provider', 'constructor', /ionos or cloudscale, not constructor/],
  ['provider', 'IONOS', /ionos or cloudscale, not IONOS/],
  ['token', 'two words', /not one token alone/],
  ['token', '<your_IONOS_API_TOKEN>', /^it is a placeholder$/],
  ['key', '<key>', /^it is a placeholder$/],
  ['key', 'a"b', /quotes/],
  ['key', "a'b", /quotes/],
  ['key', 'a`b', /quotes/],
  ['key', 'a\\b', /^a key has no quotes or backslashes$/],
  ['key', 'a\tb', /not one key alone/],
  ['key', 'x${KEY}', /^it is a variable, which nothing replaces: give the key itself$/],
  ['key', 'ä', /not one key alone/],
];

describe('a value of install.sh', () => {
  for (const [kind, value] of GOOD) it(`${kind} ${value} will do`, () => assert.equal(flawOf(kind, value), undefined));
  for (const [kind, value, flaw] of BAD) {
    it(`${kind} ${JSON.stringify(value)} will not do`, () => assert.match(flawOf(kind, value) ?? '', flaw));
  }
});

describe('activity-log.env', () => {
  it('is read as systemd reads it: the last line counts, quotes are taken away', () => {
    assert.equal(envValue('A=1\nB=2\nA="3"  \n', 'A'), '3');
    assert.equal(envValue('A= "3" \t\n', 'A'), '3', 'nor are the blanks around a value a part of it');
    assert.equal(envValue("#A=1\nAB='x'\n", 'AB'), 'x');
    assert.equal(envValue('#A=1\n', 'A'), '');
    assert.equal(envValue('A="1\'\nB=2', 'A'), '"1\'', 'quotes that are not a pair stay');
    assert.equal(envValue('A=""\n', 'A'), '');
    assert.equal(envValue('A="\n', 'A'), '"');
    assert.equal(envValue('A=x"1"\nB=x="1"', 'B'), 'x="1"');
  });

  it('is changed where it has a value, where it is commented out, or at the end', () => {
    assert.equal(withEnv('A=1\n#B=2\n', 'A', '9'), 'A=9\n#B=2\n');
    assert.equal(withEnv('A=1\n#B=2\n', 'B', '9'), 'A=1\nB=9\n');
    assert.equal(withEnv('#A=0\nA=1\n', 'A', '9'), '#A=0\nA=9\n');
    assert.equal(withEnv('A=1', 'C', '9'), 'A=1\nC=9\n');
    assert.equal(withEnv('', 'C', '9'), 'C=9\n');
  });
});
