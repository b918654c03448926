import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { checkAcknowledgement } from '../../../src/check/rules/acknowledgement.ts';
import { CALL, checkedInput, faultsIn, type Keys } from '../../helpers/checked-input.ts';

describe('the counters that a script reads', () => {
  const open = (address: string) => [`warning http-listen: HTTP_Listen ${address}`];
  const elsewhere = (asked: string, listens: string) => [
    `error ack-address: --ack-url is ${asked}, but Fluent Bit listens at ${listens}`,
  ];
  const cases: [url: string, service: Keys, found: readonly string[]][] = [
    ['http://localhost:2020', {}, []],
    ['http://[::1]:2020', { http_listen: '::1' }, []],
    ['http://127.0.0.1:2020', { http_listen: 'localhost' }, []],
    ['http://127.0.0.1', { http_port: '80' }, []],
    ['https://127.0.0.1', { http_port: '443' }, []],
    ['https://127.0.0.1', { http_port: '80' }, elsewhere('https://127.0.0.1', 'http://127.0.0.1:80')],
    ['http://127.0.0.1:2020', { http_port: undefined }, []],
    ['http://127.0.0.1:2021', { http_port: undefined }, elsewhere('http://127.0.0.1:2021', 'http://127.0.0.1:2020')],
    ['http://127.0.0.1:1', { http_listen: '*' }, [...elsewhere('http://127.0.0.1:1', 'http://127.0.0.1:2020'), ...open('*')]],
    ['http://127.0.0.1:2020', { http_listen: '10.0.0.5' }, elsewhere('http://127.0.0.1:2020', 'http://10.0.0.5:2020')],
    ['http://127.0.0.1:2020', { http_listen: undefined }, ['warning http-listen: HTTP_Listen is not set, and its default is 0.0.0.0']],
    ['http://127.0.0.1:2020', { http_listen: '0.0.0.0' }, open('0.0.0.0')],
    ['http://127.0.0.1:2020', { http_listen: '::' }, open('::')],
    ['http://127.0.0.1:2020', { http_listen: '*' }, open('*')],
    ['http://127.0.0.1:2020', { http_listen: '' }, open('')],
    ['http://127.0.0.1:2020', { http_server: 'Off', http_listen: '*' }, ['error http-server: HTTP_Server Off']],
    ['http://10.0.0.5:1', {}, []],
  ]; // prettier-ignore
  for (const [url, service, found] of cases) {
    it(`are at ${url} with ${JSON.stringify(service)}`, async () => {
      const input = { command: CALL.replace('http://127.0.0.1:2020', url) };
      assert.deepEqual(faultsIn(checkAcknowledgement(await checkedInput({ input, service }))), found);
    });
  }

  it('are those of its Alias, or of its place among the inputs', async () => {
    const named = async (alias: string | undefined, asked: string) =>
      checkAcknowledgement(await checkedInput({ input: { alias, command: CALL.replace('activity_log', asked) } })).map(
        ({ message, fix }) => [message, fix],
      );
    assert.deepEqual(await named('a', 'a'), [['a: delivery is confirmed by 127.0.0.1:2020', undefined]]);
    assert.deepEqual(await named('a', 'b'), [['Alias a does not match --ack-input b', '--ack-input a']]);
    assert.deepEqual(await named(undefined, 'exec.0'), [['exec.0: delivery is confirmed by 127.0.0.1:2020', undefined]]); // prettier-ignore
    assert.deepEqual(await named(undefined, 'b'), [
      ['the input has no Alias, but the script asks for the counter of b', 'Alias b'],
    ]);
  });

  it('are not asked for without --ack-url, which is said with what else is missing', async () => {
    const input = { command: '/opt/fluent-bit/scripts/fetch-activity-logs', alias: undefined };
    const found = checkAcknowledgement(await checkedInput({ input, service: { http_server: undefined } }));
    assert.deepEqual(faultsIn(found), [
      'error ack-url: delivery is not confirmed: --ack-url is missing',
      'error http-server: HTTP_Server is not set',
      'error ack-input: the input has no Alias, but the script asks for the counter of activity_log',
    ]);
  });

  it('are open to everybody also where the options are refused', async () => {
    const input = { command: `${CALL} --nonsense` };
    assert.deepEqual(faultsIn(checkAcknowledgement(await checkedInput({ input, service: { http_listen: '*' } }))), open('*')); // prettier-ignore
  });
});
