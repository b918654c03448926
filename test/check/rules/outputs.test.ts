import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { checkOutputs } from '../../../src/check/rules/outputs.ts';
import { CALL, LOKI, checkedInput, faultsIn, sectionOf, type Keys } from '../../helpers/checked-input.ts';
import { OUTPUT, PIPELINE, installedMachine } from '../../helpers/checked-machine.ts';

it('accepts a Retry_Limit without end only, in any case', async (t) => {
  const machine = await installedMachine(t);
  for (const [value, found] of [
    ['No_Limits', []],
    ['false', []],
    ['5', ['Retry_Limit 5']],
    ['many', ['Retry_Limit many']],
    ['no_retries', ['Retry_Limit no_retries']],
  ] as const) {
    await machine.edit(OUTPUT, [/^ +Retry_Limit .*$/m, `    Retry_Limit ${value}`]);
    assert.deepEqual(
      (await machine.faults()).map(({ message }) => message),
      found,
    );
  }
});

it('says that an output is sound beside one that is not', async (t) => {
  const machine = await installedMachine(t);
  const text = await readFile(machine.path(OUTPUT), 'utf8');
  await machine.write('/etc/fluent-bit/outputs/second.conf', text.replace(/^ +Alias .*$/m, '    Alias second'));
  await machine.edit(PIPELINE, ['@INCLUDE outputs/ionos.conf', '@INCLUDE outputs/ionos.conf\n@INCLUDE outputs/second.conf']); // prettier-ignore
  await machine.edit(OUTPUT, [/^ +Retry_Limit .*$/m, '    Retry_Limit 5']);
  assert.match((await machine.run()).stdout, /✓ .*: output second receives the events of activity_log,/);
});

const http: [what: string, changes: [key: RegExp, line: string][], found: string[]][] = [
  ['its format in capitals', [[/Format .*/, 'Format JSON']], []],
  ['a placeholder for its path, which is said once', [[/URI .*/, 'URI /<TAG>']], ['placeholder']],
  ['no host, whose key nobody sees', [[/Host .*/, ''], [/tls .*/, ''], [/Port .*/, 'Port 8080']], ['output-host']],
  ['this machine, whose key nobody sees', [[/Host .*/, 'Host 127.0.0.1'], [/tls .*/, ''], [/Port .*/, 'Port 8080']], ['output-host-unusual']],
]; // prettier-ignore
for (const [what, changes, found] of http) {
  it(`check says of an http output with ${what}: ${found.join() || 'nothing'}`, async (t) => {
    const machine = await installedMachine(t);
    await machine.edit(OUTPUT, ...changes.map(([key, line]): [RegExp, string] => [new RegExp(`(?<=^ +)${key.source}$`, 'm'), line])); // prettier-ignore
    const codes = (await machine.faults()).map(({ code }) => code);
    assert.deepEqual(codes, found);
  });
}

