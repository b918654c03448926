import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, it, type TestContext } from 'node:test';
import { gzipSync } from 'node:zlib';
import { EventId } from '../../src/events/event-id.ts';
import { readArrived } from '../../src/verify/arrived.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

const A = '6c8f4fb0-4e4a-4d5c-9a3e-0a4d5c6b7a89';
const B = '6757073e-3913-8203-b9a5-a83a77e51c16';
const line = (id: string) => `{"@uuid":"${id}","n":1}`;

async function read(t: TestContext, copy: string | Buffer, idKey: string | false = '@uuid') {
  const file = join(await temporaryFolder(t), 'copy.jsonl');
  await writeFile(file, copy);
  const ids: string[] = [];
  const report = await readArrived(file, Readable.from([]), idKey === false ? undefined : idKey, (id) =>
    ids.push(id.uuid),
  );
  return { report, ids };
}

const whole = (lines: number) => ({ lines, without: 0, first_without: undefined, cut_off: undefined });

describe('a copy of what arrived', () => {
  it('gives the id of each line, and passes over empty ones', async (t) => {
    for (const copy of [`${line(A)}\n${line(B)}\n`, `\n${line(A)}\r\n \n${line(B)}`]) {
      assert.deepEqual(await read(t, copy), { report: whole(2), ids: [A, B] });
    }
  });

  it('may be wrapped by another program, and gzipped', async (t) => {
    const wrapped = [line(A), line(B)].map((log) => JSON.stringify({ log: JSON.stringify({ log }) })).join('\n');
    assert.deepEqual((await read(t, wrapped)).ids, [A, B]);
    assert.deepEqual((await read(t, gzipSync(wrapped))).ids, [A, B]);
    assert.deepEqual((await read(t, `2026-11-21 "@uuid" : "${A}"\n`)).ids, [A]);
  });

  it('may come on standard input, in pieces that end anywhere', async () => {
    const bytes = Buffer.from(`${line(A)}\n{"@uuid":"${B}","name":"Zoë"}\n`);
    const ids: string[] = [];
    const pieces = Readable.from([...bytes].map((byte) => Buffer.from([byte])));
    const report = await readArrived('-', pieces, '@uuid', (id) => ids.push(id.uuid));
    assert.deepEqual([report, ids], [whole(2), [A, B]]);
  });

  it('knows events without an id by their bytes, less the white space around them', async (t) => {
    const { report, ids } = await read(t, ' {"a":1} \n{"b":2}\n', false);
    assert.deepEqual(report, whole(2));
    const known = ['{"a":1}', '{"b":2}'].map((text) => EventId.ofHash(Buffer.from(text)).uuid);
    assert.deepEqual(ids, known);
    assert.deepEqual((await read(t, `${line(A)}\n {"b":2} \n`)).ids[1], known[1]);
  });

  it('knows events without an id in what Fluent Bit writes: a date, a tag and a time, and escapes', async (t) => {
    const event = '{"name":"Zoë","path":"C:\\\\u00eb","n":1}';
    const [id] = (await read(t, event, false)).ids;
    for (const arrived of [
      event.replace('ë', '\\u00eb').replace('{', '{"date":1795724044.022658,'),
      `activity_log: [1795724044.022658229, ${event.replace('ë', '\\u00EB')}]`,
    ]) {
      assert.ok((await read(t, arrived, false)).ids.includes(id ?? ''), arrived);
    }
  });

  it('tells how many of its lines have no id, and which is the first', async (t) => {
    const { report } = await read(t, `${line(A)}\n{"b":2}\n{"c":3}\n`);
    assert.deepEqual(report, { lines: 3, without: 2, first_without: 2, cut_off: undefined });
  });

  it('may be cut off in its last line, if its lines are JSON', async (t) => {
    const half = line(B).slice(0, -3);
    const cut_off = { ...whole(2), cut_off: 2 };
    assert.deepEqual(await read(t, `${line(A)}\n${half}`), { report: cut_off, ids: [A] });
    assert.deepEqual((await read(t, `${line(A)}\n${half}\n`)).report, whole(2), 'not the last');
    assert.deepEqual((await read(t, `x ${line(A)}\nx ${half}`)).report, whole(2), 'not JSON');
    assert.deepEqual((await read(t, `x ${line(A)}\n${half}`)).report, whole(2), 'not JSON before');
    assert.deepEqual((await read(t, ` ${half}`)).report, { ...whole(1), cut_off: 1 });
    await assert.rejects(read(t, 'x {"n":'), /no line of/);
  });

  it('that cannot be used is named, with the reason', async (t) => {
    for (const [copy, message] of [
      ['', /^--arrived: \S+copy\.jsonl is empty$/],
      [' \n\n', /^--arrived: \S+copy\.jsonl is empty$/],
      [
        `[${line(A)},${line(B)}]\n`,
        /^--arrived: cannot read \S+copy\.jsonl: it is a JSON array, and not one event per/,
      ],
      ['{"a":1}\n', /^--arrived: no line of \S+copy\.jsonl has an id \(@uuid\): is it a copy of the events\?$/],
      [gzipSync(line(A)).subarray(0, 20), /^--arrived: cannot read \S+copy\.jsonl: unexpected end of file$/],
      [
        Buffer.from([0x1f, 0x8b, 0, 0, 0, 0, 0, 0, 0, 0]),
        /^--arrived: cannot read \S+copy\.jsonl: unknown compression/,
      ],
    ] as const) {
      await assert.rejects(read(t, copy), { name: 'ConfigError', message });
    }
    const nowhere = readArrived('/nowhere/copy.jsonl', Readable.from([]), '@uuid', () => undefined);
    await assert.rejects(nowhere, { message: /^--arrived: cannot read \/nowhere\/copy\.jsonl: ENOENT/ });
  });

  it('whose reading fails in the middle ends, gzipped or not', async () => {
    for (const copy of [Buffer.from(`${line(A)}\n`), gzipSync(`${line(A)}\n`)]) {
      const broken = Readable.from(
        (function* () {
          yield copy.subarray(0, 12);
          throw new Error('read EIO');
        })(),
      );
      await assert.rejects(
        readArrived('-', broken, '@uuid', () => undefined),
        /^ConfigError: --arrived: cannot read stdin: read EIO$/,
      );
    }
  });
});
