import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { IS_CHAOS, Machine, SHELLS, TOKEN, whereIs } from './machine.ts';

interface Case {
  readonly what: string;
  readonly prepare?: (machine: Machine) => unknown;
  readonly options?: (machine: Machine) => readonly string[];
  /** What there is on standard input. */
  readonly input?: string;
  readonly status?: number;
  readonly says: RegExp;
}

const given =
  (...options: readonly string[]) =>
  (machine: Machine): readonly string[] => [...machine.values(), ...options];

const CASES: readonly Case[] = [
  {
    what: 'no Fluent Bit',
    prepare: (m) => m.set('package', 'not-there'),
    says: /the package fluent-bit is not installed/,
  },
  { what: 'no dpkg', prepare: (m) => m.without('dpkg-query'), says: /neither Debian nor Ubuntu/ },
  { what: 'no systemd', prepare: (m) => m.delete('run/systemd'), says: /does not run systemd/ },
  { what: 'no systemctl', prepare: (m) => m.without('systemctl'), says: /does not run systemd/ },
  { what: 'no root', prepare: (m) => m.set('uid', '1000'), says: /needs root: sudo/ },
  { what: 'an unknown option', options: given('--colour'), status: 2, says: /unknown option --colour\n/ },
  { what: 'a secret as an option', options: given(`--token=${TOKEN}`), status: 2, says: /unknown option --token\n/ },
  { what: 'an option without its value', options: () => ['--tag'], status: 2, says: /--tag needs a value\n/ },
  { what: '--purge alone', options: given('--purge'), status: 2, says: /--purge goes with --uninstall\n/ },
  { what: 'an unknown provider', options: given('--provider', 'aws'), says: /ionos or cloudscale, not aws/ },
  { what: 'a host with a scheme', options: given('--host', 'https://a.example'), says: /without a scheme, not https/ },
  {
    what: 'a host with a path',
    options: given('--host', 'a.example/logs'),
    says: /without a path, not a\.example\/logs/,
  },
  { what: 'a host with a port', options: given('--host', 'a.example:443'), says: /without a port/ },
  { what: 'a host with blanks', options: given('--host', 'a example'), says: /not a host name/ },
  { what: 'a placeholder as host', options: given('--host', '<HOST>'), says: /not a host name/ },
  ...['activity log', 'a*', 'a/b', '{a}', 'ä', 'a\nb'].map((tag) => ({
    what: `the tag ${JSON.stringify(tag)}`,
    options: given('--tag', tag),
    status: tag.includes('\n') ? 2 : 1,
    says: tag.includes('\n') ? /--tag: a line break\n/ : /--tag: letters, digits, dots, dashes and underscores only/,
  })),
  ...['0', '5', '300s', '1e3', '-300', '86401', '99999999999999999999'].map((interval) => ({
    what: `the interval ${interval}`,
    options: given('--interval', interval),
    says: /--interval: seconds, 10 to 86400/,
  })),
  { what: 'a token file that is not there', options: given('--token-file', '/nowhere'), says: /there is no \/nowhere/ },
  { what: 'a folder as token file', options: (m) => [...m.values(), '--token-file', m.folder], says: /cannot read/ },
  {
    what: 'a token file that others can read',
    options: (m) => [...m.values(), '--token-file', m.secret('open', TOKEN, 0o644)],
    says: /--token-file: others can read .*: chmod 600 it first/,
  },
  {
    what: 'a key file that the group can read',
    options: (m) => [...m.values(), '--api-key-file', m.secret('open', 'key', 0o640)],
    says: /--api-key-file: others can read/,
  },
  { what: 'an empty token', options: given('--token-file', '-'), input: '\n', says: /--token-file: it is empty/ },
  { what: 'two tokens', options: given('--token-file', '-'), input: 'one\ntwo\n', says: /not one token alone/ },
  {
    what: 'a token with a blank',
    options: given('--token-file', '-'),
    input: 'one two\n',
    says: /not one token alone/,
  },
  {
    what: 'a key with a quote',
    options: given('--api-key-file', '-'),
    input: 'it"s\n',
    says: /quotes and backslashes/,
  },
  {
    what: 'a variable as key',
    options: given('--api-key-file', '-'),
    input: '${PIPELINE_KEY}\n',
    says: /it names a variable/,
  },
  {
    what: '--credentials with a token elsewhere',
    prepare: (m) => {
      m.write('root/token', TOKEN, 0o600);
      m.write(
        'etc/fluent-bit/activity-log.env',
        'ACTIVITY_LOG_INTERVAL=300\nACTIVITY_LOG_TOKEN_FILE=/root/token\n',
        0o600,
      );
    },
    options: () => ['--credentials'],
    says: /--credentials takes the token from \/etc\/fluent-bit\/activity-log\.token/,
  },
  {
    what: 'both secrets on standard input',
    options: () => ['--token-file', '-', '--api-key-file', '-'],
    status: 2,
    says: /only one of --token-file and --api-key-file/,
  },
  {
    what: 'a tag in activity-log.env that Fluent Bit refuses',
    prepare: (m) =>
      m.write('etc/fluent-bit/activity-log.env', 'ACTIVITY_LOG_TAG=a*\nACTIVITY_LOG_INTERVAL=300\n', 0o600),
    options: () => [],
    says: /ACTIVITY_LOG_TAG in \/etc\/fluent-bit\/activity-log.env: letters/,
  },
  {
    what: 'an interval in activity-log.env that is none',
    prepare: (m) => m.write('etc/fluent-bit/activity-log.env', 'ACTIVITY_LOG_INTERVAL=5m\n', 0o600),
    options: () => [],
    says: /ACTIVITY_LOG_INTERVAL in \/etc\/fluent-bit\/activity-log.env: seconds/,
  },
  {
    what: '--credentials with an old systemd',
    prepare: (m) => m.set('systemd-version', '245 (245.4-4ubuntu3.24)'),
    options: given('--credentials'),
    says: /--credentials needs systemd 247 or newer; this is 245/,
  },
  {
    what: 'a folder that is a file',
    prepare: (m) => m.write('opt/fluent-bit/scripts', ''),
    says: /opt\/fluent-bit\/scripts is not a folder/,
  },
  {
    what: 'a file that is a folder',
    prepare: (m) => m.write('etc/fluent-bit/activity-log.env/x', ''),
    says: /activity-log\.env is a folder/,
  },
  {
    what: 'a release that is not whole',
    prepare: (m) => m.ship('systemd/activity-log.env', undefined),
    says: /systemd\/activity-log\.env is missing: run install\.sh where it was unpacked/,
  },
  {
    what: 'a release without the program',
    prepare: (m) => m.ship('dist/fetch-activity-logs.js', undefined),
    says: /dist\/fetch-activity-logs\.js is missing: unpack the release archive again/,
  },
];

