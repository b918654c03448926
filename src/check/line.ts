import type { FluentBitConfig } from '../fluent-bit-config/model.ts';

/** YAML takes these for something else when they stand without quotation marks, or begin a value. */
const YAML_SPECIAL = /^[\s&*!|>'"%@`#,[\]{}?:-]|: |\s#|\s$/;

/** A key and its value as a line of this configuration: `Buf_Size 2M`, or `buf_size: 2M` in YAML. */
export function lineIn({ format }: Pick<FluentBitConfig, 'format'>, key: string, value: string): string {
  if (format === 'classic') return `${key} ${value}`;
  return `${key.toLowerCase()}: ${YAML_SPECIAL.test(value) ? `'${value.replaceAll("'", "''")}'` : value}`;
}
