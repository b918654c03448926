import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { Machine, SHELLS, TOKEN, whereIs } from './machine.ts';

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
  { what: 'an unknown provider', options: given('--provider', 'aws'), status: 2, says: /ionos or cloudscale, not aws/ },
  {
    what: 'a host with a scheme',
    options: given('--host', 'https://a.example'),
    status: 2,
    says: /without a scheme, not https/,
  },
  {
    what: 'a host with a path',
    options: given('--host', 'a.example/logs'),
    status: 2,
    says: /without a path, not a\.example\/logs/,
  },
  { what: 'a host with a port', options: given('--host', 'a.example:443'), status: 2, says: /without a port/ },
  { what: 'a host with blanks', options: given('--host', 'a example'), status: 2, says: /not a host name/ },
  {
    what: 'a placeholder as host',
    options: given('--host', '<HTTPS_ENDPOINT>'),
    status: 2,
    says: /a real value, not the placeholder <HTTPS_ENDPOINT>/,
  },
  ...['activity log', 'a*', 'a/b', '{a}', 'ä', 'a\nb'].map((tag) => ({
    what: `the tag ${JSON.stringify(tag)}`,
    options: given('--tag', tag),
    status: 2,
    says: tag.includes('\n')
      ? /--tag: a line break\n/
      : /--tag: expected only letters, digits, dots, dashes and underscores/,
  })),
  ...['0', '5', '5x', '1.5s', '1e3', '-300', '25h', '99999999999999999999'].map((interval) => ({
    what: `the interval ${interval}`,
    options: given('--interval', interval),
    status: 2,
    says: /--interval: expected a duration from 10s to 24h, such as 5m, not /,
  })),
  ...['ab', 'audit-log', 'a'.repeat(21)].map((tag) => ({
    what: `the tag ${tag}, which the Logging Service does not take`,
    options: given(`--tag=${tag}`),
    status: 2,
    says: /--tag: the Logging Service takes 3 to 20 letters and digits, not /,
  })),
  {
    what: 'a placeholder as token',
    options: given('--token-file', '-'),
    input: '<your_IONOS_API_TOKEN>\n',
    says: /--token-file: it is a placeholder/,
  },
  { what: 'a flag with a value', options: given('--dry-run=yes'), status: 2, says: /unknown option --dry-run\n/ },
  { what: 'an option with an empty value', options: () => ['--tag='], status: 2, says: /--tag needs a value\n/ },
  {
    what: 'an executable for another architecture',
    prepare: (m) => m.set('machine', 'aarch64'),
    options: (m) => {
      m.ship('fetch-activity-logs', '\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0>\0');
      return m.values();
    },
    says: /fetch-activity-logs is for another architecture; this machine is aarch64/,
  },
  {
    what: 'a machine with another libc, or an executable that is not whole',
    prepare: (m) => m.ship('fetch-activity-logs', '#!/nowhere/ld-linux-x86-64.so.2\n'),
    says: /does not run here: it needs glibc 2\.28 or newer \(musl will not do\), and a complete archive/,
  },
  {
    what: 'a disk with too little room',
    prepare: (m) => m.set('free-kb', '900'),
    says: /not enough space in .*, and 0 MB are free/,
  },
  {
    what: 'a release that is not there',
    options: given('--release', '/nowhere/fetch-activity-logs.tar.xz'),
    says: /--release: there is no \/nowhere\/fetch-activity-logs\.tar\.xz/,
  },
  {
    what: 'an archive that is cut off',
    options: (m) => [...m.values(), '--release', m.pack((archive) => archive.subarray(0, -1000))],
    says: /cannot unpack .*: /,
  },
  {
    what: 'an archive with a changed byte, and its sum',
    options: (m) => {
      const file = m.pack();
      m.secret('SHA256SUMS', `${'0'.repeat(64)}  ${basename(file)}\n`);
      return [...m.values(), '--release', file];
    },
    says: /does not match its line in SHA256SUMS: download it again/,
  },
  {
    what: 'an archive of something else',
    options: (m) => [...m.values(), '--release', m.pack((archive) => archive, 'other')],
    says: /is not a release of fetch-activity-logs/,
  },
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
    says: /a key has no quotes or backslashes/,
  },
  {
    what: 'a variable as key',
    options: given('--api-key-file', '-'),
    input: '${PIPELINE_KEY}\n',
    says: /it is a variable/,
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
    says: /ACTIVITY_LOG_TAG in \/etc\/fluent-bit\/activity-log.env: expected only letters/,
  },
  {
    what: 'an interval in activity-log.env that is none',
    prepare: (m) => m.write('etc/fluent-bit/activity-log.env', 'ACTIVITY_LOG_INTERVAL=5m\n', 0o600),
    options: () => [],
    says: /ACTIVITY_LOG_INTERVAL in \/etc\/fluent-bit\/activity-log.env: expected 10 to 86400 seconds/,
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
    prepare: (m) => m.ship('fetch-activity-logs', undefined),
    says: /fetch-activity-logs is missing: unpack the release archive again/,
  },
];

for (const shell of SHELLS) {
  describe(`bad input for install.sh with ${shell.join(' ')}`, () => {
    let machine: Machine;
    beforeEach(() => {
      machine = new Machine(shell);
    });
    afterEach(() => {
      machine.remove();
    });

    for (const { what, prepare, options = given(), input = '', status = 1, says } of CASES) {
      it(`${what}: one line, and nothing done`, () => {
        prepare?.(machine);
        const before = machine.snapshot();
        const result = machine.run(options(machine), { input });
        assert.equal(result.status, status);
        assert.match(result.stderr, says);
        const lines = result.stderr.trimEnd().split('\n');
        if (status === 2) assert.equal(lines.pop(), 'install.sh --help lists the options');
        // Where it had begun, a second line tells that it is undone.
        if (result.stdout !== '') assert.match(lines.pop() ?? '', /everything was restored$/);
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
