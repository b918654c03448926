// The only file that does something when it is loaded: it connects the program to its process.
import { setFlagsFromString } from 'node:v8';
import { isJournal } from './lib/log.ts';
import { openStdout } from './lib/stdout.ts';
import { Stopped } from './lib/run.ts';

/** When a run was told to end, has ended, and something that cannot be called off still holds the process. */
const LAST_RESORT_MS = 300;

// undici's HTTP parser is WebAssembly: V8 would optimize it for longer than a poll takes.
setFlagsFromString('--liftoff-only');
// Memory stays below 100 MB however many events there are (measured with Node 20), but for the identities of those
// inside the overlap. Room for young objects grows from 1 MB to 4, which V8 does while the modules are loaded, and then
// no more, instead of to 16; and garbage is collected when there is half again as much as was in use, instead of up to
// four times.
setFlagsFromString('--semi-space-growth-factor=4');
setFlagsFromString('--heap-growing-percent=50');

const stop = new AbortController();

// Two SIGTERMs are normal: systemd sends one to the whole group, Fluent Bit another.
process.on('SIGTERM', () => stop.abort(new Stopped('stopped by SIGTERM')));
process.on('SIGINT', function onInterrupt() {
  if (stop.signal.aborted) {
    process.off('SIGINT', onInterrupt);
    process.kill(process.pid, 'SIGINT');
  }
  stop.abort(new Stopped('stopped by SIGINT'));
});

// Messages that nobody reads must not end the run.
process.stderr.on('error', () => undefined);

void import('./cli.ts').then(async ({ main }) => {
  setFlagsFromString('--semi-space-growth-factor=1'); // it has grown by now
  process.exitCode = await main(process.argv.slice(2), {
    env: process.env,
    stdout: openStdout(),
    log: { write: (line) => process.stderr.write(line), journal: isJournal(2, process.env['JOURNAL_STREAM']) },
    terminal: process.stderr.isTTY ? process.stderr : undefined,
    signal: stop.signal,
    now: Date.now,
    random: Math.random,
  });
  // A name look-up cannot be aborted and keeps the process for as long as it likes. Everything is written by now, so
  // nothing is cut off; without such a rest the process has ended before this timer fires.
  if (stop.signal.aborted) setTimeout(() => process.exit(), LAST_RESORT_MS).unref();
});
