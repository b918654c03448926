import assert from 'node:assert/strict';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import type { Finding } from '../../src/check/finding.ts';
import { assertGoldenPart, goldenHeadlines } from '../helpers/golden.ts';
import {
  ENVIRONMENT,
  MAIN,
  OUTPUT,
  PARSERS,
  PIPELINE,
  SCRIPT,
  installedMachine,
  toldIn,
  type CheckedMachine,
} from '../helpers/checked-machine.ts';

/** Makes a sound machine fall into a trap. */
type Change = (machine: CheckedMachine) => Promise<unknown>;
/** `level code` of a finding, and what stands in the line that it names. */
type Expected = readonly [what: string, line: RegExp];

interface Trap {
  readonly name: string;
  readonly set: Change;
  readonly found: readonly Expected[];
  /** Its advice, followed to the letter, ends it. Otherwise it leaves a choice, or is a command that shows more. */
  readonly isCured: boolean;
}

const cured = (name: string, set: Change, ...found: Expected[]): Trap => ({ name, set, found, isCured: true });
const trap = (name: string, set: Change, ...found: Expected[]): Trap => ({ name, set, found, isCured: false });

const keyPattern = (key: string): RegExp => new RegExp(`^ +${key.replaceAll('.', String.raw`\.`)} .*\n`, 'm');
const edit =
  (file: string, from: string | RegExp, to: string): Change =>
  (machine) =>
    machine.edit(file, [from, to]);
const keyOf = (file: string) => (key: string, value?: string) =>
  edit(file, keyPattern(key), value === undefined ? '' : `    ${key} ${value}\n`);
const input = keyOf(PIPELINE);
const service = keyOf(PIPELINE);
const output = keyOf(OUTPUT);
const parser = (key: string, value?: string) => keyOf(PARSERS)(key, value);
const variable = (name: string, value?: string) =>
  edit(ENVIRONMENT, new RegExp(`^${name}=.*\n`, 'm'), value === undefined ? '' : `${name}=${value}\n`);
const append =
  (file: string, text: string): Change =>
  async ({ path }) =>
    writeFile(path(file), `${await readFile(path(file), 'utf8')}${text}`);
const all =
  (...changes: readonly Change[]): Change =>
  async (machine) => {
    for (const change of changes) await change(machine);
  };
const below = (file: string, head: string, lines: string) => edit(file, `${head}\n`, `${head}\n${lines}\n`);
const command = (line: string) => input('Command', line);
const sendTo = (name: string) => edit(PIPELINE, '@INCLUDE outputs/ionos.conf', `@INCLUDE outputs/${name}.conf`);
const mode = (file: string, bits: number): Change => ({ path }) => chmod(path(file), bits); // prettier-ignore

/** Fluent Bit counts the lines of this input as well. */
const countedToo =
  (name: string): Change =>
  ({ fluentBit }) => {
    if (fluentBit.picture === undefined) return Promise.resolve();
    const inputs = new Map([...fluentBit.picture.inputs, [name, { records: 0, bytes: 0, paused: false }]]);
    fluentBit.picture = { ...fluentBit.picture, inputs };
    return Promise.resolve();
  };

const OUTPUT_TCP = OUTPUT.replace('ionos.conf', 'ionos-tcp.conf');
const CALL = `exec ${SCRIPT} --ack-url http://127.0.0.1:2020 --ack-input activity_log`;
const INPUT = /^\[INPUT\]$/;
const SERVICE = /^\[SERVICE\]$/;
const OUTPUT_HEAD = /^\[OUTPUT\]$/;
const COMMAND = /^ +Command /;

