import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ask, CONTRACT, NOW, PAGE, sandboxFor, uuids } from './exchange.ts';
import type { SandboxSettings, StoredEvent } from './server.ts';

const RANGE = { count: 200, from: NOW - 300_000, to: NOW };

describe('raw events', () => {
  it('are sent byte for byte', async (t) => {
    const sandbox = await sandboxFor(t);
    const raws = [
      '{"n":9007199254740993,"f":1.0,"huge":1e400,"zero":-0,"small":1E-7}',
      '{"@uuid":"a","a":1,"a":2,"b":{"a":1,"a":1}}',
      '{"s":"\\ud83d \u2028 \u2029 \\u0000 \\/ \\u00e4 ä \u{1f680}"}',
      ' { "spaced" :\t[ 1 , 2 ]\r\n} ',
      '[]',
      'not JSON',
      '',
    ];
    const events = raws.map((raw) => ({ raw, time: NOW }));
    const broken = { raw: Buffer.from([0x7b, 0xff, 0xfe, 0x7d]), time: NOW };
    sandbox.addEvents(CONTRACT, [...events, broken]);
    const hits = [...raws.map((raw) => Buffer.from(raw)), broken.raw];
    const expected = hits.flatMap((hit, i) => [Buffer.from(i === 0 ? '{"_source":' : '},{"_source":'), hit]);
    const { body } = await ask(sandbox, PAGE);
    const head = Buffer.from(`{"hits":{"total":${hits.length},"hits":[`);
    assert.deepEqual(body, Buffer.concat([head, ...expected, Buffer.from('}]}}')]));
    assert.deepEqual(
      sandbox.events(CONTRACT).map(({ text }) => text),
      [...raws, '{\ufffd\ufffd}'],
    );
  });

  it('have an id: the one given, their @uuid, or their number', async (t) => {
    const sandbox = await sandboxFor(t);
    const [one, two, three] = sandbox.addEvents(CONTRACT, [
      { raw: '{"@uuid":"u"}', time: NOW, id: 'given' },
      { raw: '{ "@uuid" : "u" }', time: NOW },
      { raw: '{}', time: NOW },
    ]);
    assert.deepEqual([one?.id, two?.id, three?.id], ['given', 'u', '#2']);
  });
});

describe('the clock', () => {
  it('shows an event from visibleFrom on, at the place of its time', async (t) => {
    let now = NOW;
    const sandbox = await sandboxFor(t, { now: () => now });
    sandbox.addEvents(CONTRACT, [
      { raw: '{"@uuid":"early"}', time: NOW - 10 },
      { raw: '{"@uuid":"future"}', time: NOW + 20 },
      { raw: '{"@uuid":"late"}', time: NOW - 20, visibleFrom: NOW + 10 },
    ]);
    assert.deepEqual(uuids((await ask(sandbox, PAGE)).text), ['early']);
    now = NOW + 10;
    assert.deepEqual(uuids((await ask(sandbox, PAGE)).text), ['late', 'early']);
    now = NOW + 20;
    const { text } = await ask(sandbox, PAGE);
    assert.deepEqual(uuids(text), ['late', 'early', 'future']);
    assert.match(text, /"total":3,/);
  });

  it('lets events arrive, the same however often one looks', async (t) => {
    const arrived = async (looks: readonly number[]): Promise<readonly StoredEvent[]> => {
      let now = NOW;
      const sandbox = await sandboxFor(t, { now: () => now, arrivalsPerSecond: 7, lateShare: 0.3 });
      sandbox.addContract('1');
      sandbox.addContract('2');
      sandbox.addContract('3', { arrivals: false });
      for (const look of looks) {
        now = NOW + look;
        await ask(sandbox, '/activitylog/v1/contracts/1');
      }
      assert.deepEqual(sandbox.events('3'), []);
      return [...sandbox.events('1'), ...sandbox.events('2')];
    };
    const often = await arrived([0, 142, 143, 1000, 5000, 9999, 10_000]);
    const once = await arrived([10_000]);
    assert.deepEqual(often, once);
    assert.equal(once.length, 70);
    assert.ok(once.some((event) => event.visibleFrom > event.time));
  });
});

