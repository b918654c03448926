import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DemoAccount } from './demo-account.ts';

const LONG = `{"@uuid":"${'a'.repeat(200)}"}\n`;

function world(isTTY: boolean, env: Record<string, string> = {}) {
  const written = { stdout: '', stderr: '' };
  const screen = (name: 'stdout' | 'stderr') => ({
    isTTY,
    columns: 40,
    write: (text: string) => (written[name] += text),
  });
  return { account: new DemoAccount({ stdout: screen('stdout'), stderr: screen('stderr'), env }), written };
}

describe('DemoAccount', () => {
  it('leaves events whole when stdout is not a terminal', () => {
    const { account, written } = world(false);
    account.events(Buffer.from(LONG));
    account.command('fetch-activity-logs status', 'How far');
    assert.deepEqual(written, { stdout: LONG, stderr: '\n$ fetch-activity-logs status\n# How far\n' });
  });

  it('shortens events to one row of a terminal, and shows commands in bold', () => {
    const { account, written } = world(true);
    account.events(Buffer.from(LONG));
    account.command('fetch-activity-logs status', 'How far');
    assert.equal(written.stdout, `\x1b[2m${LONG.slice(0, 39)}…\x1b[0m\n`);
    assert.equal(written.stderr, '\n\x1b[1m$ fetch-activity-logs status\x1b[0m\n\x1b[2m# How far\x1b[0m\n');
  });

  for (const env of [{ NO_COLOR: '1' }, { TERM: 'dumb' }]) {
    it(`uses no colors with ${Object.entries(env).join().replace(',', '=')}`, () => {
      const { account, written } = world(true, env);
      account.events(Buffer.from(LONG));
      account.command('fetch-activity-logs status', 'How far');
      assert.ok(!`${written.stdout}${written.stderr}`.includes('\x1b'));
    });
  }
});
