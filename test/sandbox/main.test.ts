import assert from 'node:assert/strict';
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { describe, it, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url));

const SERVER = new URL('server.ts', import.meta.url).href;

type Child = ChildProcessByStdio<null, Readable, Readable>;

function start(t: TestContext, ...options: string[]): Child {
  const child = spawn(process.execPath, ['--import', 'tsx', MAIN, ...options], { stdio: ['ignore', 'pipe', 'pipe'] });
  t.after(() => child.kill('SIGKILL'));
  return child;
}

async function firstLine(child: Child): Promise<string> {
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
  return line;
}

describe('the sandbox as a process', () => {
  it('says where it is, serves, and ends at SIGINT', async (t) => {
    const child = start(t, '--contracts', '2', '--events', '5', '--set', 'total=object', '--set', 'maxLimit=3');
    const [url = '', token = ''] = (await firstLine(child)).split(' ');
    const get = async (path: string): Promise<string> =>
      (await fetch(url + path, { headers: { authorization: `Bearer ${token}` } })).text();
    assert.match(await get('/activitylog/v1/contracts'), /"id":9876543218374837483,.*"id":31721060,/);
    assert.match(await get('/activitylog/v1/contracts/31721060?limit=3'), /"total":\{"value":5,"relation":"eq"\}/);
    assert.match(await get('/activitylog/v1/contracts/31721060?limit=4'), /"httpStatus":400/);
    assert.equal((JSON.parse(await get('/v1/project-logs')) as { results: unknown[] }).results.length, 5);
    child.kill('SIGINT');
    assert.deepEqual(await once(child, 'exit'), [0, null]);
  });

  it('ends by itself', async (t) => {
    const child = start(t, '--seconds', '0');
    assert.deepEqual(await once(child, 'exit'), [0, null]);
  });

  it('does not keep a process alive that only started it', async (t) => {
    const code = `import { startSandbox } from ${JSON.stringify(SERVER)}; await startSandbox();`;
    const options = ['--import', 'tsx', '--input-type=module', '--eval', code];
    const child = spawn(process.execPath, options, { stdio: 'ignore' });
    t.after(() => child.kill('SIGKILL'));
    assert.deepEqual(await once(child, 'exit'), [0, null]);
  });

  for (const options of [['--set', 'ordre=shuffled'], ['--events', 'many'], ['--unknown']]) {
    it(`refuses ${options.join(' ')}`, async (t) => {
      const child = start(t, ...options);
      assert.deepEqual(await once(child, 'exit'), [1, null]);
    });
  }
});
