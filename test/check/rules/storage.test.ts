import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { checkStorage } from '../../../src/check/rules/storage.ts';
import { checkedInput, faultsIn, type Keys } from '../../helpers/checked-input.ts';

describe('the storage of an input', () => {
  for (const [path, isEmptied] of [
    ['/tmp', true],
    ['/tmp/x', true],
    ['/run/x', true],
    ['/var/run/x', true],
    ['/dev/shm', true],
    ['/tmpfs', false],
    ['/srv/tmp', false],
    ['/var/tmp', false],
    ['/dev/shared', false],
  ] as const) {
    it(`under ${path} is ${isEmptied ? '' : 'not '}emptied when the machine starts`, async () => {
      const found = faultsIn(checkStorage(await checkedInput({ service: { 'storage.path': path } })));
      const message = `warning storage-path: storage.path ${path} is emptied when the machine starts`;
      assert.deepEqual(found, isEmptied ? [message] : []);
    });
  }

  const memory = ['error storage-type: storage.type is not set, and its default is memory'];
  const cases: [name: string, input: Keys, service: Keys, found: readonly string[]][] = [
    ['in capitals', { 'storage.type': 'FileSystem' }, {}, []],
    ['inherited', { 'storage.type': undefined }, { 'storage.type': 'filesystem', 'storage.inherit': 'on' }, []],
    ['not inherited', { 'storage.type': undefined }, { 'storage.type': 'filesystem' }, memory],
    ['its own, whatever it could inherit', { 'storage.type': 'memory' }, { 'storage.type': 'filesystem', 'storage.inherit': 'on' }, ['error storage-type: storage.type memory']],
    ['without a limit of memory', { 'storage.type': undefined, 'mem_buf_limit': '0' }, {}, memory],
    ['with a limit of memory', { 'storage.type': undefined, 'mem_buf_limit': '1' }, {}, [...memory, 'error mem-buf-limit: Mem_Buf_Limit 1']],
    ['with a limit that has no effect', { mem_buf_limit: '0' }, {}, ['warning mem-buf-limit: Mem_Buf_Limit 0 has no effect with filesystem storage']],
    ['that does not pause', { 'storage.pause_on_chunks_overlimit': 'off' }, {}, []],
  ]; // prettier-ignore
  for (const [name, input, service, found] of cases) {
    it(`may be ${name}`, async () => {
      assert.deepEqual(faultsIn(checkStorage(await checkedInput({ input, service }))), found);
    });
  }

  it('is named where it is in order', async () => {
    const [finding] = checkStorage(await checkedInput());
    assert.equal(finding?.message, 'activity_log: events are buffered on disk, under /srv/storage');
  });
});
