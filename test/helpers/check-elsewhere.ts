// Runs `check` in a process of its own, which another user may own: what is to be checked comes as a message.
import type { Machine } from '../../src/check/facts/machine.ts';
import { runCheck, runOn, RUNNING } from './checked-machine.ts';

async function answer({ argv, machine }: { argv: string[]; machine: Machine }): Promise<void> {
  const { stdout } = await runCheck(argv, {}, { ...machine, run: runOn(machine.root, RUNNING) });
  process.send?.(stdout);
}

process.on('message', (job: Parameters<typeof answer>[0]) => void answer(job));
