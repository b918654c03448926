import assert from 'node:assert/strict';
import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { fieldAdder, type FieldName } from '../../src/delivery/add-fields.ts';
import { ExitCode, StateError } from '../../src/lib/errors.ts';
import { EventReader, rejectedSlice, toLines, type EventSlice } from '../../src/events/event.ts';
import { JsonReader } from '../../src/events/json-reader.ts';
import { LineBuilder, type LineBuilderOptions } from '../../src/delivery/line-builder.ts';
import { ionos } from '../../src/providers/ionos.ts';
import { parseState } from '../../src/state/parse-state.ts';
import { captureLog, type CapturedLog } from '../helpers/captured-log.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

const SOURCE = { name: 'ionos/31721060', id: '31721060', contract: '31721060' };
const MAX = 10_000;
const reader = new EventReader({ id: ['@uuid'], time: ['meta', 'time'] });

interface Desk {
  readonly log: CapturedLog;
  readonly file: (name: string) => string;
  /** What is printed in the place of these events, line by line. */
  readonly build: (...events: string[]) => Promise<string[]>;
  /** What it said of the events that it built last. */
  readonly counts: () => readonly [oversize: number, rejected: number];
}

interface Given extends Partial<LineBuilderOptions> {
  /** By event. */
  readonly strikes?: Readonly<Record<string, number>>;
}

async function desk(t: TestContext, { strikes = {}, ...options }: Given = {}): Promise<Desk> {
  const folder = await temporaryFolder(t);
  const log = captureLog();
  const lineBuilder = new LineBuilder({
    addFields: undefined,
    maxLineBytes: MAX,
    stateFile: join(folder, 'state.json'),
    stubFields: ionos.stubFields,
    log,
    ...options,
  });
  const known = Object.entries(strikes).map(([text, count]): [string, number] => [String(read(text).id), count]);
  const source = {
    cursor: '2026-11-21T20:00:00Z',
    start: '2026-11-21T20:00:00Z',
    strikes: Object.fromEntries(known) as object,
  };
  const state = parseState(JSON.stringify({ version: 1, sources: { [SOURCE.name]: source } })).sources[SOURCE.name];
  assert.ok(state);
  let counts: [number, number] = [0, 0];
  return {
    counts: () => counts,
    log,
    file: (name) => join(folder, name),
    build: async (...events) => {
      const { lines, oversize, rejected } = await lineBuilder.build(events.map(read), SOURCE, state);
      counts = [oversize, rejected];
      return toLines(lines).toString().split('\n').slice(0, -1);
    },
  };
}

function read(text: string): EventSlice {
  // On its page, it is one of many.
  return reader.read(new JsonReader(Buffer.from(`[ ${text}]`), 2));
}

const adding = (...names: FieldName[]): Pick<LineBuilderOptions, 'addFields'> => ({
  addFields: fieldAdder(names, ionos),
});

const META = '{"time":"2026-11-21T20:25:55.000Z"}';
const PRINCIPAL = '{"sourceService":"DCD"}';
const lead = (uuid: string): string => `"@uuid":"${uuid}","meta":${META},"principal":${PRINCIPAL}`;

function event(uuid: string, message = ''): string {
  return `{${lead(uuid)},"event":{"type":"Provision","message":"${message}"}}`;
}

/** So many bytes in all. */
function long(uuid: string, bytes: number): string {
  return event(uuid, 'x'.repeat(bytes - event(uuid).length));
}

/** So many levels in all. */
function deep(uuid: string, levels: number): string {
  return `{${lead(uuid)},"event":{"type":"Provision","param":${'['.repeat(levels - 2)}${']'.repeat(levels - 2)}}}`;
}

function stub(uuid: string, bytes: number, file: string): string {
  return `{${lead(uuid)},"event":{"type":"Provision"},"_truncated":{"bytes":${bytes},"file":${JSON.stringify(file)}}}`;
}

