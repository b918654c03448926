import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseEnvironmentFile, unitWords } from '../../src/check/facts/systemd-files.ts';
import { lineIn, type Finding } from '../../src/check/finding.ts';
import { isAtLeast } from '../../src/check/probes/node-version.ts';
import { isMatch } from '../../src/check/facts/routes.ts';
import { findScriptCall, startsPythonFetcher, shellCommands } from '../../src/check/facts/shell-command.ts';
import { renderText } from '../../src/check/report.ts';
import { isSecretName } from '../../src/lib/secrets.ts';

describe('parseEnvironmentFile', () => {
  const cases: [string, [string, string, number][]][] = [
    ['A=1\nB=\n', [['A', '1', 1], ['B', '', 2]]],
    ['# A=1\n; B=2\n\n  C=3  \n', [['C', '3', 4]]],
    ['A="two words"\nB=\'$x "y"\'\nC=two words\n', [['A', 'two words', 1], ['B', '$x "y"', 2], ['C', 'two words', 3]]],
    ['\nA=1\n', [['A', '1', 2]]],
    ['A= \t1\n', [['A', '1', 1]]],
    ['A="\\`\\$\\x"', [['A', '`$\\x', 1]]],
    ['A="a\\"b\\\\c\\d"\nB=a\\ b\\\\', [['A', 'a"b\\c\\d', 1], ['B', 'a b\\', 2]]],
    ['A="one\ntwo"\nB=x\n', [['A', 'one\ntwo', 1], ['B', 'x', 3]]],
    ['A=one\\\ntwo\nB=" x "y" "\n', [['A', 'onetwo', 1], ['B', ' x y ', 3]]],
    ["# it's a comment\nA=1\n", [['A', '1', 2]]],
    ['no assignment\n1A=x\nexport A=1\nA=x=y\r\n', [['A', 'x=y', 4]]],
    ['A="open', [['A', 'open', 1]]],
  ]; // prettier-ignore
  for (const [text, expected] of cases) {
    it(`reads ${JSON.stringify(text)}`, () => {
      assert.deepEqual(
        parseEnvironmentFile(text).map(({ name, value, line }) => [name, value, line]),
        expected,
      );
    });
  }
});

describe('unitWords', () => {
  it('takes words apart as systemd does', () => {
    assert.deepEqual(unitWords(`A=1 "B=two words" C='x y' D=a\\ b "E=\\"q\\"" F="x"'y'`), [
      'A=1', 'B=two words', 'C=x y', 'D=a b', 'E="q"', 'F=xy',
    ]); // prettier-ignore
    assert.deepEqual(unitWords(''), []);
    assert.deepEqual(unitWords(`A="" '' B=''x""`), ['A=', '', 'B=x']);
  });
});

describe('shellCommands', () => {
  const cases: [string, string[][]][] = [
    ['', []],
    ['a  b\tc', [['a', 'b', 'c']]],
    [`a 'b c' "d \\" $e" f\\ g h''`, [['a', 'b c', 'd " $e', 'f g', 'h']]],
    ['a | b && c; d & (e)', [['a'], ['b'], ['c'], ['d'], ['e']]],
    ['a 2>/dev/null >> log b 2>&1', [['a', 'b']]],
    ['a\\\n b\nc', [['a', 'b'], ['c']]],
    ["a 'open", [['a', 'open']]],
    ['>', []],
    ['a "x\\y"', [['a', 'x\\y']]],
  ]; // prettier-ignore
  for (const [text, expected] of cases) {
    it(`takes ${JSON.stringify(text)} apart`, () => {
      assert.deepEqual(shellCommands(text), expected);
    });
  }
});

