import { constants, existsSync, readFileSync, statSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { MAX_CLOCK_SKEW_MS } from '../../lib/clock.ts';
import { formatDuration, parseInstant } from '../../lib/duration.ts';
import { codeOf } from '../../lib/errors.ts';
import { ShapeError } from '../../lib/narrow.ts';
import { counted } from '../../lib/words.ts';
import { describeOwner, isAlive, readOwner } from '../../lib/process-identity.ts';
import { NewerStateError, parseState } from '../../state/parse-state.ts';
import { journalFolder } from '../../state/journal-files.ts';
import { oldestCursor, type State } from '../../state/state.ts';
import type { Setup } from '../facts/environment.ts';
import { error, fatal, ok, unseen, warning, type Finding } from '../finding.ts';
import { accessError, isMountPoint, pathOn, type Machine, READ, SEARCH, WRITE, mayUser } from '../facts/machine.ts';

/** A poll ends at its deadline, or some seconds later when it is in the middle of a page. */
const GRACE_MS = 60_000;
const OTHERS_WRITE = 0o002;
/** Without a success for this long, or for this many intervals, something is wrong. */
const MAX_SILENCE_MS = 900_000;
const MISSED_POLLS = 3;
const DAY_MS = 86_400_000;
/** How long an API retains its log (https://www.cloudscale.ch/en/api/v1); IONOS does not publish it. */
const RETENTION_DAYS: Readonly<Record<string, number>> = { cloudscale: 90 };
const UNKNOWN = 'state-unknown';

/** Whether the state can be written, who holds its lock, and whether it is sound. Changes nothing. */
export async function checkState(setup: Setup, machine: Machine, now: number): Promise<Finding[]> {
  const file = pathOn(machine, resolve(setup.config.stateFile));
  const folder = await checkFolder(dirname(file), setup, machine);
  if (folder.some(({ level, code }) => level === 'error' || code === UNKNOWN)) return folder;
  return [
    ...folder,
    ...(await checkLock(file, setup, now)),
    ...checkFile(file, setup, now),
    ...mountedAlone(file, machine),
  ];
}

async function checkFolder(folder: string, { environment }: Setup, machine: Machine): Promise<Finding[]> {
  const existing = nearestFolder(folder);
  const at = { file: existing };
  const stats = statSync(existing);
  const problem = stats.isDirectory()
    ? accessError(existing, constants.R_OK | constants.W_OK | constants.X_OK)
    : 'it is not a folder';
  if (problem === 'EACCES' && environment.service !== undefined) {
    const impact = `only ${environment.service.user} can check whether the service can`;
    return unseen(UNKNOWN, 'this user has no access to the state folder', impact, at);
  }
  if (problem !== undefined) {
    const fix = 'ACTIVITY_LOG_STATE_FILE=/var/lib/fluent-bit/activity_log_state.json';
    return fatal('state-folder', `the state cannot be saved here (${problem})`, { at, fix });
  }
  const { user } = environment.service ?? { user: 'root' };
  if (mayUser(user, READ | WRITE | SEARCH, existing, machine) === false) {
    const command = `sudo chown -R ${user}: ${existing}`;
    return fatal('state-user', `Fluent Bit runs as ${user}, who cannot write the state here`, { at, command });
  }
  const { bavail } = await statfs(existing);
  if (bavail === 0) return fatal('state-folder', 'the disk is full', { at });
  if (existing !== folder) return ok('state-folder', `${folder} will be created by the first poll`);
  if ((stats.mode & OTHERS_WRITE) !== 0) {
    return warning('state-folder-mode', 'every user of this machine can write into the state folder', {
      at,
      impact: 'whoever changes the state decides which events are skipped',
      command: `chmod 700 ${folder}`,
    });
  }
  return ok('state-folder', `${folder} is writable`);
}

function nearestFolder(folder: string): string {
  let existing = folder;
  while (!existsSync(existing)) existing = dirname(existing);
  return existing;
}

async function checkLock(file: string, { config }: Setup, now: number): Promise<Finding[]> {
  if (!existsSync(`${file}.lock`)) return ok('lock', 'no poll holds the lock');
  const owner = await readOwner(`${file}.owner`);
  const holder = describeOwner(owner, now);
  const at = { file: `${file}.lock` };
  if (owner !== undefined && (await isAlive(owner)) === false) {
    const message = `a poll that was killed left its lock behind (${holder})`;
    return warning('lock', message, { at, impact: 'the next poll waits a few seconds for it' });
  }
  if (owner !== undefined && now - owner.since > config.deadlineMs + GRACE_MS) {
    const details = { at, impact: 'no other poll can start', command: `ps -fp ${owner.pid}` };
    return error('lock', `the lock is held by ${holder}, longer than a poll may take`, details);
  }
  return ok('lock', `a poll is running: ${holder}`, { at });
}

function checkFile(file: string, setup: Setup, now: number): Finding[] {
  const at = { file };
  const state = read(file);
  if (state === undefined) return ok('state', `${file} does not exist yet; the first poll creates it`);
  if (!(state instanceof Error)) {
    return [
      ...cursors(file, state, now),
      ...lastErrors(file, state),
      ...retention(file, state, setup, now),
      ...staleness(file, state, setup, now),
    ];
  }
  if (!(state instanceof ShapeError)) return fatal('state', `it cannot be read: ${state.message}`, { at });
  if (state instanceof NewerStateError) {
    return error('state', state.message, { at, impact: 'this version leaves it as it is, and nothing is collected' });
  }
  const journal = journalFolder(file);
  const message = `the state is broken (${state.message})`;
  const copy = read(`${file}.bak`);
  if (copy !== undefined && !(copy instanceof Error) && copy.journal.seq === 0) {
    const impact = `the next poll continues from ${file}.bak, the copy that version 0.1.0 kept`;
    return warning('state', message, { at, impact });
  }
  if (!existsSync(journal)) {
    return error('state', `${message}, and there is no journal ${journal}`, {
      at,
      impact: 'the next poll starts over from --since, and what happened before that is missing',
      command: 'fetch-activity-logs redeliver --from … --to …, for the time that is missing',
    });
  }
  return warning('state', message, { at, impact: `the next poll rebuilds it from the journal ${journal}` });
}

function read(file: string): State | Error | undefined {
  try {
    return parseState(readFileSync(file, 'utf8'));
  } catch (thrown) {
    if (codeOf(thrown) === 'ENOENT') return undefined;
    return thrown instanceof Error ? thrown : new Error(String(thrown));
  }
}

function cursors(file: string, state: State, now: number): Finding[] {
  const at = { file };
  const sources = Object.values(state.sources);
  const last = oldestCursor(sources) ?? state.last_run;
  const instant = last === null ? undefined : parseInstant(last);
  const what = `state file OK: ${counted(sources.length, 'source')}`;
  if (instant === undefined) return ok('state', what, { at });
  if (instant - now > MAX_CLOCK_SKEW_MS) {
    return error('state-ahead', `its oldest cursor is ${formatDuration(instant - now)} ahead of this clock`, {
      at,
      impact: 'the next poll starts from now, so events from the time of the wrong clock are missing',
      command: 'fetch-activity-logs redeliver --missing --from … --to …, for the time that is missing',
    });
  }
  const oldest = sources.length === 0 ? 'the next poll resumes from' : 'oldest cursor';
  return ok('state', `${what}, ${oldest} ${formatDuration(Math.max(0, now - instant))} ago`, { at });
}

/** What each source's last poll could not do or get, including gaps. */
function lastErrors(file: string, state: State): Finding[] {
  return Object.entries(state.sources).flatMap(([name, { last_error: message }]) => {
    if (message === null) return [];
    const impact = 'until a poll succeeds, its new events are late or missing';
    return warning('state-last-error', `${name}: last error: ${message}`, { at: { file }, impact });
  });
}

/** A cursor older than the API's retention: events in between are gone. */
function retention(file: string, state: State, { config }: Setup, now: number): Finding[] {
  const kept = RETENTION_DAYS[config.provider.name];
  if (kept === undefined) return [];
  return Object.entries(state.sources).flatMap(([name, { cursor, last_success, start }]) => {
    const reached = parseInstant(cursor) ?? parseInstant(last_success ?? start);
    if (reached === undefined || now - reached <= kept * DAY_MS) return [];
    const message = `${name} was collected up to ${formatDuration(now - reached)} ago, and the API keeps ${kept} days`;
    const impact = 'older events are gone; the next poll starts with the oldest that is left';
    return error('state-retention', message, { at: { file }, impact });
  });
}

/** A file that is a mount point cannot be replaced: saving the state fails with EBUSY. */
function mountedAlone(file: string, machine: Machine): Finding[] {
  if (!isMountPoint(file, machine)) return [];
  return fatal('state-mount', 'the state file is a mount point, so it cannot be replaced (EBUSY)', {
    at: { file },
    fix: 'mount its folder instead of the file',
  });
}

/** No successful poll for a while: Fluent Bit does not run the input, or every poll fails. */
function staleness(file: string, state: State, { intervalMs }: Setup, now: number): Finding[] {
  const successes = Object.values(state.sources).map(({ last_success: at }) => parseInstant(at ?? '') ?? 0);
  const last = Math.max(0, ...successes);
  if (last === 0 || now - last < Math.max(MAX_SILENCE_MS, MISSED_POLLS * (intervalMs ?? 0))) return [];
  return warning('state-stale', `no poll has succeeded for ${formatDuration(now - last)}`, {
    at: { file },
    impact: 'the API does not keep events forever',
    command: 'journalctl -u fluent-bit | grep fetch-activity-logs',
  });
}
