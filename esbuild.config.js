// Builds fetch-activity-logs.js, one readable CommonJS file that runs alone, into dist or the folder that is named:
//     node esbuild.config.js [FOLDER]
// CommonJS, because the bundled packages call require() at run time and an ESM bundle would need shims for that.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';

const SCRIPT = 'fetch-activity-logs.js';
const folder = process.argv[2] ?? 'dist';
const { version, engines } = JSON.parse(readFileSync('package.json', 'utf8'));
const minNode = engines.node.replace('>=', '');

const { metafile, outputFiles } = await build({
  entryPoints: ['src/main.ts'],
  outfile: SCRIPT,
  bundle: true,
  platform: 'node',
  target: `node${minNode}`,
  format: 'cjs',
  charset: 'utf8',
  banner: { js: `#!/usr/bin/env node\n${refusalOfOlderNode(minNode)}` },
  define: {
    __VERSION__: JSON.stringify(version),
    // yargs asks where it is. A CommonJS file does not know, and the current folder may have been removed.
    'import.meta.url': JSON.stringify('file:///node_modules/'),
  },
  legalComments: 'inline',
  metafile: true,
  write: false,
  logLevel: 'warning',
});

mkdirSync(folder, { recursive: true });
// This package is "type": "module"; the built file is not.
put('package.json', '{ "type": "commonjs" }\n');
put('LICENSES.txt', bundledLicences(Object.keys(metafile.inputs)));
// What runs the script where install.sh puts it.
put('built-with', `${process.execPath}\n`);
put(SCRIPT, outputFiles[0].contents, 0o755);
// Made by the program itself, from its table of commands.
put('fetch-activity-logs.1', execFileSync(process.execPath, [join(folder, SCRIPT), '__man']));

/**
 * An older Node is named before anything else is loaded. What comes before 14 cannot parse the file: it quotes the first
 * line that it does not understand, which therefore holds the message. A bundle that Node 12 can parse (target: node12)
 * would take twice the CPU for each event: 6.5 s instead of 3.0 s for 400,000 (measured).
 */
function refusalOfOlderNode(least) {
  return `"use strict";
'' ?? 'error: this program needs Node.js ${least} or newer, and here an older one was started';
{
  const number = (version) => version.split('.').reduce((sum, part) => sum * 1000 + Number.parseInt(part, 10), 0);
  const { node } = process.versions;
  if (number(node) < number('${least}')) {
    const found = \`is version \${node} (\${process.execPath})\`;
    process.stderr.write(\`fetch-activity-logs: error: Node.js ${least} or newer is needed; this \${found}\\n\`);
    process.exit(1);
  }
}`;
}

/** Written beside and moved, so that nobody who runs the script meanwhile gets half of it. */
function put(name, contents, mode = 0o644) {
  const file = join(folder, name);
  writeFileSync(`${file}.new`, contents, { mode });
  renameSync(`${file}.new`, file);
}

/** The licence texts of the packages that the inputs come from, sorted, each once: two builds must be equal. */
function bundledLicences(inputs) {
  const folders = new Set();
  for (const input of inputs) {
    const found = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input);
    if (found) folders.add(found[1]);
  }
  const texts = [...folders].map((packageFolder) => {
    const manifest = JSON.parse(readFileSync(join(packageFolder, 'package.json'), 'utf8'));
    const file = readdirSync(packageFolder).find((name) => /^licen[cs]e/i.test(name));
    const text =
      file === undefined ? `Licence: ${manifest.license}` : readFileSync(join(packageFolder, file), 'utf8').trim();
    return `${manifest.name} ${manifest.version} (${manifest.license})\n\n${text}\n`;
  });
  return `${SCRIPT} contains these packages:\n\n${[...new Set(texts)].sort().join(`\n${'-'.repeat(78)}\n\n`)}`;
}
