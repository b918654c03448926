// Builds dist/fetch-activity-logs.js: one readable CommonJS file that runs alone.
// CommonJS, because the bundled packages call require() at run time and an ESM bundle would need shims for that.
import { chmodSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { build } from 'esbuild';

const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
const outfile = 'dist/fetch-activity-logs.js';

rmSync('dist', { recursive: true, force: true });
mkdirSync('dist');

const { metafile } = await build({
  entryPoints: ['src/main.ts'],
  outfile,
  bundle: true,
  platform: 'node',
  target: 'node20.18',
  format: 'cjs',
  charset: 'utf8',
  banner: { js: '#!/usr/bin/env node' },
  define: { __VERSION__: JSON.stringify(version) },
  // The ESM form of yargs wraps its help in the middle of words, since it comes with a lesser cliui.
  alias: { yargs: './node_modules/yargs/index.cjs' },
  legalComments: 'inline',
  metafile: true,
  logLevel: 'warning',
});
chmodSync(outfile, 0o755);
// This package is "type": "module"; the built file is not.
writeFileSync('dist/package.json', '{ "type": "commonjs" }\n');
writeFileSync('dist/LICENSES.txt', bundledLicences(Object.keys(metafile.inputs)));

/** The licence texts of the packages that the inputs come from, sorted by name, so that two builds are equal. */
function bundledLicences(inputs) {
  const folders = new Set();
  for (const input of inputs) {
    const found = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input);
    if (found) folders.add(found[1]);
  }
  const texts = [...folders].sort().map((folder) => {
    const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    const file = readdirSync(folder).find((name) => /^licen[cs]e/i.test(name));
    const text = file === undefined ? `Licence: ${manifest.license}` : readFileSync(join(folder, file), 'utf8').trim();
    return `${manifest.name} ${manifest.version} (${manifest.license})\n\n${text}\n`;
  });
  return `${dirname(outfile)}/fetch-activity-logs.js contains these packages:\n\n${texts.join(`\n${'-'.repeat(78)}\n\n`)}`;
}
