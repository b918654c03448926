import { explained, withAdvice } from '../session/failures.ts';
import { counted } from '../lib/words.ts';
import type { Config } from '../config/config.ts';
import type { Options } from '../config/settings.ts';
import { expiryWarning, readCredentials } from '../config/credentials.ts';
import { deliveryOf, printHeader, tallyOf } from '../export/export-delivery.ts';
import type { Delivery } from '../delivery/delivery.ts';
import { MAX_CLOCK_SKEW_MS } from '../lib/clock.ts';
import { formatDuration, formatSecond, parseInstant } from '../lib/duration.ts';
import { ExitCode, PageError, messageOf } from '../lib/errors.ts';
import { ExportProgress } from '../export/progress.ts';
import { assertBegun, readExportRequest, type ExportRequest } from '../config/export-request.ts';
import { asExportError, resumeHint } from '../export/export-errors.ts';
import { reportOf, sourceReport, summaryOf, writeReport } from '../export/report.ts';
import { openTarget, type ExportTarget } from '../export/target.ts';
import { createLog } from '../lib/log.ts';
import type { Source } from '../providers/provider.ts';
import { isTerminal } from '../lib/stdout.ts';
import { progressLine, type ProgressLine } from '../lib/progress-line.ts';
import { Stopped } from '../lib/run.ts';
import { withSession, type Session } from '../session/session.ts';
import { forEachSource } from '../session/sources.ts';
import { SourceProgress } from '../state/source-progress.ts';
import { newSource, stateOf } from '../state/state.ts';
import type { World } from '../lib/world.ts';

/** Attempts per request: about two minutes of an outage are waited out, since no next run comes. */
const MAX_ATTEMPTS = 10;

/** Events may appear in the API a few minutes after they happened. */
const LATENESS_MS = 300_000;

interface Export {
  readonly session: Session;
  readonly request: ExportRequest;
  readonly target: ExportTarget;
  /** Undefined where there is no terminal to show it. */
  readonly line: ProgressLine | undefined;
}

/**
 * Writes all events of a time range to stdout or to a file. Neither the state file nor its lock is touched. A file gets
 * its name only when it is complete; until then, the same command resumes it.
 */
export async function exportRange(config: Config, world: World, options: Options): Promise<ExitCode> {
  const request = readExportRequest(options);
  const credentials = readCredentials(config.provider, config.tokenFile, world.env);
  // Not when the events themselves go to the terminal.
  const showsEvents = request.output === undefined && isTerminal(world.stdout);
  const line = showsEvents ? undefined : progressLine(world, config.logLevel);
  const write = line?.message ?? world.log.write;
  const log = createLog({ ...world.log, write, level: config.logLevel, secrets: credentials.secrets });
  const target = await openTarget(request, config, world);
  try {
    const { from, to } = target.range;
    if (target.isResumed) log.info(`resuming the export from ${formatSecond(from)} to ${formatSecond(to)}`);
    const wishedEnd = parseInstant(target.range.given.to ?? '');
    if (wishedEnd !== undefined && wishedEnd > to * 1000) {
      log.warn(`--to ${formatSecond(wishedEnd / 1000)} is in the future: the export ends at ${formatSecond(to)}`);
    }
    const warning = expiryWarning(credentials, world.now());
    if (warning !== undefined) log.warn(warning);
    // No overlap, since each window is read once; no files beside the state file.
    const exportConfig = { ...config, peek: true, overlapMs: 0, deadlineMs: request.deadlineMs };
    return await withSession(
      { config: exportConfig, credentials, log, world, keptStore: target.store, maxAttempts: MAX_ATTEMPTS },
      (session) => exportAll({ session, request, target, line }),
    );
  } catch (error) {
    if (!(error instanceof Stopped))
      throw explained(asExportError(error, target), { ...config, peek: true }, credentials, world);
    log.warn(`${error.message} before anything was exported`);
    return ExitCode.NothingCollected;
  } finally {
    line?.clear();
    await target.close();
  }
}

