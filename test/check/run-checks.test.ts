import assert from 'node:assert/strict';
import { chmod, mkdir } from 'node:fs/promises';
import { hostname } from 'node:os';
import { createServer } from 'node:http';
import { describe, it } from 'node:test';
import { ExitCode } from '../../src/lib/errors.ts';
import { thisProcess } from '../../src/lib/process-identity.ts';
import {
  DROP_IN,
  ENVIRONMENT,
  MAIN,
  NOW,
  OUTPUT,
  PARSERS,
  PIPELINE,
  SCRIPT,
  STATE,
  TOKEN,
  installedMachine,
  tokenFor,
  type CheckedMachine,
} from '../helpers/checked-machine.ts';
import { listen } from '../helpers/loopback.ts';
import { assertGolden } from '../helpers/golden.ts';

/** What a machine looks like on which somebody has followed the vendor's tutorial to the letter. */
const STOCK_PARSERS = `[PARSER]
    Name   apache
    Format regex
    Regex  ^(?<host>[^ ]*) .*$

[PARSER]
    Name        json
    Format      json
    Time_Key    time
    Time_Format %d/%b/%Y:%H:%M:%S %z
`;
const STOCK = `[SERVICE]
    flush        1
    log_level    info
    parsers_file parsers.conf

[INPUT]
    name cpu
    tag  cpu.local

[OUTPUT]
    name  stdout
    match *
`;
const TUTORIAL = `
[SERVICE]
    Flush        1
    Daemon       Off
    Log_Level    info
    Parsers_File parsers.conf

[INPUT]
    Name         exec
    Tag          activityLog
    Command      python3 /opt/fluent-bit/scripts/fetch_activity_logs.py
    Parser       json
    Interval_Sec 300

[OUTPUT]
    Name   http
    Match  activityLog
    Host   pipeline.logging.de-txl.ionos.com
    Port   443
    tls    on
    URI    /activityLog
    Format json
    Header APIKEY a-key-that-is-secret

[OUTPUT]
    Name   stdout
    Match  activityLog
`;

