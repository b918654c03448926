import { entryOf, valueOf, type Position, type Section } from '../fluent-bit-config/model.ts';
import { serviceOf } from '../fluent-bit-config/read.ts';
import { sizeInBytes, truth } from '../fluent-bit-config/values.ts';
import { error, ok, warning, type Finding, lineIn } from '../finding.ts';
import type { EventInput } from '../facts/input.ts';
import { isLoki } from '../facts/routes.ts';
import { grouped } from '../../lib/words.ts';

const DEFAULT_BUF_SIZE = 4096;
const DEFAULT_LINE_BYTES = 1_000_000;
/** fgets() needs room for the line break and a null byte. */
const BUFFER_REST = 2;
const SHIPPED_BUF_SIZE = 2_000_000;
const TEXT_COST = 'each event arrives as one string under the key exec, and its fields cannot be searched';

/** Whether lines arrive whole and as JSON. */
export function checkLines(input: EventInput): Finding[] {
  const findings = [...bufSize(input), ...parser(input)];
  if (findings.some(({ level }) => level !== 'ok')) return findings;
  const bytes = grouped(lineBytes(input));
  return ok('lines', `${input.name}: lines of up to ${bytes} bytes arrive whole, as JSON`, { at: input.section.at });
}

function lineBytes({ config }: EventInput): number {
  return config?.maxLineBytes ?? DEFAULT_LINE_BYTES;
}

function bufSize(input: EventInput): Finding[] {
  const { section, fluentBit } = input;
  const need = lineBytes(input) + BUFFER_REST;
  const entry = entryOf(section, 'buf_size');
  const value = entry?.value ?? String(DEFAULT_BUF_SIZE);
  const size = sizeInBytes(value);
  const sufficient = Math.max(SHIPPED_BUF_SIZE, Math.ceil(need / 1e6) * 1e6) / 1e6;
  const fix = lineIn(fluentBit, 'Buf_Size', `${sufficient}M`);
  const at = entry?.at ?? section.at;
  if (size === undefined) {
    return error('buf-size', `Buf_Size "${value}" is not a size`, {
      at,
      impact: 'Fluent Bit does not start',
      fix,
    });
  }
  if (size >= need) return [];
  const what =
    entry === undefined
      ? `Buf_Size is not set, and its default is ${DEFAULT_BUF_SIZE} bytes`
      : `Buf_Size ${value} is too small for lines of up to ${grouped(lineBytes(input))} bytes`;
  return error('buf-size', what, {
    at,
    impact: 'longer lines are cut into pieces that cannot be parsed, and their events are lost',
    fix,
  });
}

function parser(input: EventInput): Finding[] {
  const { section, fluentBit } = input;
  const entry = entryOf(section, 'parser');
  const fix = lineIn(fluentBit, 'Parser', 'activity_log');
  if (entry === undefined) return error('parser', 'there is no Parser', { at: section.at, impact: TEXT_COST, fix });
  const isOurs = entry.value.startsWith('activity_log');
  const found = fluentBit.parsers.find((one) => valueOf(one, 'name') === entry.value);
  if (found === undefined) {
    return error('parser', `Parser ${entry.value} is not defined in any Parsers_File`, {
      impact: TEXT_COST,
      ...(isOurs
        ? { at: serviceOf(fluentBit).at, fix: lineIn(fluentBit, 'Parsers_File', 'activity-log-parsers.conf') }
        : { at: entry.at, fix }),
    });
  }
  const format = valueOf(found, 'format')?.toLowerCase() ?? '';
  if (format !== 'json') {
    return error('parser', `Parser ${entry.value} reads ${format}, not JSON`, {
      impact: 'it changes the events, or rejects them',
      ...(isOurs
        ? { at: entryOf(found, 'format')?.at ?? found.at, fix: lineIn(fluentBit, 'Format', 'json') }
        : { at: entry.at, fix }),
    });
  }
  return time(input, found, entry.at);
}

/** Fluent Bit looks for a time key only at the top level, where IONOS events have none unless it is added. */
function time({ config, fluentBit, outputs }: EventInput, found: Section, at: Position): Finding[] {
  const key = entryOf(found, 'time_key');
  if (key === undefined) return [];
  const isForLoki = outputs.some(isLoki);
  const untimed = { at, fix: lineIn(fluentBit, 'Parser', 'activity_log') };
  const added: readonly string[] = config?.addFields ?? [];
  const hasTopLevel = added.includes(key.value) || config?.provider.fields.time[0] === key.value;
  if (!hasTopLevel) {
    return warning('parser-time', `Time_Key ${key.value} is not a top-level key of the events`, {
      at: key.at,
      fix: 'ACTIVITY_LOG_ADD_FIELDS=time, and Parser activity_log_event_time; or leave Time_Key out',
      ...(isForLoki ? untimed : {}),
      impact: 'records carry the time of collection instead',
    });
  }
  if (truth(valueOf(found, 'time_keep')) === true) {
    if (!isForLoki) return [];
    return warning('parser-time', `records carry the event's own time (Time_Key ${key.value})`, {
      ...untimed,
      impact: 'Loki rejects lines older than 7 days, or an hour behind the newest, and Fluent Bit drops them',
    });
  }
  return warning('parser-time', `Time_Key ${key.value} without Time_Keep`, {
    at: key.at,
    impact: 'the field is removed from the event',
    fix: lineIn(fluentBit, 'Time_Keep', 'On'),
  });
}
