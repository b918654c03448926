import { entryOf, valueOf } from '../fluent-bit-config/model.ts';
import { ok, warning, type Finding, lineIn } from '../finding.ts';
import type { EventInput } from '../facts/input.ts';
import { findScriptCall } from '../facts/shell-command.ts';
import { checkKeys } from './key-rules.ts';
import { ENV_FILE } from '../facts/paths.ts';

const SHIPPED_INTERVAL = '300';
/** The suggested deadline as a part of the interval, which leaves time for the last acknowledgement. */
const DEADLINE_PART = 0.8;

/** Whether runs have time between them and block nothing else. */
export function checkTiming(input: EventInput): Finding[] {
  const intervals = interval(input);
  const deadlines = isInterval(input) ? deadline(input) : [];
  const switches = checkKeys(['Oneshot', 'Exit_After_Oneshot', 'Threaded'], input.section, input.fluentBit);
  const findings = [...intervals, ...switches, ...deadlines];
  if (findings.length > 0) return findings;
  const seconds = (input.config?.deadlineMs ?? 0) / 1000;
  const what = input.config === undefined ? 'in its own thread' : `in its own thread, for at most ${seconds} s`;
  return ok('timing', `${input.name}: each run is ${what}`, { at: input.section.at });
}

function interval({ section, intervalSec, fluentBit }: EventInput): Finding[] {
  const entry = entryOf(section, 'interval_sec');
  const fix = lineIn(fluentBit, 'Interval_Sec', SHIPPED_INTERVAL);
  const impact = `it runs every ${intervalSec} s, and the API may answer with 429`;
  if (entry === undefined) return warning('interval', 'Interval_Sec is not set', { at: section.at, impact, fix });
  // An empty value comes from an unset variable, which is a finding already.
  if (entry.value === '' || isInterval({ section })) return [];
  return warning('interval', `Interval_Sec "${entry.value}" is not a number of seconds`, { at: entry.at, impact, fix });
}

function isInterval({ section }: Pick<EventInput, 'section'>): boolean {
  const value = valueOf(section, 'interval_sec') ?? '';
  return /^\d+$/.test(value) && Number(value) > 0;
}

function deadline({ section, command, config, intervalSec }: EventInput): Finding[] {
  if (config === undefined || config.deadlineMs < intervalSec * 1000) return [];
  const entry = entryOf(section, 'interval_sec');
  const seconds = Math.max(1, Math.floor(intervalSec * DEADLINE_PART));
  const isOption = findScriptCall(command.value)?.args.some((word) => /^--deadline(=|$)/.test(word));
  return warning(
    'deadline',
    `a run may take ${config.deadlineMs / 1000} s, but the next one starts after ${intervalSec} s`,
    {
      at: isOption === true ? command.at : (entry?.at ?? command.at),
      impact: 'runs follow each other without a pause, and stopping Fluent Bit always interrupts one',
      // An option wins over its variable.
      fix: isOption === true ? `--deadline ${seconds}s` : `ACTIVITY_LOG_DEADLINE=${seconds}s in ${ENV_FILE}`,
    },
  );
}
