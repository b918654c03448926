import { readFileSync } from 'node:fs';
import { pathOn, type Machine } from '../check/facts/machine.ts';
import type { Survey } from './tutorial.ts';

const OUR_LINE = '@INCLUDE activity-log.conf';
/** Also an input that the user included here instead of in activity-log.conf: its file is removed, too. */
const IS_OUR_LINE = /^@include[ \t]+(?:\S*\/)?(?:activity-log|cloudscale)\.conf[ \t\r]*$/i;
const MARK = '#~# Taken over by fetch-activity-logs; install.sh --uninstall brings it back.';
const IS_MARK = '#~# ';
const COMMENT = '#~ ';
const BLANK = /^[ \t\r]*(?:#|$)/;

/** A character for each byte, to be written as latin1: what is not ours stays as it is, in any encoding. */
export function readBytes(machine: Machine, path: string): string {
  return readFileSync(pathOn(machine, path), 'latin1');
}

/** fluent-bit.conf with the tutorial's blocks commented out, and our line at its end. */
export function rewrite(text: string, survey: Survey, envFile: string): string {
  const lines = linesOf(text);
  const commented = new Set(survey.blocks.flatMap(({ first, last }) => range(first, last)));
  const keyLines = new Set(survey.blocks.flatMap((block) => block.keyLines));
  const written = lines.flatMap((line, index) => {
    const number = index + 1;
    if (!commented.has(number)) return [line];
    // Others can read this file.
    const kept = keyLines.has(number) ? line.replace(/[^ \t].*$/, movedKey(envFile)) : line;
    return [...(commented.has(number - 1) ? [] : [MARK]), `${COMMENT}${kept}`];
  });
  return joined(survey.includesUs ? written : [...written, OUR_LINE]);
}

/** Whether it contains our changes. */
export function isWithUs(text: string): boolean {
  return linesOf(text).some((line) => line.startsWith(IS_MARK) || IS_OUR_LINE.test(line));
}

/** Undoes `rewrite` line by line, for a file that was edited since, and puts the key back. */
export function restore(text: string, envFile: string, key: string): string {
  let isOurs = false;
  const kept = linesOf(text).flatMap((line) => {
    if (IS_OUR_LINE.test(line)) return [];
    if (line.startsWith(IS_MARK)) {
      isOurs = true;
      return [];
    }
    // Others may use the same sign.
    if (isOurs && line.startsWith(COMMENT)) {
      return [line.slice(COMMENT.length).replace(movedKey(envFile), () => `Header APIKEY ${key}`)];
    }
    if (!BLANK.test(line)) isOurs = false;
    return [line];
  });
  return joined(kept);
}

function movedKey(envFile: string): string {
  return `Header APIKEY (now in ${envFile})`;
}

function linesOf(text: string): string[] {
  return text.replace(/\n$/, '').split('\n');
}

function joined(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join('');
}

function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}
