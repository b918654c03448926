import { statSync } from 'node:fs';
import { formatDuration } from '../../lib/duration.ts';
import { messageOf } from '../../lib/errors.ts';
import { FluentBit, NoSuchInputError, type InputCounter } from '../../delivery/fluent-bit-counter.ts';
import { counted } from '../../lib/words.ts';
import type { World } from '../../lib/world.ts';
import type { Setup } from '../facts/environment.ts';
import { error, ok, warning, type Finding } from '../finding.ts';
import { checkDestination } from './destination.ts';
import { isAtLeast } from './node-version.ts';

/** A Fluent Bit that was just started answers a little later. */
const ATTEMPTS = 3;
const RETRY_MS = 1_000;
/** Its start time is in whole seconds. */
const START_TOLERANCE_MS = 2_000;
/** Earlier versions ignore storage.keep.rejected. */
const MIN_VERSION = '4.2.0';

interface RunningOptions {
  /** What Fluent Bit read when it started. */
  readonly files: readonly string[];
  /** Where Fluent Bit sets aside what a destination refused. */
  readonly rejectedFolder: string;
}

/** Whether the running Fluent Bit counts this input's lines, takes them, and has read the current configuration. */
export async function checkRunning(
  { config: { ackUrl, ackInput }, environment: { service } }: Setup,
  { files, rejectedFolder }: RunningOptions,
  world: World,
): Promise<Finding[]> {
  if (ackUrl === undefined) return [];
  const fluentBit = new FluentBit(ackUrl, ackInput, world.now);
  try {
    for (let attempt = 1; ; attempt++) {
      try {
        const counter = await fluentBit.counter(world.signal);
        const { uptime } = counter;
        return [
          ...counters(counter, ackInput),
          ...(await checkDestination(fluentBit, { rejectedFolder, uptime }, world)),
          ...(await version(fluentBit, world.signal)),
          ...changed(counter, files),
        ];
      } catch (thrown) {
        world.signal.throwIfAborted();
        if (thrown instanceof NoSuchInputError) return await missing(thrown, fluentBit, files, world.signal);
        // A stopped service is a finding already.
        if (attempt === ATTEMPTS) return service?.isActive === false ? [] : unreachable(thrown, ackUrl);
      }
      await world.pause(RETRY_MS, world.signal);
    }
  } finally {
    await fluentBit.close();
  }
}

function counters({ records, uptime, isPaused }: InputCounter, name: string): Finding[] {
  const life = `${counted(records, 'record')} from ${name} in ${formatDuration(uptime * 1000)}`;
  if (!isPaused) return ok('running', `Fluent Bit is running, and accepted ${life}`);
  return warning('running-paused', `Fluent Bit has paused ${name}: its storage is full (${life})`, {
    impact: 'nothing is collected until its output has caught up; the API does not keep events forever',
    command: "journalctl -u fluent-bit | grep -i 'output'",
  });
}

function unreachable(thrown: unknown, { host }: URL): Finding[] {
  return error('running', `cannot read Fluent Bit's counters at ${host}: ${messageOf(thrown)}`, {
    impact: 'Fluent Bit is not running, or lines that it drops are lost without notice',
    command: 'systemctl status fluent-bit',
  });
}

/** An input that was added after Fluent Bit was started needs a restart. */
async function missing(
  { message }: NoSuchInputError,
  fluentBit: FluentBit,
  files: readonly string[],
  signal: AbortSignal,
): Promise<Finding[]> {
  const waiting = changed(await fluentBit.outputs(signal), files);
  if (waiting.length > 0) return waiting;
  return error('running', `Fluent Bit does not count this input's lines: ${message}`, {
    impact: 'lines that it drops are lost without notice',
    command: 'sudo systemctl restart fluent-bit',
  });
}

async function version(fluentBit: FluentBit, signal: AbortSignal): Promise<Finding[]> {
  const found = await fluentBit.version(signal).catch(() => undefined);
  if (found === undefined || isAtLeast(found, MIN_VERSION)) return [];
  return warning('running-version', `Fluent Bit ${found} does not know storage.keep.rejected`, {
    impact: 'what a destination rejects with 4xx is dropped at once',
    command: 'sudo apt-get install --only-upgrade fluent-bit',
  });
}

function changed({ startedAt }: { readonly startedAt: number }, files: readonly string[]): Finding[] {
  const newer = files.find((file) => {
    const { mtimeMs = 0 } = statSync(file, { throwIfNoEntry: false }) ?? {};
    return mtimeMs > startedAt * 1000 + START_TOLERANCE_MS;
  });
  if (newer === undefined) return [];
  return warning('running-old', 'changed since Fluent Bit was started', {
    at: { file: newer },
    impact: 'Fluent Bit still runs with what it read then',
    command: 'sudo systemctl restart fluent-bit',
  });
}
