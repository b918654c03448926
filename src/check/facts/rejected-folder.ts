import { join } from 'node:path';
import { usualRejectedFolder } from '../../delivery/rejected-chunks.ts';
import type { FluentBitConfig } from '../fluent-bit-config/model.ts';
import { serviceOf } from '../fluent-bit-config/read.ts';

/** Where Fluent Bit sets aside what a destination refused (flb_storage.c). */
export function rejectedFolderOf(fluentBit: FluentBitConfig | undefined, stateFile: string): string {
  const service = fluentBit === undefined ? undefined : serviceOf(fluentBit);
  const path = service?.get('storage.path');
  if (path === undefined) return usualRejectedFolder(stateFile);
  return join(path, service?.get('storage.rejected.path') ?? 'rejected');
}
