import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream, createWriteStream, openSync, closeSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, it, type TestContext } from 'node:test';
import { hashOf } from '../../src/state/chain.ts';
import type { Finding } from '../../src/verify/report.ts';
import { startWorld } from '../bench/world.ts';
import { builtFile } from '../helpers/built-file.ts';
import { journalOf, type SavedLine } from '../helpers/saved-state.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

const EVENTS = 1_000_000;
const CONTRACTS = 4;

type Groups = Record<string, string[]>;

/** What tells an event from the others, and how often it shall be there instead of once. */
interface Fate {
  readonly id: string;
  readonly times: number;
}

interface Place {
  readonly stateFile: string;
  readonly copy: string;
  /** Runs the built file: its exit code and stdout. */
  readonly run: (...args: string[]) => Promise<{ code: number; stdout: string }>;
}

async function collected(t: TestContext): Promise<Place> {
  const world = await startWorld({ contracts: Array.from({ length: CONTRACTS }, () => EVENTS / CONTRACTS) });
  t.after(async () => world.close());
  const folder = await temporaryFolder(t);
  const [stateFile, copy] = [join(folder, 'state.json'), join(folder, 'copy.jsonl')];
  const file = await builtFile();
  const from = new Date(world.settings.from).toISOString();
  const start = async (output: number | 'pipe', ...args: string[]) => {
    const options = ['--api-url', world.url, '--state-file', stateFile];
    const env = { PATH: process.env['PATH'], IONOS_API_TOKEN: 'sandbox-token' };
    const child: ChildProcess = spawn(process.execPath, [file, ...args, ...options], {
      stdio: ['ignore', output, 'ignore'],
      env,
    });
    t.after(() => child.kill('SIGKILL'));
    const exit = once(child, 'close') as Promise<[number]>;
    const chunks = child.stdout === null ? [] : ((await child.stdout.toArray()) as Buffer[]);
    return { code: (await exit)[0], stdout: Buffer.concat(chunks).toString() };
  };
  const output = openSync(copy, 'w');
  const { code } = await start(output, '--since', from, '--sweep', 'none', '--deadline', '1h');
  closeSync(output);
  assert.equal(code, 0);
  return { stateFile, copy, run: async (...args) => start('pipe', ...args, '--from', from) };
}

/** Five events, far from each other: three that are missing and two that are there twice. */
async function fatesIn(copy: string): Promise<Fate[]> {
  const places = [1_000, 123_456, 500_001, 777_777, 900_000];
  const fates: Fate[] = [];
  let number = 0;
  for await (const line of createInterface({ input: createReadStream(copy) })) {
    const place = places.indexOf(number++);
    if (place >= 0) fates.push({ id: (JSON.parse(line) as { '@uuid': string })['@uuid'], times: place < 3 ? 0 : 2 });
  }
  return fates;
}

/** The copy, with each of these events as often as it is to be there. */
async function altered(copy: string, fates: readonly Fate[]): Promise<string> {
  const file = `${copy}.altered`;
  const out = createWriteStream(file);
  for await (const line of createInterface({ input: createReadStream(copy) })) {
    const times = fates.find(({ id }) => line.includes(id))?.times ?? 1;
    if (times > 0 && !out.write(`${line}\n`.repeat(times))) await once(out, 'drain');
  }
  out.end();
  await once(out, 'finish');
  return file;
}

/** Makes the journal that of a collector that lost some of these events, and delivered others again a commit later. */
async function rewriteJournal(stateFile: string, fates: readonly Fate[]): Promise<void> {
  const [file = ''] = journalOf(stateFile);
  let prev: string | undefined;
  let again: [source: string, second: string, id: string][] = [];
  const lines = (await readFile(file, 'utf8')).trimEnd().split('\n');
  const written = lines.map((text) => {
    const line = JSON.parse(text) as SavedLine;
    const before = again;
    again = [];
    for (const [source, { delivered }] of Object.entries(line.sources)) {
      const groups = (delivered ?? {}) as Groups;
      for (const [second, ids] of Object.entries(groups)) {
        for (const id of ids.filter((one) => fates.some((fate) => one.startsWith(fate.id)))) {
          if (fates.some((fate) => id.startsWith(fate.id) && fate.times > 1)) again.push([source, second, id]);
          else groups[second] = (groups[second] ?? []).filter((one) => one !== id);
        }
        if (groups[second]?.length === 0) Reflect.deleteProperty(groups, second);
      }
    }
    // The next commit may be of other sources.
    for (const one of before) {
      const [source, second, id] = one;
      const delivered = line.sources[source]?.delivered as Groups | undefined;
      if (delivered === undefined) again.push(one);
      else (delivered[second] ??= []).push(id);
    }
    const bytes = JSON.stringify({ ...line, prev: prev ?? line.prev });
    prev = hashOf(Buffer.from(bytes));
    return `${bytes}\n`;
  });
  await writeFile(file, written.join(''));
  const state = JSON.parse(await readFile(stateFile, 'utf8')) as { journal: object };
  await writeFile(stateFile, JSON.stringify({ ...state, journal: { ...state.journal, hash: prev, known_from: null } }));
}

function named(stdout: string): string[] {
  const { findings } = JSON.parse(stdout) as { findings: Finding[] };
  return findings.map(({ kind, id }) => `${kind} ${id}`).sort();
}

describe('verify over 1,000,000 events', () => {
  it('names exactly the 3 that are missing and the 2 that are there twice, in a copy and in the journal', async (t) => {
    const { stateFile, copy, run } = await collected(t);
    const whole = await run('verify', '--full', '--arrived', copy, '--json');
    assert.deepEqual([whole.code, named(whole.stdout)], [0, []]);
    const fates = await fatesIn(copy);
    assert.equal(fates.length, 5);
    const expected = (missing: string, twice: string) =>
      fates.map(({ id, times }) => `${times === 0 ? missing : twice} ${id}`).sort();
    const inCopy = await run('verify', '--arrived', await altered(copy, fates), '--json');
    assert.deepEqual([inCopy.code, named(inCopy.stdout)], [3, expected('not arrived', 'arrived twice')]);
    await rewriteJournal(stateFile, fates);
    const inJournal = await run('verify', '--json');
    assert.deepEqual([inJournal.code, named(inJournal.stdout)], [3, expected('missing', 'twice')]);
  });
});
