import { join } from 'node:path';
import { filesOn } from '../check/facts/configuration.ts';
import { pathOn, type Machine } from '../check/facts/machine.ts';
import { envValue } from './env-text.ts';
import { isWithUs, readBytes, restore } from './main-file.ts';
import { DROP_INS, ENV_FILE, ETC, MAIN, MAIN_BACKUP, STATE } from '../check/facts/paths.ts';
import { checksumOn, readRecord, type Installed } from './record.ts';
import { dropIns, pipelineFiles } from './release.ts';
import { drop, put, type Step } from './step.ts';

const TUTORIALS_STATE = join(STATE, 'activity_log_state.json');
const TUTORIALS_FETCHER = /^[^#\n]*fetch_activity_logs\.py/m;
/** Where a state file is named: in activity-log.env, or in the Command of an input. */
const NAMED_STATE = /^ACTIVITY_LOG_STATE_FILE=(.*)|^[^#\n]*--state-file[ =](\S+)/gm;

/**
 * The steps that remove everything, with `purge` secrets as well. What the user has edited stays, but not in force. Of a
 * packager's folder (`isLive` false), which has no record, all is ours. `stage` gets the text of `main`.
 */
export function removal(
  {
    release,
    stage,
    purge,
    isLive,
  }: { readonly release: string; readonly stage: string; readonly purge: boolean; readonly isLive: boolean },
  machine: Machine,
) {
  const files = filesOn(machine);
  const steps: Step[] = [];
  const record = isLive ? readRecord(machine) : recordOfAll(release, machine);
  const text = (path: string): string => (files.isFile(path) ? files.read(path) : '');

  const left = record.get(MAIN) ?? record.get(MAIN_BACKUP);
  const hasMain = files.isFile(MAIN);
  const isMainRestored = hasMain && files.isFile(MAIN_BACKUP) && left === checksumOn(machine, MAIN);
  const found = hasMain ? readBytes(machine, isMainRestored ? MAIN_BACKUP : MAIN) : '';
  const main = isWithUs(found) ? restore(found, ENV_FILE, envValue(text(ENV_FILE), 'ACTIVITY_LOG_API_KEY')) : found;
  if (hasMain) steps.push(put('as-is', MAIN, join(stage, 'fluent-bit.conf')));
  if (isMainRestored) steps.push(drop(MAIN_BACKUP, '-'));

  const saved: string[] = [];
  const remove = (path: string, isEdited: boolean): void => {
    if (isEdited) {
      saved.push(`${path}.saved`);
      steps.push(put('600', `${path}.saved`, pathOn(machine, path), '-'));
    }
    steps.push(drop(path));
  };
  for (const [path, sum] of record) {
    if (path.startsWith('/') && !path.startsWith(MAIN) && files.isFile(path)) {
      remove(path, !purge && checksumOn(machine, path) !== sum);
    }
  }
  // Put there by hand, or by an install.sh whose record is gone: without its EnvironmentFile= nothing would start.
  for (const { path } of dropIns(release)) if (files.isFile(path) && !record.has(path)) remove(path, true);

  const within = (folder: string, ending: string): string[] =>
    files.list(folder).flatMap((name) => (name.endsWith(ending) ? join(folder, name) : []));
  const secrets = [ENV_FILE, ...(isMainRestored ? [] : [MAIN_BACKUP]), ...within(ETC, '.token')];
  if (purge) steps.push(...secrets.map((path) => drop(path, '-')));
  const isFetcherBack = TUTORIALS_FETCHER.test(main);
  return {
    steps,
    /** fluent-bit.conf without us, a character for each byte: its encoding is the user's. */
    main,
    /** It is again what it was before us. */
    isMainRestored,
    /** The tutorial's fetcher runs again, and resumes from its state. */
    isFetcherBack,
    wasEnabledByUs: record.get('enabled') === 'by-us',
    /** What --purge removes last, as patterns: a poll that is still running would write it again. */
    state: statePatterns(within(STATE, '_state.json'), [ENV_FILE, ...within(ETC, '.conf')].map(text), isFetcherBack),
    stays: [
      ...(purge ? [] : secrets),
      STATE,
      ...new Set([...saved, ...[ETC, `${ETC}/outputs`, DROP_INS].flatMap((folder) => within(folder, '.saved'))]),
    ],
  };
}

function recordOfAll(release: string, machine: Machine): Installed {
  const paths = [...pipelineFiles(release), ...dropIns(release)].map(({ path }) => path);
  return new Map(paths.map((path) => [path, checksumOn(machine, path) ?? '']));
}

/** Of each state file with our name, or that the settings name: its copies, its journal, and what was set aside. */
function statePatterns(files: readonly string[], settings: readonly string[], isFetcherBack: boolean): string[] {
  const named = settings.flatMap((text) =>
    Array.from(text.matchAll(NAMED_STATE), ([, env, command]) => env ?? command ?? ''),
  );
  const states = [...files, ...named.filter((path) => path.startsWith(`${STATE}/`))];
  const patterns = [...new Set(states)].flatMap((state) => [
    isFetcherBack && state === TUTORIALS_STATE ? `${state}?*` : `${state}*`,
    `${state.replace(/(?:_state)?\.json$/, '')}_journal/*`,
    `${state.replace(/\.json$/, '')}_journal/*`,
    join(state, '../oversize.jsonl*'),
    join(state, '../rejected.jsonl*'),
  ]);
  return [...new Set(patterns)];
}
