import assert from 'node:assert/strict';
import {
  closeSync,
  copyFileSync,
  fstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { assertPrintedOnce, eventsOf } from '../helpers/account.ts';
import { builtFile } from '../helpers/built-file.ts';
import { Collector, collectorFor, type Ended, quickCollectorFor } from '../helpers/collector.ts';
import { type Sandbox, type SandboxSettings, startSandbox } from '../sandbox/server.ts';

const CONTRACTS = ['9876543218374837483', '31721060'] as const;
const SECOND = 1000;
const DAY = 86_400 * SECOND;
const EVENTS = 5;

interface Place {
  readonly sandbox: Sandbox;
  readonly collector: Collector;
}

async function place(t: TestContext, settings: SandboxSettings = {}): Promise<Place> {
  const sandbox = await startSandbox(settings);
  t.after(async () => sandbox.close());
  const to = Date.now() - SECOND;
  for (const contract of CONTRACTS) sandbox.generate(contract, { count: EVENTS, from: to - 100 * SECOND, to });
  return { sandbox, collector: quickCollectorFor(t, sandbox) };
}

/** Nothing but one line that says why. */
function assertOneLine({ code, lines, rest, stderr }: Ended, expected: number, why: RegExp): void {
  assert.deepEqual([code, lines, rest.length], [expected, [], 0], stderr);
  assert.match(stderr, /^fetch-activity-logs: error: [^\n]+\n$/, 'one line');
  assert.match(stderr, why);
}

/** A JSON Web Token that expires so many milliseconds from now. */
function jsonWebToken(lifetime: number): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'RS256' })}.${part({ exp: Math.floor((Date.now() + lifetime) / SECOND) })}.c2lnbmF0dXJl`;
}

/** A port that nobody listens on. */
async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

describe('a run by hand that cannot work says why in one line', { concurrency: 4 }, () => {
  it('without a token', async (t) => {
    const { sandbox, collector } = await place(t);
    const ended = await collector.runWith({ env: { IONOS_API_TOKEN: undefined } });
    assertOneLine(ended, 1, /no API token.*--token-file.*IONOS_API_TOKEN/);
    assert.deepEqual(sandbox.requests, []);
    assert.ok(!collector.hasState());
  });

  it('with an empty token file', async (t) => {
    const { collector } = await place(t);
    const file = join(collector.folder, 'token');
    writeFileSync(file, '\n');
    assertOneLine(await collector.run('--token-file', file), 1, /token from .*\/token is empty/);
  });

  it('with a token file that is not there', async (t) => {
    const { collector } = await place(t);
    const file = join(collector.folder, 'token');
    assertOneLine(await collector.run('--token-file', file), 1, /token file .*\/token does not exist/);
  });

  it('with half of the Basic credentials', async (t) => {
    const { collector } = await place(t);
    const ended = await collector.runWith({ env: { IONOS_API_TOKEN: undefined, IONOS_USERNAME: 'anna' } });
    assertOneLine(ended, 1, /IONOS_PASSWORD is not set/);
  });

  it('with a wrong token', async (t) => {
    const { sandbox, collector } = await place(t, { token: 'another' });
    assertOneLine(await collector.run(), 1, /does not accept the token \(HTTP 401.*create a new one/);
    assert.equal(sandbox.requests.length, 1, '401 is not tried again');
  });

  it('with an expired JSON Web Token', async (t) => {
    const { collector } = await place(t, { token: null });
    const ended = await collector.runWith({ env: { IONOS_API_TOKEN: jsonWebToken(-3 * DAY) } });
    const date = new Date(Date.now() - 3 * DAY).toISOString().slice(0, 10);
    assertOneLine(ended, 1, new RegExp(`the token from IONOS_API_TOKEN expired on ${date}`));
  });

  it('against a port that is closed', async (t) => {
    const port = await closedPort();
    const collector = quickCollectorFor(t, { url: `http://127.0.0.1:${port}` });
    assertOneLine(await collector.run(), 1, new RegExp(`no answer from 127\\.0\\.0\\.1:${port}.*ECONNREFUSED`));
  });

  it('against a host that does not answer', async (t) => {
    const { sandbox, collector } = await place(t);
    sandbox.fail({ times: Infinity, fault: { type: 'hang' } });
    assertOneLine(await collector.run('--request-timeout', '0.2s'), 1, /no complete answer within 0\.2 s/);
  });

  it('against something that is not an API', async (t) => {
    const { sandbox, collector } = await place(t);
    sandbox.fail({ times: Infinity, fault: { type: 'body', body: '<html>Hello</html>' } });
    assertOneLine(await collector.run(), 1, /cannot use the answer of 127\.0\.0\.1:\d+: it is not JSON/);
  });

  it('with a state folder that cannot be made', async (t) => {
    const { sandbox, collector } = await place(t);
    collector.stateFile = '/dev/null/state.json';
    assertOneLine(await collector.run(), 1, /state file \/dev\/null\/state\.json/);
    assert.deepEqual(sandbox.requests, []);
  });

  it('without the privilege, and collects from the other contracts', async (t) => {
    const { sandbox, collector } = await place(t, { forbiddenContracts: [CONTRACTS[0]] });
    const { code, stderr } = await collector.run();
    assert.equal(code, 3, stderr);
    assert.match(stderr, /^fetch-activity-logs: error: ionos\/9876543218374837483: .*privilege.*$/m);
    assertPrintedOnce(collector.printed, sandbox.events(CONTRACTS[1]));
  });

  it('without the privilege for any contract', async (t) => {
    const { collector } = await place(t, { forbiddenContracts: CONTRACTS });
    const { code, stderr, lines } = await collector.run();
    assert.deepEqual([code, lines], [1, []]);
    assert.equal(stderr.match(/error: ionos\/\d+: .*privilege/g)?.length, 2);
  });

  it('for a contract that is not there', async (t) => {
    const { collector } = await place(t);
    const { code, stderr } = await collector.run('--contract', '1');
    assert.equal(code, 1);
    assert.match(stderr, /^fetch-activity-logs: error: ionos\/1: .*check --api-url and the contract number.*$/m);
  });
});