describe('findScriptCall', () => {
  it('finds the script, what is before it and what is behind', () => {
    assert.deepEqual(findScriptCall('A=1 exec /opt/fetch-activity-logs --contract 1 2>/dev/null'), {
      script: '/opt/fetch-activity-logs',
      interpreter: undefined,
      args: ['--contract', '1'],
      assignments: { A: '1' },
      hasExec: true,
      isAlone: true,
    });
    const piped = findScriptCall('cd /tmp && env B=2 node-22 ./dist/fetch-activity-logs.js');
    assert.deepEqual(
      [piped?.interpreter, piped?.assignments, piped?.hasExec, piped?.isAlone],
      ['node-22', { B: '2' }, false, false],
    );
  });

  it('finds nothing where there is nothing', () => {
    for (const text of ['true', 'python3 fetch_activity_logs.py', 'cat fetch-activity-logs.log', '']) {
      assert.equal(findScriptCall(text), undefined);
    }
  });

  it("knows the tutorial's fetcher", () => {
    assert.ok(startsPythonFetcher('exec python3 -u "/opt/x/fetch_activity_logs.py"'));
    assert.ok(!startsPythonFetcher('exec python3 /opt/x/other.py'));
  });
});

it('a Match stands for the tags that it covers', () => {
  const cases: [string, string, boolean][] = [
    ['*', 'a.b', true],
    ['a.*', 'a.b', true],
    ['a.*', 'axb', false],
    ['a*c', 'abcdc', true],
    ['a', 'A', false],
    ['**', 'a', true],
    ['', 'a', false],
    ['', '', true],
    ['a(b)[c]$', 'a(b)[c]$', true],
  ];
  for (const [pattern, tag, expected] of cases) assert.equal(isMatch(pattern, tag), expected, `${pattern} ${tag}`);
});

it('a line for YAML is quoted where it must be', () => {
  assert.equal(lineIn({ format: 'classic' }, 'Buf_Size', '2M'), 'Buf_Size 2M');
  assert.equal(lineIn({ format: 'yaml' }, 'Buf_Size', '2M'), 'buf_size: 2M');
  assert.equal(lineIn({ format: 'yaml' }, 'Match', '*'), "match: '*'");
  assert.equal(lineIn({ format: 'yaml' }, 'Header', "A: it's"), "header: 'A: it''s'");
  assert.equal(lineIn({ format: 'yaml' }, 'URI', '/${TAG}'), 'uri: /${TAG}');
});

it('versions are compared by their numbers', () => {
  assert.ok(isAtLeast('20.18.1', '20.18.1') && isAtLeast('v22.0.0', '20.18.1') && isAtLeast('20.19', '20.18.1'));
  assert.ok(!isAtLeast('20.9.0', '20.18.1') && !isAtLeast('20.18', '20.18.1') && !isAtLeast('x', '20.18.1'));
});

it('the name of a secret is told from the name of its place', () => {
  for (const name of ['IONOS_API_TOKEN', 'IONOS_PASSWORD', 'APIKEY', 'http_passwd', 'Authorization', 'shared_key']) {
    assert.ok(isSecretName(name), name);
  }
  for (const name of [
    'ACTIVITY_LOG_TOKEN_FILE',
    'CREDENTIALS_DIRECTORY',
    'tls.key_file',
    'time_key',
    'topic_key',
    'Tag',
  ]) {
    assert.ok(!isSecretName(name), name);
  }
});

describe('a secret in a message', () => {
  const finding = (message: string): Finding => ({ level: 'warning', code: 'x', message });
  const shown = (message: string, ...secrets: string[]) =>
    renderText([finding(message)], { colours: false, secrets }).split('\n', 1)[0];

  it('is redacted, even a short one where it is a word', () => {
    assert.equal(shown('key abc, abcd and "abc"', 'abc'), '! key [redacted], abcd and "[redacted]"');
  });

  it('is redacted whole when it holds another one', () => {
    assert.equal(shown('my-long-secret-and-more', 'my-long-secret', 'my-long-secret-and-more', ''), '! [redacted]');
  });

  it('is taken as it is, not as a pattern', () => assert.equal(shown('a.+b[c', '.+b[', 'a.+b[c'), '! [redacted]'));
});
