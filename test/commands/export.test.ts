import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmdirSync, statSync } from 'node:fs';
import { appendFile, cp, mkdir, readFile, readdir, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { describe, it, type TestContext } from 'node:test';
import { ExitCode } from '../../src/lib/errors.ts';
import { Stopped } from '../../src/lib/run.ts';
import type { World } from '../../src/lib/world.ts';
import { builtFile } from '../helpers/built-file.ts';
import { tokenFor } from '../helpers/checked-machine.ts';
import {
  assertSame,
  BIG,
  DAY,
  environment,
  exporting,
  exportThroughFaults,
  linesOf,
  NOW,
  sandboxFor,
  SMALL,
  truth,
} from '../helpers/exporting.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { startSandbox, type Sandbox, type SandboxSettings } from '../sandbox/server.ts';

const iso = (time: number) => new Date(time).toISOString();
const second = (time: number) => iso(time).replace('.000', '');

describe('export', () => {
  it('brings all events of three contracts into a file, through all sorts of faults', async (t) => {
    await exportThroughFaults(t, [9000, 4500, 1500], 1000, 100);
  });

  it('prints a range to stdout: its beginning is in it, its end is not', async (t) => {
    const sandbox = await sandboxFor(t);
    const [from, to] = [NOW - 2 * DAY, NOW - DAY];
    const times = [from - 1, from, from + 1, to - 1, to, to + 1];
    sandbox.addEvents(
      SMALL,
      times.map((time, index) => ({ raw: `{"@uuid":"${index}","meta":{"time":"${iso(time)}"}}`, time })),
    );
    const expected = {
      exitCode: ExitCode.Done,
      stderr: '',
      stdout: truth(sandbox, [SMALL], from, to).join('\n') + '\n',
    };
    assert.equal(linesOf(expected.stdout).length, 3);
    assert.deepEqual(await exporting(sandbox, ['-q', '--from', iso(from), '--to', iso(to)]), expected);
    assert.deepEqual(await exporting(sandbox, ['-q', '--from', '2d', '--to', '1d']), expected);
    assert.deepEqual(await exporting(sandbox, ['-q', '--from', '2d', '--to', '1d', '--output', '-']), expected);
    assert.deepEqual(
      await exporting(sandbox, ['-q', '--from', '2026-11-19T21:30:00+01:00', '--to', '86400']),
      expected,
    );
  });

  for (const [name, offset, side] of [
    ['two days behind', -2 * DAY, 'behind'],
    ['two days ahead', 2 * DAY, 'ahead of'],
  ] as const) {
    it(`follows the API's clock where the machine's is ${name}: --from 1h finds the last hour`, async (t) => {
      const sandbox = await sandboxFor(t);
      sandbox.generate(SMALL, { count: 20, from: NOW - 3_000_000, to: NOW - 1000 });
      const file = join(await temporaryFolder(t), 'hour.jsonl');
      const world = { now: () => NOW + offset };
      const { exitCode, stderr } = await exporting(sandbox, ['--from', '1h', '--output', file], world);
      assert.equal(exitCode, ExitCode.Done);
      assertSame(linesOf(await readFile(file, 'utf8')), truth(sandbox, [SMALL]));
      const range = `${second(NOW - 3_600_000)} to ${second(NOW)}`;
      assert.match(stderr, new RegExp(`clock is 2 d ${side} the API's: by the API's clock, this exports ${range}\\n`));
    });
  }

  it('keeps its range when it is resumed, whatever the clock says then', async (t) => {
    const sandbox = await sandboxFor(t, { maxLimit: 20, limitBehaviour: 'cut' });
    sandbox.generate(SMALL, { count: 100, from: NOW - 3_000_000, to: NOW - 1000 });
    const options = ['--from', '1h', '--output', join(await temporaryFolder(t), 'hour.jsonl')];
    const fault = sandbox.fail({
      match: { kind: 'page' },
      skip: 2,
      times: Infinity,
      fault: { type: 'status', status: 404 },
    });
    const first = await exporting(sandbox, options, { now: () => NOW + 2 * DAY });
    assert.match(first.stderr, /by the API's clock, this exports /);
    fault.remove();
    const { exitCode, stderr } = await exporting(sandbox, options, { now: () => NOW + 3 * DAY });
    assert.equal(exitCode, ExitCode.Done, stderr);
    assert.doesNotMatch(stderr, /this exports/);
  });

  it("goes by the machine's clock where that is half a minute off, and by the API's beyond that", async (t) => {
    const sandbox = await sandboxFor(t);
    sandbox.addContract(SMALL);
    for (const seconds of [30, -30, 31, -31]) {
      const world = { now: () => NOW + seconds * 1000 };
      const { stderr } = await exporting(sandbox, ['--from', '1h'], world);
      const side = seconds > 0 ? 'ahead of' : 'behind';
      assert.equal(stderr.includes(`warning: this machine's clock is 31 s ${side} the API's`), Math.abs(seconds) > 30);
      const end = second(Math.abs(seconds) > 30 ? NOW : world.now());
      assert.match(stderr, new RegExp(`: 0 events from 1 source, \\S+ to ${end}\n`));
    }
  });

  it("takes a --from that a slow clock has not reached: the API's clock has", async (t) => {
    const sandbox = await sandboxFor(t);
    sandbox.generate(SMALL, { count: 20, from: NOW - DAY, to: NOW - 1000 });
    const world = { now: () => NOW - 2 * DAY };
    const { exitCode, stdout, stderr } = await exporting(sandbox, ['--from', second(NOW - DAY)], world);
    assert.equal(exitCode, ExitCode.Done, stderr);
    assertSame(linesOf(stdout), truth(sandbox, [SMALL]));
  });

  it('ends with the present, wherever --to lies, and says so', async (t) => {
    const sandbox = await sandboxFor(t);
    sandbox.generate(SMALL, { count: 50, from: NOW - DAY, to: NOW });
    const { exitCode, stdout, stderr } = await exporting(sandbox, ['--from', '2d', '--to', '2030-01-01T00:00:00Z']);
    assert.equal(exitCode, ExitCode.Done);
    assert.match(
      stderr,
      /warning: --to 2030-01-01T00:00:00Z is in the future: the export ends at 2026-11-21T20:30:00Z$/m,
    );
    assertSame(linesOf(stdout), truth(sandbox, [SMALL]));
    assert.ok(sandbox.requests.every(({ query }) => (query['dateEnd'] ?? '') <= second(NOW)));
  });

  it('takes some contracts only, and does not ask for the others', async (t) => {
    const sandbox = await sandboxFor(t);
    for (const contract of [BIG, SMALL, '5']) sandbox.generate(contract, { count: 20, from: NOW - DAY, to: NOW });
    const { stdout } = await exporting(sandbox, ['--from', '1d', '--contract', BIG, '--contract', '5']);
    assertSame(linesOf(stdout), truth(sandbox, [BIG, '5']));
    assert.ok(sandbox.requests.every(({ contract }) => contract === BIG || contract === '5'));
  });

  it('gives every event in its own bytes, with fields in front when they are asked for', async (t) => {
    const sandbox = await sandboxFor(t);
    const raw = '{"n":1e400, "big":9007199254740993,"a":1,"a":2,"s":"\\ud800"}';
    sandbox.addEvents(SMALL, [{ raw, time: NOW - 1000 }]);
    assert.equal((await exporting(sandbox, ['--from', '1h'])).stdout, `${raw}\n`);
    const { stdout } = await exporting(sandbox, ['--from', '1h', '--add-fields', 'contract']);
    assert.equal(stdout, `{"contract":"${SMALL}",${raw.slice(1)}\n`);
  });

  it('prints an event of any length in full', async (t) => {
    const sandbox = await sandboxFor(t);
    const raw = `{"@uuid":"long","text":"${'x'.repeat(1_500_000)}"}`;
    sandbox.addEvents(SMALL, [{ raw, time: NOW - 1000 }]);
    assert.equal((await exporting(sandbox, ['--from', '1h'])).stdout, `${raw}\n`);
  });

  it('never touches the state file, its lock or what lies beside it', async (t) => {
    const sandbox = await sandboxFor(t);
    sandbox.generate(SMALL, { count: 20, from: NOW - DAY, to: NOW });
    const folder = await temporaryFolder(t);
    const stateFile = join(folder, 'state.json');
    const output = join(await temporaryFolder(t), 'out');
    const env = {
      ...environment(sandbox),
      ACTIVITY_LOG_STATE_FILE: stateFile,
      ACTIVITY_LOG_ACK_URL: 'http://127.0.0.1:1',
      ACTIVITY_LOG_MAX_LINE_BYTES: '4096',
    };
    await exporting(sandbox, ['--from', '1d', '--output', output], { env });
    assert.equal(linesOf(await readFile(output, 'utf8')).length, 20);
    assert.deepEqual(await readdir(folder), []);
    await writeFile(stateFile, 'whatever it holds');
    await mkdir(`${stateFile}.lock`);
    const { exitCode } = await exporting(sandbox, ['--from', '1d'], { env });
    assert.equal(exitCode, ExitCode.Done);
    assert.equal(await readFile(stateFile, 'utf8'), 'whatever it holds');
    assert.deepEqual((await readdir(folder)).sort(), ['state.json', 'state.json.lock']);
  });

  it('makes an empty file of a range without events', async (t) => {
    const sandbox = await sandboxFor(t);
    sandbox.addContract(SMALL);
    const file = join(await temporaryFolder(t), 'none');
    assert.equal((await exporting(sandbox, ['--from', '1h', '--output', file])).exitCode, ExitCode.Done);
    assert.equal(await readFile(file, 'utf8'), '');
  });

  it('replaces an older file only when the new one is complete', async (t) => {
    const sandbox = await sandboxFor(t);
    sandbox.generate(SMALL, { count: 20, from: NOW - DAY, to: NOW });
    const folder = await temporaryFolder(t);
    const [file, link] = [join(folder, 'file'), join(folder, 'link')];
    await writeFile(file, 'older');
    await symlink(file, link);
    sandbox.options.forbiddenContracts = [SMALL];
    const options = ['--from', '1d', '--output', link, '--force'];
    assert.equal((await exporting(sandbox, options)).exitCode, ExitCode.NothingCollected);
    assert.equal(await readFile(file, 'utf8'), 'older');
    sandbox.options.forbiddenContracts = [];
    assert.equal((await exporting(sandbox, options)).exitCode, ExitCode.Done);
    assertSame(linesOf(await readFile(file, 'utf8')), truth(sandbox, [SMALL]));
    assert.deepEqual((await readdir(folder)).sort(), ['file', 'link']);
  });

  it('does not replace a file that is there unless it is told to', async (t) => {
    const sandbox = await sandboxFor(t);
    sandbox.addContract(SMALL);
    const file = join(await temporaryFolder(t), 'precious.txt');
    await writeFile(file, 'precious');
    const { exitCode, stderr } = await exporting(sandbox, ['--from', '1h', '--output', file]);
    assert.equal(exitCode, ExitCode.Usage);
    assert.match(stderr, /error: --output: .*precious\.txt exists; choose another name, or replace it with --force$/m);
    assert.equal(await readFile(file, 'utf8'), 'precious');
    assert.equal((await exporting(sandbox, ['--from', '1h', '--output', file, '--force'])).exitCode, ExitCode.Done);
    assert.equal(await readFile(file, 'utf8'), '');
  });

  describe('for an auditor', () => {
    it('says what was written, and how many events the API counts', async (t) => {
      const sandbox = await sandboxFor(t);
      for (const contract of [SMALL, BIG])
        sandbox.generate(contract, { count: 30, from: NOW - 2 * DAY, to: NOW - DAY });
      const folder = await temporaryFolder(t);
      const [file, reportFile] = [join(folder, 'events.jsonl'), join(folder, 'report.json')];
      const options = ['--from', '2026-11-19', '--to', '2026-11-21', '-o', file, '--report', reportFile];
      const { exitCode, stderr } = await exporting(sandbox, options);
      assert.equal(exitCode, ExitCode.Done);
      const written = await readFile(file);
      const sha256 = createHash('sha256').update(written).digest('hex');
      const report = JSON.parse(await readFile(reportFile, 'utf8')) as { sources: { source: string }[] };
      const inRange = truth(
        sandbox,
        [SMALL, BIG],
        Date.parse('2026-11-19T00:00:00Z'),
        Date.parse('2026-11-21T00:00:00Z'),
      );
      const secondOf = (time: number) => second(Math.floor(time / 1000) * 1000);
      const sources = [SMALL, BIG].map((contract) => {
        const times = sandbox.events(contract).map(({ time }) => time);
        return {
          source: `ionos/${contract}`,
          events: 30,
          api_events: 30,
          rejected: 0,
          first_event: secondOf(Math.min(...times)),
          last_event: secondOf(Math.max(...times)),
        };
      });
      assert.equal(inRange.length, 60);
      assert.deepEqual(
        { ...report, sources: report.sources.toSorted((a, b) => a.source.localeCompare(b.source)) },
        {
          program: 'fetch-activity-logs 0.0.0-source',
          from: '2026-11-19T00:00:00Z',
          to: '2026-11-21T00:00:00Z',
          events: 60,
          provider: 'ionos',
          api_url: `${sandbox.url}/activitylog/v1`,
          format: 'jsonl',
          output: file,
          rejected_file: null,
          bytes: written.length,
          sha256,
          complete: true,
          sources: sources.toSorted((a, b) => a.source.localeCompare(b.source)),
        },
      );
      assert.match(
        stderr,
        new RegExp(`^fetch-activity-logs: ionos/${SMALL}: 30 events \\(the API counts 30\\), from `, 'm'),
      );
      assert.match(
        stderr,
        /^fetch-activity-logs: 60 events from 2 sources, 2026-11-19T00:00:00Z to 2026-11-21T00:00:00Z$/m,
      );
      assert.ok(stderr.endsWith(`events.jsonl, SHA-256 ${sha256}\n`), stderr);
    });

    it('says so when a range had nothing, and that late events are missing when it ends now', async (t) => {
      const sandbox = await sandboxFor(t);
      sandbox.addContract(SMALL);
      const { stderr } = await exporting(sandbox, ['--from', '2020-01-01', '--to', '2020-02-01']);
      assert.match(stderr, /: 0 events \(the API counts 0\)\n/);
      for (const [to, isNow] of [
        [[], true],
        [['--to', '299s'], true],
        [['--to', '300s'], false],
      ] as const) {
        const { stderr: said } = await exporting(sandbox, ['--from', '1h', ...to]);
        assert.equal(
          said.includes(
            ': the range ends now: events that appear late are missing. To get them, export the range again later\n',
          ),
          isNow,
        );
      }
    });

    it('cannot write its report where there is no folder', async (t) => {
      const sandbox = await sandboxFor(t);
      sandbox.addContract(SMALL);
      const { exitCode, stderr } = await exporting(sandbox, ['--from', '1h', '--report', '/nowhere/report.json']);
      assert.equal(exitCode, ExitCode.Usage);
      assert.match(stderr, /error: --report: cannot write \/nowhere\/report\.json: ENOENT/);
    });
  });

  describe('csv', () => {
    it('goes by the ending of the file, with the separator that is named', async (t) => {
      const sandbox = await sandboxFor(t);
      sandbox.generate(SMALL, { count: 3, from: NOW - DAY, to: NOW });
      const file = join(await temporaryFolder(t), 'events.CSV');
      await exporting(sandbox, ['--from', '1d', '--output', file, '--separator', 'semicolon']);
      assert.match(await readFile(file, 'utf8'), /^\ufefftime;contract;uuid;/);
    });

    it('has a header and a row for each event', async (t) => {
      const sandbox = await sandboxFor(t);
      sandbox.generate(SMALL, { count: 30, from: NOW - DAY, to: NOW });
      const file = join(await temporaryFolder(t), 'events.csv');
      await exporting(sandbox, ['--from', '1d', '--format', 'csv', '--output', file]);
      const [header, ...rows] = linesOf(await readFile(file, 'utf8'));
      assert.match(header ?? '', /^\ufefftime,contract,uuid,event_type,/);
      const uuids = rows.map((row) => row.split(',').slice(1, 3).join(' '));
      assertSame(
        uuids,
        sandbox.events(SMALL).map(({ id }) => `${SMALL} ${id}`),
      );
      const { stdout } = await exporting(sandbox, ['--from', '1d', '--format', 'csv']);
      assert.equal(`\ufeff${stdout}`, await readFile(file, 'utf8'));
    });

    it('takes no added fields, unless they come from the environment and are for others', async (t) => {
      const sandbox = await sandboxFor(t);
      sandbox.addContract(SMALL);
      const options = ['--from', '1d', '--format', 'csv'];
      const refused = await exporting(sandbox, [...options, '--add-fields', 'time']);
      assert.equal(refused.exitCode, ExitCode.Usage);
      assert.match(refused.stderr, /--add-fields is for jsonl/);
      const env = { ...environment(sandbox), ACTIVITY_LOG_ADD_FIELDS: 'time' };
      assert.equal((await exporting(sandbox, options, { env })).exitCode, ExitCode.Done);
    });
  });

  describe('cloudscale', () => {
    const FROM = ['--provider', 'cloudscale', '--from', '2d'];

    it('prints the entries of the range', async (t) => {
      const sandbox = await sandboxFor(t, { lateShare: 0.3 });
      sandbox.generateEntries({ count: 2000, from: NOW - 3 * DAY, to: NOW - 60_000 });
      const { stdout, stderr, exitCode } = await exporting(sandbox, [...FROM, '--to', '1d']);
      assert.deepEqual([exitCode, stderr.includes('warning')], [ExitCode.Done, false]);
      const expected = sandbox.entries().filter(({ time }) => time >= NOW - 2 * DAY && time < NOW - DAY);
      assert.ok(expected.length > 500);
      assertSame(
        linesOf(stdout),
        expected.map(({ text }) => text),
      );
    });

    it('leaves out what lies behind the end, also when the cursor has forgotten it', async (t) => {
      const sandbox = await sandboxFor(t);
      const entry = (time: number) => `{"timestamp":"${iso(time)}","action":"a"}`;
      const end = NOW - DAY;
      const results = [end - 1000, end + 1000, end - 500, end].map(entry);
      const url = `${sandbox.url}/v1/project-logs?cursor=x`;
      const body = `{"results":[${results.join(',')}],"next":null,"poll_more":"${url}"}`;
      sandbox.fail({ match: { kind: 'entries' }, fault: { type: 'body', body } });
      const { stdout } = await exporting(sandbox, [...FROM, '--to', '1d']);
      assert.deepEqual(linesOf(stdout), [results[0], results[2]]);
      assert.equal(sandbox.requests[0]?.query['end'], second(end));
    });

    it('continues from the last page', async (t) => {
      const sandbox = await sandboxFor(t);
      sandbox.generateEntries({ count: 950, from: NOW - DAY, to: NOW });
      const file = join(await temporaryFolder(t), 'entries');
      const options = [...FROM, '--output', file];
      const fault = sandbox.fail({ skip: 4, times: Infinity, fault: { type: 'status', status: 403 } });
      assert.equal((await exporting(sandbox, options)).exitCode, ExitCode.NothingCollected);
      assert.equal(linesOf(await readFile(`${file}.part`, 'utf8')).length, 400);
      fault.remove();
      const before = sandbox.requests.length;
      assert.equal((await exporting(sandbox, options)).exitCode, ExitCode.Done);
      assert.equal(sandbox.requests.length - before, 6);
      assert.deepEqual(
        linesOf(await readFile(file, 'utf8')),
        sandbox.entries().map(({ text }) => text),
      );
    });

    it('says what to do when the API does not know the cursor any more', async (t) => {
      const sandbox = await sandboxFor(t);
      sandbox.generateEntries({ count: 500, from: NOW - DAY, to: NOW });
      const file = join(await temporaryFolder(t), 'entries');
      const fault = sandbox.fail({ skip: 2, times: Infinity, fault: { type: 'status', status: 403 } });
      await exporting(sandbox, [...FROM, '--output', file]);
      fault.remove();
      sandbox.expireCursors();
      const { exitCode, stderr } = await exporting(sandbox, [...FROM, '--output', file]);
      assert.equal(exitCode, ExitCode.NothingCollected);
      assert.match(
        stderr,
        /no longer accepts the stored cursor .*; remove .*\.part and .*\.part\.json to start over$/m,
      );
    });
  });

  describe('when something fails for good', () => {
    it('keeps what the other contracts brought, and asks only for the rest the next time', async (t) => {
      const sandbox = await sandboxFor(t);
      for (const contract of [BIG, SMALL]) sandbox.generate(contract, { count: 500, from: NOW - DAY, to: NOW });
      sandbox.options.forbiddenContracts = [BIG];
      const file = join(await temporaryFolder(t), 'events');
      const first = await exporting(sandbox, ['--from', '1d', '--output', file]);
      assert.equal(first.exitCode, ExitCode.SomeSourcesFailed);
      assert.match(first.stderr, new RegExp(`error: ionos/${BIG}: the token may not read this \\(HTTP 403`));
      assert.match(
        first.stderr,
        /warning: the export is not complete: 500 events from 2 sources; .*run the same command again to resume from .*events\.part$/m,
      );
      assert.ok(!existsSync(file));
      sandbox.options.forbiddenContracts = [];
      const before = sandbox.requests.length;
      const second = await exporting(sandbox, ['--from', '1d', '--output', file]);
      assert.equal(second.exitCode, ExitCode.Done);
      assert.match(second.stderr, /^fetch-activity-logs: resuming the export from 2026-11-20T20:30:00Z to /);
      assert.ok(sandbox.requests.slice(before).every(({ contract }) => contract !== SMALL));
      assertSame(linesOf(await readFile(file, 'utf8')), truth(sandbox, [BIG, SMALL]));
    });

    it('ends at once when the token is refused, and does not show it', async (t) => {
      const sandbox = await sandboxFor(t);
      for (const contract of [BIG, SMALL]) sandbox.generate(contract, { count: 50, from: NOW - DAY, to: NOW });
      sandbox.fail({
        match: { kind: 'page' },
        times: Infinity,
        fault: { type: 'status', status: 401, body: 'sandbox-token?' },
      });
      const { exitCode, stderr } = await exporting(sandbox, ['--from', '1d']);
      assert.equal(exitCode, ExitCode.NothingCollected);
      assert.match(stderr, /does not accept the token/);
    });

    it('warns that the token expires in a few days: the next export may be needed then', async (t) => {
      const sandbox = await sandboxFor(t);
      sandbox.addContract(SMALL);
      const env = { ...environment(sandbox), IONOS_API_TOKEN: tokenFor(3) };
      const { stderr } = await exporting(sandbox, ['--from', '1h'], { env });
      assert.match(stderr, /warning: the token .* expires in 3 d/);
    });

    it('tries a request ten times, since no next run comes', async (t) => {
      const sandbox = await sandboxFor(t);
      sandbox.addContract(SMALL);
      const fault = { type: 'status', status: 503 } as const;
      const passing = sandbox.fail({ match: { kind: 'page' }, fault, times: 9 });
      assert.equal((await exporting(sandbox, ['--from', '1h'])).exitCode, ExitCode.Done);
      assert.equal(passing.played, 9);
      const staying = sandbox.fail({ match: { kind: 'page' }, fault, times: Infinity });
      assert.equal((await exporting(sandbox, ['--from', '1h'])).exitCode, ExitCode.NothingCollected);
      assert.equal(staying.played, 10);
    });

    it('never shows the token, which a server may send back', async (t) => {
      const sandbox = await sandboxFor(t);
      sandbox.generate(SMALL, { count: 50, from: NOW - DAY, to: NOW });
      sandbox.fail({ match: { kind: 'page' }, fault: { type: 'status', status: 403, body: 'no sandbox-token here' } });
      const file = join(await temporaryFolder(t), 'events');
      const { stderr } = await exporting(sandbox, ['--from', '1d', '--output', file]);
      assert.match(stderr, /no \[redacted\] here/);
      for (const name of [`${file}.part`, `${file}.part.json`]) {
        assert.ok(!readFileSync(name, 'utf8').includes('sandbox-token'), name);
      }
    });

    it('says why the file cannot be written, and goes on when it can', async (t) => {
      const sandbox = await sandboxFor(t, { maxLimit: 100, limitBehaviour: 'cut' });
      sandbox.generate(SMALL, { count: 900, from: NOW - DAY, to: NOW });
      const file = join(await temporaryFolder(t), 'events');
      const options = ['--from', iso(NOW - DAY), '--output', file];
      const record = `${file}.part.json`;
      // A folder in the place of the record: that cannot be replaced.
      void sandbox
        .nextRequest(({ query }) => query['offset'] === '300')
        .then(() => {
          renameSync(record, `${record}.kept`);
          mkdirSync(record);
        });
      const { exitCode, stderr } = await exporting(sandbox, options, { now: withJumps(2000) });
      assert.equal(exitCode, ExitCode.NothingCollected);
      assert.match(
        stderr,
        /error: cannot write .*events\.part: EISDIR: .*; run the same command again to resume from /,
      );
      rmdirSync(record);
      renameSync(`${record}.kept`, record);
      assert.equal((await exporting(sandbox, options)).exitCode, ExitCode.Done);
      assertSame(linesOf(await readFile(file, 'utf8')), truth(sandbox, [SMALL]));
    });

    it('has no deadline, unless one is asked for', async (t) => {
      const sandbox = await sandboxFor(t);
      sandbox.generate(SMALL, { count: 50, from: NOW - DAY, to: NOW });
      const env = { ...environment(sandbox), ACTIVITY_LOG_DEADLINE: '1s' };
      const patient = await exporting(sandbox, ['--from', '1d'], { env, now: withJumps(3_600_000) });
      assert.equal(patient.exitCode, ExitCode.Done);
      sandbox.fail({ match: { kind: 'page' }, fault: { type: 'hang' } });
      const { exitCode, stderr } = await exporting(sandbox, ['--from', '1d', '--deadline', '1s']);
      assert.equal(exitCode, ExitCode.SomeSourcesFailed);
      assert.match(
        stderr,
        /^fetch-activity-logs: warning: the deadline was reached, the export is not complete: 0 events/,
      );
    });
  });

  describe('when it is stopped', () => {
    const settings: SandboxSettings = { maxLimit: 100, limitBehaviour: 'cut' };

    it('has printed whole lines, each event once', async (t) => {
      const sandbox = await sandboxFor(t, settings);
      sandbox.generate(SMALL, { count: 1500, from: NOW - DAY, to: NOW });
      const stop = new AbortController();
      stopAt(sandbox, 5, stop);
      const { exitCode, stdout, stderr } = await exporting(sandbox, ['--from', '1d'], { signal: stop.signal });
      assert.equal(exitCode, ExitCode.SomeSourcesFailed);
      assert.match(stderr, /warning: stopped by SIGINT, the export is not complete: \d+ events from 1 source$/m);
      const lines = linesOf(stdout);
      assert.ok(lines.length > 0 && lines.length < 1500);
      assert.equal(new Set(lines).size, lines.length);
      const expected = new Set(truth(sandbox, [SMALL]));
      assert.ok(lines.every((line) => expected.has(line)));
    });

    it('goes on with the file, and asks for nothing twice', async (t) => {
      const sandbox = await sandboxFor(t, settings);
      for (const contract of [BIG, SMALL]) sandbox.generate(contract, { count: 1500, from: NOW - DAY, to: NOW });
      const file = join(await temporaryFolder(t), 'events');
      const options = ['--from', '1d', '--output', file];
      for (const nth of [2, 5, 9]) {
        const stop = new AbortController();
        stopAt(sandbox, nth, stop);
        const { exitCode, stderr } = await exporting(sandbox, options, { signal: stop.signal });
        assert.equal(exitCode, ExitCode.SomeSourcesFailed);
        assert.match(stderr, /run the same command again to resume from .*events\.part$/m);
        linesOf(await readFile(`${file}.part`, 'utf8'));
        assert.ok(!existsSync(file));
      }
      // A day later `--from 1d` still means the day that it meant when the export began.
      const { exitCode } = await exporting(sandbox, options, { now: () => NOW + DAY });
      assert.equal(exitCode, ExitCode.Done);
      assertSame(linesOf(await readFile(file, 'utf8')), truth(sandbox, [BIG, SMALL]));
    });

    it('is stopped before it began', async (t) => {
      const sandbox = await sandboxFor(t);
      const signal = AbortSignal.abort(new Stopped('stopped by SIGTERM'));
      const { exitCode, stderr } = await exporting(sandbox, ['--from', '1d'], { signal });
      assert.equal(exitCode, ExitCode.NothingCollected);
      assert.equal(stderr, 'fetch-activity-logs: warning: stopped by SIGTERM before anything was exported\n');
    });

    it('says that the export is not complete when stdout was closed', async (t) => {
      const sandbox = await sandboxFor(t);
      sandbox.generate(SMALL, { count: 50, from: NOW - DAY, to: NOW });
      const gone = Object.assign(new Error('write EPIPE'), { code: 'EPIPE' });
      const stdout = new Writable({ write: (_chunk, _encoding, callback) => callback(gone) });
      const { exitCode, stderr } = await exporting(sandbox, ['--from', '1d'], { stdout });
      assert.equal(exitCode, ExitCode.NotDelivered);
      assert.equal(stderr, 'fetch-activity-logs: stdout was closed; the export is not complete\n');
    });
  });

  describe('when the API counts more events than it returns', () => {
    const short: SandboxSettings = { total: 'overstated', overstatedBy: 3 };

    it('has what could be had, says so, and does not end with 0', async (t) => {
      const sandbox = await sandboxFor(t, short);
      for (const contract of [BIG, SMALL]) sandbox.generate(contract, { count: 40, from: NOW - DAY, to: NOW });
      const folder = await temporaryFolder(t);
      const file = join(folder, 'events');
      const { exitCode, stderr } = await exporting(sandbox, ['--from', '1d', '--output', file]);
      assert.equal(exitCode, ExitCode.SomeSourcesFailed);
      assert.match(stderr, new RegExp(`error: ionos/${SMALL}: the API counts 43 events .* its pages end after 40`));
      assert.match(
        stderr,
        new RegExp(
          `warning: the export has gaps: 80 events from 2 sources, and the API counts more in ` +
            `ionos/${BIG}, ionos/${SMALL} than it returns; ${file} contains everything the API returned$`,
          'm',
        ),
      );
      assert.deepEqual(await readdir(folder), ['events']);
      assertSame(linesOf(await readFile(file, 'utf8')), truth(sandbox, [BIG, SMALL]));
      const { exitCode: atStdout } = await exporting(sandbox, ['--from', '1d', '--contract', SMALL]);
      assert.equal(atStdout, ExitCode.SomeSourcesFailed);
    });

    it('remembers that when another run completes the file', async (t) => {
      const sandbox = await sandboxFor(t, short);
      sandbox.generate(BIG, { count: 40, from: NOW - DAY, to: NOW });
      sandbox.generate(SMALL, { count: 1, from: NOW - DAY, to: NOW });
      sandbox.options.forbiddenContracts = [SMALL];
      const options = ['--from', '1d', '--output', join(await temporaryFolder(t), 'events')];
      const contracts = ['--contract', BIG, '--contract', SMALL];
      const first = await exporting(sandbox, [...options, ...contracts]);
      assert.equal(first.exitCode, ExitCode.SomeSourcesFailed);
      assert.match(first.stderr, /the export is not complete/);
      sandbox.options.forbiddenContracts = [];
      sandbox.options.total = 'number';
      const second = await exporting(sandbox, [...options, ...contracts]);
      assert.equal(second.exitCode, ExitCode.SomeSourcesFailed);
      assert.match(
        second.stderr,
        new RegExp(`the export has gaps: 41 events .* more in ionos/${BIG} than it returns; `),
      );
    });
  });

  describe('when an event cannot be read', () => {
    it('stores its bytes beside the file, and counts it in the summary and the report', async (t) => {
      const sandbox = await sandboxFor(t);
      for (const contract of [BIG, SMALL]) sandbox.generate(contract, { count: 40, from: NOW - DAY, to: NOW });
      const good = truth(sandbox, [BIG, SMALL]);
      sandbox.addEvents(SMALL, [{ raw: '{"n":NaN,"t":"sandbox-token"}', time: NOW - DAY / 2 }]);
      const folder = await temporaryFolder(t);
      const [file, report] = [join(folder, 'events'), join(folder, 'report.json')];
      const { exitCode, stderr } = await exporting(sandbox, ['--from', '1d', '--output', file, '--report', report]);
      assert.equal(exitCode, ExitCode.SomeSourcesFailed, stderr);
      assertSame(linesOf(await readFile(file, 'utf8')), good);
      assert.equal(await readFile(`${file}.rejected.jsonl`, 'utf8'), '{"_source":{"n":NaN,"t":"sandbox-token"}}\n');
      assert.equal((await stat(`${file}.rejected.jsonl`)).mode & 0o777, 0o600);
      const line = `ionos/${SMALL}: 40 events \\(the API counts 41\\), .*; 1 cannot be read: in ${file}.rejected.jsonl$`;
      assert.match(stderr, new RegExp(line, 'm'));
      assert.ok(stderr.includes(`: error: ionos/${SMALL}: left out, since it is not an event: "{`), stderr);
      assert.ok(!stderr.includes('sandbox-token'));
      assert.match(stderr, new RegExp(`${file} contains every event that can be read$`, 'm'));
      const written = JSON.parse(await readFile(report, 'utf8')) as Record<string, unknown>;
      assert.deepEqual(
        [written['events'], written['complete'], written['rejected_file']],
        [80, false, `${file}.rejected.jsonl`],
      );
      const atStdout = await exporting(sandbox, ['--from', '1d', '--contract', SMALL]);
      assertSame(
        linesOf(atStdout.stdout),
        truth(sandbox, [SMALL]).filter((text) => good.includes(text)),
      );
      assert.match(atStdout.stderr, /1 cannot be read: left out$/m);
    });
  });

  it('warns of an event that has the id of another one, and has both', async (t) => {
    const sandbox = await sandboxFor(t);
    const [event = ''] = sandbox.generate(SMALL, { count: 1, from: NOW - DAY, to: NOW }).map(({ text }) => text);
    sandbox.addEvents(SMALL, [{ raw: `${event.slice(0, -1)},"more":1}`, time: NOW - DAY / 2, id: 'other' }]);
    const { stdout, stderr } = await exporting(sandbox, ['--from', '1d']);
    assert.equal(linesOf(stdout).length, 2);
    assert.match(stderr, new RegExp(`warning: ionos/${SMALL}: 1 event came with the id of another event`));
  });

  describe('when it was killed', () => {
    it('goes on without loss or duplicates, wherever that was', async (t) => {
      const sandbox = await sandboxFor(t, {
        order: 'shuffled',
        total: 'missing',
        maxLimit: 150,
        limitBehaviour: 'cut',
      });
      sandbox.generate(BIG, { count: 3000, from: NOW - DAY, to: NOW });
      sandbox.generate(SMALL, { count: 500, from: NOW - DAY, to: NOW });
      const folder = await temporaryFolder(t);
      const file = join(folder, 'events');
      const options = ['--from', iso(NOW - DAY), '--output', file];
      // As a kill leaves them: the record first, since the lines may be further than it says.
      const left: string[] = [];
      sandbox.options.latencyMs = () => {
        if (sandbox.requests.length % 10 === 0 && existsSync(`${file}.part`)) {
          const copy = join(folder, `killed-${sandbox.requests.length}`);
          for (const suffix of ['.part.json', '.part']) copyFileSync(file + suffix, copy + suffix);
          left.push(copy);
        }
        return 0;
      };
      // Time passes quickly, so that each page is recorded.
      const world = { now: withJumps(2000) };
      assert.equal((await exporting(sandbox, options, world)).exitCode, ExitCode.Done);
      const expected = truth(sandbox, [BIG, SMALL]);
      assertSame(linesOf(await readFile(file, 'utf8')), expected);
      sandbox.options.latencyMs = 0;

      assert.ok(left.length >= 4, String(left.length));
      assert.ok(left.some((copy) => statSync(`${copy}.part`).size > 1_000_000));
      for (const copy of left) {
        await appendFile(`${copy}.part`, '{"half":"a li');
        assert.equal((await exporting(sandbox, ['--from', iso(NOW - DAY), '--output', copy])).exitCode, ExitCode.Done);
        assertSame(linesOf(await readFile(copy, 'utf8')), expected);
      }
    });

    it('goes on after kill -9, and leaves whole lines at Ctrl-C', async (t) => {
      const sandbox = await startSandbox({ latencyMs: 30, maxLimit: 50, limitBehaviour: 'cut' });
      t.after(() => sandbox.close());
      const now = Date.now();
      sandbox.generate(SMALL, { count: 6000, from: now - DAY, to: now - 5000 });
      const file = join(await temporaryFolder(t), 'events');
      const options = ['export', '--from', iso(now - DAY), '--to', iso(now), '--output', file];
      const script = await builtFile();
      const start = () => spawn(process.execPath, [script, ...options], { env: environment(sandbox), stdio: 'ignore' });

      const killed = start();
      const end = once(killed, 'exit');
      while (recordedBytes(file) === 0) await sandbox.nextRequest();
      killed.kill('SIGKILL');
      await end;
      const before = recordedBytes(file);

      const interrupted = start();
      const secondEnd = once(interrupted, 'exit');
      while (recordedBytes(file) === before) await sandbox.nextRequest();
      interrupted.kill('SIGINT');
      assert.deepEqual(await secondEnd, [ExitCode.SomeSourcesFailed, null]);
      const lines = linesOf(await readFile(`${file}.part`, 'utf8'));
      assert.ok(lines.length < 6000);

      sandbox.options.latencyMs = 0;
      assert.deepEqual(await once(start(), 'exit'), [ExitCode.Done, null]);
      assertSame(linesOf(await readFile(file, 'utf8')), truth(sandbox, [SMALL]));
    });
  });

  describe('a partial file', () => {
    /** One that a stopped run has left, and the options that it was begun with. */
    async function leftBehind(t: TestContext) {
      const sandbox = await sandboxFor(t, { maxLimit: 100, limitBehaviour: 'cut' });
      sandbox.generate(SMALL, { count: 900, from: NOW - DAY, to: NOW });
      const file = join(await temporaryFolder(t), 'events');
      const options = ['--from', '1d', '--output', file];
      const stop = new AbortController();
      stopAt(sandbox, 4, stop);
      await exporting(sandbox, options, { signal: stop.signal });
      assert.ok(recordedBytes(file) > 0);
      return { sandbox, file, options };
    }

    const others: [string, string[], RegExp][] = [
      ['another beginning', ['--from', '2d'], /\(--from was 1d, now 2d\)/],
      ['an end', ['--to', '1h'], /\(--to was not given, now 1h\)/],
      ['another format', ['--format', 'csv'], /\(--format was jsonl, now csv\)/],
      ['other contracts', ['--contract', '7'], /\(--contract was not given, now 7\)/],
      ['added fields', ['--add-fields', 'time'], /\(--add-fields was not given, now time\)/],
      ['another provider', ['--provider', 'cloudscale'], /\(--provider was ionos, now cloudscale\)/],
    ];
    for (const [name, options, message] of others) {
      it(`is not resumed for ${name}`, async (t) => {
        const left = await leftBehind(t);
        const part = await readFile(`${left.file}.part`);
        const { exitCode, stderr } = await exporting(left.sandbox, [...left.options, ...options]);
        assert.equal(exitCode, ExitCode.Usage);
        assert.match(stderr, message);
        assert.match(stderr, /finish it with its own options, choose another name, or remove .* to start over$/m);
        assert.deepEqual(await readFile(`${left.file}.part`), part);
      });
    }

    it('is resumed for the same instants, however they are written, and other limits', async (t) => {
      const { sandbox, file } = await leftBehind(t);
      const options = ['--from', iso(NOW - DAY), '--page-size', '50', '--concurrency', '1', '--output', file];
      assert.equal((await exporting(sandbox, options)).exitCode, ExitCode.Done);
      assertSame(linesOf(await readFile(file, 'utf8')), truth(sandbox, [SMALL]));
    });

    const damages: [string, (file: string) => Promise<unknown>, RegExp][] = [
      [
        'without its record',
        (file) => cp(`${file}.part`, `${file}2.part`),
        /events2\.part exists but .*events2\.part\.json is missing/,
      ],
      [
        'with a broken record',
        (file) => truncate(`${file}.part.json`, 100),
        /cannot read .*part\.json: it is not JSON; remove /,
      ],
      [
        'with an empty record',
        (file) => truncate(`${file}.part.json`),
        /cannot read .*part\.json: it is not JSON; remove /,
      ],
      [
        'with a foreign record',
        (file) => writeFile(`${file}.part.json`, '{}\n{}'),
        /cannot read .*part\.json: version is missing, expected 1/,
      ],
      [
        'with the record of another version',
        (file) => changeNote(file, '"version":1', '"version":2'),
        /cannot read .*part\.json: version is 2, expected 1; remove /,
      ],
      [
        'with a record without a number',
        (file) => changeNote(file, '"bytes":', '"byte":'),
        /bytes is missing, expected a number/,
      ],
      [
        'with a record without its range',
        (file) => changeNote(file, '"given":{"from":"1d"', '"given":{"from":1'),
        /range\.given\.from is 1, expected a string/,
      ],
      [
        'with a record of a broken owner',
        (file) => changeNote(file, '"owner":null', '"owner":{"pid":1}'),
        /owner is {"pid":1}, expected a process/,
      ],
      [
        'that was shortened',
        (file) => truncate(`${file}.part`, 100),
        /part has 100 bytes, but \d+ were written; remove /,
      ],
    ];
    for (const [name, damage, message] of damages) {
      it(`${name} is left as it is`, async (t) => {
        const { sandbox, file } = await leftBehind(t);
        await damage(file);
        const target = existsSync(`${file}2.part`) ? `${file}2` : file;
        const { exitCode, stderr } = await exporting(sandbox, ['--from', '1d', '--output', target]);
        assert.equal(exitCode, ExitCode.Usage);
        assert.match(stderr, message);
      });
    }

    it('starts over when the run that made it was killed before it wrote anything', async (t) => {
      const { sandbox, file } = await leftBehind(t);
      await writeFile(`${file}2.part`, '');
      assert.equal((await exporting(sandbox, ['--from', '1d', '--output', `${file}2`])).exitCode, ExitCode.Done);
      assertSame(linesOf(await readFile(`${file}2`, 'utf8')), truth(sandbox, [SMALL]));
    });

    it('needs a place where files can be', async (t) => {
      const { sandbox, file } = await leftBehind(t);
      const below = await exporting(sandbox, ['--from', '1d', '--output', `${file}.part/below`]);
      assert.equal(below.exitCode, ExitCode.Usage);
      assert.match(below.stderr, /error: --output: cannot write .*: ENOTDIR/);
      await rm(`${file}.part.json`);
      await mkdir(`${file}.part.json`);
      const beside = await exporting(sandbox, ['--from', '1d', '--output', file]);
      assert.equal(beside.exitCode, ExitCode.Usage);
      assert.match(beside.stderr, /error: --output: cannot write .*: EISDIR/);
    });

    it('is written by one process at a time', async (t) => {
      const sandbox = await sandboxFor(t, { now: Date.now });
      sandbox.addContract(SMALL);
      sandbox.fail({ match: { kind: 'page' }, fault: { type: 'hang' } });
      const file = join(await temporaryFolder(t), 'events');
      const options = ['--from', '1d', '--output', file];
      const asked = sandbox.nextRequest(({ kind }) => kind === 'page');
      const child = spawn(process.execPath, [await builtFile(), 'export', ...options], {
        env: environment(sandbox),
        stdio: 'ignore',
      });
      const end = once(child, 'exit');
      await asked;
      const { exitCode, stderr } = await exporting(sandbox, options);
      child.kill('SIGKILL');
      await end;
      assert.equal(exitCode, ExitCode.Locked);
      assert.match(stderr, new RegExp(`another export is writing .*events\\.part: process ${child.pid ?? ''}$`, 'm'));
    });
  });

  describe('what cannot be', () => {
    const rows: [string, string[], RegExp][] = [
      ['no beginning', [], /export requires --from, such as --from 24h or --from 2026-01-31$/m],
      [
        'no instant',
        ['--from', 'yesterday'],
        /--from: expected a date such as .*, a time such as .*, or a duration such as 24h, got "yesterday"/,
      ],
      [
        'an end before the beginning',
        ['--from', '1h', '--to', '2h'],
        /--from \(2026-11-21T19:30:00Z\) must be before --to \(2026-11-21T18:30:00Z\)/,
      ],
      ['a range of nothing', ['--from', '1h', '--to', '1h'], /must be before --to/],
      ['another format', ['--from', '1h', '--format', 'xml'], /--format: expected one of jsonl, csv, got "xml"/],
      ['a folder as a file', ['--from', '1h', '--output', '/'], /--output: \/ is not a regular file/],
      ['a device as a file', ['--from', '1h', '--output', '/dev/null'], /--output: \/dev\/null is not a regular file/],
      [
        'a folder that is not there',
        ['--from', '1h', '--output', '/not/there/x'],
        /--output: cannot write \/not\/there\/x: ENOENT/,
      ],
      ['no name', ['--from', '1h', '--output', ''], /--output needs a value/],
      [
        'a ~ that is still there',
        ['--from', '1h', '--output=~/x'],
        /--output: expected a path without ~, which no shell/,
      ],
    ];
    it('a beginning in the future, also by the clock of the API', async (t) => {
      const sandbox = await sandboxFor(t);
      const folder = await temporaryFolder(t);
      const options = ['--from', '2030-01-01', '--output', join(folder, 'events')];
      const { exitCode, stderr } = await exporting(sandbox, options);
      assert.equal(exitCode, ExitCode.Usage);
      assert.match(
        stderr,
        /error: --from \(2030-01-01T00:00:00Z\) must be before the present \(2026-11-21T20:30:00Z\)$/m,
      );
      assert.deepEqual(await readdir(folder), []);
      assert.ok(sandbox.requests.every(({ kind }) => kind !== 'page'));
    });

    for (const [name, options, message] of rows) {
      it(name, async (t) => {
        const sandbox = await sandboxFor(t);
        const { exitCode, stdout, stderr } = await exporting(sandbox, options);
        assert.deepEqual([exitCode, stdout], [ExitCode.Usage, '']);
        assert.match(stderr, message);
        assert.equal(sandbox.requests.length, 0);
      });
    }
  });

  describe('progress', () => {
    it('is shown on a terminal, in one line above which messages stand', async (t) => {
      const sandbox = await sandboxFor(t);
      for (const contract of [BIG, SMALL]) sandbox.generate(contract, { count: 9000, from: NOW - DAY, to: NOW });
      sandbox.options.forbiddenContracts = ['5'];
      sandbox.addContract('5');
      const terminal = { columns: 100 };
      const options = ['--from', '1d', '--concurrency', '1'];
      const { stderr, exitCode } = await exporting(sandbox, options, { terminal, now: withJumps(500) });
      assert.equal(exitCode, ExitCode.SomeSourcesFailed);
      assert.ok(stderr.includes('\u001b[K1 of 3 contracts, '), 'one is finished while the next one is read');
      const drawn = stderr.split('\r\u001b[K');
      assert.match(stderr, /\d of 3 contracts, [1-9]\d* windows?, [\d,]+ events, [\d,]+\/s, [\d a-z]+ left\r/);
      for (const line of drawn) assert.ok(!line.includes(' of 3 contracts') || line.length < 100);
      assert.ok(drawn.some((line) => line.startsWith('fetch-activity-logs: error: ionos/5: ')));
      assert.match(drawn.at(-1) ?? '', /^(?:fetch-activity-logs: [^\n]*\n)+$/);
    });

    it('counts pages where there are no contracts', async (t) => {
      const sandbox = await sandboxFor(t);
      sandbox.generateEntries({ count: 950, from: NOW - DAY, to: NOW });
      const options = ['--provider', 'cloudscale', '--from', '1d'];
      const { stderr } = await exporting(sandbox, options, { terminal: { columns: 100 }, now: withJumps(500) });
      assert.match(stderr, /[1-9]\d* pages, [\d,]+ events, [\d,]+\/s, [\d a-z]+ left\r/);
    });

    it('is erased before the error that ends it', async (t) => {
      const sandbox = await sandboxFor(t, { maxLimit: 100, limitBehaviour: 'cut' });
      sandbox.generate(SMALL, { count: 300, from: NOW - DAY, to: NOW });
      let writes = 0;
      const stdout = new Writable({
        write: (_chunk, _encoding, done) =>
          done(++writes > 2 ? Object.assign(new Error('EPIPE'), { code: 'EPIPE' }) : null),
      });
      const world = { stdout, terminal: { columns: 80 }, now: withJumps(500) };
      const { stderr } = await exporting(sandbox, ['--from', '1d'], world);
      const [, ...drawn] = stderr.split('\r\u001b[K');
      assert.match(drawn[0] ?? '', /^0 of 1 contract, /);
      assert.match(drawn.at(-1) ?? '', /^fetch-activity-logs: stdout was closed; [^\n]*\n$/);
    });

    it('fits into the terminal', async (t) => {
      const sandbox = await sandboxFor(t);
      sandbox.generate(SMALL, { count: 3000, from: NOW - DAY, to: NOW });
      for (const columns of [20, 0]) {
        const { stderr } = await exporting(sandbox, ['--from', '1d'], { terminal: { columns }, now: withJumps(500) });
        const drawn = stderr.split('\r\u001b[K').filter((part) => part.includes('of 1 contract'));
        assert.ok(drawn.length > 0);
        for (const line of drawn) assert.ok(line.length < (columns > 0 ? columns : 80));
      }
    });

    const silent: [string, string[], Partial<World>][] = [
      ['without a terminal', [], {}],
      ['when only errors are asked for', ['--log-level', 'error'], { terminal: { columns: 80 } }],
    ];
    for (const [name, options, world] of silent) {
      it(`is not shown ${name}`, async (t) => {
        const now = withJumps(500);
        const sandbox = await sandboxFor(t, { now });
        sandbox.generate(SMALL, { count: 3000, from: NOW - DAY, to: NOW });
        const result = await exporting(sandbox, ['--from', '1d', ...options], { now, ...world });
        assert.deepEqual([result.exitCode, result.stderr.includes('\r')], [ExitCode.Done, false]);
      });
    }

    it('is not shown where the events are seen themselves', async (t) => {
      const sandbox = await sandboxFor(t);
      sandbox.generate(SMALL, { count: 10, from: NOW - DAY, to: NOW });
      const stdout = Object.assign(new Writable({ write: (_chunk, _encoding, done) => done() }), { isTTY: true });
      const { stderr } = await exporting(sandbox, ['--from', '1d'], { stdout, terminal: { columns: 80 } });
      assert.ok(!stderr.includes('\r'));
      const file = join(await temporaryFolder(t), 'events');
      const beside = await exporting(sandbox, ['--from', '1d', '-o', file], { stdout, terminal: { columns: 80 } });
      assert.ok(beside.stderr.includes('\r'), 'the events go into a file');
    });
  });
});

/** A clock that goes on by so much each time somebody looks. */
function withJumps(ms: number): () => number {
  let now = NOW;
  return () => (now += ms);
}

/** Ctrl-C while the request with this number from now on is on its way. */
function stopAt(sandbox: Sandbox, nth: number, stop: AbortController): void {
  let left = nth;
  void sandbox.nextRequest(() => --left === 0).then(() => stop.abort(new Stopped('stopped by SIGINT')));
}

async function changeNote(file: string, from: string, to: string): Promise<void> {
  const record = await readFile(`${file}.part.json`, 'utf8');
  assert.ok(record.includes(from), record);
  await writeFile(`${file}.part.json`, record.replace(from, to));
}

/** How many bytes the record beside the partial file speaks of. */
function recordedBytes(file: string): number {
  if (!existsSync(`${file}.part.json`)) return 0;
  const [head = ''] = readFileSync(`${file}.part.json`, 'utf8').split('\n');
  return (JSON.parse(head) as { bytes: number }).bytes;
}
