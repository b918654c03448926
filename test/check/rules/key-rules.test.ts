import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { checkKeys } from '../../../src/check/rules/key-rules.ts';
import { configOf } from '../../helpers/fluent-bit-config.ts';
import { sectionOf } from '../../helpers/checked-input.ts';

describe('a value that Fluent Bit would take, but that costs events:', () => {
  const cases: [key: Parameters<typeof checkKeys>[0][number], sound: (string | undefined)[], unsound: (string | undefined)[]][] = [
    ['Threaded', ['on', 'True', 'yes'], [undefined, 'off', '1']],
    ['Oneshot', [undefined, 'off', 'False'], ['on']],
    ['Retry_Limit', ['no_limits', 'FALSE', 'off'], [undefined, '', '100', 'no_retries', 'no_limits_at_all', 'x off']],
    ['storage.total_limit_size', ['50M', '50000000', '1G'], [undefined, '49999999', '49M', 'x']],
    ['storage.path', ['/x', ''], [undefined]],
    ['Host', ['h'], [undefined]],
    ['tls.verify', [undefined, 'on', 'x'], ['off', 'No']],
    ['tls.verify_hostname', ['on'], [undefined, 'off']],
    ['Format', ['json', 'JSON'], [undefined, 'msgpack']],
    ['rdkafka.message.timeout.ms', ['0'], [undefined, '1', '300000']],
    ['Shared_Key', ['k'], [undefined]],
  ]; // prettier-ignore
  for (const [key, sound, unsound] of cases) {
    it(key, () => {
      const isRight = (value: string | undefined): boolean =>
        checkKeys([key], sectionOf('output', { [key.toLowerCase()]: value }), configOf([])).length === 0;
      assert.deepEqual([sound, unsound].map((values) => values.map(isRight)), [sound.map(() => true), unsound.map(() => false)]); // prettier-ignore
    });
  }
});
