import { ageOf, describeChunks, describeOutput, isHeldUp, redeliverCommand } from '../../delivery/destination.ts';
import type { FluentBit, OutputCounter } from '../../delivery/fluent-bit-counter.ts';
import { readRejected } from '../../delivery/rejected-chunks.ts';
import { formatDuration } from '../../lib/duration.ts';
import type { World } from '../../lib/world.ts';
import { error, ok, warning, type Finding } from '../finding.ts';

/** Shows the output's own messages, which do not name this program. */
const OUTPUT_MESSAGES = "journalctl -u fluent-bit | grep '\\[output:'";

interface DestinationOptions {
  /** Where Fluent Bit sets aside what a destination refused. */
  readonly rejectedFolder: string;
  /** How long Fluent Bit has been running, in seconds. */
  readonly uptime: number;
}

/** What became of the lines after the input: what the outputs have sent and dropped. */
export async function checkDestination(
  fluentBit: FluentBit,
  { rejectedFolder, uptime }: DestinationOptions,
  { now, signal }: World,
): Promise<Finding[]> {
  const { outputs } = await fluentBit.outputs(signal);
  const since = `since Fluent Bit started ${formatDuration(uptime * 1000)} ago`;
  return [...outputs.flatMap((output) => aboutOutput(output, since)), ...(await aboutChunks(rejectedFolder, now()))];
}

function aboutOutput(output: OutputCounter, since: string): Finding[] {
  const { name, delivered, dropped, retries } = output;
  const message = `output ${name}: ${describeOutput(output)} ${since}`;
  if (dropped > 0) {
    return error('output-dropped', message, { impact: 'dropped events never arrive', command: OUTPUT_MESSAGES });
  }
  if (delivered > 0 && isHeldUp(output)) {
    const impact = 'the destination does not take them now; Fluent Bit keeps them and retries';
    return warning('output-waiting', message, { impact, command: OUTPUT_MESSAGES });
  }
  if (delivered > 0) return ok('output-delivered', message);
  if (retries === 0) return [];
  return error('output-retries', message, {
    impact: 'nothing arrives; once the storage is full, the oldest events are dropped',
    command: OUTPUT_MESSAGES,
  });
}

async function aboutChunks(folder: string, now: number): Promise<Finding[]> {
  const rejected = await readRejected(folder);
  if (rejected === undefined || rejected.chunks.length === 0) return [];
  const { chunks } = rejected;
  return warning('rejected-chunks', `${describeChunks(chunks)}, ${ageOf(chunks, now)}`, {
    at: { file: folder },
    impact: 'the destination refused these events; once it takes them, send them again, then remove the chunks',
    command: await redeliverCommand(chunks, chunks[0]?.at ?? now),
  });
}