async function modeOf(file: string): Promise<number> {
  return (await stat(file)).mode & 0o777;
}

describe('an event that fits', () => {
  it('is printed as it is, and no file is made', async (t) => {
    const { build, file, log } = await desk(t);
    const events = [event('a'), long('b', MAX), deep('c', 63)];
    assert.deepEqual(await build(...events), events);
    await assert.rejects(stat(file('oversize.jsonl')), { code: 'ENOENT' });
    assert.deepEqual(log.messages, []);
  });

  it('gets its added fields', async (t) => {
    const { build } = await desk(t, adding('contract', 'time'));
    const added = '{"contract":"31721060","time":"2026-11-21T20:25:55.000Z",';
    assert.deepEqual(await build(event('a')), [`${added}${event('a').slice(1)}`]);
  });

  it('fits without the line breaks between its tokens', async (t) => {
    const { build } = await desk(t);
    const line = long('a', MAX);
    assert.deepEqual(await build(line.replaceAll('"event":', '\r\n\n"event":')), [line]);
  });

  it('is not cut for a look (--peek), whatever its size', async (t) => {
    const { build } = await desk(t, { stateFile: undefined, ...adding('provider') });
    const events = [long('a', MAX + 1), deep('b', 64)];
    assert.deepEqual(
      await build(...events),
      events.map((text) => `{"provider":"ionos",${text.slice(1)}`),
    );
  });
});

