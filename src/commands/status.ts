import { statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Machine } from '../check/facts/machine.ts';
import { readConfig, type Config } from '../config/config.ts';
import { readCredentials } from '../config/credentials.ts';
import { MAX_TIMEOUT_MS, duration, settings, type Options } from '../config/settings.ts';
import {
  isHeldUp,
  lookAtDestination,
  renderDestination,
  reportDestination,
  type Destination,
} from '../delivery/destination.ts';
import { FluentBit } from '../delivery/fluent-bit-counter.ts';
import { usualRejectedFolder } from '../delivery/rejected-chunks.ts';
import { AppError, ExitCode, messageOf } from '../lib/errors.ts';
import { createLog } from '../lib/log.ts';
import { columnsOf } from '../lib/stdout.ts';
import type { World } from '../lib/world.ts';
import { journalBytes, journalFolder } from '../state/journal-files.ts';
import { readLastVerify } from '../state/last-verify.ts';
import { realFile } from '../state/state-file.ts';
import { readState } from '../state/read-state.ts';
import { inputSettings, isGiven, type Settings } from './service-settings.ts';
import { reportOf, type JournalLook, type StatusReport } from './status-report.ts';
import { renderStatus } from './status-text.ts';

const REJECTED = 'rejected.jsonl';

/**
 * Prints how far each source is, from the state file alone. It needs no token and no lock and changes nothing, so it
 * works during a poll. As root on the machine of a service, it shows all of its inputs. Returns 0 when all is well, 3
 * when something needs attention, 1 when there is no readable state.
 */
export async function status(world: World, options: Options, machine?: Machine): Promise<ExitCode> {
  const maxBehindMs = settings(options, {})('max-behind', duration(1_000, 365 * MAX_TIMEOUT_MS), undefined);
  const isSaid = isGiven('state-file', options, world.env);
  const inputs = isSaid ? [] : await inputSettings(options, world, machine);
  const targets: readonly Settings[] = inputs.length > 0 ? inputs : [{ input: undefined, options, env: world.env }];
  const log = createLog({ ...world.log, level: 'info' });
  const shown: boolean[] = [];
  for (const { input, options: own, env, rejectedFolder } of targets) {
    try {
      const look = { options, input, rejectedFolder, maxBehindMs, isFirst: shown.length === 0 };
      shown.push(await showOne(readConfig(own, env), { ...world, env }, look));
    } catch (error) {
      if (!(error instanceof AppError) || targets.length === 1) throw error;
      log.error(`${input ?? ''}: ${error.message}`);
    }
  }
  if (shown.length === 0) return ExitCode.NothingCollected;
  return shown.length === targets.length && shown.every(Boolean) ? ExitCode.Done : ExitCode.SomeSourcesFailed;
}

interface Look {
  readonly options: Options;
  readonly input: string | undefined;
  readonly rejectedFolder: string | undefined;
  readonly maxBehindMs: number | undefined;
  readonly isFirst: boolean;
}

/** Prints one input's report. True when nothing needs attention. */
async function showOne(config: Config, world: World, look: Look): Promise<boolean> {
  const { options, input, maxBehindMs, isFirst } = look;
  const state = await readState(config.stateFile, config.provider.name);
  const now = world.now();
  const rejectedFile = join(dirname(config.stateFile), REJECTED);
  const destination = await readDestination(config, look.rejectedFolder, world);
  const report = reportOf(state, {
    input,
    provider: config.provider.name,
    stateFile: config.stateFile,
    journal: await lookAtJournal(config.stateFile),
    rejectedFile: (statSync(rejectedFile, { throwIfNoEntry: false })?.size ?? 0) > 0 ? rejectedFile : undefined,
    now,
    secrets: knownSecrets(config, world),
    maxBehindMs,
  });
  world.stdout.write(
    options['json'] === true
      ? jsonLines(report, destination)
      : `${isFirst ? '' : '\n'}${await text(report, destination, world)}`,
  );
  const isTaken = (destination.counters?.outputs ?? []).every((one) => one.dropped === 0 && !isHeldUp(one));
  return report.problems.length === 0 && isTaken && (destination.rejected?.chunks ?? []).length === 0;
}

/** One line for each source, so that `status --json` can be an input of Fluent Bit itself. */
function jsonLines({ sources, ...common }: StatusReport, destination: Destination): string {
  const about = { ...common, destination: reportDestination(destination) };
  const lines =
    sources.length === 0 ? [{ ...about, source: null }] : sources.map((source) => ({ ...about, ...source }));
  return lines.map((line) => `${JSON.stringify(line)}\n`).join('');
}

async function text(report: StatusReport, destination: Destination, world: World): Promise<string> {
  const after = await renderDestination(destination, world.now());
  return [renderStatus(report, world.now(), columnsOf(world.stdout)), ...after.map((line) => `\n${line}\n`)].join('');
}

/** Asks the Fluent Bit of this machine, if there is an --ack-url, and looks into its folder of rejected chunks. */
async function readDestination(
  { ackUrl, ackInput, stateFile }: Config,
  rejectedFolder = usualRejectedFolder(stateFile),
  world: World,
): Promise<Destination> {
  const fluentBit = ackUrl === undefined ? undefined : new FluentBit(ackUrl, ackInput, world.now);
  try {
    return await lookAtDestination(fluentBit, rejectedFolder, world.signal);
  } finally {
    await fluentBit?.close();
  }
}

/** The size of the journal, or why it cannot be read. */
async function lookAtJournal(stateFile: string): Promise<JournalLook> {
  const folder = journalFolder(await realFile(stateFile));
  try {
    return { folder, bytes: await journalBytes(folder), lastVerify: await readLastVerify(folder) };
  } catch (error) {
    return { folder, bytes: null, lastVerify: null, problem: messageOf(error) };
  }
}

/** The secrets that a server's error may contain; none where there are no credentials. */
function knownSecrets({ provider, tokenFile }: Config, { env }: World): readonly string[] {
  try {
    return readCredentials(provider, tokenFile, env).secrets;
  } catch {
    return [];
  }
}
