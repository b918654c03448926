import { lstatSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { localFiles } from '../check/fluent-bit-config/read.ts';
import { pathOn, type Machine } from '../check/facts/machine.ts';
import { ENV_FILE, ETC, MAIN, MAIN_BACKUP, TOKEN_FILE } from '../check/facts/paths.ts';
import type { Plan } from './plan.ts';
import { checksum, checksumOn, readRecord, type Installed } from './record.ts';
import { dropIns, pipelineFiles, type Shipped } from './release.ts';
import { drop, put, type Step } from './step.ts';

const PIPELINE = join(ETC, 'activity-log.conf');

/** What install.sh has to do, and the record of it. */
export interface Installation {
  readonly steps: readonly Step[];
  readonly record: Installed;
  readonly warnings: readonly string[];
}

export interface Circumstances {
  readonly release: string;
  /** The folder for what is not in the release as it is installed. */
  readonly stage: string;
  readonly usesCredentials: boolean;
  /** Of fluent-bit.conf: the package's own, somebody's, or not looked at. */
  readonly main: 'stock' | 'edited' | 'ignored';
}

/** The text of activity-log.conf that will be in force: the user's, or the one of the release. */
export function pipelineText(release: string, machine: Machine): string {
  const source = join(release, 'fluent-bit/activity-log.conf');
  const sum = checksumOn(machine, PIPELINE);
  const isTheirs =
    sum !== undefined && sum !== checksum(readFileSync(source)) && sum !== readRecord(machine).get(PIPELINE);
  return localFiles.read(isTheirs ? pathOn(machine, PIPELINE) : source);
}

/** A fluent-bit.conf that names a storage.path keeps it; activity-log.conf says why. */
export function withoutStoragePath(text: string): string {
  return text.replace(/^( *)(storage\.path )/gm, '$1#$2');
}

/** The steps that make the machine as `plan` says; what the user has edited stays. */
export function installation(
  plan: Plan,
  { release, stage, usesCredentials, main }: Circumstances,
  machine: Machine,
): Installation {
  const before = readRecord(machine);
  const record: Installed = new Map();
  const steps: Step[] = [];
  const warnings: string[] = [];
  const keep = (path: string): void => {
    const sum = before.get(path);
    if (sum !== undefined) record.set(path, sum);
  };
  const config = ({ path, source }: Shipped): void => {
    const [now, then, ours] = [checksumOn(machine, path), before.get(path), checksum(readFileSync(source))];
    if (now === undefined || now === ours || now === then) {
      steps.push(put('644', path, source));
    } else {
      // Once for each new one of ours. What was there before us is not in the record, and so not ours to remove.
      if (then !== ours) warnings.push(`${path} is yours and stays; what is new in ours: diff ${path} ${source}`);
      if (then === undefined) return;
    }
    record.set(path, ours);
  };
  const mainFile = (source: string, name: string): void => {
    steps.push(put('600', MAIN_BACKUP, pathOn(machine, MAIN), '-'), put('as-is', MAIN, source));
    record.set(name, checksum(readFileSync(source)));
  };
  const shippedMain = { path: MAIN, source: join(release, 'fluent-bit/fluent-bit.conf') };
  const [usual, credentials] = dropIns(release);

  for (const file of pipelineFiles(release)) {
    config(
      plan.survey?.hasStoragePath === true && file.path === PIPELINE
        ? { ...file, source: join(stage, 'activity-log.conf') }
        : file,
    );
  }
  for (const [path, sum] of before) {
    if (!isPipeline(path) || record.has(path)) continue;
    // An older version brought it, and this one does not.
    if (checksumOn(machine, path) === sum) steps.push(drop(path));
    else if (checksumOn(machine, path) !== undefined) keep(path);
  }
  steps.push(
    put('600', ENV_FILE, join(stage, 'activity-log.env')),
    ...tokenSteps(plan, stage, usesCredentials, machine),
  );
  config(usual);
  if (usesCredentials) config(credentials);
  if (main === 'ignored') return { steps, record, warnings };

  if (plan.missing.length > 0) {
    keep(MAIN);
    keep(MAIN_BACKUP);
  } else if (main === 'stock') mainFile(shippedMain.source, MAIN);
  else if (plan.survey?.includesUs !== true || plan.survey.blocks.length > 0)
    mainFile(join(stage, 'fluent-bit.conf'), MAIN_BACKUP);
  else if (before.has(MAIN)) config(shippedMain);
  else keep(MAIN_BACKUP);
  keep('enabled');
  return { steps, record, warnings };
}

/** Not fluent-bit.conf, nor its backup, nor a drop-in, nor a mark. */
function isPipeline(path: string): boolean {
  return path.startsWith(`${ETC}/`) && !path.startsWith(MAIN);
}

function tokenSteps(plan: Plan, stage: string, usesCredentials: boolean, machine: Machine): Step[] {
  const file = pathOn(machine, TOKEN_FILE);
  const effect = usesCredentials ? 'restart' : '-';
  const staged = put('600', TOKEN_FILE, join(stage, 'activity-log.token'), effect);
  if (plan.token !== undefined) return [staged];
  // Something else looks after it, and after its mode.
  if (lstatSync(file, { throwIfNoEntry: false })?.isSymbolicLink() === true) return [];
  if (localFiles.isFile(file)) return [put('600', TOKEN_FILE, file, effect)];
  // Empty, so that it has the right mode when it is filled in.
  return plan.tokenIn === '' ? [staged] : [];
}