describe('a wrong option', { concurrency: 4 }, () => {
  const wrong: readonly (readonly [args: readonly string[], why: RegExp])[] = [
    [['--contrct', '1'], /contrct/],
    [['--unknown'], /unknown/],
    [['-x'], /x/],
    [['collct'], /collct/],
    [['--since', 'yesterday'], /--since: expected .*, got "yesterday"/],
    [['--since', '5 minutes'], /--since: expected .*, got "5 minutes"/],
    [['--since', '2026-01-31T12:00:00'], /--since: expected .*, got "2026-01-31T12:00:00"/],
    [['--overlap', '5x'], /--overlap: expected a duration .*, got "5x"/],
    [['--overlap=-5m'], /--overlap: expected a duration .*, got "-5m"/],
    [['--deadline', '0'], /--deadline: expected a duration .*, got "0"/],
    [['--deadline', ''], /--deadline needs a value/],
    [['--request-timeout', '1e3'], /--request-timeout: expected a duration .*, got "1e3"/],
    [['--page-size', '0'], /--page-size: expected a whole number .*, got "0"/],
    [['--page-size', '10.5'], /--page-size: expected a whole number .*, got "10\.5"/],
    [['--page-size', '0x10'], /--page-size: expected a whole number .*, got "0x10"/],
    [['--concurrency', 'many'], /--concurrency: expected a whole number .*, got "many"/],
    [['--max-line-bytes', '1'], /--max-line-bytes: expected a whole number .*, got "1"/],
    [['--contract', '12a'], /--contract: expected a contract number, got "12a"/],
    [['--contract', ''], /--contract needs a value/],
    [['--api-url', 'ftp://api.ionos.com'], /--api-url: expected a URL .*, got "ftp:\/\/api\.ionos\.com"/],
    [['--api-url', 'http://user:pass@host'], /--api-url: expected a URL without .*, got "http:\/\/\[redacted\]@host"/],
    [['--ack-url', '2020'], /--ack-url: expected a URL .*, got "2020"/],
    [['--add-fields', 'time,colour'], /--add-fields: expected one of .*, got "colour"/],
    [['--log-level', 'loud'], /log-level.*loud/s],
    [['--provider', 'aws'], /provider.*aws/s],
    [['--state-file', ''], /--state-file needs a value/],
  ];

  for (const [args, why] of wrong) {
    it(`${args.join(' ')} ends with 2 and names it`, async (t) => {
      const { sandbox, collector } = await place(t);
      const { code, lines, stderr } = await collector.run(...args);
      assert.deepEqual([code, lines], [2, []], stderr);
      assert.match(stderr, why);
      assert.match(stderr, /^fetch-activity-logs: error: [^\n]+\n$/, 'one line');
      assert.ok(!stderr.includes('pass@'));
      assert.deepEqual(sandbox.requests, []);
      assert.ok(!collector.hasState());
    });
  }

  it('in the environment is named by its variable', async (t) => {
    const { collector } = await place(t);
    const ended = await collector.runWith({ env: { ACTIVITY_LOG_OVERLAP: 'long' } });
    assertOneLine(ended, 2, /ACTIVITY_LOG_OVERLAP: expected a duration .*, got "long"/);
  });
});

