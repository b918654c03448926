import assert from 'node:assert/strict';
import { readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { collectorFor } from '../helpers/collector.ts';
import { type Follower, type Place, placeFor } from '../helpers/follower.ts';
import { stalled } from '../helpers/process-status.ts';
import { type Sandbox, type SandboxSettings, startSandbox } from '../sandbox/server.ts';

const COLLECT = ['--provider', 'cloudscale', '--since', '1h'];
const EXACT = [
  '{"timestamp":"2026-11-21T20:30:00.000001Z","n":[9007199254740993,1.0,1e400,-0],"a":1,"a":2}',
  '{"timestamp":"2026-11-21T20:30:00.000002Z","s":"\\ud83d\\/\\u0041","u":"\u2028ü🚀"}',
  '{"ip_address":null , "action" : "server_create","timestamp":"2026-11-21T20:30:00.000003Z"}',
  '{"n":"alike"}',
  '{"n":"alike"}',
  '{}',
];

interface Scene {
  readonly sandbox: Sandbox;
  readonly place: Place;
}

async function scene(t: TestContext, settings: SandboxSettings = {}): Promise<Scene> {
  const sandbox = await startSandbox(settings);
  t.after(() => sandbox.close());
  return { sandbox, place: await placeFor(t, sandbox) };
}

/** Entries of just now, sent as they are. */
function add(sandbox: Sandbox, raws: readonly string[], token?: string): void {
  const time = Date.now() - 60_000;
  sandbox.addEntries(
    raws.map((raw) => ({ raw, time })),
    token,
  );
}

async function printedBy(run: Follower): Promise<readonly string[]> {
  const { code, lines, stderr } = await run.ended;
  assert.equal(code, 0, stderr);
  return lines;
}

describe('what is printed', { concurrency: true }, () => {
  it('is each entry byte for byte, once', async (t) => {
    const { sandbox, place } = await scene(t, { cloudscale: { pageSize: 2 } });
    add(sandbox, EXACT);
    assert.deepEqual(await printedBy(place.start(COLLECT)), EXACT);
    assert.deepEqual(await printedBy(place.start(COLLECT)), []);
    assert.match(sandbox.requests.at(-1)?.url ?? '', /cursor=/);
  });

  it('is each entry behind the fields that are asked for', async (t) => {
    const { sandbox, place } = await scene(t);
    add(sandbox, EXACT);
    const lines = await printedBy(place.start([...COLLECT, '--add-fields', 'time,event_type,provider']));
    const time = (micros: number): string => `"time":"2026-11-21T20:30:00.00000${micros}Z",`;
    const provider = '"provider":"cloudscale"';
    assert.deepEqual(lines, [
      `{${time(1)}${provider},${EXACT[0]?.slice(1) ?? ''}`,
      `{${time(2)}${provider},${EXACT[1]?.slice(1) ?? ''}`,
      `{${time(3)}"event_type":"server_create",${provider},${EXACT[2]?.slice(1) ?? ''}`,
      `{${provider},"n":"alike"}`,
      `{${provider},"n":"alike"}`,
      `{${provider}}`,
    ]);
  });

  it('is a stub of an entry that is too long, which is kept in full', async (t) => {
    const { sandbox, place } = await scene(t);
    const head = '"ip_address":null,"action":"server_create","timestamp":"2026-11-21T20:30:00.000001Z"';
    const tail = '"actor":{"system":{}},"subject":{"type":"server"}';
    const long = `{${head},"message":"${'x'.repeat(5_000)}",${tail}}`;
    add(sandbox, ['{"n":1}', long, '{"n":2}']);
    const [before, stub = '', after] = await printedBy(place.start([...COLLECT, '--max-line-bytes', '4096']));
    assert.deepEqual([before, after], ['{"n":1}', '{"n":2}']);
    const file = join(place.folder, 'oversize.jsonl');
    assert.deepEqual(JSON.parse(stub), {
      timestamp: '2026-11-21T20:30:00.000001Z',
      ip_address: null,
      action: 'server_create',
      actor: { system: {} },
      subject: { type: 'server' },
      _truncated: { bytes: long.length, file },
    });
    assert.equal(readFileSync(file, 'utf8'), `${long}\n`);
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.deepEqual(await printedBy(place.start(COLLECT)), []);
  });

  it('with --peek is remembered nowhere, and is the same the next time', async (t) => {
    const { sandbox, place } = await scene(t, { cloudscale: { pageSize: 2 } });
    add(sandbox, EXACT);
    for (let times = 0; times < 2; times++) {
      assert.deepEqual(await printedBy(place.start([...COLLECT, '--peek'])), EXACT);
    }
    assert.deepEqual(readdirSync(place.folder), []);
  });

  it('with --peek comes also while another run holds the lock', async (t) => {
    const { sandbox, place } = await scene(t);
    add(sandbox, EXACT);
    sandbox.fail({ fault: { type: 'hang' } });
    const asked = sandbox.nextRequest();
    const holder = place.start(COLLECT);
    await asked;
    assert.ok(place.isLocked());
    const state = place.stateText();
    assert.deepEqual(await printedBy(place.start([...COLLECT, '--peek'])), EXACT);
    assert.ok(place.isLocked());
    assert.equal(place.stateText(), state);
    assert.equal((await place.start(COLLECT).ended).code, 75);
    holder.kill('SIGTERM');
    assert.equal((await holder.ended).code, 0);
  });
});

describe('a page that is printed in part', () => {
  /** A stopped run finishes nothing but its line after half a second, and gives stdout up after a second. */
  const BETWEEN_MS = 650;

  it('is gone on with behind what was delivered, alike entries among it', async (t) => {
    const { sandbox } = await scene(t, { cloudscale: { pageSize: 1000 } });
    const raws = Array.from({ length: 600 }, (_, n) => `{"n":${n % 3},"x":"${'x'.repeat(2000)}"}`);
    add(sandbox, raws);
    const collector = await collectorFor(t, sandbox);
    const env = { CLOUDSCALE_API_TOKEN: 'sandbox-token' };
    const asked = sandbox.nextRequest();
    const run = collector.start({ args: COLLECT, env, reading: false });
    await asked;
    await stalled(run.pid);
    run.kill('SIGTERM');
    await sleep(BETWEEN_MS);
    run.read();
    const { code, lines } = await run.ended;
    assert.equal(code, 0);
    assert.ok(lines.length > 0 && lines.length < raws.length, `${lines.length} lines`);
    // On a slow machine stdout is given up before the line is through: then that one comes again.
    const { delivered = 0 } = collector.state().sources['cloudscale/project'] ?? {};
    assert.ok(delivered <= lines.length);
    for (const rest of [raws.length - delivered, 0]) {
      assert.equal((await collector.start({ args: COLLECT, env }).ended).lines.length, rest);
    }
    collector.printed.splice(delivered, lines.length - delivered);
    assert.deepEqual(collector.printed.map(String).toSorted(), raws.toSorted());
  });
});

describe('two projects', () => {
  it('are two inputs, each with its token file and its state file', async (t) => {
    const { sandbox } = await scene(t, { cloudscale: { pageSize: 3 } });
    const projects = await Promise.all(
      ['first-token', 'second-token'].map(async (token) => {
        const place = await placeFor(t, sandbox);
        const tokenFile = join(place.folder, 'token');
        writeFileSync(tokenFile, `${token}\n`, { mode: 0o600 });
        const poll = async (): Promise<readonly string[]> =>
          printedBy(place.start([...COLLECT, '--token-file', tokenFile], { CLOUDSCALE_API_TOKEN: 'not-this-one' }));
        return { token, place, poll };
      }),
    );
    for (const round of [1, 2]) {
      const expected = projects.map(({ token }, nth) => {
        const raws = Array.from({ length: 5 + nth }, (_, n) => `{"of":"${token}","round":${round},"n":${n}}`);
        add(sandbox, raws, token);
        return raws;
      });
      assert.deepEqual(await Promise.all(projects.map(({ poll }) => poll())), expected);
    }
    assert.deepEqual(
      projects.map(({ place }) => place.delivered()),
      [10, 12],
    );
  });

  it('with one state file stand in each other’s way, and that is said', async (t) => {
    const { sandbox, place } = await scene(t);
    add(sandbox, ['{"n":1}']);
    sandbox.fail({ fault: { type: 'hang' } });
    const asked = sandbox.nextRequest();
    const first = place.start(COLLECT);
    await asked;
    const { code, stderr } = await place.start(COLLECT).ended;
    assert.equal(code, 75);
    assert.match(stderr, /another run holds the lock/);
    first.kill('SIGTERM');
    await first.ended;
  });
});
