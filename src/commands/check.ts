import { countLevels, renderJson, renderText } from '../check/report.ts';
import { runChecks, type CheckOptions } from '../check/run-checks.ts';
import type { Options } from '../config/settings.ts';
import { ExitCode } from '../lib/errors.ts';
import { isTerminal } from '../lib/stdout.ts';
import type { World } from '../lib/world.ts';

/**
 * Finds what is wrong before it costs events: token, API, clock, state, Node.js, and Fluent Bit's configuration as far
 * as it affects the inputs that run this program. Prints one line for each finding, or JSON. Returns 1 when something
 * costs events. Changes nothing.
 */
export async function check(world: World, options: Options, checkOptions: CheckOptions = {}): Promise<ExitCode> {
  const { findings: all, secrets } = await runChecks(world, options, checkOptions);
  const isQuiet = options['quiet'] === true;
  const findings = isQuiet ? all.filter(({ level }) => level !== 'ok') : all;
  if (options['json'] === true) world.stdout.write(renderJson(findings, { secrets }));
  else if (!isQuiet || findings.length > 0) {
    world.stdout.write(renderText(findings, { secrets, colours: isColourful(world) }));
  }
  return countLevels(findings).errors === 0 ? ExitCode.Done : ExitCode.NothingCollected;
}

/** On a terminal that supports colours, unless NO_COLOR is set (no-color.org). */
function isColourful({ stdout, env }: World): boolean {
  return isTerminal(stdout) && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb';
}