describe('a look by hand', { concurrency: 4 }, () => {
  it('--peek prints and moves nothing', async (t) => {
    const { sandbox, collector } = await place(t);
    for (const _ of ['first', 'second']) {
      const { code, lines, stderr } = await collector.run('--peek');
      assert.equal(code, 0, stderr);
      assertPrintedOnce(lines, eventsOf(sandbox, CONTRACTS));
      assert.ok(!collector.hasState());
    }
    assert.equal((await collector.run()).code, 0);
    const text = readFileSync(collector.stateFile);
    assert.equal((await collector.run('--peek')).code, 0);
    assert.deepEqual(readFileSync(collector.stateFile), text);
  });

  it('--peek needs no folder that it can write', async (t) => {
    const { sandbox, collector } = await place(t);
    collector.stateFile = '/dev/null/state.json';
    const { code, lines, stderr } = await collector.run('--peek');
    assert.equal(code, 0, stderr);
    assertPrintedOnce(lines, eventsOf(sandbox, CONTRACTS));
  });

  it('--contract asks for that contract, and not for the list', async (t) => {
    const { sandbox, collector } = await place(t);
    const { code, stderr } = await collector.run('--contract', CONTRACTS[0]);
    assert.equal(code, 0, stderr);
    assertPrintedOnce(collector.printed, sandbox.events(CONTRACTS[0]));
    assert.ok(sandbox.requests.every(({ path }) => path === `/activitylog/v1/contracts/${CONTRACTS[0]}`));

    // Also more than once, as a list, and by the environment.
    for (const args of [
      ['--contract', CONTRACTS[0], '--contract', CONTRACTS[1]],
      ['--contract', CONTRACTS.join(',')],
    ]) {
      assertPrintedOnce((await collector.run('--peek', ...args)).lines, eventsOf(sandbox, CONTRACTS));
    }
    const ended = await collector.runWith({ args: ['--peek'], env: { ACTIVITY_LOG_CONTRACT: CONTRACTS[1] } });
    assertPrintedOnce(ended.lines, sandbox.events(CONTRACTS[1]));
  });

  it('--help and --version go to stdout and ask nothing', async (t) => {
    const { sandbox, collector } = await place(t);
    const help = await collector.run('--help');
    assert.deepEqual([help.code, help.stderr], [0, '']);
    assert.ok(help.lines.some((line) => line.includes('--peek')));
    const version = await collector.run('--version');
    assert.deepEqual([version.code, version.stderr, version.lines.length], [0, '', 1]);
    assert.deepEqual(sandbox.requests, []);
  });
});