/** The quick tests play some of them. */
const PLAYED = CASES.filter((_, nth) => IS_CHAOS || nth % 6 === 0);

for (const shell of SHELLS) {
  describe(`bad input for install.sh with ${shell.join(' ')}`, () => {
    let machine: Machine;
    beforeEach(() => {
      machine = new Machine(shell);
    });
    afterEach(() => {
      machine.remove();
    });

    for (const { what, prepare, options = given(), input = '', status = 1, says } of PLAYED) {
      it(`${what}: one line, and nothing done`, () => {
        prepare?.(machine);
        const before = machine.snapshot();
        const result = machine.run(options(machine), { input });
        assert.equal(result.status, status);
        assert.match(result.stderr, says);
        const lines = result.stderr.trimEnd().split('\n');
        if (status === 2) assert.equal(lines.pop(), 'install.sh --help lists the options');
        // Where it had begun, a second line tells that it is undone.
        if (result.stdout !== '') assert.match(lines.pop() ?? '', /everything was put back as it was$/);
        assert.deepEqual(lines.length, 1);
        assert.doesNotMatch(result.stderr + result.stdout, new RegExp(TOKEN));
        assert.deepEqual(machine.snapshot(), before);
        assert.deepEqual(
          result.calls.filter((call) => !call.startsWith('fluent-bit')),
          [],
        );
      });
    }

    it('another install.sh at work', () => {
      const flock = `exec 8<'${machine.root}'; flock 8; exec ${[whereIs(shell[0] ?? 'sh'), ...shell.slice(1)].join(' ')} "$@"`;
      const script = join(machine.folder, 'locked');
      writeFileSync(script, flock);
      const result = machine.runFrom(machine.release, ['--destdir', machine.root, '--live'], {
        through: ['sh', script],
      });
      assert.match(result.stderr, /^install\.sh: error: another install\.sh is running\n$/);
    });
  });
}
