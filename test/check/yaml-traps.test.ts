import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import type { Finding } from '../../src/check/finding.ts';
import { UNIT, installedMachine, type CheckedMachine } from '../helpers/checked-machine.ts';

/** What check says in these tests, word by word. */
const GOLDEN = 'check/yaml-traps.txt';

const YAML = '/etc/fluent-bit/fluent-bit.yaml';

/** A machine whose Fluent Bit is started with the YAML file, changed like this. */
async function machineWith(t: Parameters<typeof installedMachine>[0], from: string | RegExp, to: string) {
  const machine = await installedMachine(t);
  await machine.edit(UNIT, ['fluent-bit.conf', 'fluent-bit.yaml']);
  await machine.edit(YAML, [from, to]);
  return machine;
}

async function lineOf(machine: CheckedMachine, { file = '', line = 0 }: Finding): Promise<string> {
  return (await readFile(machine.path(file), 'utf8')).split('\n')[line - 1] ?? '';
}

/** Puts the line to write in the place of the one that is named, or as the second line of a list's entry. */
async function obey(machine: CheckedMachine, { file = '', line = 0, fix = '' }: Finding): Promise<void> {
  const lines = (await readFile(machine.path(file), 'utf8')).split('\n');
  const named = lines[line - 1] ?? '';
  const indent = /^ */.exec(named)?.[0] ?? '';
  if (/^ *- /.test(named)) lines.splice(line, 0, `${indent}  ${fix}`);
  else if (/^\w+:$/.test(named)) lines.splice(line, 0, `  ${fix}`);
  else lines[line - 1] = indent + fix;
  await writeFile(machine.path(file), lines.join('\n'));
}

const without = (key: string): RegExp => new RegExp(`^ +${key}: .*\n`, 'm');

describe('check in a YAML file', { concurrency: 4 }, () => {
  const cured: [string, string | RegExp, string, string, RegExp][] = [
    ['a small buffer', 'buf_size: 2M', 'buf_size: 64k', 'error buf-size', /64k/],
    ['no buffer', without('buf_size'), '', 'error buf-size', /- name: exec/],
    ['memory storage', without('storage.type'), '', 'error storage-type', /- name: exec/],
    ['one retry', 'retry_limit: no_limits', 'retry_limit: 1', 'error retry-limit', /retry_limit: 1/],
    ['refused chunks that are dropped', without('storage.keep.rejected'), '', 'error keep-rejected', /^service:/],
    ['no HTTP server', without('http_server'), '', 'error http-server', /^service:/],
    ['no thread', 'threaded: on', 'threaded: off', 'warning threaded', /threaded: off/],
    ['a shell between', 'command: exec /opt', 'command: /opt', 'warning command-exec', /command: \/opt/],
    ['a key in the file', '${ACTIVITY_LOG_API_KEY}', 'a-key-of-somebody', 'warning plain-secret', /APIKEY/],
    ['no path', without('uri'), '', 'error output-uri', /- name: http/],
  ];
  for (const [name, from, to, what, place] of cured) {
    it(`finds ${name}, and knows the line to write`, async (t) => {
      const machine = await machineWith(t, from, to);
      const [finding, ...others] = await machine.told(GOLDEN);
      assert.ok(finding !== undefined && others.length === 0, JSON.stringify([finding, ...others]));
      assert.equal(`${finding.level} ${finding.code}`, what);
      assert.match(await lineOf(machine, finding), place);
      await obey(machine, finding);
      assert.deepEqual(await machine.told(GOLDEN), []);
    });
  }

  const found: [string, string | RegExp, string, string[]][] = [
    ['a parser twice', 'parsers:\n', 'parsers:\n  - {name: activity_log, format: json}\n', ['error config-refused']],
    ['a section that there is not', 'pipeline:\n', 'pipelines: {}\npipeline:\n', ['warning config-section-unknown']],
    ['a missing include', 'pipeline:\n', 'includes: [none.yaml]\npipeline:\n', ['error config-refused']],
    ['a secret among its variables', 'pipeline:\n', 'env: {MY_TOKEN: abcdef}\npipeline:\n', ['warning plain-secret']],
    ['no input of ours', 'fetch-activity-logs', 'something-else', ['error input']],
    ['no YAML', 'pipeline:\n', 'pipeline: [\n', ['error config-refused']],
  ]; // prettier-ignore
  for (const [name, from, to, whats] of found) {
    it(`finds ${name}`, async (t) => {
      const machine = await machineWith(t, from, to);
      const findings = await machine.told(GOLDEN);
      assert.deepEqual(
        findings.map(({ level, code }) => `${level} ${code}`),
        whats,
      );
    });
  }

  it('has nothing to say against the shipped one', async (t) => {
    const machine = await installedMachine(t);
    assert.deepEqual(await machine.told(GOLDEN, ['--config', YAML]), []);
  });
});
