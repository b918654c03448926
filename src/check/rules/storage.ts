import { entryOf, valueOf } from '../fluent-bit-config/model.ts';
import { serviceOf } from '../fluent-bit-config/read.ts';
import { truth } from '../fluent-bit-config/values.ts';
import { error, ok, warning, type Finding, lineIn } from '../finding.ts';
import { checkKeys } from './key-rules.ts';
import type { EventInput } from '../facts/input.ts';

/** Emptied when the machine starts. */
const VOLATILE = /^\/(tmp|run|var\/run|dev\/shm)(\/|$)/;

/** Whether events survive a crash of Fluent Bit, and an output that is slow or down. */
export function checkStorage(input: EventInput): Finding[] {
  const { section, fluentBit } = input;
  const isOnDisk = typeOf(input) === 'filesystem';
  const findings = [
    ...checkKeys(isOnDisk ? [] : ['storage.type'], section, fluentBit),
    ...storagePath(input),
    ...memoryLimit(input, isOnDisk),
    ...checkKeys(['storage.pause_on_chunks_overlimit'], section, fluentBit),
  ];
  if (findings.length > 0) return findings;
  const path = valueOf(serviceOf(fluentBit), 'storage.path') ?? '';
  return ok('storage', `${input.name}: events are buffered on disk, under ${path}`, { at: section.at });
}

function typeOf({ section, fluentBit }: EventInput): string | undefined {
  const service = serviceOf(fluentBit);
  const inherited = truth(valueOf(service, 'storage.inherit')) === true ? valueOf(service, 'storage.type') : undefined;
  return (valueOf(section, 'storage.type') ?? inherited)?.toLowerCase();
}

function storagePath({ fluentBit }: EventInput): Finding[] {
  const service = serviceOf(fluentBit);
  const entry = entryOf(service, 'storage.path');
  if (entry === undefined || !VOLATILE.test(entry.value)) return checkKeys(['storage.path'], service, fluentBit);
  return warning('storage-path', `storage.path ${entry.value} is emptied when the machine starts`, {
    at: entry.at,
    impact: 'everything not sent by then is lost',
    fix: lineIn(fluentBit, 'storage.path', '/var/lib/fluent-bit/storage'),
  });
}

function memoryLimit({ section, fluentBit }: EventInput, isOnDisk: boolean): Finding[] {
  const limit = entryOf(section, 'mem_buf_limit');
  if (limit === undefined || (limit.value === '0' && !isOnDisk)) return [];
  const details = { at: limit.at, fix: lineIn(fluentBit, '#Mem_Buf_Limit', limit.raw) };
  if (!isOnDisk) {
    const impact = 'input beyond this limit is dropped with a single warning';
    return error('mem-buf-limit', `Mem_Buf_Limit ${limit.value}`, { ...details, impact });
  }
  const message = `Mem_Buf_Limit ${limit.value} has no effect with filesystem storage`;
  return warning('mem-buf-limit', message, { ...details, impact: 'with memory storage it would drop events' });
}
