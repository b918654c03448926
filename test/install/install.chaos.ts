/** The tests of install.sh under every shell, with every bad input, and with every step of it failing. */

process.env['INSTALL_CHAOS'] = '1';

await import('./bad-input.test.ts');
await import('./failure.test.ts');
await import('./fluent-bit-conf.test.ts');
await import('./install.test.ts');
await import('./node.test.ts');
await import('./release.test.ts');
await import('./secrets.test.ts');

export {};
