import { error, ok, warning, type Finding } from './finding.ts';
import type { Input } from './input.ts';
import { lineIn } from './line.ts';
import { withoutSecrets } from './secrets.ts';

/** Whether the command does what an input needs: polls once, remembers, and takes signals itself. */
export function checkCommand(input: Input): Finding[] {
  const { command, call, fluentBit, options, refusal } = input;
  const { at } = command;
  const raw = withoutSecrets(command.raw);
  const findings: Finding[] = [];
  if (refusal !== undefined) {
    findings.push(
      error('command-options', `the program refuses its options: ${refusal}`, {
        at,
        cost: 'each run ends at once, and nothing is collected',
        run: 'fetch-activity-logs --help',
      }),
    );
  }
  const [name] = Array.isArray(options['_']) ? (options['_'] as unknown[]) : [];
  if (name !== undefined && name !== 'collect') {
    findings.push(
      error('command-name', `"${String(name)}" is not what an input is for`, {
        at,
        cost: name === 'follow' ? 'it never ends, and Fluent Bit waits for its end' : 'nothing is collected',
        write: lineIn(fluentBit, 'Command', raw.replace(` ${String(name)}`, '')),
      }),
    );
  }
  if (options['peek'] === true) {
    findings.push(
      error('command-peek', '--peek remembers nothing', {
        at,
        cost: 'the same events come again and again, and what happens between two runs may be missing',
        write: lineIn(fluentBit, 'Command', raw.replace(/ --peek\b/, '')),
      }),
    );
  }
  if (!call.hasExec && call.isAlone) {
    findings.push(
      warning('command-exec', 'Command without exec: a shell stands between', {
        at,
        cost: 'signals reach the shell and not the script, which cannot end in good order',
        write: lineIn(fluentBit, 'Command', `exec ${raw}`),
      }),
    );
  }
  if (!call.isAlone) {
    findings.push(
      warning('command-shell', 'Command starts other programs as well', {
        at,
        cost: 'what they add, change or leave out, and the signals that they keep, no check sees',
        write: lineIn(fluentBit, 'Command', `exec ${call.script} ${call.args.join(' ')}`.trim()),
      }),
    );
  }
  return findings.length > 0 ? findings : [ok('command', `${input.name} runs it every ${input.intervalSec} s`, { at })];
}
