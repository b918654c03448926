import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { environmentOf } from '../../../src/check/facts/environment.ts';
import { rejectedFolderOf } from '../../../src/check/facts/rejected-folder.ts';
import { thisMachine } from '../../../src/check/facts/machine.ts';
import type { Service, Variable } from '../../../src/check/facts/service.ts';
import type { Section } from '../../../src/check/fluent-bit-config/model.ts';
import { configOf } from '../../helpers/fluent-bit-config.ts';

const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const machine = { ...thisMachine(), hostname: 'vm' };
const variables = (values: Readonly<Record<string, string>>): ReadonlyMap<string, Variable> =>
  new Map(
    Object.entries(values).map(([name, value]) => [
      name,
      { name, value, at: { file: '/f', line: 1 }, isPublic: false },
    ]),
  );

function serviceWith(made: Partial<Service>): Service {
  return {
    isThere: true,
    status: 'active (running)',
    isActive: true,
    needsReload: false,
    variables: new Map(),
    inUnits: [],
    environmentFiles: [],
    unread: new Map(),
    unreadable: [],
    missing: [],
    user: 'root',
    tokenFile: undefined,
    configFile: undefined,
    binary: undefined,
    ...made,
  };
}

describe('the environment of Fluent Bit', () => {
  const service = serviceWith({
    variables: variables({ A: 'service' }),
    unread: variables({ A: 'unread', U: 'unread' }),
  });
  const shell = { A: 'shell', S: 'shell', EMPTY: '' };

  it("is the service's, not this shell's, and says where else a variable is set", () => {
    const found = environmentOf(service, true, shell, machine);
    assert.deepEqual(found.variables, { HOSTNAME: 'vm', PATH, A: 'service' });
    assert.deepEqual([found.service, found.isKnown], [service, true]);
    assert.deepEqual(['U', 'S', 'EMPTY', 'NONE'].map(found.hint), [
      ' (it is set in /f, which the service does not read)',
      ' (it is set in this shell, which the service does not see)',
      '',
      '',
    ]);
  });

  it("is at least this shell's where the service's files cannot be read", () => {
    const found = environmentOf({ ...service, unreadable: ['/f'] }, true, { ...shell, PATH: '/x' }, machine);
    assert.deepEqual(found.variables, { ...shell, HOSTNAME: 'vm', PATH, A: 'service' });
    assert.equal(found.isKnown, false);
  });

  it("is this shell's without a service, and behind it that of the usual files", () => {
    const found = environmentOf(service, false, { ...shell, HOSTNAME: 'mine' }, machine);
    assert.deepEqual(found.variables, { ...shell, HOSTNAME: 'mine', PATH, U: 'unread' });
    assert.deepEqual([found.service, found.isKnown, found.hint('U')], [undefined, true, '']);
    assert.deepEqual(environmentOf(service, false, {}, machine).variables, {
      HOSTNAME: 'vm',
      PATH,
      A: 'service',
      U: 'unread',
    });
  });
});

describe('the folder of what a destination refused', () => {
  function folderWith(settings: Readonly<Record<string, string>>): string {
    const at = { file: 'main.conf', line: 1 };
    const entries = Object.entries(settings).map(([key, value]) => ({ key, value, raw: value, at }));
    const sections: Section[] = [{ kind: 'service', at, entries }];
    const config = configOf(sections);
    return rejectedFolderOf(config, '/state/s.json');
  }

  it('is below storage.path, or where it usually is', () => {
    assert.equal(folderWith({ 'storage.path': '/s' }), '/s/rejected');
    assert.equal(folderWith({ 'storage.path': '/s', 'storage.rejected.path': 'r' }), '/s/r');
    assert.equal(folderWith({ 'storage.rejected.path': 'r' }), rejectedFolderOf(undefined, '/state/s.json'));
    assert.equal(rejectedFolderOf(undefined, '/state/s.json'), '/state/storage/rejected');
  });
});
