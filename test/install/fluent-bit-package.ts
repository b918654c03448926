import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { NODE } from './container.ts';
import { STOCK_MAIN, STOCK_PARSERS, STOCK_PLUGINS } from './stand-ins.ts';

const BINARY = 'opt/fluent-bit/bin/fluent-bit';
const LIBRARIES = 'opt/fluent-bit/lib';
const WRAPPER = `#!/bin/sh\nLD_LIBRARY_PATH=/${LIBRARIES} exec /${BINARY}.real "$@"\n`;

const CONTROL = `Package: fluent-bit
Version: 5.1.1
Architecture: all
Maintainer: nobody <nobody@localhost>
Description: stand-in for the package of Fluent Bit, for tests
`;

const CONFFILES = '/etc/fluent-bit/fluent-bit.conf\n/etc/fluent-bit/parsers.conf\n/etc/fluent-bit/plugins.conf\n';

/** Like the real one: as root, with its settings from /etc/default, and started again whenever it ends. */
const UNIT = `[Unit]
Description=Stand-in for Fluent Bit
After=network.target

[Service]
Type=simple
EnvironmentFile=-/etc/default/fluent-bit
ExecStart=/opt/fluent-bit/bin/fluent-bit -c //etc/fluent-bit/fluent-bit.conf
Restart=always

[Install]
WantedBy=multi-user.target
`;

/**
 * Makes a Debian package like Fluent Bit's: its paths, its conffiles, its unit. What it runs is the real program in the
 * file `real`, with the libraries that this machine has for it, or a stand-in.
 */
export async function makeFluentBitPackage(folder: string, deb: string, real: string | undefined): Promise<void> {
  const put = (path: string, text: string, mode = 0o644): void => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text, { mode });
    chmodSync(join(folder, path), mode);
  };
  put('DEBIAN/control', CONTROL);
  put('DEBIAN/conffiles', CONFFILES);
  put('etc/fluent-bit/fluent-bit.conf', STOCK_MAIN);
  put('etc/fluent-bit/parsers.conf', STOCK_PARSERS);
  put('etc/fluent-bit/plugins.conf', STOCK_PLUGINS);
  put('usr/lib/systemd/system/fluent-bit.service', UNIT);
  if (real === undefined) put(BINARY, await bundle('fluent-bit-stand-in.ts'), 0o755);
  else {
    put(BINARY, WRAPPER, 0o755);
    mkdirSync(join(folder, LIBRARIES));
    copyFileSync(real, join(folder, `${BINARY}.real`));
    for (const library of librariesOf(real)) copyFileSync(library, join(folder, LIBRARIES, basename(library)));
  }
  const { status, stderr } = spawnSync('dpkg-deb', ['--root-owner-group', '--build', folder, deb], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`dpkg-deb: ${stderr}`);
}

/** Those that are not the C library's, which have to be the container's own. */
function librariesOf(file: string): string[] {
  const { stdout } = spawnSync('ldd', [file], { encoding: 'utf8' });
  const paths = Array.from(stdout.matchAll(/=> (\/\S+)/g), ([, path = '']) => path);
  return paths.filter((path) => !/^(?:libc|libm|libdl|libpthread|librt|libresolv)\.so/.test(basename(path)));
}

/** One of this project's own programs as a single file that runs without anything beside it. */
export async function bundle(path: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL(path, import.meta.url))],
    bundle: true,
    write: false,
    platform: 'node',
    format: 'esm',
    target: 'node20.18',
    banner: {
      js: `#!${NODE}\nimport { createRequire } from 'node:module';\nconst require = createRequire('/');`,
    },
  });
  return outputFiles[0]?.text ?? '';
}