describe('generated events', () => {
  const generate = async (
    t: Parameters<typeof sandboxFor>[0],
    settings: SandboxSettings = {},
    contract = CONTRACT,
  ): Promise<StoredEvent[]> => (await sandboxFor(t, settings)).generate(contract, RANGE);
  const texts = (events: readonly StoredEvent[]): string[] => events.map(({ text }) => text);

  it('are the same for the same seed, and others for another', async (t) => {
    const one = texts(await generate(t, { seed: 5 }));
    assert.deepEqual(texts(await generate(t, { seed: 5 })), one);
    assert.notDeepEqual(texts(await generate(t, { seed: 6 })), one);
    assert.notDeepEqual(texts(await generate(t, { seed: 5 }, '31721060')), one);
  });

  it('continue where the last call ended', async (t) => {
    const sandbox = await sandboxFor(t);
    const ids = [
      ...sandbox.generate(CONTRACT, RANGE),
      ...sandbox.generate(CONTRACT, RANGE),
      ...sandbox.generate('1', RANGE),
    ];
    assert.equal(new Set(ids.map(({ id }) => id)).size, 3 * RANGE.count);
    assert.equal(new Set(ids.map(({ text }) => text)).size, 3 * RANGE.count);
  });

  it('look like the real ones', async (t) => {
    const events = await generate(t);
    for (const { text, time, id, bytes } of events) {
      const event = JSON.parse(text) as Record<string, Record<string, unknown>>;
      assert.deepEqual(Object.keys(event), ['@uuid', 'meta', 'principal', 'event']);
      assert.equal(event['@uuid'], id);
      assert.equal(event['meta']?.['time'], new Date(time).toISOString());
      assert.deepEqual((event['principal']?.['identity'] as Record<string, unknown>)['contractNumber'], CONTRACT);
      assert.ok(time >= RANGE.from && time < RANGE.to);
      assert.ok(bytes.length >= 300 && bytes.length <= 2048, text);
    }
    for (const field of ['sourceService', 'type', 'username']) {
      const values = events.map(({ text }) => new RegExp(`"${field}":"([^"]+)"`).exec(text)?.[1]);
      assert.ok(new Set(values).size >= 5, field);
    }
  });

  it('lack the @uuid when told so', async (t) => {
    assert.ok(texts(await generate(t, { uuid: 'missing' })).every((text) => text.startsWith('{"meta":')));
    const some = texts(await generate(t, { uuid: 'some' }));
    assert.ok(some.some((text) => text.includes('@uuid')) && some.some((text) => !text.includes('@uuid')));
  });

  it('drift in type when told so', async (t) => {
    const drifting = texts(await generate(t, { typeDrift: true }));
    for (const [text, number] of [
      [/"contractNumber":"\d+"/, /"contractNumber":\d+/],
      [/"status":"/, /"status":\d/],
      [/"auditVersion":"/, /"auditVersion":\d/],
    ] as const) {
      assert.ok(drifting.some((event) => text.test(event)) && drifting.some((event) => number.test(event)));
    }
    drifting.forEach((event) => JSON.parse(event) as unknown);
  });

  it('write the time as told', async (t) => {
    const rows = [
      ['seconds', /"time":"2026-11-21T20:\d\d:\d\dZ"/],
      ['microseconds', /"time":"2026-11-21T20:\d\d:\d\d\.\d{6}Z"/],
      ['offset', /"time":"2026-11-21T21:\d\d:\d\d\.\d{3}\+01:00"/],
    ] as const;
    for (const [timeFormat, pattern] of rows) {
      for (const { text, time } of await generate(t, { timeFormat })) {
        assert.match(text, pattern);
        const written = Date.parse(/"time":"([^"]+)"/.exec(text)?.[1] ?? '');
        assert.equal(Math.floor(written / 1000), Math.floor(time / 1000));
      }
    }
  });

  it('have the size asked for, to the byte', async (t) => {
    for (const sizeBytes of [386, 1200]) {
      const events = await generate(t, { sizeBytes, timeFormat: 'offset' });
      assert.ok(events.every(({ bytes }) => bytes.length === sizeBytes));
      events.forEach(({ text }) => JSON.parse(text) as unknown);
    }
    await assert.rejects(() => generate(t, { sizeBytes: 100 }), /at least \d+ bytes, not 100/);
  });

  it('are late when told so', async (t) => {
    const events = await generate(t, { lateShare: 0.5, lateMaxMs: 1000 });
    const late = events.filter(({ time, visibleFrom }) => visibleFrom > time);
    assert.ok(late.length > 50 && late.length < 150, `${late.length}`);
    assert.ok(late.every(({ time, visibleFrom }) => visibleFrom - time <= 1000));
  });
});
