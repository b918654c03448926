// Runs `check` in a process of its own, which another user may own: what is to be checked comes as JSON.
import type { Machine } from '../../src/check/facts/machine.ts';
import { runCheck, runOn, RUNNING } from './checked-machine.ts';

const { argv, machine } = JSON.parse(process.argv[2] ?? '') as { argv: string[]; machine: Machine };
const { stdout } = await runCheck(argv, {}, { ...machine, run: runOn(machine.root, RUNNING) });
process.stdout.write(stdout);
