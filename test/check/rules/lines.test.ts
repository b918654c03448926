import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { checkLines } from '../../../src/check/rules/lines.ts';
import { LOKI, checkedInput, faultsIn, type Keys } from '../../helpers/checked-input.ts';
import { ENVIRONMENT, PARSERS, PIPELINE, installedMachine } from '../../helpers/checked-machine.ts';

it('the Buf_Size that check proposes holds the longest line, and is never below the one that is shipped', async (t) => {
  for (const [bytes, size] of [
    ['4096', '2M'],
    ['2000000', '3M'],
  ] as const) {
    const machine = await installedMachine(t);
    await machine.edit(PIPELINE, [/^ +Buf_Size .*\n/m, '']);
    await machine.edit(ENVIRONMENT, [/$/, `ACTIVITY_LOG_MAX_LINE_BYTES=${bytes}\n`]);
    const [fault] = await machine.faults();
    assert.equal(fault?.code, 'buf-size');
    assert.match(fault.fix ?? '', new RegExp(`Buf_Size +${size}$`));
  }
});

it('a time key that no event has is cured by either of the two ways that check offers', async (t) => {
  const parser = '[PARSER]\n    Name mine\n    Format json\n    Time_Key time\n    Time_Keep On\n';
  for (const way of ['with the field', 'without the key']) {
    const machine = await installedMachine(t);
    await machine.edit(PARSERS, [/$/, parser]);
    await machine.edit(PIPELINE, [/(?<=^ +Parser +)\S+$/m, 'mine'], ['outputs/ionos.conf', 'outputs/kafka.conf']);
    const [fault, ...others] = await machine.faults();
    assert.deepEqual([fault?.code, others], ['parser-time', []]);
    const fix = 'ACTIVITY_LOG_ADD_FIELDS=time, and Parser activity_log_event_time; or leave Time_Key out';
    assert.equal(fault?.fix, fix);
    if (way === 'with the field') {
      await machine.edit(ENVIRONMENT, [/$/, 'ACTIVITY_LOG_ADD_FIELDS=time\n']);
      await machine.edit(PIPELINE, [/(?<=^ +Parser +)mine$/m, 'activity_log_event_time']);
    } else {
      await machine.edit(PARSERS, [/(?<=Name mine\n.*\n) +Time_Key time\n/, '']);
    }
    assert.deepEqual(await machine.faults(), [], way);
  }
});

describe('a line of an event', () => {
  const small = (size: string, bytes: string) =>
    [`error buf-size: Buf_Size ${size} is too small for lines of up to ${bytes} bytes`]; // prettier-ignore
  const cases: [size: string | undefined, max: string, found: readonly string[], fix: string | undefined][] = [
    ['1000002', '1000000', [], undefined],
    ['1000001', '1000000', small('1000001', '1,000,000'), 'Buf_Size 2M'],
    ['2M', '1999999', small('2M', '1,999,999'), 'Buf_Size 3M'],
    ['2M', '1999998', [], undefined],
    ['1M', '2999998', small('1M', '2,999,998'), 'Buf_Size 3M'],
    ['1M', '2999999', small('1M', '2,999,999'), 'Buf_Size 4M'],
    [undefined, '4096', ['error buf-size: Buf_Size is not set, and its default is 4096 bytes'], 'Buf_Size 2M'],
    ['many', '4096', ['error buf-size: Buf_Size "many" is not a size'], 'Buf_Size 2M'],
  ]; // prettier-ignore
  for (const [size, max, found, fix] of cases) {
    it(`of up to ${max} bytes ${found.length === 0 ? 'fits' : 'does not fit'} into a Buf_Size of ${size ?? 'its own'}`, async () => {
      const input = await checkedInput({ input: { buf_size: size }, env: { ACTIVITY_LOG_MAX_LINE_BYTES: max } });
      const findings = checkLines(input);
      assert.deepEqual([faultsIn(findings), findings[0]?.fix], [found, fix]);
    });
  }

  const http = { ...LOKI, name: 'http' };
  const parsers: [name: string, parser: Keys, outputs: readonly Keys[], fields: string, found: string[], line: number][] = [
    ['json in capitals', { format: 'JSON' }, [LOKI], '', [], 0],
    ['no format', { format: undefined }, [LOKI], '', ['error parser: Parser activity_log reads , not JSON'], 0],
    ['a time of its own', { time_key: 'time', time_keep: 'on' }, [http], 'time', [], 0],
    ['a time of its own that is taken away', { time_key: 'time' }, [http], 'time', ['warning parser-time: Time_Key time without Time_Keep'], 3],
    ['a time that Loki may refuse', { time_key: 'time', time_keep: 'on' }, [http, LOKI], 'time', ["warning parser-time: records carry the event's own time (Time_Key time)"], 5],
    ['a time that it has not', { time_key: 'time', time_keep: 'on' }, [http], 'provider', ['warning parser-time: Time_Key time is not a top-level key of the events'], 3],
    ['a time that it has not, for Loki', { time_key: 'time' }, [LOKI], '', ['warning parser-time: Time_Key time is not a top-level key of the events'], 5],
  ]; // prettier-ignore
  for (const [name, parser, outputs, fields, found, line] of parsers) {
    it(`is read by a parser with ${name}`, async () => {
      const env: Record<string, string> = fields === '' ? {} : { ACTIVITY_LOG_ADD_FIELDS: fields };
      const findings = checkLines(await checkedInput({ parser, outputs, env }));
      assert.deepEqual([faultsIn(findings), findings[0]?.line], [found, line]);
    });
  }

  it('of cloudscale.ch has a time of its own', async () => {
    const env = { ACTIVITY_LOG_PROVIDER: 'cloudscale' };
    const parser = { time_key: 'timestamp', time_keep: 'on' };
    assert.deepEqual(faultsIn(checkLines(await checkedInput({ parser, env, outputs: [http] }))), []);
  });

  it('needs a parser, by its whole name', async () => {
    for (const [parser, message, fix] of [
      [undefined, 'there is no Parser', 'Parser activity_log'],
      ['activity', 'Parser activity is not defined in any Parsers_File', 'Parser activity_log'],
      ['activity_log_2', 'Parser activity_log_2 is not defined in any Parsers_File', 'Parsers_File activity-log-parsers.conf'],
    ] as const) {
      const [finding] = checkLines(await checkedInput({ input: { parser } }));
      assert.deepEqual([finding?.message, finding?.fix], [message, fix]);
    }
  }); // prettier-ignore

  it('is said where all is in order', async () => {
    const [finding] = checkLines(await checkedInput());
    assert.equal(finding?.message, 'activity_log: lines of up to 1,000,000 bytes arrive whole, as JSON');
  });
});
