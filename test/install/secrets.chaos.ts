import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { DROP_INS, KEY, MAIN, Machine, SHELLS, TOKEN, whereIs } from './machine.ts';
import { TOOLS } from './stand-ins.ts';

const OTHER_KEY = 'key-of-the-tutorial';

const TUTORIAL = `[INPUT]
    Name    exec
    Command python3 /opt/fluent-bit/scripts/fetch_activity_logs.py
    Tag     audit
[OUTPUT]
    Name   http
    Match  audit
    URI    /audit
    Host   abc.logging.de-txl.ionos.com
    Header APIKEY ${OTHER_KEY}
`;

/**
 * In the place of each tool that install.sh calls: writes down its arguments and its environment, and each file below
 * the root that others can read and that holds one of the secrets at that moment.
 */
const watcher = (real: string): string => `
{ echo "${real} $*"; /usr/bin/env; } >>"$knobs/seen"
/usr/bin/find "$root" -type f -perm /044 -exec /usr/bin/grep -lF -e ${TOKEN} -e '${KEY}' {} + >>"$knobs/readable"
exec ${real} "$@"`;

for (const shell of SHELLS) {
  describe(`secrets and install.sh with ${shell.join(' ')}`, () => {
    let machine: Machine;
    beforeEach(() => {
      machine = new Machine(shell);
    });
    afterEach(() => {
      machine.remove();
    });

    const knob = (name: string): string => {
      const file = join(machine.folder, 'knobs', name);
      return statSync(file, { throwIfNoEntry: false }) === undefined ? '' : readFileSync(file, 'utf8');
    };

    it('shows them at no moment: not as an argument, not in the output, not in a file that others can read', () => {
      for (const tool of TOOLS.filter((name) => name !== 'sh')) {
        const real = whereIs(tool);
        if (real !== undefined) machine.standIn(tool, watcher(real));
      }
      const said: string[] = [];
      for (const options of [[], ['--tag', 'other'], ['--uninstall'], ['--uninstall', '--purge']]) {
        const result = options.includes('--uninstall') ? machine.run(options) : machine.install(...options);
        assert.equal(result.status, 0);
        said.push(result.stdout, result.stderr);
      }
      machine.set('refuses', 'whatever');
      said.push(machine.install().stderr);
      const seen = knob('seen');
      assert.ok(seen.split('\n').length > 1000);
      for (const secret of [TOKEN, KEY]) {
        assert.ok(!seen.includes(secret));
        assert.ok(!said.join('').includes(secret));
      }
      assert.equal(knob('readable'), '');
    });

    it("moves the key out of the tutorial's block, which others can read", () => {
      machine.write(MAIN, TUTORIAL, 0o644);
      machine.run(['--token-file', '-'], { input: TOKEN });
      const readable = machine.snapshot().filter((line) => line.includes(' 644 '));
      assert.ok(readable.length > 6);
      for (const line of readable) {
        assert.doesNotMatch(machine.read((line.split(' ')[0] ?? '').slice(1)), new RegExp(`${OTHER_KEY}|${TOKEN}`));
      }
    });

    it('tightens files that were open', () => {
      machine.install();
      for (const path of ['etc/fluent-bit/activity-log.env', 'etc/fluent-bit/activity-log.token']) {
        machine.write(path, machine.read(path), 0o644);
        machine.run();
        assert.equal(machine.mode(path), '600');
      }
    });

    it('points out a token that the unit shows to everybody, and none in a file', () => {
      machine.write('etc/default/fluent-bit', `IONOS_API_TOKEN=${TOKEN}\n`, 0o600);
      assert.equal(machine.install().stderr, '');
      machine.write(`${DROP_INS}/override.conf`, `[Service]\nEnvironment="OTHER=1" "IONOS_API_TOKEN=${TOKEN}"\n`);
      assert.match(
        machine.install().stderr,
        /every local user can read IONOS_API_TOKEN in \S+override\.conf with systemctl show/,
      );
    });
  });
}
