import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { FluentBit } from '../../src/delivery/fluent-bit-counter.ts';
import { listen } from '../helpers/loopback.ts';
import { runCommand } from '../helpers/run-command.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { startSandbox } from '../sandbox/server.ts';

describe('a poll that has ended', () => {
  it("keeps no connection to Fluent Bit's HTTP server, however long that would keep it", async (t) => {
    const sandbox = await startSandbox();
    t.after(async () => sandbox.close());
    const sockets: Socket[] = [];
    const answers: Readonly<Record<string, string>> = {
      '/api/v1/metrics': '{"input":{"activity_log":{"records":0}}}',
      '/api/v1/uptime': '{"uptime_sec":100}',
    };
    const server = createServer({ keepAliveTimeout: 600_000 }, (request, response) => {
      response.setHeader('keep-alive', 'timeout=600');
      response.end(answers[request.url ?? ''] ?? '');
    }).on('connection', (socket) => void sockets.push(socket));
    const port = await listen(t, server);
    const stateFile = join(await temporaryFolder(t), 'state.json');
    const ack = ['--ack-url', `http://127.0.0.1:${port}`];
    const close = t.mock.method(FluentBit.prototype, 'close');
    const { exitCode, stderr } = await runCommand(['--api-url', sandbox.url, '--state-file', stateFile, ...ack], {
      env: { IONOS_API_TOKEN: 'sandbox-token' },
    });
    assert.equal(exitCode, 0, stderr);
    assert.equal(close.mock.callCount(), 1);
    assert.ok(sockets.length > 0);
    for (const socket of sockets) if (!socket.destroyed) await once(socket, 'close');
  });
});

describe('a poll with --add-fields', () => {
  it('prints them with each event, and with the stub of one that is too long, which is stored beside the state', async (t) => {
    const now = Date.parse('2026-11-21T20:30:00Z');
    const sandbox = await startSandbox({ now: () => now });
    t.after(async () => sandbox.close());
    sandbox.addContract('31721060');
    const raws = ['{"@uuid":"a"}', `{"@uuid":"b","message":"${'x'.repeat(5_000)}"}`];
    sandbox.addEvents('31721060', raws.map((raw) => ({ raw, time: now - 60_000 }))); // prettier-ignore
    const folder = await temporaryFolder(t);
    const options = [
      '--add-fields',
      'contract',
      '--max-line-bytes',
      '4096',
      '--state-file',
      join(folder, 'state.json'),
    ];
    const env = { IONOS_API_TOKEN: 'sandbox-token', IONOS_API_URL: sandbox.url };
    const { exitCode, stdout, stderr } = await runCommand(options, { env, now: () => now });
    const truncated = JSON.stringify({ bytes: raws[1]?.length, file: join(folder, 'oversize.jsonl') });
    const lines = [
      '{"contract":"31721060","@uuid":"a"}',
      `{"contract":"31721060","@uuid":"b","_truncated":${truncated}}`,
    ];
    assert.deepEqual([exitCode, stdout.trimEnd().split('\n').sort()], [0, lines], stderr);
    assert.match(stderr, / warning: ionos\/31721060: an event of 5,026 bytes, 1 level deep, exceeds/);
  });
});

describe('a look with --peek', () => {
  it('asks Fluent Bit nothing, though the settings name its counter', async (t) => {
    const sandbox = await startSandbox();
    t.after(async () => sandbox.close());
    const env = { IONOS_API_TOKEN: 'sandbox-token', IONOS_API_URL: sandbox.url, ACTIVITY_LOG_ACK_URL: sandbox.url };
    const { exitCode, stderr } = await runCommand(['--peek'], { env });
    assert.equal(exitCode, 0, stderr);
  });

  it('prints an event whole that is too long for a line, and stores it nowhere', async (t) => {
    const now = Date.parse('2026-11-21T20:30:00Z');
    const sandbox = await startSandbox({ now: () => now });
    t.after(async () => sandbox.close());
    sandbox.addContract('31721060');
    const raw = `{"@uuid":"a","message":"${'x'.repeat(5_000)}"}`;
    sandbox.addEvents('31721060', [{ raw, time: now - 60_000 }]);
    const folder = await temporaryFolder(t);
    const options = ['--peek', '--max-line-bytes', '4096', '--state-file', join(folder, 'state.json')];
    const env = { IONOS_API_TOKEN: 'sandbox-token', IONOS_API_URL: sandbox.url };
    const { exitCode, stdout, stderr } = await runCommand(options, { env, now: () => now });
    assert.deepEqual([exitCode, stdout], [0, `${raw}\n`], stderr);
    assert.deepEqual(await readdir(folder), []);
  });
});
