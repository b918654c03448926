import { entriesOf, valueOf } from '../fluent-bit-config/model.ts';
import { serviceOf, serviceEntry, serviceAt } from '../fluent-bit-config/read.ts';
import { truth } from '../fluent-bit-config/values.ts';
import { error, ok, warning, type Finding, lineIn } from '../finding.ts';
import { checkSwitches } from './switches.ts';
import type { EventInput } from '../facts/input.ts';

/** Emptied when the machine starts. */
const VOLATILE = /^\/(tmp|run|var\/run|dev\/shm)(\/|$)/;
const CRASH_COST = 'a crash or kill of Fluent Bit loses everything not sent yet';
const STORAGE_PATH = '/var/lib/fluent-bit/storage';

/** Whether events survive a crash of Fluent Bit, and an output that is slow or down. */
export function checkStorage(input: EventInput): Finding[] {
  const findings = [...storageType(input), ...storagePath(input), ...limits(input)];
  if (findings.length > 0) return findings;
  const path = serviceOf(input.fluentBit).get('storage.path') ?? '';
  return [ok('storage', `${input.name}: events are buffered on disk, under ${path}`, { at: input.section.at })];
}

function typeOf({ section, fluentBit }: EventInput): string {
  const service = serviceOf(fluentBit);
  const inherited = truth(service.get('storage.inherit')) === true ? service.get('storage.type') : undefined;
  return (valueOf(section, 'storage.type') ?? inherited ?? 'memory').toLowerCase();
}

function storageType(input: EventInput): Finding[] {
  const { section, fluentBit } = input;
  const type = typeOf(input);
  if (type === 'filesystem') return [];
  const entry = entriesOf(section, 'storage.type').at(-1);
  const message = entry === undefined ? 'storage.type is not set, and its default is memory' : `storage.type ${type}`;
  return [
    error('storage-type', message, {
      at: entry?.at ?? section.at,
      impact: CRASH_COST,
      fix: lineIn(fluentBit, 'storage.type', 'filesystem'),
    }),
  ];
}

function storagePath(input: EventInput): Finding[] {
  const { fluentBit } = input;
  const entry = serviceEntry(fluentBit, 'storage.path');
  const fix = lineIn(fluentBit, 'storage.path', STORAGE_PATH);
  if (entry !== undefined && VOLATILE.test(entry.value)) {
    return [
      warning('storage-path', `storage.path ${entry.value} is emptied when the machine starts`, {
        at: entry.at,
        impact: 'everything not sent by then is lost',
        fix,
      }),
    ];
  }
  if (entry !== undefined) return [];
  return [
    error('storage-path', 'there is no storage.path', {
      at: serviceAt(fluentBit),
      impact: 'with storage.type filesystem Fluent Bit does not start without it',
      fix,
    }),
  ];
}

function limits(input: EventInput): Finding[] {
  const { section, fluentBit } = input;
  const findings: Finding[] = [];
  const limit = entriesOf(section, 'mem_buf_limit').at(-1);
  const away = lineIn(fluentBit, '#Mem_Buf_Limit', limit?.raw ?? '');
  if (limit !== undefined && typeOf(input) === 'filesystem') {
    findings.push(
      warning('mem-buf-limit', `Mem_Buf_Limit ${limit.value} has no effect with filesystem storage`, {
        at: limit.at,
        impact: 'with memory storage it would drop events',
        fix: away,
      }),
    );
  } else if (limit !== undefined && limit.value !== '0') {
    findings.push(
      error('mem-buf-limit', `Mem_Buf_Limit ${limit.value}`, {
        at: limit.at,
        impact: 'input beyond this limit is dropped with a single warning',
        fix: away,
      }),
    );
  }
  findings.push(...checkSwitches(['storage.pause_on_chunks_overlimit'], section, fluentBit));
  return findings;
}
