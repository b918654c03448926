import type { FluentBitConfig } from '../fluent-bit-config/model.ts';
import { error, fatal, type Finding, lineIn } from '../finding.ts';
import type { EventInput, Input } from '../facts/input.ts';
import { shippedCommand } from './suggested-command.ts';

/** Whether inputs disturb each other: two of ours, or ours and the tutorial's fetcher. */
export function checkTogether(inputs: readonly Input[], python: readonly EventInput[]): Finding[] {
  return [...sharedStates(inputs), ...(inputs.length > 0 ? python.flatMap(beside) : [])];
}

function sharedStates(inputs: readonly Input[]): Finding[] {
  const first = new Map<string, Input>();
  return inputs.flatMap((input) => {
    const { config, command, fluentBit, name } = input;
    if (config === undefined) return [];
    const other = first.get(config.stateFile);
    first.set(config.stateFile, other ?? input);
    if (other === undefined) return [];
    return error('state-shared', `${name} uses the state file of ${other.name}, ${config.stateFile}`, {
      at: command.at,
      impact: 'they cannot poll at the same time, and each takes the pending lines of the other for its own',
      fix: lineIn(fluentBit, 'Command', `… --state-file ${config.stateFile.replace(/(\.json)?$/, '_2.json')}`),
    });
  });
}

function beside({ command }: EventInput): Finding[] {
  return error('python', 'the Python fetcher is still running as well', {
    at: command.at,
    impact: 'every event is delivered twice, and it overwrites the state, so missed events are never fetched',
    fix: 'delete this [INPUT] section',
  });
}

/** The finding for a configuration that does not run this program at all. */
export function checkAbsence(python: readonly EventInput[], config: FluentBitConfig): [Finding] {
  const [first] = python;
  if (first === undefined) {
    return fatal('input', 'no exec input runs fetch-activity-logs', {
      at: { file: config.file },
      fix: config.format === 'classic' ? '@INCLUDE activity-log.conf' : shippedCommand(config),
    });
  }
  return error('input', 'the input runs the Python fetcher, not fetch-activity-logs', {
    at: first.command.at,
    impact: 'it loses events when a contract fails, a page is cut off or Fluent Bit drops lines',
    fix: shippedCommand(config),
  });
}
