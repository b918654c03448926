import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';

const TEXT = readFileSync('CONTRIBUTING.md', 'utf8');
const FILE = /(?<![\w/.-])(?:[\w.-]+\/)*(?:[\w-]+\.(?:ts|js|md|sh)|[\w.-]+\/)(?![\w*])/g;

/** A folder's files are named with their folder, or below src/. */
function exists(path: string): boolean {
  return existsSync(path) || existsSync(`src/${path}`);
}

describe('CONTRIBUTING.md', () => {
  it('names files and folders that exist', () => {
    const named = [...new Set(TEXT.replaceAll(/Node\.js|\S*\*\S*|\/(?:usr|opt)\/\S*|dist\/\S*/g, '').match(FILE))];
    assert.ok(named.length > 40, named.join());
    assert.deepEqual(
      named.filter((path) => !exists(path)),
      [],
    );
  });

  it('names npm scripts that exist', () => {
    const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> };
    const named = Array.from(TEXT.matchAll(/npm run (?:--silent )?([\w:-]+)/g), ([, name = '']) => name);
    assert.ok(named.length > 10);
    assert.deepEqual(
      named.filter((name) => !(name in scripts)),
      [],
    );
  });

  it('draws all folders of src/, each of which says what belongs there', () => {
    const picture = /```\n([\s\S]*?)```/.exec(TEXT)?.[1] ?? '';
    const folders = readdirSync('src', { withFileTypes: true }).filter((entry) => entry.isDirectory());
    for (const { name } of folders) {
      assert.ok(picture.includes(`${name}/`), name);
      assert.match(readFileSync(`src/${name}/README.md`, 'utf8'), new RegExp(`^# ${name}\n\n\\S`));
    }
  });
});
