import assert from 'node:assert/strict';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { MAIN, Machine, SHELLS, service, whereIs, type Result } from './machine.ts';

/** Fails when it is called for the time that `knobs/fail-at` says, once; else it is the real one. */
const failing = (real: string): string => `
count=$(($(knob count 0) + 1))
echo "$count" >"$knobs/count"
if [ "$count" = "$(knob fail-at 0)" ]; then echo "\${0##*/}: no space left" >&2; exit 1; fi
exec ${real} "$@"`;

const WRITERS = ['chmod', 'cp', 'mkdir', 'mv', 'rm'] as const;

/** Left out, since one file more or less makes no other steps. */
const SUPERFLUOUS = ['cloudscale', 'outputs/forward', 'outputs/kafka', 'outputs/loki'];

/** A machine where each call that changes something can be made to fail. */
function fragile(shell: readonly string[]): Machine {
  const machine = new Machine(shell);
  for (const name of SUPERFLUOUS) machine.ship(`fluent-bit/${name}.conf`, undefined);
  for (const tool of WRITERS) {
    const real = whereIs(tool);
    if (real !== undefined) machine.standIn(tool, failing(real));
  }
  return machine;
}

for (const [index, shell] of SHELLS.entries()) {
  describe(`failures of install.sh with ${shell.join(' ')}`, () => {
    let machine: Machine;
    beforeEach(() => {
      machine = fragile(shell);
    });
    afterEach(() => {
      machine.remove();
    });

    /** Makes one step after the other fail; the second shell tries every seventh. Returns how many there were. */
    const eachStep = (run: () => Result): number => {
      const stride = index === 0 ? 1 : 7;
      for (let step = 1; ; step += stride) {
        const before = machine.snapshot();
        machine.set('count', '0');
        machine.set('fail-at', `${step}`);
        const result = run();
        machine.set('fail-at', '0');
        if (result.status === 0) return step;
        assert.equal(result.status, 1);
        assert.deepEqual(machine.snapshot(), before, `step ${step}: ${result.stderr}`);
        assert.match(result.stderr, /^install\.sh: error: .*no space left$/m, `step ${step}`);
        if (result.stdout !== '') assert.match(result.stderr, /everything was restored$/m);
      }
    };

    it('put everything back, whichever step of an installation it is', () => {
      const options = machine.values();
      const steps = eachStep(() => machine.run(options));
      assert.ok(steps > 30);
      assert.equal(machine.run(['--check']).status, 0);
    });

    it('put everything back, whichever step of a removal it is', () => {
      machine.install();
      const steps = eachStep(() => machine.run(['--uninstall', '--purge']));
      assert.ok(steps > 15);
    });

    it('that come with the restart put the configuration back and start the old one', () => {
      for (const [knob, value] of [
        ['systemctl-fails', 'restart fluent-bit'],
        ['after-restart', 'activating'],
        ['crashes', '3'],
      ] as const) {
        const before = machine.snapshot();
        machine.set(knob, value);
        const result = machine.install();
        machine.unset(knob);
        machine.set('active', 'active');
        assert.equal(result.status, 1);
        assert.deepEqual(machine.snapshot(), before);
        assert.deepEqual(service(result), [
          'systemctl daemon-reload',
          'systemctl restart fluent-bit',
          'systemctl daemon-reload',
          'systemctl restart fluent-bit',
        ]);
      }
    });

    it('that come with the first start leave the service stopped and disabled, as it was', () => {
      machine.set('active', 'inactive');
      machine.set('enabled', 'disabled');
      machine.set('systemctl-fails', 'restart fluent-bit');
      assert.deepEqual(service(machine.install()).slice(3), [
        'systemctl --quiet disable fluent-bit',
        'systemctl daemon-reload',
        'systemctl stop fluent-bit',
      ]);
    });

    it('leave what the service has written meanwhile', () => {
      machine.set('writes-state', '');
      machine.set('crashes', '1');
      assert.match(machine.install().stderr, /everything was restored$/m);
      assert.equal(machine.mode('var/lib/fluent-bit'), '700');
      assert.ok(machine.has('var/lib/fluent-bit/written'));
    });

    it('put an upgrade back, too', () => {
      machine.install();
      const before = machine.snapshot();
      machine.ship('fluent-bit/outputs/ionos.conf', '# newer\n', 'append');
      machine.ship('fetch-activity-logs', '# newer\n', 'append');
      machine.set('refuses', 'no');
      assert.equal(machine.run(['--tag', 'other']).status, 1);
      assert.deepEqual(machine.snapshot(), before);
    });

    it('keep a removal from happening that Fluent Bit would not survive', () => {
      machine.install();
      const before = machine.snapshot();
      machine.set('refuses', 'no such plugin');
      const result = machine.run(['--uninstall']);
      assert.match(result.stderr, /refuses the configuration: .*no such plugin$/m);
      assert.deepEqual(machine.snapshot(), before);
    });

    it('of a signal in mid-run put everything back', () => {
      const dryRun = `fluent-bit -c ${join(machine.root, MAIN)} --dry-run`;
      for (const [signal, status] of [
        ['TERM', 143],
        ['INT', 130],
        ['HUP', 129],
      ] as const) {
        const before = machine.snapshot();
        const result = machine.interrupt(machine.values(), signal, dryRun);
        assert.equal(result.status, status);
        assert.match(result.stderr, /everything was restored$/m);
        assert.deepEqual(service(result), []);
        assert.deepEqual(machine.snapshot(), before);
      }
      const { calls } = machine.interrupt(machine.values(), 'INT', 'systemctl restart fluent-bit');
      assert.equal(calls.filter((call) => call === 'systemctl restart fluent-bit').length, 2, 'the old one, too');
    });

    it('of a reader that left put everything back', () => {
      const head = whereIs('head') ?? 'head';
      const [program = 'sh', ...rest] = shell;
      const inner = [whereIs(program) ?? program, ...rest].join(' ');
      for (const lines of [1, 5, 9]) {
        const before = machine.snapshot();
        const through = ['sh', '-c', `${inner} "$@" 2>&1 | ${head} -n ${lines}`, 'sh'];
        const options = ['--destdir', machine.root, '--live', ...machine.values()];
        const { calls } = machine.runFrom(machine.release, options, { through });
        assert.deepEqual(machine.snapshot(), before);
        assert.ok(!calls.includes('systemctl restart fluent-bit'));
      }
    });

    it('of kill -9 or of the power are undone by the next run, before it begins', () => {
      const options = machine.values();
      const whole = (): string[] => machine.snapshot().filter((line) => !line.includes('activity-log.installed'));
      machine.run(options);
      const installed = whole();
      machine.run(['--uninstall', '--purge']);
      const before = machine.snapshot();
      for (const at of [`fluent-bit -c ${join(machine.root, MAIN)} --dry-run`, 'systemctl restart fluent-bit']) {
        assert.equal(machine.interrupt(options, 'KILL', at).status, null);
        assert.notDeepEqual(machine.snapshot(), before);
        assert.equal(machine.run(['--check']).status, 1);
        const next = machine.run(options);
        assert.match(next.stdout, /^an earlier run was interrupted: undoing it first$/m);
        assert.ok(service(next).includes('systemctl restart fluent-bit'));
        assert.deepEqual(whole(), installed);

        machine.interrupt(['--uninstall', '--purge'], 'KILL', at);
        assert.equal(machine.run(['--uninstall', '--purge']).status, 0);
        assert.deepEqual(machine.snapshot(), before);
      }
    });
  });
}
