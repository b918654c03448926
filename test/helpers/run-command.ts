import { main } from '../../src/cli.ts';
import { systemClock } from '../../src/lib/clock.ts';
import type { ExitCode } from '../../src/lib/errors.ts';
import type { World } from '../../src/lib/world.ts';
import { sink } from './sink.ts';
import { NO_WAIT } from './test-client.ts';

export interface CommandResult {
  readonly exitCode: ExitCode;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command in this process, in a world that waits for nothing and has nothing but what it is given. */
export async function runCommand(argv: readonly string[], world: Partial<World> = {}): Promise<CommandResult> {
  const printed: Buffer[] = [];
  let stderr = '';
  const exitCode = await main(argv, {
    env: {},
    stdout: sink(printed),
    log: { write: (line) => (stderr += line), journal: false },
    signal: new AbortController().signal,
    ...systemClock,
    monotonic: world.now ?? systemClock.monotonic,
    random: NO_WAIT,
    ...world,
  });
  return { exitCode, stdout: Buffer.concat(printed).toString(), stderr };
}