describe('an event that is too much for a line', () => {
  const cases: [string, string, string][] = [
    ['one byte too long', long('a', MAX + 1), 'an event of 10,001 bytes, 2 levels deep,'],
    ['much too long', long('a', 3_000_000), 'an event of 3,000,000 bytes, 2 levels deep,'],
    ['64 levels deep', deep('a', 64), `an event of ${deep('a', 64).length} bytes, 64 levels deep,`],
  ];
  for (const [what, text, message] of cases) {
    it(`${what}: goes to oversize.jsonl, and a stub among the others takes its place`, async (t) => {
      const { build, file, log, counts } = await desk(t);
      const printed = await build(event('before'), text, event('after'));
      const oversize = file('oversize.jsonl');
      assert.deepEqual(printed, [event('before'), stub('a', text.length, oversize), event('after')]);
      assert.equal(await readFile(oversize, 'utf8'), `${text}\n`);
      assert.equal(await modeOf(oversize), 0o600);
      assert.deepEqual(log.messages, [
        `warn: ionos/31721060: ${message} exceeds Fluent Bit's limits; it is stored in ${oversize}, and a stub was printed instead`,
      ]);
      assert.deepEqual(counts(), [1, 0]);
    });
  }

  it('is added to what is there already, which nobody else may read from then on', async (t) => {
    const { build, file } = await desk(t);
    await writeFile(file('oversize.jsonl'), '{"old":1}\n');
    await chmod(file('oversize.jsonl'), 0o644);
    await build(long('a', MAX + 1), long('b', MAX + 2));
    const expected = ['{"old":1}', long('a', MAX + 1), long('b', MAX + 2), ''];
    assert.equal(await readFile(file('oversize.jsonl'), 'utf8'), expected.join('\n'));
    assert.equal(await modeOf(file('oversize.jsonl')), 0o600);
  });

  it('is on its own line after half a line that a killed run has left', async (t) => {
    const { build, file } = await desk(t);
    await writeFile(file('oversize.jsonl'), '{"old":1}\n{"ha');
    await build(long('a', MAX + 1));
    await build(long('b', MAX + 1));
    const expected = ['{"old":1}', '{"ha', long('a', MAX + 1), long('b', MAX + 1), ''];
    assert.equal(await readFile(file('oversize.jsonl'), 'utf8'), expected.join('\n'));
  });

  it('is one line there, and its stub is one, where the page has line breaks', async (t) => {
    const { build, file } = await desk(t);
    const text = long('a', MAX + 1);
    const printed = await build(text.replaceAll(/(?<=[{,])(?=")/g, '\r\n  '));
    const kept = (await readFile(file('oversize.jsonl'), 'utf8')).split('\n');
    assert.deepEqual([kept.length, JSON.parse(kept[0] ?? '')], [2, JSON.parse(text)]);
    assert.equal(printed.length, 1);
    const { _truncated, ...rest } = JSON.parse(printed[0] ?? '') as Record<string, unknown>;
    const { '@uuid': uuid, meta, principal } = JSON.parse(text) as Record<string, unknown>;
    assert.deepEqual(rest, { '@uuid': uuid, meta, principal, event: { type: 'Provision' } });
    assert.ok(_truncated !== undefined);
  });

  it('has a stub with added fields, which the stub alone has too where there is room', async (t) => {
    const { build, file } = await desk(t, adding('contract'));
    // The event fits; its line, with the added field, does not.
    const [line] = await build(long('a', MAX));
    assert.equal(line, `{"contract":"31721060",${stub('a', MAX, file('oversize.jsonl')).slice(1)}`);
    assert.equal(await readFile(file('oversize.jsonl'), 'utf8'), `${long('a', MAX)}\n`);
  });

  it('has a stub without added fields where these would make it too long again', async (t) => {
    const { build, file } = await desk(t, adding('event_type'));
    const type = `"${'T'.repeat(MAX / 2)}"`;
    const text = `{"@uuid":"a","event":{"type":${type}},"pad":"${'x'.repeat(MAX)}"}`;
    const truncated = JSON.stringify({ bytes: text.length, file: file('oversize.jsonl') });
    assert.deepEqual(await build(text), [`{"@uuid":"a","event":{"type":${type}},"_truncated":${truncated}}`]);
  });

  const nested = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);
  const fields: [string, string, string][] = [
    [
      'less one that is too long itself',
      `"@uuid":"a","meta":"${'m'.repeat(MAX)}","principal":{}`,
      '"@uuid":"a","principal":{}',
    ],
    ['less one that is too deep itself', `"@uuid":"a","meta":${nested(63)}`, '"@uuid":"a"'],
    ['and one that is nearly too deep', `"@uuid":"a","meta":${nested(62)}`, `"@uuid":"a","meta":${nested(62)}`],
    ['if any', '"event":{"message":"m"}', ''],
    ['the last of two of one name', '"meta":1,"@uuid":"a","meta":2', '"@uuid":"a","meta":2'],
    ['whatever their type', '"@uuid":7,"principal":null,"event":"text"', '"@uuid":7,"principal":null'],
  ];
  for (const [what, members, kept] of fields) {
    it(`has a stub with the identifying fields that it has, ${what}`, async (t) => {
      const { build, file } = await desk(t);
      const text = `{${members},"pad":${'['.repeat(64)}"${'x'.repeat(MAX)}"${']'.repeat(64)}}`;
      const truncated = JSON.stringify({ bytes: text.length, file: file('oversize.jsonl') });
      assert.deepEqual(await build(text), [`{${kept}${kept === '' ? '' : ','}"_truncated":${truncated}}`]);
    });
  }

  it('has a stub whose fields may lie anywhere', async (t) => {
    const stubFields = [['a', 'b', 'c'], ['a', 'b', 'd"'], ['e']];
    const { build, file } = await desk(t, { stubFields });
    const text = `{"e":[1.0],"a":{"x":0,"b":{"d\\"":1e400,"c":"\\u0041"}},"pad":"${'x'.repeat(MAX)}"}`;
    const truncated = JSON.stringify({ bytes: text.length, file: file('oversize.jsonl') });
    const kept = '"a":{"b":{"c":"\\u0041","d\\"":1e400}},"e":[1.0]';
    assert.deepEqual(await build(text), [`{${kept},"_truncated":${truncated}}`]);
  });

  it('is not printed when it cannot be kept', async (t) => {
    const { build, file } = await desk(t);
    await mkdir(file('oversize.jsonl'));
    await assert.rejects(build(event('before'), long('a', MAX + 1)), (error) => {
      assert.ok(error instanceof StateError);
      assert.equal(error.exitCode, ExitCode.NothingCollected);
      assert.match(error.message, /^cannot write .*oversize\.jsonl: EISDIR/);
      return true;
    });
  });
});

describe('what the API sends in the place of an event', () => {
  const bad = ['null', '"text"'].map((text) => rejectedSlice(Buffer.from(`[${text}]`), 1, text.length + 1));
  const build = async (t: TestContext, name: string | undefined) => {
    const folder = await temporaryFolder(t);
    const log = captureLog();
    const stateFile = name === undefined ? undefined : join(folder, name);
    const options = { addFields: undefined, maxLineBytes: MAX, stateFile, stubFields: [], log };
    return { folder, log, reject: () => new LineBuilder(options).reject(bad, SOURCE) };
  };

  it('goes to rejected.jsonl, and an error for each says so', async (t) => {
    const { folder, log, reject } = await build(t, 'state.json');
    await reject();
    const file = join(folder, 'rejected.jsonl');
    assert.equal(await readFile(file, 'utf8'), 'null\n"text"\n');
    const message = (bytes: number) =>
      `error: ionos/31721060: the API sent ${bytes} bytes that are not an event in the place of one; ` +
      `they are stored in ${file}, and the other events follow`;
    assert.deepEqual(log.messages, [message(4), message(6)]);
  });

  it('is left out in a look (--peek)', async (t) => {
    const { log, reject } = await build(t, undefined);
    await reject();
    assert.match(log.messages.join(), /in the place of one; they were left out, and the other events follow/);
  });

  it('ends the run when it cannot be kept', async (t) => {
    const { folder, log, reject } = await build(t, 'state.json');
    await mkdir(join(folder, 'rejected.jsonl'));
    await assert.rejects(reject(), StateError);
    assert.deepEqual(log.messages, []);
  });
});

describe('an event that Fluent Bit has refused', () => {
  for (const strikes of [1, 2]) {
    it(`in ${strikes} runs is printed again`, async (t) => {
      const { build, file } = await desk(t, { strikes: { [event('a')]: strikes } });
      assert.deepEqual(await build(event('a')), [event('a')]);
      await assert.rejects(stat(file('rejected.jsonl')), { code: 'ENOENT' });
    });
  }

  it('in 3 runs goes to rejected.jsonl instead, and the others follow', async (t) => {
    const { build, file, log, counts } = await desk(t, { strikes: { [event('b')]: 3 } });
    assert.deepEqual(await build(event('a'), event('b'), event('c')), [event('a'), event('c')]);
    const rejected = file('rejected.jsonl');
    assert.equal(await readFile(rejected, 'utf8'), `${event('b')}\n`);
    assert.equal(await modeOf(rejected), 0o600);
    assert.deepEqual(log.messages, [
      `error: ionos/31721060: Fluent Bit refused an event in 3 runs; it is stored in ${rejected}, and the next events follow`,
    ]);
    assert.deepEqual(counts(), [0, 1]);
  });

  it('is kept as it was printed, with its added fields, and whole, however long', async (t) => {
    const text = long('a', MAX + 1);
    const { build, file } = await desk(t, { strikes: { [text]: 4 }, ...adding('provider') });
    assert.deepEqual(await build(text), []);
    assert.equal(await readFile(file('rejected.jsonl'), 'utf8'), `{"provider":"ionos",${text.slice(1)}\n`);
    await assert.rejects(stat(file('oversize.jsonl')), { code: 'ENOENT' });
  });

  it('stays where it is when it cannot be kept', async (t) => {
    const { build, file, counts } = await desk(t, { strikes: { [event('a')]: 3 } });
    await mkdir(file('rejected.jsonl'));
    await assert.rejects(build(event('a')), StateError);
    assert.deepEqual(counts(), [0, 0]);
  });
});
