import assert from 'node:assert/strict';
import { cpSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { Machine, SCRIPT, SHELLS } from './machine.ts';

const KEY_FILE = 'usr/share/keyrings/nodesource.asc';
const LIST_FILE = 'etc/apt/sources.list.d/nodesource.list';

for (const shell of SHELLS) {
  describe(`Node.js and install.sh with ${shell.join(' ')}`, () => {
    let machine: Machine;
    beforeEach(() => {
      machine = new Machine(shell);
    });
    afterEach(() => {
      machine.remove();
    });

    /** Puts the stand-in for Node somewhere else. */
    const moveNode = (to: string): string => {
      const file = join(machine.folder, to);
      mkdirSync(dirname(file), { recursive: true });
      cpSync(join(machine.bin, 'node'), file);
      rmSync(join(machine.bin, 'node'));
      return file;
    };
    const refusal = (stderr: string): string => /^install\.sh: error: (.*)$/m.exec(stderr)?.[1] ?? '';
    const firstLine = (): string => machine.read(SCRIPT).split('\n')[0] ?? '';

    it('takes 20.18.1 and newer', () => {
      for (const version of ['v20.18.1', 'v20.19.0', 'v21.0.0', 'v22.11.0-nightly', 'v100.0.0']) {
        machine.set('node-version', version);
        assert.equal(machine.install('--dry-run').status, 0, version);
      }
      for (const version of ['v20.18.0', 'v20.9.9', 'v18.20.8', 'v9.11.2', 'v20', '', 'no version']) {
        machine.set('node-version', version);
        assert.match(refusal(machine.install('--dry-run').stderr), /^no Node\.js 20\.18\.1 or newer \(/, version);
      }
    });

    it('says how to set up the repository where neither PATH nor the distribution has one', () => {
      machine.set('node-version', 'v18.19.1');
      machine.set('node-candidate', '18.19.1+dfsg-6ubuntu5');
      const before = machine.snapshot();
      const { status, stderr } = machine.install();
      assert.equal(status, 1);
      assert.match(refusal(stderr), /\(\S+\/bin\/node is v18\.19\.1; .*--setup-node, which does:$/);
      const commands = stderr.split('\n').filter((line) => line.startsWith('  '));
      assert.equal(commands.length, 3);
      assert.deepEqual(
        commands.map((line) => line.trim().split(' ').slice(0, 2).join(' ')),
        ['sudo curl', "echo 'deb", 'sudo apt-get'],
      );
      assert.deepEqual(machine.snapshot(), before);
    });

    it('does not take one from a home folder or a snap', () => {
      const nvm = moveNode('home/alice/.nvm/versions/node/v22/bin/node');
      const env = { PATH: `${dirname(nvm)}:${machine.bin}`, SUDO_USER: 'alice' };
      assert.match(refusal(machine.run([], { env }).stderr), /lies in a home folder \(nvm\?\), which the service/);
      assert.match(refusal(machine.run(['--node', nvm], { env }).stderr), /lies in a home folder/);
      symlinkSync(nvm, join(machine.bin, 'node'));
      const linked = machine.run([], { env: { SUDO_USER: 'alice' } });
      assert.match(refusal(linked.stderr), new RegExp(`${machine.bin}/node lies in a home folder`));
      assert.match(refusal(machine.run(['--node', '/snap/bin/node']).stderr), /belongs to a snap/);
      assert.match(refusal(machine.run(['--node', '/home/bob/node']).stderr), /lies in a home folder/);
    });

    it('passes over one that will not do', () => {
      const env = { PATH: `${machine.folder}/home/alice/bin:${machine.bin}`, SUDO_USER: 'alice' };
      const file = join(machine.folder, 'home/alice/bin/node');
      mkdirSync(dirname(file), { recursive: true });
      cpSync(join(machine.bin, 'node'), file);
      assert.equal(machine.run(machine.values(), { env }).status, 0);
      assert.equal(firstLine(), `#!${machine.bin}/node`);
    });

    it('refuses a --node that cannot be the first line of a script, or does not run', () => {
      for (const [node, why] of [
        ['node', /--node node: is no path from the root without blanks/],
        ['/opt/my node/bin/node', /--node \/opt\/my node\/bin\/node: is no path from the root without blanks/],
        ['/nowhere/node', /does not run$/],
      ] as const) {
        assert.match(refusal(machine.run(['--node', node]).stderr), why);
      }
    });

    it('stays with the one that it was given', () => {
      const other = moveNode('opt/node22/bin/node');
      machine.install('--node', other);
      assert.equal(firstLine(), `#!${other}`);
      assert.equal(machine.run(['--check']).status, 0);
    });

    it("installs the distribution's when that is new enough", () => {
      for (const candidate of ['20.19.2+dfsg-1', '1:22.12.0~dfsg-3']) {
        moveNode('knobs/node-to-come');
        machine.set('node-candidate', candidate);
        assert.match(machine.install('--dry-run').stdout, /^would be run: apt-get install -y nodejs$/m);
        const { status, calls } = machine.install();
        assert.equal(status, 0);
        assert.deepEqual(calls[0], 'apt-get install -y nodejs');
        assert.equal(firstLine(), `#!${machine.bin}/node`);
        machine.run(['--uninstall', '--purge']);
      }
    });

    it("sets up NodeSource's repository when it is told to", () => {
      moveNode('knobs/node-to-come');
      const before = machine.snapshot();
      const dry = machine.install('--setup-node', '--dry-run');
      assert.match(dry.stdout, /^would be installed: \/etc\/apt\/sources\.list\.d\/nodesource\.list$/m);
      assert.deepEqual([...dry.calls, ...machine.snapshot()], before);

      const { status, calls } = machine.install('--setup-node');
      assert.equal(status, 0);
      assert.deepEqual(
        calls.slice(0, 3).map((call) => call.split(' ').slice(0, 2).join(' ')),
        ['curl -fsSL', 'apt-get update', 'apt-get install'],
      );
      assert.match(machine.read(LIST_FILE), /^deb \[signed-by=\/usr\/share\/keyrings\/nodesource\.asc\] https:/);
      assert.deepEqual([machine.mode(LIST_FILE), machine.mode(KEY_FILE)], ['644', '644']);
    });

    it('leaves no half of a repository behind', () => {
      moveNode('knobs/node-to-come');
      const before = machine.snapshot();
      for (const fails of ['update', 'install -y nodejs']) {
        machine.set('apt-fails', fails);
        const { status, stderr } = machine.install('--setup-node');
        assert.equal(status, 1);
        assert.match(refusal(stderr), /^apt-get (update|install) failed$/);
        assert.deepEqual(machine.snapshot(), before);
      }
      machine.standIn('curl', 'exit 22');
      assert.equal(machine.install('--setup-node').status, 1);
      assert.deepEqual(machine.snapshot(), before);
      machine.without('curl');
      assert.match(refusal(machine.install('--setup-node').stderr), /needs curl: apt-get install -y curl/);
    });

    it('says so when the package brings none that will do', () => {
      moveNode('knobs/node-to-come');
      machine.set('node-candidate', '20.19.2');
      machine.set('node-version', 'v18.0.0');
      assert.match(refusal(machine.install().stderr), /^nodejs was installed, and still there is no .* \(\S+ is v18/);
    });
  });
}