const TRAPS: Readonly<Record<string, readonly Trap[]>> = {
  'lines that are cut or not understood': [
    cured('Buf_Size left at its default', input('Buf_Size'), ['error buf-size', INPUT]),
    cured('Buf_Size just too small', input('Buf_Size', '1M'), ['error buf-size', /Buf_Size 1M/]),
    cured('a Buf_Size that is no size', input('Buf_Size', '2X'), ['error buf-size', /Buf_Size 2X/]),
    cured('lines longer than Buf_Size', append(ENVIRONMENT, 'ACTIVITY_LOG_MAX_LINE_BYTES=3000000\n'), ['error buf-size', /Buf_Size +2M/]), // prettier-ignore
    cured('no Parser', input('Parser'), ['error parser', INPUT]),
    cured('a Parser that is not defined', input('Parser', 'json'), ['error parser', /Parser json/]),
    trap('a parser without a format', parser('Format'), ['error config-refused', /PARSER/], ['error parser', /PARSER/]), // prettier-ignore
    cured('no Parsers_File', service('Parsers_File'), ['error parser', SERVICE]),
    cured('a parser of another format', parser('Format', 'logfmt'), ['error parser', /Format logfmt/]),
    cured('a time key that no event has', input('Parser', 'activity_log_event_time'), [
      'warning parser-time',
      /^ +Parser /,
    ]),
    cured(
      'a time key that is taken out of the event',
      all(input('Parser', 'activity_log_event_time'), parser('Time_Keep'), append(ENVIRONMENT, 'ACTIVITY_LOG_ADD_FIELDS=time\n')), // prettier-ignore
      ['warning parser-time', /Time_Key/],
    ),
    cured(
      'times that Loki refuses',
      all(input('Parser', 'activity_log_event_time'), append(ENVIRONMENT, 'ACTIVITY_LOG_ADD_FIELDS=time\n')),
      ['warning parser-time', /^ +Parser /],
    ),
  ],

  'storage that forgets': [
    cured('memory storage by default', input('storage.type'), ['error storage-type', INPUT]),
    cured('memory storage', input('storage.type', 'memory'), ['error storage-type', /storage.type memory/]),
    cured('a ring buffer in memory', input('storage.type', 'memrb'), ['error storage-type', /storage.type memrb/]),
    cured(
      'Mem_Buf_Limit with memory storage',
      all(input('storage.type'), below(PIPELINE, '[INPUT]', '    Mem_Buf_Limit 5M')),
      ['error storage-type', INPUT],
      ['error mem-buf-limit', /Mem_Buf_Limit 5M/],
    ),
    cured('Mem_Buf_Limit with filesystem storage', below(PIPELINE, '[INPUT]', '    Mem_Buf_Limit 5M'), [
      'warning mem-buf-limit',
      /Mem_Buf_Limit 5M/,
    ]),
    cured('no storage.path', service('storage.path'), ['error storage-path', SERVICE]),
    cured(
      'no storage.path for inherited filesystem storage',
      all(input('storage.type'), service('storage.path', 'x'), edit(PIPELINE, '    storage.path x', '    storage.type filesystem\n    storage.inherit On')), // prettier-ignore
      ['error storage-path', SERVICE],
    ),
    cured('a storage.path that is emptied at boot', service('storage.path', '/tmp/storage'), [
      'warning storage-path',
      /storage.path \/tmp/,
    ]),
    cured('an input that pauses', below(PIPELINE, '[INPUT]', '    storage.pause_on_chunks_overlimit On'), [
      'warning storage-pause',
      /storage.pause/,
    ]),
  ],
  'outputs that give up': [
    cured('Retry_Limit left at its default', output('Retry_Limit'), ['error retry-limit', OUTPUT_HEAD]),
    cured('a small Retry_Limit', output('Retry_Limit', '5'), ['error retry-limit', /Retry_Limit 5/]),
    cured('no retries', output('Retry_Limit', 'no_retries'), ['error retry-limit', /no_retries/]),
    cured('no storage.keep.rejected', service('storage.keep.rejected'), ['error keep-rejected', SERVICE]),
    cured('storage.keep.rejected off', service('storage.keep.rejected', 'Off'), [
      'error keep-rejected',
      /rejected Off/,
    ]),
    cured('no storage.total_limit_size', output('storage.total_limit_size'), ['warning total-limit', OUTPUT_HEAD]),
    cured('a small storage.total_limit_size', output('storage.total_limit_size', '5M'), [
      'warning total-limit',
      /total_limit_size 5M/,
    ]),
    cured('a forward output without answers', all(sendTo('forward'), keyOf('/etc/fluent-bit/outputs/forward.conf')('Require_ack_response')), [
      'error forward-ack',
      OUTPUT_HEAD,
    ]), // prettier-ignore
    cured('a kafka output with its defaults', all(sendTo('kafka'), keyOf('/etc/fluent-bit/outputs/kafka.conf')('rdkafka.message.timeout.ms'), keyOf('/etc/fluent-bit/outputs/kafka.conf')('rdkafka.message.max.bytes')),
      ['error kafka-timeout', OUTPUT_HEAD],
      ['warning kafka-size', OUTPUT_HEAD],
    ), // prettier-ignore
    cured('a kafka output that gives up soon', all(sendTo('kafka'), keyOf('/etc/fluent-bit/outputs/kafka.conf')('rdkafka.message.timeout.ms', '60000'), keyOf('/etc/fluent-bit/outputs/kafka.conf')('rdkafka.message.max.bytes', '1000000')),
      ['error kafka-timeout', /timeout/],
      ['warning kafka-size', /max.bytes/],
    ), // prettier-ignore
    cured('lines that Loki refuses', sendTo('loki'), ['warning loki-line', OUTPUT_HEAD]),
  ],
  'events that go nowhere': [
    trap('a Match that does not fit', output('Match', 'activityLogs'), ['error match', /Tag +/]),
    trap(
      'a Match_Regex that does not fit',
      all(output('Match'), below(OUTPUT, '[OUTPUT]', '    Match_Regex ^other$')),
      ['error match', /Tag +/],
    ),
    trap('no output', edit(PIPELINE, '@INCLUDE outputs/ionos.conf\n', ''), ['error match', /Tag +/]),
    trap('nothing but stdout', sendTo('stdout'), ['error destination', OUTPUT_HEAD], ['warning stdout', /Match +/]),
    trap('an output that throws all away', ({ write }) => write(OUTPUT, '[OUTPUT]\n    Name null\n    Match *\n'), ['error destination', OUTPUT_HEAD]), // prettier-ignore
    cured('copies in the journal', edit(PIPELINE, '#@INCLUDE outputs/stdout.conf', '@INCLUDE outputs/stdout.conf'), [
      'warning stdout',
      /Match +/,
    ]),
    cured('copies by the stock output for everything', append(MAIN, '[OUTPUT]\n    Name stdout\n    Match *\n'), [
      'warning stdout',
      /Match \*/,
    ]),
    cured('copies by a pattern', append(MAIN, '[OUTPUT]\n    Name stdout\n    Match_Regex ^act\n'), ['warning stdout', OUTPUT_HEAD]), // prettier-ignore
    trap('a filter in between', append(MAIN, '[FILTER]\n    Name grep\n    Match activity*\n    Exclude x y\n'), [
      'warning filter',
      /\[FILTER\]/,
    ]),
    trap('a host that is a URL', variable('ACTIVITY_LOG_HOST', 'https://logs.example.com/x'), [
      'error output-host',
      /Host +/,
    ]),
    cured('a Host that is a URL', output('Host', 'https://abc.logging.de-txl.ionos.com'), [
      'error output-host',
      /Host https/,
    ]),
    cured('no Host', output('Host'), ['error output-host', OUTPUT_HEAD]),
    cured('TLS left out', output('tls'), ['error output-tls', OUTPUT_HEAD]),
    cured('TLS off', output('tls', 'Off'), ['error output-tls', /tls Off/]),
    cured('no TLS, on purpose', all(output('tls', 'Off'), output('Port', '8080')), ['warning output-tls', /tls Off/]), // prettier-ignore
    cured('TLS on port 80', output('Port', '80'), ['error output-port', /Port 80/]),
    cured('no TLS', all(output('tls'), output('Port', '8080')), ['warning output-tls', OUTPUT_HEAD]),
    cured('tls.verify off', below(OUTPUT, '[OUTPUT]', '    tls.verify Off'), [
      'warning output-verify',
      /tls.verify Off/,
    ]),
    cured('a certificate for whatever host, on purpose', output('tls.verify_hostname', 'Off'), ['warning output-verify', /hostname Off/]), // prettier-ignore
    cured('a certificate for whatever host', output('tls.verify_hostname'), ['warning output-verify', OUTPUT_HEAD]),
    cured('msgpack instead of JSON', output('Format'), ['error output-format', OUTPUT_HEAD]),
    cured('another format', output('Format', 'json_lines'), ['error output-format', /Format json_lines/]),
    cured('the path /', output('URI', '/'), ['error output-uri', /URI \//]),
    cured('no path', output('URI'), ['error output-uri', OUTPUT_HEAD]),
    cured('the path of another tag', output('URI', '/other'), ['warning output-uri', /URI \/other/]),
    cured('no key', all(output('Header'), variable('ACTIVITY_LOG_HOST', 'x.logging.de-txl.ionos.com')), ['error output-key', OUTPUT_HEAD]), // prettier-ignore
    cured('a placeholder left in a variable', variable('ACTIVITY_LOG_TAG', '<TAG_NAME>'), ['error placeholder', /Tag +/], ['error placeholder', /Match/], ['error placeholder', /URI/]), // prettier-ignore
    cured("the README's placeholder for the host", variable('ACTIVITY_LOG_HOST', 'HOST-OF-YOUR-PIPELINE'), ['error placeholder', /Host +/]), // prettier-ignore
    cured('a host that is no pipeline', variable('ACTIVITY_LOG_HOST', 'logs.example.com'), ['warning output-host-unusual', /Host +/]), // prettier-ignore
    cured('a tag that no pipeline can have', variable('ACTIVITY_LOG_TAG', 'activity.log'), ['error output-tag', /Tag +/]), // prettier-ignore
    cured('a tag that is too short', variable('ACTIVITY_LOG_TAG', 'ab'), ['error output-tag', /Tag +/]),
    cured('the same by TCP, with a host that is no pipeline', all(sendTo('ionos-tcp'), variable('ACTIVITY_LOG_TAG', 'ab'), variable('ACTIVITY_LOG_HOST', 'logs.example.com')), ['error output-tag', /Tag +/], ['warning output-host-unusual', /Host +/]), // prettier-ignore
    cured('no key by TCP', all(sendTo('ionos-tcp'), keyOf(OUTPUT_TCP)('Shared_Key')), ['error output-key', OUTPUT_HEAD]), // prettier-ignore
    cured('an empty key by TCP', all(sendTo('ionos-tcp'), variable('ACTIVITY_LOG_API_KEY')), ['error config-variable-unset', /Shared_Key/]), // prettier-ignore
    trap('a placeholder left in its place', output('Header', 'APIKEY <PIPELINE_AUTH_KEY>'), [
      'error placeholder',
      /APIKEY/,
    ]),
  ],
  'lines that vanish unnoticed': [
    cured('no --ack-url', command(`exec ${SCRIPT}`), ['error ack-url', COMMAND]),
    cured('no --ack-url, and an Alias of the user', all(input('Alias', 'audit'), countedToo('audit'), command(`exec ${SCRIPT}`)), ['error ack-url', COMMAND]), // prettier-ignore
    cured('no HTTP server', service('HTTP_Server'), ['error http-server', SERVICE]),
    cured('HTTP server off', service('HTTP_Server', 'Off'), ['error http-server', /HTTP_Server Off/]),
    cured('another port', service('HTTP_Port', '2021'), ['error ack-address', COMMAND]),
    cured('the port of a web server', command(CALL.replace(':2020', '')), ['error ack-address', COMMAND]),
    cured('another address', service('HTTP_Listen', '10.0.0.5'), ['error ack-address', COMMAND]),
    cured('an HTTP server for everybody, by default', service('HTTP_Listen'), ['warning http-listen', SERVICE]),
    cured('an HTTP server for everybody', service('HTTP_Listen', '0.0.0.0'), ['warning http-listen', /0\.0\.0\.0/]),
    cured('another Alias', all(input('Alias', 'audit'), countedToo('audit')), ['error ack-input', COMMAND]),
    cured('no Alias', input('Alias'), ['error ack-input', INPUT]),
    cured('an Alias twice', append(MAIN, '[INPUT]\n    Name exec\n    Alias activity_log\n    Command true\n'), [
      'error config-alias-duplicate',
      /Alias activity_log/,
    ]),
  ],
  'runs that go wrong': [
    cured('a shell between', command(CALL.replace('exec ', '')), ['warning command-exec', COMMAND]),
    cured('a pipe', command(`${CALL} | jq -c .`), ['warning command-shell', COMMAND]),
    cured('--peek', command(`${CALL} --peek`), ['error command-peek', COMMAND]),
    cured('another command of ours', command(`${CALL} status`), ['error command-name', COMMAND]),
    cured('a command that never ends', command(`${CALL} follow`), ['error command-name', COMMAND]),
    cured('a command in a variable', all(append(ENVIRONMENT, `MY_COMMAND="${CALL} --peek --contract 31721060"\n`), command('${MY_COMMAND}')), ['error command-peek', COMMAND]), // prettier-ignore
    cured('a name with a blank', command(`${CALL.replace('exec ', '')} --add-fields 'time, provider'`), ['warning command-exec', COMMAND]), // prettier-ignore
    trap('an option that there is not', command(`${CALL} --contracts 1`), ['error command-options', COMMAND]),
    trap('a setting that is refused', append(ENVIRONMENT, 'ACTIVITY_LOG_PAGE_SIZE=many\n'), [
      'error command-options',
      COMMAND,
    ]),
    trap('help', command(`${CALL} --help`), ['error command-options', COMMAND]),
    cured('no thread', input('Threaded'), ['warning threaded', INPUT]),
    cured('a thread that is off', input('Threaded', 'Off'), ['warning threaded', /Threaded Off/]),
    cured('an interval shorter than a run', variable('ACTIVITY_LOG_INTERVAL', '60'), [
      'warning deadline',
      /Interval_Sec/,
    ]),
    cured('a run longer than the interval', command(`${CALL} --deadline 10m`), ['warning deadline', COMMAND]),
    trap('no interval', all(input('Interval_Sec'), command(`${CALL} --deadline 900ms`)), ['error command-options', COMMAND], ['warning interval', INPUT]), // prettier-ignore
    cured('an interval that is no number', input('Interval_Sec', '5m'), ['warning interval', /5m/]),
    cured('a single run', below(PIPELINE, '[INPUT]', '    Oneshot On'), ['error oneshot', /Oneshot On/]),
    cured('an end after a single run', below(PIPELINE, '[INPUT]', '    Exit_After_Oneshot On'), ['error oneshot', /Oneshot On/]), // prettier-ignore
    trap('no script', ({ remove }) => remove(SCRIPT), ['error script', COMMAND]),
    cured('another path', command(CALL.replace(SCRIPT, '/usr/bin/fetch-activity-logs')), ['error script', COMMAND]),
    cured('a name that is not on PATH', command(CALL.replace(SCRIPT, 'fetch-activity-logs')), [
      'error script',
      COMMAND,
    ]),
    trap('a folder instead of the script', all(({ remove }) => remove(SCRIPT), ({ write }) => write(`${SCRIPT}/x`, '')), ['error script', COMMAND]), // prettier-ignore
    cured('a script that is not executable', mode(SCRIPT, 0o644), ['error script', COMMAND]),
    cured('a script that others can change', mode(SCRIPT, 0o757), ['warning script-mode', /^$/]),
    cured('a script without an interpreter', ({ write }) => write(SCRIPT, 'void 0;\n', 0o755), [
      'error script',
      /void/,
    ]),
    cured('an interpreter that is not there', ({ write }) => write(SCRIPT, '#!/opt/node\n', 0o755), [
      'error script',
      /opt.node/,
    ]),
    trap('a Node that is not on PATH', ({ remove }) => remove('/usr/bin/node'), ['error script', /env node/]),
    cured('a Node in Command that is not there', command(CALL.replace('exec', 'exec /opt/node')), [
      'error script',
      COMMAND,
    ]),
    trap('an old Node in Command', all(command(CALL.replace('exec', 'exec /opt/node')), ({ write }) => write('/opt/node', '#!/bin/sh\necho v18.19.0\n', 0o755)), ['error node', COMMAND]), // prettier-ignore
    trap(
      'an old Node',
      all(
        ({ write }) => write(SCRIPT, '#!/opt/node\n', 0o755),
        ({ write }) => write('/opt/node', '#!/bin/sh\necho v18.19.0\n', 0o755),
      ),
      ['error node', /opt.node/],
    ),
    cured('the Python fetcher beside it', append(MAIN, '[INPUT]\n    Name exec\n    Command python3 /opt/fluent-bit/scripts/fetch_activity_logs.py\n'), [
      'error python',
      /fetch_activity_logs\.py/,
    ]), // prettier-ignore
    cured('two inputs with one state', all(countedToo('second'), append(MAIN, `[INPUT]\n    Name exec\n    Alias second\n    Tag activityLog\n    Command ${CALL.replace('activity_log', 'second')}\n    Parser activity_log\n    Interval_Sec 300\n    Buf_Size 2M\n    Threaded On\n    storage.type filesystem\n`)), [
      'error state-shared',
      COMMAND,
    ]), // prettier-ignore
  ],
  'what is not filled in, or not seen by the service': [
    cured('no tag', variable('ACTIVITY_LOG_TAG'), ['error config-variable-unset', /Tag +/]),
    cured('no host', variable('ACTIVITY_LOG_HOST'), ['error config-variable-unset', /Host/]),
    trap('no tag, nor a default', input('Tag', '${NO_TAG:-}'), ['error config-refused', /Tag/]),
    trap('no tag for the input alone', input('Tag', '${NO_TAG}'), ['error config-variable-unset', /Tag/]), // prettier-ignore
    cured('a variable that is of less importance', below(PIPELINE, '[SERVICE]', '    Log_File ${MY_LOG}'), ['warning config-variable-unset', /Log_File/]), // prettier-ignore
    cured('a variable that matters in its second place', all(variable('ACTIVITY_LOG_HOST'), edit(PIPELINE, /$/, '\n[SERVICE]\n    Log_File ${ACTIVITY_LOG_HOST}\n')), ['error config-variable-unset', /Host/]), // prettier-ignore
    cured('no key', variable('ACTIVITY_LOG_API_KEY'), ['error config-variable-unset', /Header/]),
    trap('no interval', all(variable('ACTIVITY_LOG_INTERVAL'), append(ENVIRONMENT, 'ACTIVITY_LOG_DEADLINE=1s\n')), [
      'error config-variable-unset',
      /Interval_Sec/,
    ]),
    cured(
      'a file of variables that is not there',
      ({ remove }) => remove(ENVIRONMENT),
      ['error environment', /EnvironmentFile/],
      ['error config-variable-unset', /Tag +/],
      ['error config-variable-unset', /Interval_Sec/],
      ['error config-variable-unset', /Host/],
      ['error config-variable-unset', /Header/],
    ),
    cured('a key in the file', output('Header', 'APIKEY a-key-of-somebody'), ['warning plain-secret', /APIKEY/]),
    cured('a key in @SET', append(MAIN, '@SET MY_API_KEY=a-key-of-somebody\n'), ['warning plain-secret', /@SET/]),
    cured('a token in Command', command(`IONOS_API_TOKEN=a-token-of-somebody ${CALL}`), [
      'warning plain-secret',
      COMMAND,
    ]),
    cured('a key in a file that only root reads', all(output('Header', 'APIKEY a-key-of-somebody'), mode(OUTPUT, 0o600)), ['warning plain-secret', /APIKEY/]), // prettier-ignore
    cured('a password of an output', below(OUTPUT, '[OUTPUT]', '    http_Passwd hunter2'), [
      'warning plain-secret',
      /hunter2/,
    ]),
  ],
  'files that Fluent Bit refuses': [
    cured('parsers loaded twice', append(MAIN, '[SERVICE]\n    Parsers_File activity-log-parsers.conf\n'), [
      'error config-parser-duplicate',
      /Parsers_File/,
    ]),
    trap('a parser defined twice', append(PARSERS, '[PARSER]\n    Name activity_log\n    Format json\n'), [
      'error config-refused',
      /^\[PARSER\]$/,
    ]),
    trap('a parser in the main file', append(MAIN, '[PARSER]\n    Name x\n    Format json\n'), ['error config-refused', /PARSER/]), // prettier-ignore
    trap('a parser without a format', append(PARSERS, '[PARSER]\n    Name x\n'), ['error config-refused', /PARSER/]),
    trap('a missing include', append(MAIN, '@INCLUDE none.conf\n'), ['error config-refused', /none/]),
    trap('an include of itself', append(MAIN, '@INCLUDE fluent-bit.conf\n'), ['error config-refused', /@INCLUDE/]),
    trap('a key without indentation', append(MAIN, '[SERVICE]\n    Grace 5\nFlush 2\n'), [
      'error config-refused',
      /Flush 2/,
    ]),
    trap('a key that there is not', below(PIPELINE, '[INPUT]', '    Buffer_Size 2M'), ['error config-refused', /Buffer_Size/]), // prettier-ignore
    cured('a key of [SERVICE] that there is not', below(PIPELINE, '[SERVICE]', '    Flushh 2'), ['warning config-key-unknown', /Flushh/]), // prettier-ignore
    trap('a key twice', below(PIPELINE, '[INPUT]', '    Parser activity_log'), ['error config-refused', /Parser/]),
    trap('a key twice that all inputs have', below(PIPELINE, '[INPUT]', '    Threaded Off'), ['warning config-key-overridden', /Threaded +On/]), // prettier-ignore
    trap('a section that there is not', append(MAIN, '[INPUTT]\n    Name exec\n'), [
      'warning config-section-unknown',
      /INPUTT/,
    ]),
    trap('an input without a name', append(MAIN, '[INPUT]\n    Tag x\n'), ['error config-refused', INPUT]),
  ],
};

async function lineOf({ path }: CheckedMachine, { file = '', line = 0 }: Finding): Promise<string> {
  const text = await readFile(path(file), 'utf8');
  return text.split('\n')[line - 1] ?? '';
}

/** Does what a finding says: writes the line, sets the variable, adds the option, deletes the section, runs the command. */
async function obey(machine: CheckedMachine, { file = '', line = 0, fix, command }: Finding): Promise<void> {
  const [, bits = '', changed = ''] = /^(?:sudo )?chmod (\S+) (\S+)$/.exec(command ?? '') ?? [];
  if (fix === undefined && changed === '') throw new Error(`cannot be followed here: ${command ?? ''}`);
  if (fix === undefined) return chmod(machine.path(changed), bits === '+x' ? 0o755 : parseInt(bits, 8));
  // Where it leaves the value to the reader, the reader knows it.
  const advice = fix
    .replace(/(?<!instead of \w+=)…/, 'activitylog-logs.1.logging.de-txl.ionos.com')
    .replace(/(?<=HOST=[^ ,]+),.*/, '');
  const [, assignment = '', where = ENVIRONMENT] = /^([A-Z_]+=\S+)(?: in (\S+?))?$/.exec(advice) ?? [];
  if (assignment !== '') return setVariable(machine.path(where), assignment);
  const lines = (await readFile(machine.path(file), 'utf8')).split('\n');
  const index = line - 1;
  const isHead = (lines[index] ?? '').startsWith('[');
  if (advice.startsWith('--')) lines[index] = withOption(lines[index] ?? '', advice);
  else if (/^delete this \[\w+\] section$/.test(advice)) deleteSection(lines, index);
  else if (advice === 'delete this line') lines.splice(index, 1);
  else lines.splice(isHead ? index + 1 : index, isHead ? 0 : 1, `${file === SCRIPT ? '' : '    '}${advice}`);
  await writeFile(machine.path(file), lines.join('\n'));
}

async function setVariable(file: string, assignment: string): Promise<void> {
  const text = await readFile(file, 'utf8').catch(() => '');
  const name = assignment.slice(0, assignment.indexOf('=') + 1);
  const others = text.split('\n').filter((line) => line !== '' && !line.startsWith(name));
  await writeFile(file, `${[...others, assignment].join('\n')}\n`);
}

/** The command with this option in the place of the one that it has. */
function withOption(command: string, option: string): string {
  const name = option.slice(0, option.indexOf(' '));
  const [, given = option, replaced = ''] = /^(.*) instead of (\w+=)…$/.exec(option) ?? [];
  const without = replaced === '' ? command : command.replace(new RegExp(`${replaced}\\S+ ?`), '');
  return `${without.replace(new RegExp(` ${name}[ =]\\S+`), '')} ${given}`;
}

function deleteSection(lines: string[], index: number): void {
  let head = index;
  while (!(lines[head] ?? '[').startsWith('[')) head--;
  let end = head + 1;
  while (!/^[[@]|^$/.test(lines[end] ?? '')) end++;
  lines.splice(head, end - head);
}

/** What check says of each trap, word by word. */
const GOLDEN = 'check/traps.txt';

it('what check says is known of these traps, and of no others', () => {
  const names = Object.entries(TRAPS).flatMap(([group, traps]) => traps.map(({ name }) => `${group}: ${name}`));
  assert.deepEqual(goldenHeadlines(GOLDEN).sort(), names.sort());
});

for (const [group, traps] of Object.entries(TRAPS)) {
  describe(`check finds ${group}:`, { concurrency: 4 }, () => {
    for (const { name, set, found, isCured } of traps) {
      it(name, async (t) => {
        const machine = await installedMachine(t);
        await set(machine);
        const faults = await machine.faults();
        assert.deepEqual(
          faults.map(({ level, code }) => `${level} ${code}`),
          found.map(([what]) => what),
          JSON.stringify(faults, undefined, 1),
        );
        for (const [index, finding] of faults.entries()) {
          assert.match(await lineOf(machine, finding), found[index]?.[1] ?? /^$/);
          assert.ok(finding.impact !== undefined, JSON.stringify(finding));
          assert.ok(finding.fix !== undefined || finding.command !== undefined, JSON.stringify(finding));
        }
        assertGoldenPart(GOLDEN, `${group}: ${name}`, toldIn(faults));
        if (!isCured) return;
        for (const finding of faults.toReversed()) await obey(machine, finding);
        assert.deepEqual(await machine.faults(), []);
      });
    }
  });
}