describe('check', () => {
  it('has nothing to say against a sound set-up', async (t) => {
    const machine = await installedMachine(t);
    const { exitCode, stdout } = await machine.run();
    assertGolden('check/sound.txt', stdout);
    assertGolden('check/sound.json', (await machine.run(['--json'])).stdout);
    assert.equal(exitCode, ExitCode.Done);
  });

  it('names what a set-up by the tutorial loses', async (t) => {
    const machine = await installedMachine(t);
    const own = `[Service]\nEnvironment=IONOS_API_TOKEN=${tokenFor(3)}\n`;
    await machine.remove(DROP_IN);
    await machine.write('/etc/systemd/system/fluent-bit.service.d/override.conf', own);
    await machine.write(MAIN, STOCK + TUTORIAL);
    await machine.write('/etc/fluent-bit/parsers.conf', STOCK_PARSERS);
    machine.sandbox.options.token = tokenFor(3);
    const { exitCode, stdout } = await machine.run();
    assertGolden('check/tutorial.txt', stdout);
    assertGolden('check/tutorial.json', (await machine.run(['--json'])).stdout);
    assert.equal(exitCode, ExitCode.NothingCollected);
  });

  it('tells what is wrong where our program was put into the blocks of the tutorial', async (t) => {
    const machine = await installedMachine(t);
    await machine.write(
      MAIN,
      (STOCK + TUTORIAL).replace('python3 /opt/fluent-bit/scripts/fetch_activity_logs.py', 'fetch-activity-logs'),
    );
    await machine.write('/etc/fluent-bit/parsers.conf', STOCK_PARSERS);
    const { exitCode, stdout } = await machine.run();
    assertGolden('check/tutorial-with-ours.txt', stdout);
    assert.equal(exitCode, ExitCode.NothingCollected);
  });

  it('tells in one go what is wrong where nothing is right', async (t) => {
    const machine = await installedMachine(t);
    const { edit, path, sandbox, write } = machine;
    await write(TOKEN, tokenFor(-2), 0o644);
    sandbox.options.dateSkewMs = -95_000;
    await write(STATE, '{"version":1,"sources":{"ionos/31721060":');
    await mkdir(path(`${STATE}.lock`));
    const owner = { ...(await thisProcess(NOW)), pid: 4711, started: 'before', host: hostname() };
    await write(`${STATE}.owner`, JSON.stringify(owner));
    await chmod(path(SCRIPT), 0o644);
    machine.fluentBit.picture = undefined;
    await edit(MAIN, [/$/, '\n@INCLUDE more/*.conf\n[INPUTS]\nName cpu\n']);
    await edit(PIPELINE, [/^ +Threaded .*\n/m, ''], [/Buf_Size +2M/, 'Buf_Size 64k']);
    await edit(PIPELINE, [/^ +Interval_Sec .*$/m, '    Interval_Sec 120']);
    await edit(OUTPUT, [/^ +Header .*$/m, '    Header APIKEY a-key-of-somebody'], ['no_limits', '3']);
    await edit(ENVIRONMENT, [
      /^ACTIVITY_LOG_HOST=.*$/m,
      'ACTIVITY_LOG_HOST=https://pipeline.logging.de-txl.ionos.com/',
    ]);
    const { exitCode, stdout } = await machine.run();
    assertGolden('check/nothing-right.txt', stdout);
    assert.equal(exitCode, ExitCode.NothingCollected);
  });

  const table: [string, (machine: CheckedMachine) => Promise<unknown>, string][] = [
    ['the token is missing', ({ remove }) => remove(TOKEN), 'token'],
    ['the parser is in no file', ({ remove }) => remove(PARSERS), 'config-refused'],
    ['events show in stdout only, for want of a key', ({ edit }) => edit(OUTPUT, [/^ +Header .*$/m, '    Header APIKEY']), 'output-key'],
    ['events show in stdout only, for want of a header', ({ edit }) => edit(OUTPUT, [/^ +Header .*$/m, '    Header']), 'config-refused'],
    ['the host is not the one of the pipeline', ({ edit }) => edit(ENVIRONMENT, ['pipeline.', 'https://']), 'output-host'],
    ['the input does not run', ({ path }) => chmod(path(SCRIPT), 0o644), 'script'],
    ['events are missed after a restart', ({ write }) => write(STATE, '{"last_run":'), 'state'],
  ]; // prettier-ignore
  for (const [symptom, set, code] of table) {
    it(`has an answer where, as the tutorial puts it, ${symptom}`, async (t) => {
      const machine = await installedMachine(t);
      await set(machine);
      const errors = (await machine.faults()).filter(({ level }) => level === 'error');
      assert.ok(errors.some((finding) => finding.code === code), JSON.stringify(errors)); // prettier-ignore
    });
  }

  it('looks at a provider that no input collects by its own settings, not by those of another input', async (t) => {
    const machine = await installedMachine(t);
    await machine.edit(PIPELINE, [/^( +Command .*)$/m, `    Command exec ${SCRIPT} --state-file /srv/ionos.json`]);
    const { stdout } = await machine.run(['--provider', 'cloudscale']);
    assert.match(stdout, /\/var\/lib\/fluent-bit\/cloudscale_log_state\.json does not exist yet/);
  });

  it('says once what is wrong with an output of two inputs', async (t) => {
    const machine = await installedMachine(t);
    await machine.edit(OUTPUT, ['no_limits', '3']);
    const before = await machine.faults();
    await machine.edit(PIPELINE, [/$/, '\n@INCLUDE cloudscale.conf\n']);
    await machine.write('/etc/fluent-bit/cloudscale.token', 'sandbox-token\n', 0o600);
    const faults = await machine.faults();
    assert.deepEqual(faults.filter(({ code }) => code === 'retry-limit'), before); // prettier-ignore
  });

  it('hides a key in the file also where the destination repeats it', async (t) => {
    const machine = await installedMachine(t);
    const echo = createServer((request, response) => response.writeHead(401).end(request.headers['apikey']));
    const port = await listen(t, echo);
    await machine.edit(
      OUTPUT,
      [/^ +Header .*$/m, '    Header APIKEY a-key-of-somebody'],
      [/^ +Host .*$/m, '    Host 127.0.0.1'],
      [/^ +Port .*$/m, `    Port ${port}`],
      [/^ +tls .*$/m, '    tls Off'],
    );
    const { stdout } = await machine.run(['--send']);
    assert.match(stdout, /refused a test record: HTTP 401 \(\[redacted\]\)/);
    assert.doesNotMatch(stdout, /a-key-of-somebody/);
  });

  it("says of the tutorial's fetcher only what costs events", async (t) => {
    const machine = await installedMachine(t);
    await machine.edit(PIPELINE, [/^ +Command .*$/m, '    Command python3 /srv/fetch_activity_logs.py']);
    const { stdout } = await machine.run();
    assert.match(stdout, /the input runs the Python fetcher/);
    assert.doesNotMatch(stdout, /✓ .*(?:arrive whole|buffered on disk|own thread|receives the events)/);
  });
});
