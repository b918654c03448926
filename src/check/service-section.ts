import { entriesOf, type Entry, type FluentBitConfig, type Section } from '../fluent-bit-config/model.ts';
import { sectionsOf } from '../fluent-bit-config/read.ts';

/** The [SERVICE] section into which a missing key is to be written. */
export function serviceSection(config: FluentBitConfig): Section | undefined {
  return sectionsOf(config, 'service').at(-1);
}

/** The entry of [SERVICE] that counts: of several, the last. */
export function serviceEntry(config: FluentBitConfig, key: string): Entry | undefined {
  return sectionsOf(config, 'service')
    .flatMap((section) => entriesOf(section, key))
    .at(-1);
}
