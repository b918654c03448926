import type { Config } from '../config/config.ts';
import { readCredentials } from '../config/credentials.ts';
import { readPastRange } from '../config/past-range.ts';
import { path, settings, type Options } from '../config/settings.ts';
import { ExitCode, StateError, messageOf } from '../lib/errors.ts';
import { createLog } from '../lib/log.ts';
import { progressLine } from '../lib/progress-line.ts';
import type { World } from '../lib/world.ts';
import { withSession, type Session } from '../session/session.ts';
import { journalFiles, journalFolder } from '../state/journal-files.ts';
import { writeLastVerify } from '../state/last-verify.ts';
import { realFile } from '../state/state-file.ts';
import { accessAdvice, readState } from '../state/read-state.ts';
import { emptyStore } from '../state/store.ts';
import { readArrived } from '../verify/arrived.ts';
import { compare } from '../verify/compare.ts';
import { renderReport, type VerifyReport } from '../verify/report.ts';
import { queueFound } from './redeliver.ts';

const WEEK_S = 7 * 86_400;

/**
 * Whether anything is missing, twice or altered: the journal's chain, the API's counts against the journal, and with
 * --arrived a copy of what reached the destination. It needs no lock. It notes how it ended beside the journal, and
 * changes nothing else, unless --repair queues what is missing. Throws ConfigError and StateError when there is nothing
 * to compare.
 */
export async function verify(config: Config, world: World, options: Options): Promise<ExitCode> {
  const credentials = readCredentials(config.provider, config.tokenFile, world.env);
  const line = progressLine(world, config.logLevel);
  const write = line?.message ?? world.log.write;
  const log = createLog({ ...world.log, write, level: config.logLevel, secrets: credentials.secrets });
  const now = world.now();
  const range = readPastRange(options, now, 'verify', Math.floor(now / 1000) - WEEK_S);
  const arrived = settings(options, {})('arrived', path, undefined);
  const state = await readState(config.stateFile, config.provider.name);
  const folder = journalFolder(await realFile(config.stateFile));
  const files = await journalFiles(folder).catch((error: unknown) => {
    throw new StateError(`cannot read the journal ${folder}: ${messageOf(error)}${accessAdvice(error)}`, error);
  });
  if (files.length === 0) {
    throw new StateError(`there is no journal ${folder}: no run has delivered anything yet, or it was removed`);
  }
  // Nothing is printed: no acknowledgement, no overlap, no files.
  const own = { ...config, peek: true, overlapMs: 0, deadlineMs: Infinity };
  const report = await withSession(
    { config: own, credentials, log, world, keptStore: emptyStore(world.now) },
    (session: Session) =>
      compare(session, state, folder, {
        range,
        overlapS: Math.ceil(config.overlapMs / 1000),
        isFull: options['full'] === true,
        readCopy:
          arrived === undefined
            ? undefined
            : (visit) => readArrived(arrived, process.stdin, config.provider.idKey, visit),
        onStep: (render) => line?.update(render),
      }),
  ).finally(() => line?.clear());
  const { first } = state.journal;
  if (first !== null && (await readState(config.stateFile, config.provider.name)).journal.first?.seq !== first.seq) {
    throw new StateError('a poll removed old files of the journal meanwhile, as --journal-days says: run verify again');
  }
  const missing = report.findings.filter(({ kind }) => kind === 'missing' || kind === 'not arrived');
  world.stdout.write(options['json'] === true ? `${JSON.stringify(report, null, 2)}\n` : renderReport(report));
  const exitCode = exitCodeOf(report);
  await writeLastVerify(folder, {
    at: new Date(world.now()).toISOString(),
    ...report.range,
    exit_code: exitCode,
  }).catch((error: unknown) => {
    log.warn(`status and the metrics will not have this verify: ${messageOf(error)}`);
  });
  if (options['repair'] === true && missing.length > 0) await queueFound(missing, config, world);
  return exitCode;
}

function exitCodeOf({ chain, copy, findings, compared, errors }: VerifyReport): ExitCode {
  if (chain.problems.length + findings.length > 0 || copy?.cut_off !== undefined) return ExitCode.SomeSourcesFailed;
  if (compared.length === 0) return ExitCode.NothingCollected;
  return errors.length > 0 ? ExitCode.SomeSourcesFailed : ExitCode.Done;
}
