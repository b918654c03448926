import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { collect } from '../../src/commands/collect.ts';
import { readConfig, type Config } from '../../src/config/config.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { ExitCode } from '../../src/lib/errors.ts';
import type { World } from '../../src/lib/world.ts';
import { sink } from '../helpers/sink.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { NO_WAIT } from '../helpers/test-client.ts';
import { third } from '../helpers/third-provider.ts';

const NOW = Date.parse('2026-11-21T20:30:00Z');
const TOKEN = 'third-token';

interface Records {
  readonly url: string;
  readonly east: string[];
  readonly west: string[];
  /** Path and query of each request. */
  readonly asked: string[];
  /** How many of the next requests are answered with 503. */
  failing: number;
}

/** The API of the third provider. */
async function recordsFor(t: TestContext): Promise<Records> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://127.0.0.1');
    asked.push(request.url ?? '');
    const place = /^\/api\/records\/(east|west)$/.exec(pathname)?.[1];
    if (request.headers.authorization !== `Bearer ${TOKEN}`) response.writeHead(401).end();
    else if (records.failing-- > 0) response.writeHead(503).end();
    else if (place !== 'east' && place !== 'west') response.writeHead(404).end();
    else {
      const after = Number(searchParams.get('after'));
      const page = records[place].slice(after, after + Number(searchParams.get('most')));
      response.end(`{"records":[${page.join(', ')}]}`);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(
    () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  );
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const records: Records = { url: `http://127.0.0.1:${port}`, east: [], west: [], asked, failing: 0 };
  return records;
}

interface Printed {
  readonly exitCode: ExitCode;
  readonly lines: string[];
  readonly messages: string[];
}

/** One poll, in a world of buffers. */
async function poll(config: Config): Promise<Printed> {
  const stdout: Buffer[] = [];
  const messages: string[] = [];
  const world: World = {
    env: { THIRD_API_TOKEN: TOKEN },
    stdout: sink(stdout),
    log: { write: (line) => messages.push(line), journal: false },
    signal: new AbortController().signal,
    ...systemClock,
    now: () => NOW,
    random: NO_WAIT,
  };
  const { exitCode } = await collect(config, world);
  return { exitCode, lines: Buffer.concat(stdout).toString().split('\n').slice(0, -1), messages };
}

function record(no: number, what = 'login'): string {
  return `{"no":${no},"at":"2026-11-21T20:29:00.000001Z","what":"${what}","n":9007199254740993}`;
}

describe('a third provider', () => {
  async function scene(t: TestContext, options: Record<string, string> = {}) {
    const records = await recordsFor(t);
    const stateFile = join(await temporaryFolder(t), 'state.json');
    const config: Config = {
      ...readConfig({ 'state-file': stateFile, 'page-size': '2', ...options }, {}),
      provider: third,
      apiUrl: new URL(third.apiPath, records.url),
    };
    const sources = () =>
      (
        JSON.parse(readFileSync(stateFile, 'utf8')) as {
          sources: Record<string, { cursor: string; delivered: number }>;
        }
      ).sources;
    return { records, config, sources };
  }

  it('has its events delivered, its state saved, and the next poll print only what is new', async (t) => {
    const { records, config, sources } = await scene(t);
    records.east.push(record(1), record(2), record(3));
    records.west.push(record(1, 'logout'));
    const first = await poll(config);
    assert.equal(first.exitCode, ExitCode.Done, first.messages.join(''));
    assert.deepEqual(first.lines.toSorted(), [...records.east, ...records.west].toSorted());
    assert.match(records.asked[0] ?? '', /after=0&most=2&since=2026-11-21T20%3A25%3A00Z$/);
    const saved = sources();
    assert.deepEqual(
      ['third/east', 'third/west'].map((name) => [saved[name]?.cursor, saved[name]?.delivered]),
      [
        ['3', 3],
        ['1', 1],
      ],
    );

    records.east.push(record(4));
    records.west.push(record(2), record(3));
    const second = await poll(config);
    assert.deepEqual(second.lines.toSorted(), [record(2), record(3), record(4)]);
    assert.deepEqual((await poll(config)).lines, []);
  });

  it('has retries, added fields and one source that fails, too', async (t) => {
    const { records, config, sources } = await scene(t, { 'add-fields': 'time,event_type,provider' });
    records.failing = 3;
    records.east.push(record(1), record(1));
    records.west.push('7');
    const { exitCode, lines, messages } = await poll(config);
    assert.equal(exitCode, ExitCode.SomeSourcesFailed);
    const added = '"time":"2026-11-21T20:29:00.000001Z","event_type":"login","provider":"third"';
    assert.deepEqual(lines, [`{${added},${record(1).slice(1)}`], 'of two of one identity one is printed');
    assert.match(messages.join(''), /third\/west: .*event 1 of the page is not an object\. Its cursor was not moved/);
    assert.equal(sources()['third/east']?.cursor, '2');
  });
});
