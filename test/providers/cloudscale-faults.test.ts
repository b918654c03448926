import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { formatSecond } from '../../src/lib/duration.ts';
import { ApiError, PageError } from '../../src/lib/errors.ts';
import { CloudscaleReader } from '../helpers/cloudscale-reader.ts';
import { NOW, sandboxFor } from '../sandbox/exchange.ts';
import type { Sandbox, SandboxSettings } from '../sandbox/server.ts';

const DAY = 86_400_000;
const KEPT = 90 * DAY;
const OFF_SINCE = NOW - 100 * DAY;

async function scene(
  t: TestContext,
  settings: SandboxSettings['cloudscale'] = {},
): Promise<{ sandbox: Sandbox; reader: CloudscaleReader }> {
  const sandbox = await sandboxFor(t, { cloudscale: { pageSize: 50, ...settings } });
  sandbox.generateEntries({ count: 200, from: OFF_SINCE, to: NOW });
  return { sandbox, reader: new CloudscaleReader(t, sandbox, OFF_SINCE) };
}

function keptOf(sandbox: Sandbox): string[] {
  return sandbox
    .entries()
    .filter(({ time }) => time >= NOW - KEPT + 1000)
    .map(({ text }) => text);
}

describe('a project stopped, since what it asked for is no longer kept', () => {
  const horizon = formatSecond((NOW - KEPT) / 1000 + 1);

  it('the start is too long ago: what is lost is said, and the rest is collected', async (t) => {
    const { sandbox, reader } = await scene(t, { keptMs: KEPT });
    await reader.poll();
    assert.deepEqual(reader.lines, keptOf(sandbox));
    assert.equal(reader.log.messages.length, 1);
    assert.match(
      reader.log.messages[0] ?? '',
      new RegExp(`entries from ${formatSecond(OFF_SINCE / 1000)} to ${horizon} cannot be collected$`),
    );
    assert.match(reader.pages[0]?.gap ?? '', /cannot be collected$/);
    assert.ok(sandbox.requests.length < 40, `${sandbox.requests.length} requests`);
  });

  it('off for 100 days: the cursor is stale, and the start that takes its place too long ago', async (t) => {
    const { sandbox, reader } = await scene(t);
    reader.cursor = `${sandbox.url}/v1/project-logs?cursor=old`;
    reader.lastEvent = OFF_SINCE + DAY;
    sandbox.options.cloudscale.keptMs = KEPT;
    await reader.poll();
    assert.deepEqual(reader.lines, keptOf(sandbox));
    assert.match(reader.log.messages.join('\n'), /no longer accepts the stored cursor.*\n.*cannot be collected$/);
    await reader.poll();
    assert.equal(reader.log.messages.length, 2);
  });

  it('a start that is refused once is asked for again, and nothing is lost', async (t) => {
    const { sandbox, reader } = await scene(t);
    sandbox.fail({ fault: { type: 'status', status: 400 } });
    await reader.poll();
    assert.deepEqual(
      reader.lines,
      sandbox.entries().map(({ text }) => text),
    );
    assert.deepEqual(reader.log.messages, []);
  });

  it('an API that refuses every start is an error', async (t) => {
    const { reader } = await scene(t, { keptMs: 0 });
    await assert.rejects(reader.poll(), ApiError);
    assert.equal(reader.cursor, formatSecond(OFF_SINCE / 1000));
  });
});

describe('a project stopped, since one entry cannot be read', () => {
  const broken = {
    'it is not an object': 'null',
    'it holds a raw control character':
      '{"timestamp":"2026-11-20T08:00:00Z","message":"a\u0001b","n":[{"a":1},{"b":2}]}',
    'it holds NaN': '{"timestamp":"2026-11-20T08:00:00Z","n":NaN}',
    'it is NaN': 'NaN',
    'it holds quotes that are not escaped': '{"message":"he said "no", and left"}',
    'it lacks a value': '{"message":}',
  };
  for (const [what, raw] of Object.entries(broken)) {
    it(`${what}: it is set aside, and the others are delivered`, async (t) => {
      const { sandbox, reader } = await scene(t);
      const good = sandbox.entries().map(({ text }) => text);
      sandbox.addEntries([{ raw, time: NOW - DAY }]);
      await assert.rejects(reader.poll(), PageError);
      reader.isolatesBadEvents = true;
      await reader.poll();
      assert.deepEqual(reader.lines, good);
      assert.deepEqual(reader.rejected, [raw]);
    });
  }

  const unpaired = { 'a quote is missing': '{"message":"a}', 'a bracket is too many': '{"message":}}' };
  for (const [what, raw] of Object.entries(unpaired)) {
    it(`${what}: it is set aside with what follows on its page, and the next pages are delivered`, async (t) => {
      const { sandbox, reader } = await scene(t);
      const good = sandbox.entries().map(({ text }) => text);
      sandbox.addEntries([{ raw, time: NOW - DAY }]);
      await assert.rejects(reader.poll(), PageError);
      reader.isolatesBadEvents = true;
      await reader.poll();
      const [rest = ''] = reader.rejected;
      assert.equal(reader.rejected.length, 1);
      const missing = good.filter((text) => !reader.lines.includes(text));
      assert.ok(missing.length < 50, `${missing.length} entries were not printed`);
      assert.ok(
        missing.every((text) => rest.includes(text)),
        'one of them was not set aside',
      );
      assert.ok(
        reader.lines.every((text) => good.includes(text)),
        'a line is not an entry',
      );
    });
  }
});
