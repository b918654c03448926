import { join } from 'node:path';
import { usualRejectedFolder } from '../../delivery/rejected-chunks.ts';
import { valueOf, type FluentBitConfig } from '../fluent-bit-config/model.ts';
import { serviceOf } from '../fluent-bit-config/read.ts';

/** Where Fluent Bit sets aside what a destination refused (flb_storage.c). */
export function rejectedFolderOf(fluentBit: FluentBitConfig | undefined, stateFile: string): string {
  const service = fluentBit === undefined ? { entries: [] } : serviceOf(fluentBit);
  const path = valueOf(service, 'storage.path');
  if (path === undefined) return usualRejectedFolder(stateFile);
  return join(path, valueOf(service, 'storage.rejected.path') ?? 'rejected');
}
