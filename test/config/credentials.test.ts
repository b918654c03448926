import assert from 'node:assert/strict';
import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import fc from 'fast-check';
import { expiryWarning, readCredentials, type Credentials } from '../../src/config/credentials.ts';
import { ExitCode } from '../../src/lib/errors.ts';
import { ionos } from '../../src/providers/ionos.ts';
import '../helpers/properties.ts';

const folder = mkdtempSync(join(tmpdir(), 'credentials-'));
after(() => rmSync(folder, { recursive: true }));
let files = 0;

function fileWith(content: string | Buffer): string {
  const file = join(folder, `token-${++files}`);
  writeFileSync(file, content);
  return file;
}

/** What systemd's LoadCredential=activity-log-token leaves. */
function credentialsDirectory(token?: string): string {
  const directory = join(folder, `credentials-${++files}`);
  mkdirSync(directory);
  if (token !== undefined) writeFileSync(join(directory, 'activity-log-token'), token);
  return directory;
}

function read(env: NodeJS.ProcessEnv, tokenFile?: string): Credentials {
  return readCredentials(ionos, tokenFile, env);
}

/** A JSON Web Token with this payload; nobody looks at its signature. */
function jwt(payload: string): string {
  return [`{"alg":"none"}`, payload, 'signature'].map((part) => Buffer.from(part).toString('base64url')).join('.');
}

function refusal(message: RegExp): object {
  return { name: 'ConfigError', exitCode: ExitCode.NothingCollected, message };
}

describe('readCredentials', () => {
  it('takes the first that is there: file, systemd, then the environment in its order', () => {
    const CREDENTIALS_DIRECTORY = credentialsDirectory('from-systemd\n');
    const env = {
      CREDENTIALS_DIRECTORY,
      IONOS_API_TOKEN: 'from-api-token',
      IONOS_TOKEN: 'from-token',
      IONOS_USERNAME: 'anna',
      IONOS_PASSWORD: 'secret',
    };
    const file = fileWith('from-file');
    const steps: [Credentials, string, string][] = [
      [read(env, file), 'Bearer from-file', file],
      [read(env), 'Bearer from-systemd', join(CREDENTIALS_DIRECTORY, 'activity-log-token')],
      [read({ ...env, CREDENTIALS_DIRECTORY: credentialsDirectory() }), 'Bearer from-api-token', 'IONOS_API_TOKEN'],
      [read({ ...env, CREDENTIALS_DIRECTORY: '' }), 'Bearer from-api-token', 'IONOS_API_TOKEN'],
      [read({ ...env, CREDENTIALS_DIRECTORY: '', IONOS_API_TOKEN: ' ' }), 'Bearer from-token', 'IONOS_TOKEN'],
      [read({ IONOS_USERNAME: 'anna', IONOS_PASSWORD: 'secret' }), 'Basic YW5uYTpzZWNyZXQ=', 'IONOS_USERNAME'],
    ];
    for (const [{ authorization, origin }, expected, from] of steps) {
      assert.deepEqual([authorization, origin], [expected, from]);
    }
  });

  it('reads the file again each time: a rotated token needs no restart', () => {
    const file = fileWith('old');
    assert.equal(read({}, file).authorization, 'Bearer old');
    writeFileSync(file, 'new');
    assert.equal(read({}, file).authorization, 'Bearer new');
  });

  for (const content of ['abc', ' abc\r\n', '\uFEFFabc', 'Bearer abc\n', 'bearer  abc']) {
    it(`finds the token in ${JSON.stringify(content)}`, () => {
      assert.equal(read({}, fileWith(content)).authorization, 'Bearer abc');
    });
  }

  it('takes a token with what would be wrong at its beginning', () => {
    for (const token of ['ab{c}', 'ab"c"', 'ab<c>', 'a.b=', 'TOKEN==', 'bearerabc']) {
      assert.equal(read({ IONOS_TOKEN: token }).authorization, `Bearer ${token}`);
    }
  });

  it('lists what must never be shown', () => {
    assert.deepEqual(read({ IONOS_TOKEN: 'abc' }).secrets, ['abc']);
    const basic = read({ IONOS_USERNAME: 'jürgen', IONOS_PASSWORD: 'groß' });
    assert.deepEqual(basic.secrets, [Buffer.from('jürgen:groß').toString('base64'), 'groß']);
    assert.equal(basic.authorization, `Basic ${basic.secrets[0] ?? ''}`);
  });

  const refused: [string, () => Credentials, RegExp][] = [
    ['nothing', () => read({}), /no API token: .*--token-file.* IONOS_API_TOKEN or IONOS_TOKEN or IONOS_USERNAME and/],
    ['a file that is not there', () => read({}, join(folder, 'none')), /^the token file .*none does not exist$/],
    ['a folder', () => read({}, folder), /^the token file .* cannot be read: it is a folder/],
    ['an empty file', () => read({}, fileWith(' \n')), /^the token from .* is empty$/],
    ['the word Bearer alone', () => read({}, fileWith('Bearer ')), /^the token from /],
    ['two lines', () => read({}, fileWith('abc\ndef')), /contains whitespace or other characters/],
    ['bytes', () => read({}, fileWith(Buffer.from([0x61, 0xff, 0x00]))), /contains whitespace or other characters/],
    [
      'a token in quotes (docker --env-file keeps them)',
      () => read({ IONOS_TOKEN: '"abc"' }),
      /IONOS_TOKEN is in quotes/,
    ],
    ['a token as NAME=value', () => read({}, fileWith('IONOS_API_TOKEN=aa.bb.cc\n')), /starts with NAME=/],
    ['a token as export NAME=value', () => read({}, fileWith('export TOKEN="aa.bb.cc"')), /starts with NAME=/],
    [
      "a token as ionosctl's JSON",
      () => read({}, fileWith('{"token": "aa.bb.cc"}\n')),
      /is JSON: keep only the value of /,
    ],
    ['a placeholder', () => read({}, fileWith('<your_IONOS_API_TOKEN>\n')), /is a placeholder/],
    ['a user name alone', () => read({ IONOS_USERNAME: 'anna' }), /^IONOS_PASSWORD is not set, and IONOS_USERNAME and/],
    ['a password alone', () => read({ IONOS_PASSWORD: 'secret' }), /^IONOS_USERNAME is not set/],
    ["systemd's, empty", () => read({ CREDENTIALS_DIRECTORY: credentialsDirectory('') }), /token is empty$/],
  ];
  for (const [name, act, message] of refused) it(`refuses ${name}`, () => assert.throws(act, refusal(message)));

  it('refuses a token without showing it', () => {
    assert.throws(
      () => read({ IONOS_TOKEN: 'hunter2 x' }),
      refusal(/^the token from IONOS_TOKEN contains((?!hunter2).)*$/),
    );
  });

  it('names the token alone where a provider has no user names', () => {
    const other = { ...ionos, environment: { apiUrl: 'X_URL', tokens: ['X_TOKEN'] } };
    assert.throws(
      () => readCredentials(other, undefined, { IONOS_USERNAME: 'anna' }),
      refusal(/or set X_TOKEN; create one in /),
    );
  });
});

