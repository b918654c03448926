import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, it, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';

const DEMO = fileURLToPath(new URL('demo.ts', import.meta.url));

function startDemo(t: TestContext) {
  const demo = spawn(process.execPath, ['--import', 'tsx', DEMO], { stdio: ['ignore', 'pipe', 'pipe'] });
  t.after(() => demo.kill('SIGKILL'));
  const account = demo.stderr.setEncoding('utf8').toArray() as Promise<string[]>;
  const exit = once(demo, 'exit') as Promise<[number | null, string | null]>;
  return { demo, account, exit };
}

describe('npm run demo', () => {
  it('prints events and nothing else on stdout, an account on stderr, and ends', async (t) => {
    const { demo, account, exit } = startDemo(t);
    const output = Buffer.concat((await demo.stdout.toArray()) as Buffer[]).toString();
    const told = (await account).join('');
    assert.deepEqual(await exit, [0, null], told);

    assert.ok(output.endsWith('\n'));
    const events = output
      .slice(0, -1)
      .split('\n')
      .map((line) => JSON.parse(line) as { '@uuid': string; principal: { identity: { contractNumber: string } } });
    assert.equal(events.length, 21);
    assert.equal(new Set(events.map((event) => event['@uuid'])).size, 21);
    const contracts = new Set(events.map(({ principal }) => principal.identity.contractNumber));
    assert.deepEqual(contracts, new Set(['9876543218374837483', '31721060']));

    assert.match(
      told,
      /^\$ fetch-activity-logs\n# Poll 3 of 3: .*\n.*: 5 events from 2 sources\n.* commit \d+, SHA-256 \w{64}\n {2}5 lines on stdout/m,
    );
    assert.match(told, /ionos\/9876543218374837483 +11 events so far, 1 late, cursor at \d{4}-/);
    assert.match(told, /^ {2}21 lines for 21 events: 0 missing, 0 printed twice$/m);
    assert.match(told, /^\$ fetch-activity-logs status\n#.*\nSOURCE /m);
    assert.match(told, /^\$ fetch-activity-logs check .*\n#.*\n[^]*fluent-bit\.conf:11: Buf_Size 64k is too small/m);
    assert.match(told, /^\$ fetch-activity-logs verify .*\n#.*\n✓ /m);
    assert.match(told, /^\$ fetch-activity-logs export .*\n#.*\n[^]*21 events from 2 sources.*\n.*SHA-256/m);
    assert.ok(!told.includes('\x1b['), 'colors are for terminals');
  });

  it('does not mind a reader that has seen enough', async (t) => {
    const { demo, account, exit } = startDemo(t);
    await Promise.race([once(demo.stdout, 'data'), exit]);
    demo.stdout.destroy();
    const told = (await account).join('');
    assert.deepEqual(await exit, [0, null], told);
  });
});
