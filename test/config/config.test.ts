import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readConfig, readLogLevel, type Config } from '../../src/config/config.ts';
import type { Options } from '../../src/config/settings.ts';
import { ConfigError, ExitCode } from '../../src/lib/errors.ts';
import { PROVIDERS } from '../../src/providers/index.ts';
import { ionos } from '../../src/providers/ionos.ts';

const NOW = Date.parse('2026-11-21T20:30:00Z');

function config(options: Options = {}, env: NodeJS.ProcessEnv = {}): Config {
  return readConfig(options, env);
}

describe('readConfig', () => {
  it('keeps the journal as long as it should, and says so where sweeps need it for longer', () => {
    assert.equal(config().journalDays, 90);
    assert.equal(config({ sweep: 'none', 'journal-days': '1' }).journalDays, 1);
    assert.equal(config({ 'journal-days': '8' }).journalDays, 8);
    assert.throws(() => config({ 'journal-days': '7' }), {
      message:
        '--journal-days (ACTIVITY_LOG_JOURNAL_DAYS): 7 is too short for --sweep and --overlap, which look back further: ' +
        'at least 8, or a shorter --sweep',
    });
  });

  it('has a default for everything', () => {
    const { since, apiUrl, ...rest } = config();
    assert.equal(since(NOW), NOW - 300_000);
    assert.equal(apiUrl.href, 'https://api.ionos.com/activitylog/v1');
    const defaults: Partial<Config> = {
      provider: ionos,
      tokenFile: undefined,
      contracts: [],
      stateFile: '/var/lib/fluent-bit/activity_log_state.json',
      overlapMs: 300_000,
      pageSize: 1000,
      concurrency: 4,
      deadlineMs: 240_000,
      requestTimeoutMs: 30_000,
      maxLineBytes: 1_000_000,
      addFields: [],
      includeTypes: [],
      excludeTypes: [],
      ackUrl: undefined,
      ackInput: 'activity_log',
      ackPatienceMs: 2_500,
      peek: false,
      metricsFile: undefined,
      logLevel: 'info',
      intervalMs: 120_000,
      sinceName: 'ACTIVITY_LOG_SINCE',
      sweepAgesMs: [3_600_000, 86_400_000, 604_800_000],
      journalDays: 90,
    };
    for (const [key, value] of Object.entries(defaults)) assert.deepEqual(rest[key as keyof typeof rest], value, key);
  });

  const settings: [string, string, keyof Config, unknown][] = [
    ['token-file', '/run/token', 'tokenFile', '/run/token'],
    ['contract', '9876543218374837483', 'contracts', ['9876543218374837483']],
    ['state-file', './state.json', 'stateFile', './state.json'],
    ['overlap', '90', 'overlapMs', 90_000],
    ['overlap', '0', 'overlapMs', 0],
    ['page-size', '1', 'pageSize', 1],
    ['page-size', ' 100000 ', 'pageSize', 100_000],
    ['concurrency', '256', 'concurrency', 256],
    ['deadline', '1s', 'deadlineMs', 1000],
    ['request-timeout', '0.001', 'requestTimeoutMs', 1],
    ['max-line-bytes', '4096', 'maxLineBytes', 4096],
    ['add-fields', 'time,contract', 'addFields', ['time', 'contract']],
    ['include-types', 'a.b, c,a.b', 'includeTypes', ['a.b', 'c']],
    ['exclude-types', 'none', 'excludeTypes', []],
    ['add-fields', 'provider event_type, provider', 'addFields', ['provider', 'event_type']],
    ['ack-url', 'http://127.0.0.1:2020', 'ackUrl', new URL('http://127.0.0.1:2020/')],
    ['ack-input', 'audit', 'ackInput', 'audit'],
    ['metrics-file', 'metrics.prom', 'metricsFile', 'metrics.prom'],
    ['log-level', 'debug', 'logLevel', 'debug'],
    ['sweep', 'none', 'sweepAgesMs', []],
    ['sweep', ' none ', 'sweepAgesMs', []],
    ['sweep', '1h, 30d', 'sweepAgesMs', [3_600_000, 2_592_000_000]],
    ['journal-days', '3650', 'journalDays', 3650],
    ['deadline', '1d', 'deadlineMs', 86_400_000],
    ['overlap', '30d', 'overlapMs', 2_592_000_000],
    ['max-line-bytes', '60000000', 'maxLineBytes', 60_000_000],
    ['provider', 'ionos', 'provider', ionos],
  ];
  for (const [name, value, key, expected] of settings) {
    it(`reads --${name} ${value}, or the same from the environment`, () => {
      const variable = `ACTIVITY_LOG_${name.toUpperCase().replaceAll('-', '_')}`;
      assert.deepEqual(config({ [name]: value })[key], expected);
      assert.deepEqual(config({}, { [variable]: value })[key], expected);
      assert.deepEqual(config({ [name]: value }, { [variable]: '?' })[key], expected);
    });
  }

  it('reads --interval from the command line only: the variable is how often Fluent Bit starts a poll', () => {
    assert.equal(config({ interval: '30s' }, { ACTIVITY_LOG_INTERVAL: '300' }).intervalMs, 30_000);
    assert.equal(config({}, { ACTIVITY_LOG_INTERVAL: '300' }).intervalMs, 120_000);
    assert.throws(() => config({ interval: '0.9s' }), { message: /^--interval: expected a duration from 1s to 1d/ });
  });

  it('knows whether --since comes from the option or the variable', () => {
    assert.equal(config({ since: '1h' }, { ACTIVITY_LOG_SINCE: '2h' }).sinceName, '--since');
    assert.equal(config({}, { ACTIVITY_LOG_SINCE: '2h' }).sinceName, 'ACTIVITY_LOG_SINCE');
  });

  it('takes the last of an option that is given twice', () => {
    assert.equal(config({ 'page-size': ['1', '2'] }).pageSize, 2);
  });

  it('takes an empty variable for one that is not set', () => {
    assert.equal(config({}, { ACTIVITY_LOG_PAGE_SIZE: '', ACTIVITY_LOG_CONTRACT: '' }).pageSize, 1000);
  });

  it('peeks only when asked on the command line', () => {
    assert.equal(config({ peek: true }).peek, true);
    assert.equal(config({ peek: false }, { ACTIVITY_LOG_PEEK: 'true' }).peek, false);
  });

  describe('--api-url', () => {
    const rows: [string, string][] = [
      ['https://api.example.com', 'https://api.example.com/activitylog/v1'],
      ['https://api.example.com/', 'https://api.example.com/activitylog/v1'],
      ['https://api.example.com/activitylog/v1', 'https://api.example.com/activitylog/v1'],
      ['https://api.example.com/activitylog/v1//', 'https://api.example.com/activitylog/v1'],
      ['http://127.0.0.1:8080/gateway/', 'http://127.0.0.1:8080/gateway/activitylog/v1'],
    ];
    for (const [given, href] of rows) {
      it(given, () => {
        assert.equal(config({ 'api-url': given }).apiUrl.href, href);
        assert.equal(config({}, { IONOS_API_URL: given }).apiUrl.href, href);
      });
    }
  });

  describe('--contract', () => {
    const rows: [unknown, string[]][] = [
      ['31721060', ['31721060']],
      [
        ['31721060', '9876543218374837483'],
        ['31721060', '9876543218374837483'],
      ],
      ['1,2 3\n4', ['1', '2', '3', '4']],
      [
        ['1', '1,2'],
        ['1', '2'],
      ],
      ['9007199254740993', ['9007199254740993']],
      ['007', ['007']],
    ];
    for (const [given, contracts] of rows) {
      it(JSON.stringify(given), () => assert.deepEqual(config({ contract: given }).contracts, contracts));
    }

    it('several from the environment', () => {
      assert.deepEqual(config({}, { ACTIVITY_LOG_CONTRACT: '1, 2' }).contracts, ['1', '2']);
    });
  });

  describe('--since', () => {
    const rows: [string, number][] = [
      ['24h', NOW - 86_400_000],
      ['90', NOW - 90_000],
      ['2026-01-31T12:00:00Z', Date.parse('2026-01-31T12:00:00Z')],
      ['2026-01-31', Date.parse('2026-01-31T00:00:00Z')],
      ['2026-01-31T12:00:00+01:00', Date.parse('2026-01-31T11:00:00Z')],
      ['1000000d', 0],
      [' 2026-01-31 ', Date.parse('2026-01-31T00:00:00Z')],
    ];
    for (const [given, instant] of rows) it(given, () => assert.equal(config({ since: given }).since(NOW), instant));
  });

  const DURATION = 'a duration such as 90s, 5m, 24h or 7d';
  const TIME = 'a date such as 2026-01-31 (UTC), a time such as 2026-01-31T12:00:00Z, or a duration such as 24h';
  const wrong: [string, string, string][] = [
    ['provider', 'aws', `one of ${Object.keys(PROVIDERS).join(', ')}`],
    ['provider', 'constructor', `one of ${Object.keys(PROVIDERS).join(', ')}`],
    ['api-url', 'http://[api', 'a URL such as https://api.example.com'],
    ['api-url', 'ftp://api.ionos.com', 'a URL such as https://api.example.com'],
    ['api-url', 'https://api.ionos.com/?a=b', 'a URL without query and fragment'],
    ['ack-url', 'http://localhost/#top', 'a URL without query and fragment'],
    ['ack-url', ':2020', 'a URL such as https://api.example.com'],
    ['token-file', ' ', 'a name'],
    ['token-file', '~/token', 'a path without ~, which no shell has replaced'],
    ['metrics-file', '~', 'a path without ~, which no shell has replaced'],
    ['state-file', '', 'a name'],
    ['contract', 'abc', 'a contract number'],
    ['contract', '1e5', 'a contract number'],
    ['contract', '-1', 'a contract number'],
    ['since', 'yesterday', TIME],
    ['since', '2026-02-30', TIME],
    ['since', '2026-01-31T12:00:00', 'a time zone, such as 2026-01-31T12:00:00Z for UTC'],
    ['overlap', '5 minutes', DURATION],
    ['overlap', '31d', 'a duration from 0s to 30d'],
    ['page-size', '0', 'a whole number from 1 to 100000'],
    ['page-size', '100001', 'a whole number from 1 to 100000'],
    ['page-size', '1.5', 'a whole number from 1 to 100000'],
    ['page-size', '-1', 'a whole number from 1 to 100000'],
    ['page-size', '1e3', 'a whole number from 1 to 100000'],
    ['concurrency', '257', 'a whole number from 1 to 256'],
    ['deadline', '0.9', 'a duration from 1s to 1d'],
    ['deadline', '2d', 'a duration from 1s to 1d'],
    ['request-timeout', '0', 'a duration from 0.001s to 1d'],
    ['max-line-bytes', '4095', 'a whole number from 4096 to 60000000'],
    ['log-level', 'trace', 'one of error, warn, info, debug'],
    ['sweep', '59m', 'a duration from 1h to 30d'],
    ['sweep', '31d', 'a duration from 1h to 30d'],
    ['journal-days', '0', 'a whole number from 1 to 3650'],
    ['journal-days', '3651', 'a whole number from 1 to 3650'],
    ['max-line-bytes', '60000001', 'a whole number from 4096 to 60000000'],
    ['concurrency', '0', 'a whole number from 1 to 256'],
  ];
  for (const [name, value, expected] of wrong) {
    it(`refuses --${name} "${value}"`, () => {
      const message = `: expected ${expected}, got "${value}"`;
      assert.throws(() => config({ [name]: value }), {
        name: 'ConfigError',
        code: 'CONFIG',
        exitCode: ExitCode.Usage,
        message: `--${name}${message}`,
      });
      if (value.trim() === '' || name === 'api-url') return;
      const variable = `ACTIVITY_LOG_${name.toUpperCase().replaceAll('-', '_')}`;
      assert.throws(() => config({}, { [variable]: value }), { message: `${variable}${message}` });
    });
  }

  it('names the one wrong entry of a list, and what was probably meant', () => {
    const expected = '--add-fields: expected one of time, contract, event_type, source_service, provider';
    assert.throws(() => config({ 'add-fields': 'time,foo' }), { message: `${expected}, got "foo"` });
    assert.throws(() => config({ provider: 'IONOS' }), {
      message: '--provider: expected one of ionos, cloudscale, got "IONOS"; did you mean ionos?',
    });
  });

  it('takes none for a list without entries', () => {
    assert.deepEqual(config({ 'add-fields': 'none' }, { ACTIVITY_LOG_ADD_FIELDS: 'time' }).addFields, []);
  });

  it("takes an API address without a scheme, as the vendor's tools do", () => {
    const hosts = { 'api.ionos.com': 'https://api.ionos.com/activitylog/v1', '127.0.0.1:80/x': 'https://127.0.0.1:80/x/activitylog/v1' }; // prettier-ignore
    for (const [IONOS_API_URL, href] of Object.entries(hosts))
      assert.equal(config({}, { IONOS_API_URL }).apiUrl.href, href);
  });

  it('names the variable of an API address that is none', () => {
    assert.throws(() => config({}, { IONOS_API_URL: 'nonsense' }), {
      message: 'IONOS_API_URL: expected a URL such as https://api.example.com, got "nonsense"',
    });
  });

  it('refuses a contract that is given as nothing', () => {
    for (const contract of ['', ' , ', []]) {
      assert.throws(() => config({ contract }), { message: '--contract: expected a contract number, got ""' });
    }
  });

  it('has other defaults for cloudscale.ch, which has no contracts', () => {
    const { apiUrl, stateFile, provider } = config({ provider: 'cloudscale' });
    assert.equal(provider, PROVIDERS['cloudscale']);
    assert.equal(apiUrl.href, 'https://api.cloudscale.ch/v1');
    assert.equal(stateFile, '/var/lib/fluent-bit/cloudscale_log_state.json');
    for (const env of [{}, { CLOUDSCALE_API_URL: 'http://127.0.0.1:1/v1/' }]) {
      assert.match(config({ provider: 'cloudscale' }, env).apiUrl.href, /^https?:\/\/[^/]+\/v1$/);
    }
    assert.throws(() => config({ provider: 'cloudscale', contract: '1' }), {
      message: '--contract: cloudscale has no contracts',
    });
    const shared = { ACTIVITY_LOG_PROVIDER: 'cloudscale', ACTIVITY_LOG_CONTRACT: '1' };
    assert.deepEqual(config({}, shared).contracts, [], 'meant for another input');
  });

  const passwords = [
    'https://user:hunter2@api.example.com',
    'https://hunter2@api.example.com',
    'https://user:hunter2@hunter2@api.example.com',
    'https://user:hunter2/hunter2@api.example.com',
    'https://user:hunter2#hunter2@api.example.com',
    'gopher://user:hunter2@api.example.com',
    'user:hunter2@api.example.com',
  ];
  for (const url of passwords) {
    it(`refuses ${url}, and does not show the password`, () => {
      assert.throws(
        () => config({ 'api-url': url }),
        (error) => {
          assert.ok(error instanceof ConfigError);
          assert.match(error.message, /^--api-url: expected a URL .*got "(\w+:\/\/)?\[redacted\]@api\.example\.com"$/);
          assert.ok(!error.message.includes('hunter2'));
          return true;
        },
      );
    });
  }
});

describe('readLogLevel', () => {
  it('reads nothing but the log level', () => {
    const options = { 'page-size': 'wrong' };
    assert.equal(readLogLevel(options, {}), 'info');
    assert.equal(readLogLevel({ ...options, 'log-level': 'warn' }, {}), 'warn');
    assert.equal(readLogLevel(options, { ACTIVITY_LOG_LOG_LEVEL: 'debug' }), 'debug');
    assert.throws(() => readLogLevel({ 'log-level': 'loud' }, {}), ConfigError);
  });
});
