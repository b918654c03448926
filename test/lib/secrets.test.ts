import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isSecretName, redact, secretsOf, withoutPassword } from '../../src/lib/secrets.ts';

describe('redact', () => {
  it('hides every secret wherever it is, a short one too', () => {
    assert.equal(
      redact('abc, Bearer abc and p$&w', ['abc', 'p$&w', '']),
      '[redacted], Bearer [redacted] and [redacted]',
    );
  });

  it('shows no rest of a secret that begins with another', () => {
    assert.equal(redact('token-and-more', ['token', 'token-and-more']), '[redacted]');
  });
});

describe('secretsOf', () => {
  it('finds the values of secret names in an environment, but for switches and names of files', () => {
    const env = {
      API_KEY: 'k',
      TOKEN: 'tok',
      USE_TOKEN: 'on',
      MAX_TOKENS: '1',
      TOKEN_FILE: '/etc/token',
      HOME: '/root',
    };
    assert.deepEqual(secretsOf(env), ['k', 'tok']);
  });

  it('knows the names of secrets', () => {
    assert.ok(isSecretName('IONOS_PASSWORD') && isSecretName('Shared_Key'));
    assert.ok(!isSecretName('ACTIVITY_LOG_TOKEN_FILE'));
  });
});

describe('withoutPassword', () => {
  const rows = [
    ['http://anna:secret@proxy.example:3128/', 'http://[redacted]@proxy.example:3128/'],
    ['anna:sec@ret@proxy', '[redacted]@proxy'],
    ['http://proxy.example', 'http://proxy.example'],
  ];
  for (const [given = '', shown] of rows)
    it(`shows ${given} as ${shown}`, () => assert.equal(withoutPassword(given), shown));
});
