import { error, ok, type Details, type Finding } from '../finding.ts';

/** `engines` of package.json. */
const MIN_NODE = '20.18.1';

/** Whether this Node.js can run the program; `origin` says where it is. */
export function checkNode(version: string, origin: string, details: Pick<Details, 'at'> = {}): [Finding] {
  if (isAtLeast(version, MIN_NODE)) return ok('node', `Node ${version} at ${origin}`, details);
  return error('node', `Node ${version} at ${origin} is older than ${MIN_NODE}`, {
    ...details,
    impact: 'the program may not start',
    command: 'sudo ./install.sh',
  });
}

/** Compares the numbers one by one: `20.9.0` is older than `20.18.1`. */
export function isAtLeast(version: string, least: string): boolean {
  const [have, need] = [numbers(version), numbers(least)];
  for (const [index, number] of need.entries()) {
    const own = have[index] ?? 0;
    if (own !== number) return own > number;
  }
  return true;
}

function numbers(version: string): number[] {
  return Array.from(version.matchAll(/\d+/g), ([digits]) => Number(digits));
}