describe('credentials', { concurrency: 4 }, () => {
  async function accepted({ sandbox, collector }: Place, env: Record<string, string | undefined>, ...args: string[]) {
    const ended = await collector.runWith({ args, env: { IONOS_API_TOKEN: undefined, ...env } });
    assert.equal(ended.code, 0, ended.stderr);
    assertPrintedOnce(collector.printed, eventsOf(sandbox, CONTRACTS));
    return ended.stderr;
  }

  it('from a file, with a line break at its end', async (t) => {
    const there = await place(t);
    const file = join(there.collector.folder, 'token');
    writeFileSync(file, 'sandbox-token\n');
    await accepted(there, { IONOS_API_TOKEN: 'wrong' }, '--token-file', file);
  });

  it('from systemd', async (t) => {
    const there = await place(t);
    const folder = join(there.collector.folder, 'credentials');
    mkdirSync(folder);
    writeFileSync(join(folder, 'activity-log-token'), 'sandbox-token\n');
    await accepted(there, { IONOS_API_TOKEN: 'wrong', CREDENTIALS_DIRECTORY: folder });
  });

  it('from systemd that has other credentials only, and then from the environment', async (t) => {
    const there = await place(t);
    await accepted(there, { IONOS_TOKEN: 'sandbox-token', CREDENTIALS_DIRECTORY: there.collector.folder });
  });

  it('user and password', async (t) => {
    const there = await place(t, { token: null, basic: { username: 'anna@example.com', password: 'pässword:1' } });
    await accepted(there, { IONOS_USERNAME: 'anna@example.com', IONOS_PASSWORD: 'pässword:1' });
  });

  it('a JSON Web Token with less than 14 days left is warned about on each run', async (t) => {
    const token = jsonWebToken(13 * DAY);
    const there = await place(t, { token });
    for (const _ of ['first', 'second']) {
      const stderr = await accepted(there, { IONOS_API_TOKEN: token });
      assert.match(
        stderr,
        /^fetch-activity-logs: warning: the token from IONOS_API_TOKEN expires in .*, on \d{4}-\d\d-\d\d/m,
      );
      assert.ok(!stderr.includes(token));
    }
  });

  it('a JSON Web Token with more than 14 days left is not', async (t) => {
    const token = jsonWebToken(15 * DAY);
    assert.doesNotMatch(await accepted(await place(t, { token }), { IONOS_API_TOKEN: token }), /expire/);
  });

  it('an expired JSON Web Token is named on a run that fails later', async (t) => {
    const token = jsonWebToken(-DAY);
    const { sandbox, collector } = await place(t, { token });
    sandbox.fail({ match: { kind: 'page' }, times: Infinity, fault: { type: 'status', status: 401 } });
    const ended = await collector.runWith({ args: ['--quiet'], env: { IONOS_API_TOKEN: token } });
    assertOneLine(ended, 1, /expired on/);
  });

  for (const kind of ['contracts', 'page'] as const) {
    it(`never show up in what is said and kept (${kind})`, async (t) => {
      const { sandbox, collector } = await place(t);
      const body = JSON.stringify({ message: 'Bearer sandbox-token is not welcome' });
      sandbox.fail({ match: { kind }, times: Infinity, fault: { type: 'status', status: 403, body } });
      const { code, stderr } = await collector.run('--log-level', 'debug');
      assert.equal(code, 1);
      assert.match(stderr, /is not welcome/);
      assert.ok(!stderr.includes('sandbox-token'));
      assert.ok(!readFileSync(collector.stateFile, 'utf8').includes('sandbox-token'));
    });
  }
});

describe('messages', () => {
  /** The stderr of a run with a contract that fails and a token that expires soon, as the journal gets it. */
  async function said(t: TestContext, journal: (fd: number) => string, ...args: string[]): Promise<string[]> {
    const token = jsonWebToken(DAY);
    const { sandbox } = await place(t, { token, forbiddenContracts: [CONTRACTS[0]] });
    const collector = await collectorFor(t, sandbox);
    const file = join(collector.folder, 'stderr');
    const stderr = openSync(file, 'a');
    const env = { IONOS_API_TOKEN: token, JOURNAL_STREAM: journal(stderr) };
    const { code } = await collector.start({ args, stderr, env }).ended;
    closeSync(stderr);
    assert.equal(code, 3);
    return readFileSync(file, 'utf8').split('\n').slice(0, -1);
  }

  function streamOf(fd: number): string {
    const { dev, ino } = fstatSync(fd, { bigint: true });
    return `${dev}:${ino}`;
  }

  it('have a priority for the journal', async (t) => {
    const lines = await said(t, streamOf, '--log-level', 'debug');
    for (const [priority, word] of [
      [3, 'error: '],
      [4, 'warning: '],
      [6, '\\d+ events? from'],
    ] as const) {
      assert.ok(
        lines.some((line) => new RegExp(`^<${priority}>fetch-activity-logs: ${word}`).test(line)),
        lines.join('\n'),
      );
    }
    for (const line of lines) assert.match(line, /^<[3467]>fetch-activity-logs: ./);
  });

  it('have none elsewhere', async (t) => {
    const lines = await said(t, () => '1:1');
    for (const line of lines) assert.match(line, /^fetch-activity-logs: ./);
  });

  it('are only those of the level that was asked for', async (t) => {
    const lines = await said(t, streamOf, '--log-level', 'error');
    assert.equal(lines.length, 1);
    assert.match(lines[0] ?? '', /^<3>/);
  });
});

describe('the built file', () => {
  it('collects alone in an empty folder', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'fetch-activity-logs-alone-'));
    t.after(() => rmSync(folder, { recursive: true }));
    const file = join(folder, 'fetch-activity-logs.js');
    copyFileSync(await builtFile(), file);
    const { sandbox } = await place(t);
    const collector = new Collector(file, sandbox.url);
    t.after(async () => collector.end());
    const { code, stderr } = await collector.start({ cwd: folder }).ended;
    assert.equal(code, 0, stderr);
    assert.match(
      stderr,
      /^([^\n]*no cursor for [^\n]*\n){2}[^\n]* 10 events from 2 sources\n[^\n]* commit \d+, SHA-256 [0-9a-f]{64}\n$/,
    );
    assertPrintedOnce(collector.printed, eventsOf(sandbox, CONTRACTS));
  });
});