async function exportAll(work: Export): Promise<ExitCode> {
  const { session, request, target } = work;
  const { config, log, run, provider, now } = session;
  const { state } = target.store;
  const sources = await provider.sources(run.signal);
  followClockOfApi(work);
  try {
    assertBegun(target.range);
  } catch (error) {
    await target.file?.discard();
    throw error;
  }
  for (const { name } of sources) state.sources[name] ??= newSource(formatSecond(target.range.from));
  const progress = new ExportProgress({
    range: target.range,
    sources: sources.map((source) => stateOf(source.name, target.store.state)),
    hasContracts: config.provider.hasContracts,
    now,
  });
  await printHeader(session, request, target);
  const delivery = deliveryOf(session, request, target);
  const { failed, interrupted, fatal } = await forEachSource(
    sources,
    session,
    (source) => exportSource(source, work, delivery, progress),
    (source, error) => log.error(`${source.name}: ${withAdvice(error, config.apiUrl.host)}`),
  );
  if (fatal !== undefined) throw fatal;

  const summary = `${counted(progress.events, 'event')} from ${counted(sources.length, 'source')}`;
  if (failed + interrupted > 0) {
    const reason = interrupted > 0 ? `${messageOf(run.signal.reason)}, ` : '';
    log.warn(`${reason}the export is not complete: ${summary}${resumeHint(target)}`);
    return failed === sources.length ? ExitCode.NothingCollected : ExitCode.SomeSourcesFailed;
  }
  const withGaps = sources.filter((source) => stateOf(source.name, state).last_error !== null);
  await target.file?.complete();
  await report(work, sources, withGaps.length === 0);
  if (withGaps.length > 0) {
    const names = withGaps.map(({ name }) => name).join(', ');
    const all = hasRejected(work, sources) ? 'every event that can be read' : 'everything the API returned';
    const where = request.output === undefined ? '' : `; ${request.output} contains ${all}`;
    log.warn(`the export has gaps: ${summary}, and the API counts more in ${names} than it returns${where}`);
    return ExitCode.SomeSourcesFailed;
  }
  return ExitCode.Done;
}

/** Logs what was written, and writes the report if there is to be one. */
async function report(work: Export, sources: readonly Source[], complete: boolean) {
  const { session, request, target } = work;
  const { config, log, now } = session;
  const { range, store, tallies } = target;
  const written = reportOf({
    provider: config.provider.name,
    api_url: config.apiUrl.href,
    range,
    format: request.format,
    output: request.output ?? null,
    rejected_file: (hasRejected(work, sources) ? target.file?.rejectedFile : undefined) ?? null,
    ...(await target.digest()),
    complete,
    sources: sources.map(({ name }) => {
      const source = stateOf(name, store.state);
      return sourceReport(name, source, tallyOf(name, source.cursor, tallies));
    }),
  });
  for (const line of summaryOf(written)) log.info(line);
  if (now() - range.to * 1000 < LATENESS_MS) {
    log.info('the range ends now: events that appear late are missing. To get them, export the range again later');
  }
  if (request.report !== undefined) await writeReport(request.report, written);
}

function hasRejected({ target }: Export, sources: readonly Source[]): boolean {
  return sources.some(({ name }) => stateOf(name, target.store.state).rejected > 0);
}

/** The range is relative to the API's clock: the machine's may be days off. */
function followClockOfApi({ session: { api, log, now }, request, target }: Export): void {
  const { clockSkewMs: skew = 0 } = api;
  if (target.isResumed || Math.abs(skew) <= MAX_CLOCK_SKEW_MS) return;
  target.range = request.rangeAt(now() - skew);
  const { from, to } = target.range;
  const side = skew > 0 ? 'ahead of' : 'behind';
  log.warn(
    `this machine's clock is ${formatDuration(Math.abs(skew))} ${side} the API's: by the API's clock, this exports ` +
      `${formatSecond(from)} to ${formatSecond(to)}`,
  );
}

async function exportSource(
  source: Source,
  { session, target, line }: Export,
  delivery: Delivery,
  progress: ExportProgress,
): Promise<void> {
  const { provider, run, log } = session;
  const state = stateOf(source.name, target.store.state);
  const events = new SourceProgress(source.name, state);
  const read = async (isolatesBadEvents: boolean) => {
    const checkpoint = { ...events.checkpoint, end: target.range.to, isolatesBadEvents };
    for await (const page of provider.pages(source, checkpoint, run.signal)) {
      const { cursor } = state;
      if (page.rejected !== undefined && page.rejected.length > 0) state.last_error = 'some events cannot be read';
      const tally = tallyOf(source.name, cursor, target.tallies);
      await delivery.deliver(source, events, page);
      if (state.cursor !== cursor) {
        progress.step();
        if (page.counted !== undefined && tally.countedUpTo === cursor) {
          tally.counted += page.counted;
          tally.countedUpTo = state.cursor;
        }
      }
      line?.update(() => progress.render());
    }
  };
  try {
    await read(false).catch((error: unknown) => {
      if (!(error instanceof PageError)) throw error;
      return read(true);
    });
  } finally {
    const warning = events.alteredWarning;
    if (warning !== undefined) log.warn(warning);
  }
  progress.finish(state);
}
