import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { canBeSecret, isSecretName, redact, secretsOf, withoutPassword } from '../../src/lib/secrets.ts';

describe('redact', () => {
  it('hides every secret wherever it is, a short one too', () => {
    assert.equal(
      redact('abc, Bearer abc and p$&w', ['abc', 'p$&w', '']),
      '[redacted], Bearer [redacted] and [redacted]',
    );
  });

  it('shows no rest of a secret that begins with another', () => {
    assert.equal(redact('secret-and-more', ['secret', 'secret-and-more']), '[redacted]');
  });

  it('hides one of five letters only where it stands alone, and a longer one within a word, too', () => {
    assert.equal(redact('abcde abcdef x-abcde abcde', ['abcde']), '[redacted] abcdef x-abcde [redacted]');
    assert.equal(redact('abcdef xabcdefx', ['abcdef']), '[redacted] x[redacted]x');
  });
});

describe('secretsOf', () => {
  it('finds the values of secret names in an environment, but for switches and names of files', () => {
    const env = {
      API_KEY: 'k',
      OTHER_TOKEN: undefined,
      TOKEN: 'tok',
      USE_TOKEN: 'on',
      MAX_TOKENS: '1',
      TOKEN_FILE: '/etc/token',
      HOME: '/root',
    };
    assert.deepEqual(secretsOf(env), ['k', 'tok']);
  });

  it('knows the names of secrets', () => {
    const secrets = 'IONOS_PASSWORD Shared_Key token client_secret db_passwd API_KEY apikey Authorization credential privatekey token_file_id'; // prettier-ignore
    const others = 'ACTIVITY_LOG_TOKEN_FILE token.path SECRET_DIRECTORY token_url keyboard HOME';
    assert.deepEqual(secrets.split(' ').filter((name) => !isSecretName(name)), []); // prettier-ignore
    assert.deepEqual(others.split(' ').filter(isSecretName), []);
  });

  it('knows what no secret is, whatever its name: nothing, a switch, a digit', () => {
    assert.deepEqual(['', 'On', 'off', 'true', 'FALSE', 'yes', 'no', '7'].filter(canBeSecret), []);
    assert.ok(['12', 'only', 'none', 'a'].every(canBeSecret));
  });
});

describe('withoutPassword', () => {
  const rows = [
    ['http://anna:secret@proxy.example:3128/', 'http://[redacted]@proxy.example:3128/'],
    ['anna:sec@ret@proxy', '[redacted]@proxy'],
    ['anna:sec\nret@proxy', '[redacted]@proxy'],
    ['http://proxy.example', 'http://proxy.example'],
  ];
  for (const [given = '', shown] of rows)
    it(`shows ${given} as ${shown}`, () => assert.equal(withoutPassword(given), shown));
});
