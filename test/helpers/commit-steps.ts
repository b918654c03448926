/** The disk at each step of a commit: what a process that is killed there leaves behind. */

import fs from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { journalFolder } from '../../src/state/journal-files.ts';

export type CommitStep =
  | 'before the line'
  | 'half of the line'
  | 'after the line'
  | 'before the snapshot'
  | 'half of the snapshot'
  | 'after the snapshot';

/** A file as it is at this step, and not on the disk: half of it was written. */
export interface Half {
  readonly file: string;
  readonly content: Buffer;
}

type OnStep = (step: CommitStep, half?: Half) => void;

const watched = new Map<string, OnStep>();

/** Calls `onStep`, which must be quick and not wait, at each step of the commits of this state. Ends with the result. */
export async function watchCommits(stateFile: string, onStep: OnStep): Promise<() => void> {
  await patched;
  watched.set(stateFile, onStep);
  watched.set(journalFolder(stateFile), onStep);
  return () => {
    watched.delete(stateFile);
    watched.delete(journalFolder(stateFile));
  };
}

type Write = (
  this: FileHandle,
  bytes: Buffer,
  start: number,
  ...rest: readonly unknown[]
) => Promise<{ bytesWritten: number }>;

const patched = patch();

async function patch(): Promise<void> {
  const probe = await open('/dev/null');
  const handles = Object.getPrototypeOf(probe) as FileHandle;
  await probe.close();
  const { write } = handles as unknown as { write: Write };
  Object.assign(handles, {
    async write(this: FileHandle, bytes: Buffer, start: number, ...rest: readonly unknown[]) {
      const file = fs.readlinkSync(`/proc/self/fd/${this.fd}`);
      const onStep = watched.get(dirname(file));
      if (onStep === undefined) return write.call(this, bytes, start, ...rest);
      onStep('before the line');
      const half = bytes.subarray(start, start + Math.ceil((bytes.length - start) / 2));
      onStep('half of the line', { file, content: Buffer.concat([fs.readFileSync(file), half]) });
      const written = await write.call(this, bytes, start, ...rest);
      onStep('after the line');
      return written;
    },
  });
  // The package for atomic writes takes it from here.
  const { rename } = fs;
  Object.assign(fs, {
    rename(from: string, to: string, done: (error: Error | null) => void) {
      const onStep = watched.get(to);
      onStep?.('before the snapshot');
      if (onStep !== undefined) {
        const whole = fs.readFileSync(from);
        onStep('half of the snapshot', { file: from, content: whole.subarray(0, whole.length / 2) });
      }
      rename(from, to, (error) => {
        if (error === null) onStep?.('after the snapshot');
        done(error);
      });
    },
  });
}