describe('expiry', () => {
  const NOW = Date.parse('2026-11-21T20:30:00Z');
  const DAY = 86_400_000;

  function warning(payload: string, now = NOW): string | undefined {
    return expiryWarning(read({ IONOS_TOKEN: jwt(payload) }), now);
  }

  const rows: [number, string | undefined][] = [
    [-DAY, 'the token from IONOS_TOKEN expired on 2026-11-20'],
    [0, 'the token from IONOS_TOKEN expired on 2026-11-21'],
    [3_600_000, 'the token from IONOS_TOKEN expires in 60 min, on 2026-11-21: create a new one in time'],
    [14 * DAY - 1000, 'the token from IONOS_TOKEN expires in 14 d, on 2026-12-05: create a new one in time'],
    [14 * DAY, undefined],
    [365 * DAY, undefined],
  ];
  for (const [left, expected] of rows) {
    it(`with ${left} ms left: ${expected ?? 'nothing to say'}`, () => {
      assert.equal(warning(JSON.stringify({ exp: (NOW + left) / 1000 })), expected);
    });
  }

  const without = ['{}', '{"exp":"2026"}', '{"exp":null}', '{"exp":1e400}', 'null', '[]', '"exp"', '{"exp":', ''];
  for (const payload of [...without, '{"exp":1e300}', '{"exp":-1e300}']) {
    it(`is not known from ${payload === '' ? 'nothing' : payload}`, () => assert.equal(warning(payload), undefined));
  }

  it('is not known from a token that is not a JSON Web Token', () => {
    for (const token of ['abc', 'a.b.c', '..', 'a..']) {
      assert.equal(read({ IONOS_TOKEN: token }).expiresAt, undefined);
    }
  });

  it('is said, or not, of any token whatever', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.json(),
          fc.double().map((exp) => JSON.stringify({ exp })),
        ),
        (payload) => {
          const text = warning(payload);
          assert.ok(text === undefined || text.startsWith('the token from IONOS_TOKEN '));
        },
      ),
    );
  });
});
