import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * Compares a text with the file of this name in `test/golden/`. With UPDATE_GOLDEN=1 in the environment the file is
 * written instead: look at what changed before it is committed.
 */
export function assertGolden(name: string, text: string): void {
  const file = fileOf(name);
  if (process.env['UPDATE_GOLDEN'] === '1') {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  assert.ok(existsSync(file), `${file} is missing; UPDATE_GOLDEN=1 writes it`);
  assert.equal(text, readFileSync(file, 'utf8'));
}

const HEAD = '## ';

/** As assertGolden(), for a text of many: a file that has each under its own headline. */
export function assertGoldenPart(name: string, headline: string, text: string): void {
  const parts = partsOf(name);
  if (process.env['UPDATE_GOLDEN'] === '1') {
    parts.set(headline, text);
    const sorted = [...parts].sort(([a], [b]) => (a < b ? -1 : 1));
    assertGolden(name, sorted.map(([head, part]) => `${HEAD}${head}\n${part}`).join('\n'));
  }
  assert.equal(text, parts.get(headline) ?? `(${name} has no such part; UPDATE_GOLDEN=1 writes it)`);
}

/** The headlines of a file, so that none is left of a case that is gone. */
export function goldenHeadlines(name: string): string[] {
  return [...partsOf(name).keys()];
}

function partsOf(name: string): Map<string, string> {
  const file = fileOf(name);
  const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
  const parts = text.split(new RegExp(`^${HEAD}`, 'm')).slice(1);
  return new Map(
    parts.map((part) => [part.slice(0, part.indexOf('\n')), part.slice(part.indexOf('\n') + 1).replace(/\n\n$/, '\n')]),
  );
}

function fileOf(name: string): string {
  return fileURLToPath(new URL(`../golden/${name}`, import.meta.url));
}
