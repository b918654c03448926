import { existsSync } from 'node:fs';
import type { Config } from '../config/config.ts';
import type { Options } from '../config/settings.ts';
import { ancestorsOf, listProcesses, type ProcessList } from '../lib/process-list.ts';
import { isTerminal } from '../lib/stdout.ts';
import type { World } from '../lib/world.ts';

/** The names of Fluent Bit's process, the current and the former one. */
const FLUENT_BIT = ['fluent-bit', 'td-agent-bit'];

/**
 * Why this poll only peeks: a person started it, and the service would then not send its events. Undefined when it may
 * move the cursor: the service runs it, or the person named the state (--state-file).
 */
export function reasonToPeek(
  options: Options,
  { peek, stateFile }: Config,
  { stdout, isInteractive }: Pick<World, 'stdout' | 'isInteractive'>,
  processes: () => ProcessList = listProcesses,
): string | undefined {
  if (peek || options['state-file'] !== undefined) return undefined;
  if (isTerminal(stdout)) return 'stdout is a terminal';
  if (isInteractive !== true || !existsSync(stateFile)) return undefined;
  const all = processes();
  const isThere = (names: Iterable<string>) => [...names].some((name) => FLUENT_BIT.includes(name));
  const runs = isThere(Array.from(all.values(), ({ name }) => name));
  return runs && !isThere(ancestorsOf(process.pid, all)) ? `Fluent Bit collects with ${stateFile}` : undefined;
}
