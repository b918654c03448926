import { sectionsOf } from '../fluent-bit-config/read.ts';
import { valueOf, type FluentBitConfig, type Section } from '../fluent-bit-config/model.ts';

/** The outputs and filters that a tag reaches, in their order. */
export function routesOf(config: FluentBitConfig, tag: string, kind: 'output' | 'filter'): Section[] {
  const sections = sectionsOf(config, kind);
  const [only] = sections;
  // One input and one output find each other without a Match (flb_router.c; measured).
  if (kind === 'output' && sections.length === 1 && only !== undefined && sectionsOf(config, 'input').length === 1) {
    if (valueOf(only, 'match') === undefined && valueOf(only, 'match_regex') === undefined) return sections;
  }
  return sections.filter((section) => matches(section, tag));
}

function matches(section: Section, tag: string): boolean {
  const pattern = valueOf(section, 'match');
  const regex = valueOf(section, 'match_regex');
  if (pattern !== undefined && isMatch(pattern, tag)) return true;
  if (regex === undefined) return false;
  try {
    return new RegExp(regex).test(tag);
  } catch {
    return true; // Ruby's syntax: what JavaScript does not know is given the benefit of the doubt
  }
}

/** `*` stands for any text, also for none. */
export function isMatch(pattern: string, tag: string): boolean {
  const source = pattern
    .split('*')
    .map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, String.raw`\$&`))
    .join('.*');
  // Both are empty when the variable in both is not set.
  return pattern === '' ? tag === '' : new RegExp(`^${source}$`, 's').test(tag);
}