describe('an output that events reach', () => {
  const KAFKA: Keys = { ...LOKI, name: 'kafka', 'rdkafka.message.timeout.ms': '0' };
  const HTTP: Keys = { ...LOKI, 'name': 'http', 'host': 'logs.example', 'tls': 'on', 'tls.verify_hostname': 'on', 'port': '443' }; // prettier-ignore
  const SERVICE: Keys = { ...HTTP, host: 'a.logging.de-txl.ionos.com', format: 'json', uri: '/activityLog', header: 'APIKEY k' }; // prettier-ignore
  const TCP: Keys = { ...SERVICE, name: 'forward', alias: 'activity_log_ionos_tcp', shared_key: 'k', require_ack_response: 'on' }; // prettier-ignore
  const long = (bytes: number) => [
    `warning loki-line: lines may be ${bytes} bytes long, and Loki rejects those above 262144`,
  ];
  const kafka = (bytes: number) => [
    `warning kafka-size: lines may be ${bytes} bytes long, and up to three times that once encoded`,
  ];
  const plain = 'warning output-tls: tls is not set';
  const wrongHost = (host: string) => [`error output-host: Host ${host} is not just a host name`];
  const cases: [name: string, output: Keys, lineBytes: number, found: readonly string[]][] = [
    ['to a Loki, with lines that it takes', LOKI, 262_144, []],
    ['to a Loki, with lines that are longer by a byte', LOKI, 262_145, long(262_145)],
    ['to Kafka, by default', KAFKA, 333_333, []],
    ['to Kafka, by default, with longer lines', KAFKA, 333_334, kafka(333_334)],
    ['to Kafka, with room for what lines may grow to', { ...KAFKA, 'rdkafka.message.max.bytes': '3000000' }, 1_000_000, []],
    ['to Kafka, with a byte too little', { ...KAFKA, 'rdkafka.message.max.bytes': '2999999' }, 1_000_000, kafka(1_000_000)],
    ['by HTTP, to a host', HTTP, 4096, []],
    ['by HTTP, to a host with a path', { ...HTTP, host: 'h/x' }, 4096, wrongHost('h/x')],
    ['by HTTP, to a host with a port', { ...HTTP, host: 'h:443' }, 4096, wrongHost('h:443')],
    ['by HTTP, to a URL in capitals', { ...HTTP, host: 'HTTPS://h' }, 4096, wrongHost('HTTPS://h')],
    ['by HTTP, to a host with a blank', { ...HTTP, host: 'h x' }, 4096, wrongHost('h x')],
    ['by HTTP, to a placeholder, which is said elsewhere', { ...HTTP, host: '<a/b>' }, 4096, []],
    ['by HTTP, without TLS', { ...HTTP, tls: undefined, port: '80' }, 4096, [plain]],
    ['by HTTP, on its default port, without TLS', { ...HTTP, tls: undefined, port: undefined }, 4096, [plain]],
    ['by HTTP, on its default port, with TLS', { ...HTTP, port: undefined }, 4096, ['error output-port: tls on port 80']],
    ['by HTTP, without TLS on the port of TLS, once', { ...HTTP, tls: undefined }, 4096, ['error output-tls: Port 443 without tls']],
    ['by HTTP, without TLS, to this machine', { ...HTTP, tls: undefined, port: '80', host: 'localhost' }, 4096, []],
    ['by HTTP, without TLS, to a host that is not set', { ...HTTP, tls: undefined, port: '80', host: '' }, 4096, []],
    ['by HTTP, to any server', { ...HTTP, 'tls.verify': 'off', 'tls.verify_hostname': 'off' }, 4096, ['warning output-verify: tls.verify off']],
    ['by HTTP, to a server of any name', { ...HTTP, 'tls.verify_hostname': 'off' }, 4096, ['warning output-verify: tls.verify_hostname off']],
    ['to OpenSearch, on its default port, with TLS', { ...HTTP, name: 'opensearch', port: undefined }, 4096, []],
    ['to OpenSearch, without TLS', { ...HTTP, name: 'opensearch', tls: 'off', port: undefined }, 4096, ['warning output-tls: tls off']],
    ['to a file, whose host does not matter', { ...LOKI, name: 'file', host: 'h/x' }, 4096, []],
    ['to the Logging Service', SERVICE, 4096, []],
    ['to the Logging Service, with a key of no value', { ...SERVICE, header: 'APIKEY' }, 4096, ['error output-key: Header APIKEY has no value']],
    ['to the Logging Service, without a key', { ...SERVICE, header: 'X-A b' }, 4096, ['error output-key: output http sends no APIKEY']],
    ['to the Logging Service, without a path', { ...SERVICE, uri: undefined }, 4096, ['error output-uri: the URI does not name a tag']],
    ['to the Logging Service, at the path /', { ...SERVICE, uri: '/' }, 4096, ['error output-uri: the URI does not name a tag']],
    ['to the Logging Service, at the path of another tag', { ...SERVICE, uri: '/activity' }, 4096, ['warning output-uri: URI /activity is not the tag activityLog']],
    ['to the Logging Service, at a placeholder, which is said elsewhere', { ...SERVICE, uri: '/<TAG>' }, 4096, []],
    ['to the Logging Service by the key alone', { ...SERVICE, host: 'h' }, 4096, ['warning output-host-unusual: h does not look like a host of the Logging Service']],
    ['to the Logging Service, to a host that is not set', { ...SERVICE, host: '' }, 4096, []],
    ["to the Logging Service, with the README's placeholder", { ...SERVICE, host: 'HOST-OF-YOUR-PIPELINE' }, 4096, []],
    ['to the Logging Service, with a host that is a URL, once', { ...SERVICE, host: 'https://h' }, 4096, wrongHost('https://h')],
    ['to the Logging Service by TCP', TCP, 4096, []],
    ['to the Logging Service by TCP, without a key', { ...TCP, shared_key: undefined }, 4096, ['error output-key: Shared_Key is not set']],
    ['to the Logging Service by TCP, without answers', { ...TCP, require_ack_response: 'off' }, 4096, ['error forward-ack: Require_ack_response off']],
    ['by forward, to a host that is not said', { ...TCP, alias: 'x', host: undefined, shared_key: undefined, tls: undefined }, 4096, ['error output-host: Host is not set']],
  ]; // prettier-ignore
  for (const [name, output, lineBytes, found] of cases) {
    it(`may be ${name}`, async () => {
      const env = { ACTIVITY_LOG_MAX_LINE_BYTES: String(lineBytes) };
      assert.deepEqual(faultsIn(checkOutputs(await checkedInput({ outputs: [output], env }))), found);
    });
  }

  it('of the Logging Service has the tag of a pipeline', async () => {
    for (const [tag, isTag] of [
      ['abc', true],
      ['a2345678901234567890', true],
      ['ab', false],
      ['a23456789012345678901', false],
      ['a-b', false],
      ['<TAG>', true],
      ['', true],
    ] as const) {
      const found = checkOutputs(await checkedInput({ input: { tag }, outputs: [{ ...SERVICE, uri: `/${tag}` }] }));
      const message = `error output-tag: a tag of the Logging Service is 3 to 20 letters and digits, not ${tag}`;
      assert.deepEqual(faultsIn(found), isTag ? [] : [message]);
      if (!isTag) assert.deepEqual([found[0]?.fix, found[0]?.line], ['Tag activityLog', 3]);
    }
  });

  it('is cured by the line that check proposes: the host alone, and enough bytes', async () => {
    const fixes = async (output: Keys, lineBytes = 4096) => {
      const env = { ACTIVITY_LOG_MAX_LINE_BYTES: String(lineBytes) };
      return checkOutputs(await checkedInput({ outputs: [output], env })).map(({ fix }) => fix);
    };
    assert.deepEqual(await fixes({ ...HTTP, host: 'https://h.example:8443/x y' }), ['Host h.example']);
    assert.deepEqual(await fixes({ ...HTTP, host: 'TCP://h.example' }), ['Host h.example']);
    assert.deepEqual(await fixes(KAFKA, 1_000_000), ['rdkafka.message.max.bytes 4000000']);
    assert.deepEqual(await fixes(KAFKA, 1_000_001), ['rdkafka.message.max.bytes 8000000']);
    assert.deepEqual(await fixes(LOKI, 300_000), ['ACTIVITY_LOG_MAX_LINE_BYTES=250000']);
  });

  it('is not the only one, and filters come before it', async () => {
    const only = (...outputs: Keys[]) => checkedInput({ outputs, service: { 'storage.keep.rejected': 'off' } });
    assert.deepEqual(faultsIn(checkOutputs(await only())), ['error match: no output has a Match for the tag activityLog']);
    const shown: Keys = { name: 'stdout', match: '*' };
    const lost = 'error destination: the events of activity_log only reach';
    const copied = 'warning stdout: output stdout matches the events (Match *)';
    assert.deepEqual(faultsIn(checkOutputs(await only(shown))), [`${lost} stdout`, copied]);
    assert.deepEqual(faultsIn(checkOutputs(await only(shown, { name: 'Null', match: '*' }))), [`${lost} stdout and null`, copied]);
    assert.deepEqual(faultsIn(checkOutputs(await only(shown, LOKI))), [copied, 'warning loki-line: lines may be 1000000 bytes long, and Loki rejects those above 262144', 'error keep-rejected: storage.keep.rejected off']);
    const more = [sectionOf('filter', { name: 'Grep', match: 'activity*' }), sectionOf('filter', { name: 'lua', match: 'x' })];
    const found = checkOutputs(await checkedInput({ more, env: { ACTIVITY_LOG_MAX_LINE_BYTES: '4096' } }));
    assert.deepEqual(found.map(({ message }) => message), ['output loki receives the events of activity_log, and retries without limit', 'filter grep sees the events of activity_log']);
  }); // prettier-ignore

  it('need not exist for a tag that is empty, which is said elsewhere', async () => {
    assert.deepEqual(checkOutputs(await checkedInput({ input: { tag: '', command: CALL }, outputs: [] })), []);
  });
});
