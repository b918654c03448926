import assert from 'node:assert/strict';
import { cp, mkdtemp, readdir, readFile, readlink, realpath, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { loadFluentBitConfig, pipelineOf, sectionsOf, serviceOf } from '../helpers/fluent-bit-config.ts';
import { entriesOf, type FluentBitConfig, type Section, valueOf } from '../../src/check/fluent-bit-config/model.ts';
import { sizeInBytes, truth } from '../../src/check/fluent-bit-config/values.ts';
import { InExec } from '../helpers/in-exec.ts';
import { inExecOptions, INSTALLED_SCRIPT } from '../helpers/in-exec-options.ts';

const SOURCE = path.resolve('fluent-bit');
const INSTALLED_PARSERS = 'activity-log-parsers.conf';
const LONGEST_LINE = 1_000_000;
const ENV = {
  ACTIVITY_LOG_TAG: 'activityLog',
  ACTIVITY_LOG_INTERVAL: '300',
  ACTIVITY_LOG_HOST: 'logs.example.com',
  ACTIVITY_LOG_API_KEY: 'a-key',
  HOSTNAME: 'vm',
};

let root: string;
before(async () => {
  root = await realpath(await mkdtemp(path.join(tmpdir(), 'shipped-')));
});
after(() => rm(root, { recursive: true }));

/** The files as they lie in /etc/fluent-bit; `edit` changes them by the name in the source tree. Returns the main file. */
async function installed(edit: Record<string, (text: string) => string> = {}): Promise<string> {
  const etc = await mkdtemp(path.join(root, 'etc-'));
  await cp(SOURCE, etc, { recursive: true, filter: (file) => path.basename(file) !== INSTALLED_PARSERS });
  for (const [name, change] of Object.entries(edit)) {
    const file = path.join(etc, name);
    const text = await readFile(file, 'utf8');
    assert.notEqual(change(text), text, `nothing to change in ${name}`);
    await writeFile(file, change(text));
  }
  await rename(path.join(etc, 'parsers.conf'), path.join(etc, INSTALLED_PARSERS));
  return path.join(etc, 'fluent-bit.conf');
}

const swap = (from: string | RegExp, to: string) => (text: string) => text.replace(from, to);
const includeInstead = (output: string): ((text: string) => string) => swap('outputs/ionos.conf', `outputs/${output}`);
const load = (file: string): FluentBitConfig => loadFluentBitConfig(file, ENV);
const inputOf = (config: FluentBitConfig): Section => only(sectionsOf(config, 'input'));
const outputOf = (config: FluentBitConfig): Section => only(sectionsOf(config, 'output'));

function only(sections: readonly Section[]): Section {
  const [section, ...others] = sections;
  assert.ok(section !== undefined && others.length === 0, `${sections.length} sections`);
  return section;
}

const isOn = (section: Section, key: string): boolean => truth(valueOf(section, key) ?? '') === true;

describe('where the files lie', () => {
  it('works from the source tree and when installed, with the same bytes', async () => {
    const classic = pipelineOf(load(path.join(SOURCE, 'fluent-bit.conf')));
    assert.deepEqual(pipelineOf(load(await installed())), classic);
  });

  it('has its parsers in the source tree under the name that they get when installed', async () => {
    assert.equal(await readlink(path.join(SOURCE, INSTALLED_PARSERS)), 'parsers.conf');
  });

  it('leaves the parsers.conf alone that the package has beside the main file', async () => {
    const main = await installed();
    const stock = path.join(path.dirname(main), 'parsers.conf');
    await writeFile(stock, ['json', 'apache'].map((name) => `[PARSER]\n    Name ${name}\n    Format json\n`).join(''));
    await writeFile(main, '[SERVICE]\n    parsers_file parsers.conf\n    http_server Off\n@INCLUDE activity-log.conf\n'); // prettier-ignore
    const config = load(main);
    const names = config.parsers.map((parser) => valueOf(parser, 'name'));
    assert.deepEqual(names, ['json', 'apache', 'activity_log', 'activity_log_event_time']);
    assert.equal(serviceOf(config).get('http_server'), 'On');
  });

  it('has nothing but files that are used, beside those for Grafana', async () => {
    const all = await readdir(SOURCE, { recursive: true });
    const names = all.filter((name) => /\.(conf|yaml)$/.test(name) && !name.startsWith('grafana/'));
    const outputs = ['forward', 'ionos', 'ionos-tcp', 'kafka', 'loki', 'metrics-ionos', 'stdout'].map(
      (name) => `outputs/${name}.conf`,
    );
    const others = [
      'activity-log.conf',
      INSTALLED_PARSERS,
      'cloudscale.conf',
      'fluent-bit.conf',
      'fluent-bit.yaml',
      'parsers.conf',
    ];
    assert.deepEqual(names.sort(), [...others, ...outputs].sort());
  });
});

describe('the two formats', () => {
  it('make the same pipeline', () => {
    const classic = pipelineOf(load(path.join(SOURCE, 'fluent-bit.conf')));
    assert.deepEqual(pipelineOf(load(path.join(SOURCE, 'fluent-bit.yaml'))), classic);
  });
});

for (const name of ['fluent-bit.conf', 'fluent-bit.yaml']) {
  describe(name, () => {
    const config = load(path.join(SOURCE, name));
    const service = serviceOf(config);
    const input = inputOf(config);
    const output = outputOf(config);

    it('runs the script by its absolute path, as a direct child, every 300 seconds', () => {
      assert.equal(valueOf(input, 'name'), 'exec');
      assert.ok(valueOf(input, 'command')?.startsWith(`exec ${INSTALLED_SCRIPT} `));
      assert.equal(valueOf(input, 'interval_sec'), '300');
    });

    it('serves the counters on loopback, where the script asks for them under the alias of the input', () => {
      assert.equal(truth(service.get('http_server') ?? ''), true);
      const url = `http://${service.get('http_listen') ?? ''}:${service.get('http_port') ?? ''}`;
      assert.equal(url, 'http://127.0.0.1:2020');
      assert.ok(valueOf(input, 'command')?.endsWith(` --ack-url ${url} --ack-input ${valueOf(input, 'alias') ?? ''}`));
    });

    it('has a buffer for the longest line, its line break and its end', () => {
      assert.ok((sizeInBytes(valueOf(input, 'buf_size') ?? '') ?? 0) >= LONGEST_LINE + 2);
    });

    it('runs the script in its own thread', () => assert.ok(isOn(input, 'threaded')));

    it('keeps what is not yet sent on disk, and drops nothing for want of memory', () => {
      assert.equal(valueOf(input, 'storage.type'), 'filesystem');
      assert.equal(service.get('storage.path'), '/var/lib/fluent-bit/storage');
      assert.equal(valueOf(input, 'mem_buf_limit'), undefined);
    });

    it('never gives a chunk up, keeps what is refused, and bounds what an outage takes', () => {
      assert.equal(valueOf(output, 'retry_limit'), 'no_limits');
      assert.equal(truth(service.get('storage.keep.rejected') ?? ''), true);
      assert.ok((sizeInBytes(valueOf(output, 'storage.total_limit_size') ?? '') ?? 0) > 0);
      assert.ok(Number(service.get('scheduler.cap')) <= 60);
    });

    it('has its own parsers, and uses one of them', () => {
      const names = config.parsers.map((parser) => valueOf(parser, 'name'));
      assert.deepEqual(names, ['activity_log', 'activity_log_event_time']);
      assert.equal(valueOf(input, 'parser'), 'activity_log');
      assert.equal(
        config.parsers[0]?.entries.some(({ key }) => key.startsWith('time')),
        false,
      );
      assert.ok(config.parsers[1] !== undefined && isOn(config.parsers[1], 'time_keep'));
    });

    it('posts JSON to /<tag> at the Logging Service over TLS, with its key in a header', () => {
      const values = ['name', 'match', 'host', 'port', 'uri', 'format', 'header'].map((key) => valueOf(output, key));
      const tag = valueOf(input, 'tag');
      assert.deepEqual(values, ['http', tag, 'logs.example.com', '443', '/activityLog', 'json', 'APIKEY a-key']);
      assert.ok(isOn(output, 'tls') && isOn(output, 'tls.verify_hostname'));
    });

    it('holds no tag, host, key or interval itself', () => {
      const variables = {
        tag: 'TAG',
        match: 'TAG',
        uri: 'TAG',
        host: 'HOST',
        header: 'API_KEY',
        interval_sec: 'INTERVAL',
      };
      for (const [key, variable] of Object.entries(variables)) {
        for (const { raw } of [input, output].flatMap((section) => entriesOf(section, key))) {
          assert.ok(raw.includes(`\${ACTIVITY_LOG_${variable}}`), `${key} ${raw}`);
        }
      }
    });

    it('cannot start without a tag', () => {
      assert.throws(
        () => loadFluentBitConfig(path.join(SOURCE, name), { ...ENV, ACTIVITY_LOG_TAG: undefined }),
        /tag-empty/,
      );
    });
  });
}

describe('the other outputs', () => {
  const outputs: [string, string, Record<string, string>][] = [
    ['loki.conf', 'loki', { bearer_token: 'a-key', line_format: 'json', tls: 'On' }],
    ['forward.conf', 'forward', { require_ack_response: 'On', shared_key: 'a-key', tls: 'On' }],
    ['ionos-tcp.conf', 'forward', { port: '9000', tag: 'activityLog', shared_key: 'a-key', tls: 'On' }],
    ['kafka.conf', 'kafka', { topics: 'activityLog', brokers: 'logs.example.com', 'rdkafka.message.timeout.ms': '0' }],
  ];
  for (const [file, plugin, expected] of outputs) {
    it(`${file} takes all events and never gives one up`, async () => {
      const config = load(await installed({ 'activity-log.conf': includeInstead(file) }));
      const output = outputOf(config);
      assert.equal(valueOf(output, 'name'), plugin);
      assert.equal(valueOf(output, 'match'), valueOf(inputOf(config), 'tag'));
      assert.equal(valueOf(output, 'retry_limit'), 'no_limits');
      assert.ok((sizeInBytes(valueOf(output, 'storage.total_limit_size') ?? '') ?? 0) > 0);
      for (const [key, value] of Object.entries(expected)) assert.equal(valueOf(output, key), value, key);
    });
  }

  it('loki.conf makes labels of added fields only, since a label is taken out of the line', async () => {
    const config = load(await installed({ 'activity-log.conf': includeInstead('loki.conf') }));
    const labels = valueOf(outputOf(config), 'labels') ?? '';
    const fields = [...labels.matchAll(/=\$(\S+?)(?:,|$)/g)].map(([, field]) => field);
    assert.deepEqual(fields, ['provider', 'event_type', 'source_service']);
    assert.ok(
      (await readFile(path.join(SOURCE, 'outputs/loki.conf'), 'utf8')).includes(`event_type,source_service,provider`),
    );
  });

  it('metrics-ionos.conf comes in addition, and takes no event', async () => {
    const commented = '#@INCLUDE outputs/metrics-ionos.conf';
    const config = load(await installed({ 'activity-log.conf': swap(commented, commented.slice(1)) }));
    const [events, metrics] = sectionsOf(config, 'output');
    assert.ok(events !== undefined && metrics !== undefined);
    assert.equal(valueOf(metrics, 'match'), valueOf(sectionsOf(config, 'input')[1] ?? metrics, 'tag'));
    assert.notEqual(valueOf(metrics, 'match'), valueOf(events, 'match'));
    assert.ok(isOn(metrics, 'tls') && isOn(metrics, 'tls.verify_hostname'));
  });

  it('stdout.conf comes in addition, when asked for', async () => {
    const commented = '#@INCLUDE outputs/stdout.conf';
    const config = load(await installed({ 'activity-log.conf': swap(commented, commented.slice(1)) }));
    const names = sectionsOf(config, 'output').map((output) => valueOf(output, 'name'));
    assert.deepEqual(names, ['http', 'stdout']);
  });
});

describe('cloudscale.conf', () => {
  it('adds a second input to the same output, with its own alias, token and state', async () => {
    const commented = '#@INCLUDE cloudscale.conf';
    const config = load(await installed({ 'activity-log.conf': swap(commented, commented.slice(1)) }));
    const [first, second] = sectionsOf(config, 'input');
    assert.ok(first !== undefined && second !== undefined);
    outputOf(config);
    const command = valueOf(second, 'command') ?? '';
    for (const option of [
      '--provider cloudscale',
      '--token-file /etc/fluent-bit/cloudscale.token',
      '--state-file /var/lib/fluent-bit/cloudscale_log_state.json',
      '--ack-url http://127.0.0.1:2020',
      `--ack-input ${valueOf(second, 'alias') ?? ''}`,
    ]) {
      assert.ok(command.includes(` ${option}`), option);
    }
    for (const { key, value } of first.entries) {
      const differs = key === 'alias' || key === 'command';
      assert.equal(valueOf(second, key) === value, !differs, key);
    }
  });
});

describe('a broken copy is noticed', () => {
  const copies: [string, string, (text: string) => string, RegExp][] = [
    ['a wrong key of the input', 'activity-log.conf', swap('Buf_Size', 'Buffer_Size'), /key-unknown/],
    ['a wrong key of [SERVICE]', 'activity-log.conf', swap('HTTP_Server', 'HTTP_Serve'), /key-unknown/],
    ['a wrong key of the output', 'outputs/ionos.conf', swap('Retry_Limit', 'Retries'), /key-unknown/],
    ['a wrong key of a parser', 'parsers.conf', swap('Time_Keep', 'Keep_Time'), /key-unknown/],
    ['an unknown section', 'activity-log.conf', swap('[INPUT]', '[INPUTS_]'), /section-unknown/],
    ['a missing include', 'activity-log.conf', includeInstead('none.conf'), /include-missing/],
    ['a missing parsers file', 'activity-log.conf', swap('-parsers.conf\n', '-parser.conf\n'), /include-missing/],
    ['a missing parser', 'parsers.conf', swap('activity_log\n', 'activity_logs\n'), /parser-unknown/],
    ['a parser twice', 'parsers.conf', swap('activity_log_event_time\n', 'activity_log\n'), /parser-duplicate/],
    ['no storage.path', 'activity-log.conf', swap(/^ *storage\.path.*$/m, ''), /storage-path-missing/],
    ['a tab', 'outputs/ionos.conf', swap(/Format +json/, 'Format\tjson'), /syntax/],
    ['another indentation', 'outputs/ionos.conf', swap('    Port', '   Port'), /syntax/],
    ['two outputs of one alias', 'activity-log.conf', swap(/$/, '@INCLUDE twin.conf\n'), /include-missing/],
  ];
  for (const [what, file, change, problem] of copies) {
    it(what, async () => {
      const both = swap('#@INCLUDE cloudscale.conf', '@INCLUDE cloudscale.conf');
      const main = await installed({
        [file]: change,
        ...(file === 'cloudscale.conf' && { 'activity-log.conf': both }),
      });
      assert.throws(() => load(main), problem);
    });
  }

  const yaml: [string, (text: string) => string, RegExp][] = [
    ['a wrong key', swap('buf_size', 'buffer_size'), /key-unknown/],
    ['an unknown section', swap('parsers:', 'parser:'), /section-unknown/],
    ['an unknown part of the pipeline', swap('  inputs:', '  input:'), /section-unknown/],
    ['a missing parser', swap('name: activity_log\n', 'name: activity_logs\n'), /parser-unknown/],
    ['a parser twice', swap('activity_log_event_time', 'activity_log'), /parser-duplicate/],
    ['no YAML', swap('service:', 'service: ['), /syntax/],
  ];
  for (const [what, change, problem] of yaml) {
    it(`in YAML: ${what}`, async () => {
      const file = path.join(await mkdtemp(path.join(root, 'yaml-')), 'fluent-bit.yaml');
      const text = await readFile(path.join(SOURCE, 'fluent-bit.yaml'), 'utf8');
      assert.notEqual(change(text), text);
      await writeFile(file, change(text));
      assert.throws(() => load(file), problem);
    });
  }
});

describe('the double, configured by the shipped files', () => {
  for (const name of ['fluent-bit.conf', 'fluent-bit.yaml']) {
    it(`${name}: takes a line of 1,000,000 bytes, and the script learns where the counters are`, async (t) => {
      const print = `sh -c 'printf "{\\"pad\\":\\"%0999990d\\"}\\n" 0; echo "{\\"args\\":\\"$*\\"}"' --`;
      const fb = await InExec.start(inExecOptions(load(path.join(SOURCE, name)), { program: print }));
      t.after(() => fb.close());
      const run = await fb.runOnce('activity_log');
      assert.equal(run.stderr, '');
      assert.deepEqual(
        fb.stored.map(({ length }) => length > 999_999),
        [true, false],
      );
      assert.deepEqual(JSON.parse(fb.stored[1] ?? ''), { args: `--ack-url ${fb.url} --ack-input activity_log` });
      assert.equal(fb.input().threaded, true);
      assert.equal(fb.input().options.intervalMs, 300_000);
    });
  }
});
