import { error, ok, warning, type Finding } from '../finding.ts';
import type { Input } from '../facts/input.ts';
import { valueOf } from '../fluent-bit-config/model.ts';
import { soundCommand } from './suggested-command.ts';

/** Whether the command does what an input needs: it polls once, keeps a state, and receives signals itself. */
export function checkCommand(input: Input): Finding[] {
  const { command, call, options, refusal } = input;
  const { at } = command;
  const fix = soundCommand(input);
  const findings: Finding[] = [];
  if (refusal !== undefined) {
    findings.push(
      ...error('command-options', `its options are invalid: ${refusal}`, {
        at,
        impact: 'every run ends at once, and nothing is collected',
        command: 'fetch-activity-logs --help',
      }),
    );
  }
  const { runs: name } = input;
  if (name !== 'collect') {
    findings.push(
      ...error('command-name', `"${name}" is not a command for an input`, {
        at,
        impact: name === 'follow' ? 'it never ends, and Fluent Bit waits for it' : 'nothing is collected',
        fix,
      }),
    );
  }
  if (options['peek'] === true) {
    findings.push(
      ...error('command-peek', '--peek does not keep a state', {
        at,
        impact: 'the same events are delivered again and again, and events between two runs may be missing',
        fix,
      }),
    );
  }
  if (!call.hasExec && call.isAlone) {
    findings.push(
      ...warning('command-exec', 'without exec, a shell runs between Fluent Bit and the script', {
        at,
        impact: 'signals may reach only the shell, so the script may not stop cleanly',
        fix,
      }),
    );
  }
  if (!call.isAlone) {
    findings.push(
      ...warning('command-shell', 'Command also starts other programs', {
        at,
        impact: 'check cannot see what they add, change, drop or do with signals',
        fix,
      }),
    );
  }
  return findings.length > 0
    ? findings
    : ok('command', `${input.name} runs fetch-activity-logs${every(input)}`, { at });
}

/** Empty for an invalid interval, which is a finding of checkTiming. */
function every({ section, intervalSec }: Input): string {
  return /^[1-9]\d*$/.test(valueOf(section, 'interval_sec') ?? '') ? ` every ${intervalSec} s` : '';
}
