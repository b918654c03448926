import type { Section } from '../fluent-bit-config/model.ts';
import { error, type Finding } from './finding.ts';

/** What a tutorial leaves to the reader: `<TAG_NAME>`. */
const PLACEHOLDER = /<[A-Za-z][\w -]*>/;

/** Whether something was copied and not filled in. */
export function checkPlaceholders(sections: readonly Section[]): Finding[] {
  return sections
    .flatMap(({ entries }) => entries)
    .flatMap(({ key, raw, at }) => {
      const found = key === 'command' || key.endsWith('regex') ? null : PLACEHOLDER.exec(raw);
      if (found === null) return [];
      return [
        error('placeholder', `${key} still holds ${found[0]}`, {
          at,
          cost: 'the events go nowhere',
          write: raw.replace(found[0], 'your own value'),
        }),
      ];
    });
}
