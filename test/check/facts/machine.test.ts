import assert from 'node:assert/strict';
import { chmodSync, chownSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { it, type TestContext } from 'node:test';
import {
  READ,
  SEARCH,
  WRITE,
  accessError,
  isForbidden,
  isMountPoint,
  mayUser,
  pathOn,
  thisMachine,
  type Machine,
} from '../../../src/check/facts/machine.ts';
import { temporaryFolder } from '../../helpers/temporary-folder.ts';

it('root may read everything, by name or by number, and another user by the modes', async (t) => {
  const machine = { ...thisMachine(), root: await temporaryFolder(t) };
  mkdirSync(join(machine.root, 'etc'));
  writeFileSync(join(machine.root, 'etc/passwd'), 'root:x:0:0::/root:/bin/sh\nfluent:x:4242:4242::/:/bin/false\n');
  const file = join(machine.root, 'token');
  writeFileSync(file, '');
  chmodSync(file, 0);
  const may = ['root', '0', 'fluent', 'somebody'].map((user) => mayUser(user, READ, file, machine));
  assert.deepEqual(may, [true, true, false, undefined]);
});

/** With a user fluent, 4242, of the group 4243, which is also in the group logs, 4244; with a file and its folder. */
async function machineWithUser(t: TestContext): Promise<{ machine: Machine; folder: string; file: string }> {
  const machine = { ...thisMachine(), root: await temporaryFolder(t) };
  const folder = join(machine.root, 'folder');
  const file = join(folder, 'file');
  for (const path of [join(machine.root, 'etc'), folder]) mkdirSync(path);
  writeFileSync(join(machine.root, 'etc/passwd'), 'a:x:1:1::/:/x\nfluent:x:4242:4243::/:/x\n');
  writeFileSync(join(machine.root, 'etc/group'), 'fluent:x:4243:\nlogs:x:4244:adm,fluent\nother:x:4245:myfluent,a\n');
  writeFileSync(file, '');
  return { machine, folder, file };
}

const isRoot = process.getuid?.() === 0;

it(
  'a user has the rights of the owner, of a group or of the others, whatever the next has',
  { skip: isRoot ? false : 'only root can give files away (sudo npm test)' },
  async (t) => {
    const { machine, file } = await machineWithUser(t);
    for (const [uid, gid, mode, mayRead, mayWrite] of [
      [4242, 0, 0o400, true, false],
      [4242, 4243, 0o077, false, false],
      [0, 4243, 0o060, true, true],
      [0, 4244, 0o040, true, false],
      [0, 4244, 0o707, false, false],
      [0, 4245, 0o040, false, false],
      [0, 4245, 0o006, true, true],
      [0, 0, 0o770, false, false],
    ] as const) {
      chownSync(file, uid, gid);
      chmodSync(file, mode);
      for (const name of ['fluent', '4242']) {
        const may = [READ, WRITE, READ | WRITE].map((wanted) => mayUser(name, wanted, file, machine));
        assert.deepEqual(may, [mayRead, mayWrite, mayRead && mayWrite], `${name} ${uid}:${gid} ${mode.toString(8)}`);
      }
    }
  },
);

it('a user needs a way through all folders, up to the root of the machine', async (t) => {
  const { machine, folder, file } = await machineWithUser(t);
  chmodSync(file, 0o644);
  chmodSync(machine.root, 0o700);
  for (const [mode, may] of [
    [0o755, true],
    [0o711, true],
    [0o744, false],
    [0o700, false],
  ] as const) {
    chmodSync(folder, mode);
    assert.equal(mayUser('fluent', READ, file, machine), may, mode.toString(8));
    assert.equal(mayUser('fluent', SEARCH, folder, machine), (mode & SEARCH) !== 0);
  }
});

it('a path of the machine is below its root', () => {
  assert.equal(pathOn({ ...thisMachine(), root: '/' }, '/etc/x'), '/etc/x');
  assert.equal(pathOn({ ...thisMachine(), root: '/srv/m' }, '/etc/x'), '/srv/m/etc/x');
});

it('an error of access is told by its code', async (t) => {
  const { file } = await machineWithUser(t);
  assert.equal(accessError(file), undefined);
  assert.equal(accessError(`${file}x`), 'ENOENT');
  assert.ok(!isForbidden(file) && !isForbidden(`${file}x`));
});

it('a mount point may be a file, and have blanks', async (t) => {
  const machine = { ...thisMachine(), root: await temporaryFolder(t) };
  assert.equal(isMountPoint(join(machine.root, 'a'), machine), false, 'where nothing is known');
  mkdirSync(join(machine.root, 'proc/self'), { recursive: true });
  const text = '36 35 98:0 /mnt1 /a\\040b rw,noatime - ext3 /dev/root rw\n37 35 98:0 / /c rw - ext3 /d rw\n';
  writeFileSync(join(machine.root, 'proc/self/mountinfo'), text);
  const names = ['a b', 'a\\040b', 'c', 'd', 'mnt1'].map((name) => isMountPoint(join(machine.root, name), machine));
  assert.deepEqual(names, [true, false, true, false, false]);
});
