import { readFile } from 'node:fs/promises';
import type { Config } from '../config/config.ts';
import type { Options } from '../config/settings.ts';
import { lookAtDestination, renderDestination, reportDestination, type Destination } from '../delivery/destination.ts';
import { FluentBit } from '../delivery/fluent-bit-counter.ts';
import { usualRejectedFolder } from '../delivery/rejected-chunks.ts';
import { readCredentials } from '../config/credentials.ts';
import { ExitCode, StateError, codeOf, messageOf } from '../lib/errors.ts';
import { NewerStateError, parseState } from '../state/parse-state.ts';
import type { State } from '../state/state.ts';
import { ShapeError } from '../lib/narrow.ts';
import { renderStatus, reportOf } from './status-report.ts';
import type { World } from '../lib/world.ts';

/**
 * Prints what the state file says of each source. It needs no token and no lock, and changes nothing, so it works
 * beside a running poll. Throws StateError when there is no such file, or when it cannot be understood.
 */
export async function status(config: Config, world: World, options: Options): Promise<ExitCode> {
  const state = await readState(config);
  const now = world.now();
  const report = reportOf(state, {
    provider: config.provider.name,
    stateFile: config.stateFile,
    now,
    secrets: knownSecrets(config, world),
  });
  const destination = await readDestination(config, world);
  const text =
    options['json'] === true
      ? `${JSON.stringify({ ...report, destination: reportDestination(destination) }, null, 2)}\n`
      : [renderStatus(report, now), ...(await renderDestination(destination, now)).map((line) => `\n${line}\n`)].join(
          '',
        );
  world.stdout.write(text);
  return ExitCode.Done;
}

/** Asks the Fluent Bit of this machine, if one is named, and looks into its folder of rejected chunks. */
async function readDestination({ ackUrl, ackInput, stateFile }: Config, world: World): Promise<Destination> {
  const fluentBit = ackUrl === undefined ? undefined : new FluentBit(ackUrl, ackInput, world.now);
  try {
    return await lookAtDestination(fluentBit, usualRejectedFolder(stateFile), world.signal);
  } finally {
    await fluentBit?.close();
  }
}

async function readState({ stateFile, provider }: Config): Promise<State> {
  let text: string;
  try {
    text = await readFile(stateFile, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') {
      throw new StateError(
        `there is no state file ${stateFile}: no run for ${provider.name} has saved anything there yet, ` +
          'or it keeps its state elsewhere (--state-file)',
        error,
      );
    }
    const advice = codeOf(error) === 'EACCES' ? ' (look as the user that collects, or as root)' : '';
    throw new StateError(`cannot read the state file ${stateFile}: ${messageOf(error)}${advice}`, error);
  }
  try {
    return parseState(text);
  } catch (error) {
    if (!(error instanceof ShapeError)) throw error;
    const consequence =
      error instanceof NewerStateError ? '' : `; the next run sets it aside and rebuilds it from the journal`;
    throw new StateError(`the state file ${stateFile} cannot be understood: ${error.message}${consequence}`, error);
  }
}

/** What a server may have sent back in an error. Where there are no credentials, there is nothing to hide. */
function knownSecrets({ provider, tokenFile }: Config, { env }: World): readonly string[] {
  try {
    return readCredentials(provider, tokenFile, env).secrets;
  } catch {
    return [];
  }
}
