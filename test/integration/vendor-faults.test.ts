import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { assertPrintedOnce } from '../helpers/account.ts';
import { type QuickCollector, quickCollectorFor } from '../helpers/collector.ts';
import { type Sandbox, type SandboxSettings, startSandbox } from '../sandbox/server.ts';

const CONTRACT = '31721060';
const OTHER = '31721061';
const SECOND = 1000;

async function place(
  t: TestContext,
  settings: SandboxSettings = {},
): Promise<{ sandbox: Sandbox; collector: QuickCollector }> {
  const sandbox = await startSandbox(settings);
  t.after(async () => sandbox.close());
  return { sandbox, collector: quickCollectorFor(t, sandbox) };
}

function event(uuid: string, secondsAgo: number, rest = '"n":1'): { raw: string; time: number } {
  const time = Date.now() - secondsAgo * SECOND;
  return { raw: `{"@uuid":"${uuid}","meta":{"time":"${new Date(time).toISOString()}"},${rest}}`, time };
}

describe('faults of the API', { concurrency: 2 }, () => {
  it('an event was missing because its @uuid had come before, with other content', async (t) => {
    const { sandbox, collector } = await place(t);
    sandbox.addEvents(CONTRACT, [event('a', 120), event('a', 100, '"n":2')]);
    const first = await collector.run();
    assert.equal(first.code, 0, first.stderr);
    assert.match(first.stderr, /ionos\/31721060: 1 event came with the id of another event but different content/);
    sandbox.addEvents(CONTRACT, [event('a', 90, '"n":3')]);
    const second = await collector.run();
    assert.match(second.stderr, /1 event came with the id of another event/);
    const third = await collector.run();
    assert.doesNotMatch(third.stderr, /the id of another event/);
    assertPrintedOnce(collector.printed, sandbox.events(CONTRACT));
  });

  it('a contract stood still for good, since one event cannot be read', async (t) => {
    const { sandbox, collector } = await place(t);
    sandbox.addEvents(CONTRACT, [event('a', 120), event('b', 80)]);
    const good = [...sandbox.events(CONTRACT)];
    sandbox.addEvents(CONTRACT, [event('bad', 100, '"n":NaN')]);
    const first = await collector.run();
    assert.equal(first.code, 1, first.stderr);
    const second = await collector.run();
    assert.equal(second.code, 0, second.stderr);
    assert.match(
      second.stderr,
      /bytes that are not an event in the place of one; they are stored in .*rejected\.jsonl/,
    );
    const third = await collector.run();
    assert.doesNotMatch(third.stderr, /error/);
    assertPrintedOnce(collector.printed, good);
    const rejected = readFileSync(join(collector.folder, 'rejected.jsonl'), 'utf8');
    assert.match(rejected, /^\{"_source":\{"@uuid":"bad",.*"n":NaN\}\}\n$/);
  });

  it('the token may not read a contract: the message names the privilege, in the words of the API', async (t) => {
    const { collector } = await place(t, { forbiddenContracts: [CONTRACT], unauthorizedContracts: [OTHER] });
    const { code, stderr } = await collector.run('--contract', CONTRACT, '--contract', OTHER);
    assert.equal(code, 1);
    assert.match(
      stderr,
      /HTTP 403: You do not have the privilege to access the activity log\); .* ACCESS_ACTIVITY_LOG/,
    );
    assert.match(stderr, new RegExp(`ionos/${OTHER}: .* does not accept the token \\(HTTP 401: Unauthorized`));
  });
});
