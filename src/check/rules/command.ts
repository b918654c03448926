import { error, ok, warning, type Finding } from '../finding.ts';
import type { Input } from '../facts/input.ts';
import { valueOf } from '../fluent-bit-config/model.ts';
import { soundCommand } from './suggested-command.ts';

/** Whether the command does what an input needs: polls once, remembers, and takes signals itself. */
export function checkCommand(input: Input): Finding[] {
  const { command, call, options, refusal } = input;
  const { at } = command;
  const fix = soundCommand(input);
  const findings: Finding[] = [];
  if (refusal !== undefined) {
    findings.push(
      error('command-options', `the program refuses its options: ${refusal}`, {
        at,
        impact: 'each run ends at once, and nothing is collected',
        command: 'fetch-activity-logs --help',
      }),
    );
  }
  const { runs: name } = input;
  if (name !== 'collect') {
    findings.push(
      error('command-name', `"${name}" is not what an input is for`, {
        at,
        impact: name === 'follow' ? 'it never ends, and Fluent Bit waits for its end' : 'nothing is collected',
        fix,
      }),
    );
  }
  if (options['peek'] === true) {
    findings.push(
      error('command-peek', '--peek remembers nothing', {
        at,
        impact: 'the same events come again and again, and what happens between two runs may be missing',
        fix,
      }),
    );
  }
  if (!call.hasExec && call.isAlone) {
    findings.push(
      warning('command-exec', 'without exec, a shell stands between Fluent Bit and the script', {
        at,
        impact: 'signals may reach the shell alone, and the script does not end in good order',
        fix,
      }),
    );
  }
  if (!call.isAlone) {
    findings.push(
      warning('command-shell', 'Command starts other programs as well', {
        at,
        impact: 'what they add, change or leave out, and the signals that they keep, no check sees',
        fix,
      }),
    );
  }
  return findings.length > 0
    ? findings
    : [ok('command', `${input.name} runs fetch-activity-logs${every(input)}`, { at })];
}

/** Of an interval that is none, the rules for timing speak. */
function every({ section, intervalSec }: Input): string {
  return /^[1-9]\d*$/.test(valueOf(section, 'interval_sec') ?? '') ? ` every ${intervalSec} s` : '';
}
