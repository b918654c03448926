import assert from 'node:assert/strict';
import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import {
  configOf,
  loadFluentBitConfig,
  pipelineOf,
  readFluentBitConfig,
  serviceOf,
} from '../../helpers/fluent-bit-config.ts';
import { assertGoldenPart } from '../../helpers/golden.ts';
import { entriesOf, valueOf } from '../../../src/check/fluent-bit-config/model.ts';
import { serviceOf as scopeOfService } from '../../../src/check/fluent-bit-config/read.ts';
import { sizeInBytes } from '../../../src/check/fluent-bit-config/values.ts';

/** What is wrong with the files of these tests, word by word. */
const GOLDEN = 'check/fluent-bit-config.txt';

let root: string;
let count = 0;

before(async () => {
  root = await realpath(await mkdtemp(path.join(tmpdir(), 'fluent-bit-config-')));
});
after(() => rm(root, { recursive: true }));

/** Writes files into a new folder and returns its path. */
async function folder(files: Record<string, string>): Promise<string> {
  const top = path.join(root, String((count += 1)));
  for (const [name, text] of Object.entries(files)) {
    const file = path.join(top, name);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, text);
  }
  return top;
}

/** What is wrong with the main file of a folder: `code file:line`; in words, it is in the golden file by `headline`. */
async function wrong(files: Record<string, string>, headline?: string): Promise<string[]> {
  const top = await folder(files);
  const [main = ''] = Object.keys(files);
  const { faults, problems } = readFluentBitConfig(path.join(top, main), { env: {}, cwd: '/' });
  if (headline !== undefined && problems.length > 0) {
    const said = problems.map(({ message, at }) => `${at.file}:${at.line}: ${message}\n`).join('');
    assertGoldenPart(GOLDEN, headline, said.replaceAll(`${top}/`, ''));
  }
  return faults.map(({ code, at }) => `${code} ${path.relative(top, at.file)}:${at.line}`);
}

const INPUT = '[INPUT]\n    Name exec\n    Command true\n';
const OUTPUT = '[OUTPUT]\n    Name stdout\n    Match *\n';
const PARSER = '[PARSER]\n    Name one\n    Format json\n';

it('the last value of a key counts', () => {
  const at = { file: 'main.conf', line: 1 };
  const entries = ['first', 'last'].map((value) => ({ key: 'tag', value, raw: value, at }));
  assert.equal(valueOf({ entries }, 'tag'), 'last');
});

it('a key is its whole name', () => {
  const at = { file: 'main.conf', line: 1 };
  const entries = ['header_x', 'head', 'header'].map((key) => ({ key, value: key, raw: key, at }));
  const found = entriesOf({ entries }, 'header').map(({ value }) => value);
  assert.deepEqual([found, valueOf({ entries }, 'head'), valueOf({ entries }, 'tag')], [['header'], 'head', undefined]);
});

it('a configuration without a service has its place in the main file', () => {
  assert.deepEqual(scopeOfService(configOf([])), { entries: [], at: { file: 'main.conf' } });
});

it('a YAML file may write the names of its sections in capitals', async () => {
  assert.deepEqual(await wrong({ 'main.yaml': 'SERVICE:\n  flush: 1\nPIPELINE:\n  Inputs:\n    - name: exec\n' }), []);
});

describe('a classic file', () => {
  it('is sections of keys, whose case does not matter, and whose values run to the end of the line', async () => {
    const top = await folder({
      'main.conf': '# comment\n\n[Input]\r\n  NAME   exec  \r\n  # comment\n  command echo "#1" # 2\n',
    });
    const config = loadFluentBitConfig(path.join(top, 'main.conf'), {});
    assert.deepEqual(pipelineOf(config).inputs, [{ name: ['exec'], command: ['echo "#1" # 2'] }]);
    const lines = config.sections.flatMap(({ at, entries }) => [at.line, ...entries.map((entry) => entry.at.line)]);
    assert.deepEqual(lines, [3, 4, 6]);
  });

  it('may name its sections in either way', async () => {
    const names = ['SERVICE', 'Custom', 'customs', 'input', 'INPUTS', 'filter', 'FILTERS', 'output', 'outputs'];
    const top = await folder({ 'main.conf': names.map((name) => `[${name}]\n`).join('') });
    const { sections, problems } = readFluentBitConfig(path.join(top, 'main.conf'), { env: {} });
    const kinds = ['service', 'custom', 'custom', 'input', 'input', 'filter', 'filter', 'output', 'output'];
    assert.deepEqual([sections.map(({ kind }) => kind), problems], [kinds, []]);
  });

  it('merges its [SERVICE] sections: of two values the last one counts', async () => {
    const top = await folder({ 'main.conf': '[SERVICE]\n    Flush 1\n    Grace 2\n[SERVICE]\n    Flush 3\n' });
    const service = serviceOf(loadFluentBitConfig(path.join(top, 'main.conf'), {}));
    assert.deepEqual([...service], [['flush', '3'], ['grace', '2']]); // prettier-ignore
  });

  it('takes variables from @SET, then from the environment, then their default', async () => {
    const text = `@SET A=set \r\n${INPUT}    Alias \${A}-\${B}-\${C:-c}-\${D:-}\n`;
    const top = await folder({ 'main.conf': text });
    const config = loadFluentBitConfig(path.join(top, 'main.conf'), { A: 'env', B: 'env', C: '' });
    assert.deepEqual(pipelineOf(config).inputs[0]?.['alias'], ['set-env-c-']);
    assert.deepEqual(config.faults, []);
  });

  it('makes an unset variable empty and says so', async () => {
    const text = `${INPUT}    Parser \${NONE}x\n`;
    const top = await folder({ 'main.conf': `[SERVICE]\n    Parsers_File p.conf\n${text}`, 'p.conf': '[PARSER]\n    Name x\n    Format json\n' }); // prettier-ignore
    const config = loadFluentBitConfig(path.join(top, 'main.conf'), {});
    assert.deepEqual(
      config.faults.map(({ code, message, at }) => [code, message, at.line]),
      [['variable-unset', 'variable ${NONE} is used but not set', 6]],
    );
  });

  it('seeks what it includes beside the main file, also from an included file in another folder', async () => {
    const files = { 'main.conf': '@INCLUDE sub/a.conf\r\n\r\n', 'sub/a.conf': '@include b.conf\n', 'b.conf': INPUT };
    assert.deepEqual(await wrong(files), []);
    const beside = { 'main.conf': '@INCLUDE sub/a.conf\n', 'sub/a.conf': '@INCLUDE b.conf\n', 'sub/b.conf': INPUT };
    assert.deepEqual(await wrong(beside), ['include-missing sub/a.conf:1']);
  });

  it('prefers the working folder to the folder of the main file', async () => {
    const cwd = await folder({ 'a.conf': OUTPUT });
    const top = await folder({ 'main.conf': '@INCLUDE a.conf\n', 'a.conf': INPUT });
    const { outputs, inputs } = pipelineOf(loadFluentBitConfig(path.join(top, 'main.conf'), {}, { cwd }));
    assert.deepEqual([outputs.length, inputs.length], [1, 0]);
  });

  it('includes by pattern, but not nothing', async () => {
    const files = { 'main.conf': '@INCLUDE d/*.conf\n', 'd/a.conf': INPUT, 'd/b.conf': OUTPUT, 'd/c.txt': 'no' };
    assert.deepEqual(await wrong(files), []);
    assert.deepEqual(await wrong({ 'main.conf': '@INCLUDE d/*.conf\n' }), ['include-missing main.conf:1']);
  });

  it('includes in the order of the names, by every sign of a pattern, and no hidden file', async () => {
    const names = [
      'b1.conf',
      'a1.conf',
      'a2.conf',
      'a+1.conf',
      'c1.conf',
      'a1.conf.old',
      'xa1.conf',
      '.a.conf',
      'axconf',
    ];
    const files = Object.fromEntries(names.map((name) => [`d/${name}`, '']));
    const included = async (pattern: string): Promise<string[]> => {
      const top = await folder({ 'main.conf': `@INCLUDE d/${pattern}\n`, ...files });
      const { files: read } = loadFluentBitConfig(path.join(top, 'main.conf'), {});
      return read.slice(1).map((file) => path.basename(file));
    };
    assert.deepEqual(await included('[ab]?.*f'), ['a1.conf', 'a2.conf', 'b1.conf']);
    assert.deepEqual(await included('[!a]1*.conf'), ['b1.conf', 'c1.conf']);
    assert.deepEqual(await included('a+*.conf'), ['a+1.conf']);
    assert.deepEqual(await included('a?1*.conf'), ['a+1.conf']);
    assert.deepEqual(await included('a*.conf'), ['a+1.conf', 'a1.conf', 'a2.conf']);
    assert.deepEqual(await included('.*.conf'), ['.a.conf']);
    assert.deepEqual(await included('*1*.conf'), ['a+1.conf', 'a1.conf', 'b1.conf', 'c1.conf', 'xa1.conf']);
    assert.deepEqual(await included('*1.conf'), ['a+1.conf', 'a1.conf', 'b1.conf', 'c1.conf', 'xa1.conf']);
    assert.ok(!(await included('*.conf')).includes('.a.conf'));
  });

  it('is classic unless its name ends as that of a YAML file', async () => {
    for (const [name, text] of [
      ['main.yaml.conf', INPUT],
      ['main.YML', 'service: {flush: 1}\n'],
    ] as const) {
      assert.deepEqual(await wrong({ [name]: text }), []);
    }
  });

  it('loads every Parsers_File', async () => {
    const files = {
      'main.conf': '[SERVICE]\n    Parsers_File a.conf\n    Parsers_File b.conf\n',
      'a.conf': PARSER,
      'b.conf': PARSER.replace('one', 'two'),
    };
    assert.deepEqual(await wrong(files), []);
    assert.deepEqual(await wrong({ ...files, 'b.conf': PARSER }), ['parser-duplicate b.conf:1']);
  });

  const broken: [string, string, string[]][] = [
    ['a missing include', '@INCLUDE none.conf\n', ['include-missing main.conf:1']],
    ['a blank behind an include', '@INCLUDE main.conf \n', ['include-missing main.conf:1']],
    ['an include of itself', '@INCLUDE main.conf\n', ['include-twice main.conf:1']],
    ['an indented include', `${INPUT}    @INCLUDE x.conf\n`, ['key-unknown main.conf:4']],
    ['a missing Parsers_File', '[SERVICE]\n    Parsers_File no.conf\n', ['include-missing main.conf:2']],
    ['a parser in the main file', PARSER, ['parser-misplaced main.conf:1']],
    ['an unknown section', '[SERVICES]\n    Flush 1\n', ['section-unknown main.conf:1']],
    ['a section without an end', '[INPUT\n', ['syntax main.conf:1']],
    ['another command', '@UNSET A\n', ['syntax main.conf:1']],
    ['a tab instead of a space', '[INPUT]\n    Name\texec\n', ['syntax main.conf:2', 'name-missing main.conf:1']],
    ['a key without a value', `${INPUT}    Parser\n`, ['syntax main.conf:4']],
    ['a key that is not indented', `${INPUT}Parser x\n`, ['syntax main.conf:4']],
    ['a key outside of any section', '    Name exec\n', ['syntax main.conf:1']],
    ['uneven indentation', `${INPUT}     Tag x\n`, ['syntax main.conf:4']],
    ['twice the indentation, which Fluent Bit takes', `${INPUT}        Tag x\n`, []],
    ['three times the indentation', `${INPUT}            Tag x\n`, ['syntax main.conf:4']],
    ['a line of blanks', `${INPUT}     \n    Tag x\n`, []],
    ['too little indentation', `${INPUT}  Tag x\n`, ['syntax main.conf:4']],
    ['a wrong key of [SERVICE]', '[SERVICE]\n    Flush_It 1\n', ['key-unknown main.conf:2']],
    ['a wrong key of an input', `${INPUT}    Buffer_Size 2M\n`, ['key-unknown main.conf:4']],
    ['a wrong key of an output', `${OUTPUT}    Retry_Limits 1\n`, ['key-unknown main.conf:4']],
    ['a prefix that is no key', `${OUTPUT}    _debug.http. 1\n`, ['key-unknown main.conf:4']],
    ['a key of another plugin', `${OUTPUT}    URI /x\n`, ['key-unknown main.conf:4']],
    ['a repeated key', `${INPUT}    Command false\n`, ['key-repeated main.conf:4']],
    ['a repeated key of all', `${INPUT}    Tag a\n    Tag b\n`, ['key-overridden main.conf:5']],
    ['an input without a name', '[INPUT]\n    Tag x\n', ['name-missing main.conf:1']],
    ['an unknown plugin', '[INPUT]\n    Name exce\n', ['plugin-unknown main.conf:1']],
    ['an output without Match', '[OUTPUT]\n    Name stdout\n', ['match-missing main.conf:1']],
    ['an unknown parser', `${INPUT}    Parser none\n`, ['parser-unknown main.conf:4']],
    [
      'filesystem storage without a path',
      `${INPUT}    storage.type filesystem\n`,
      ['storage-path-missing main.conf:4'],
    ],
    ['the same alias twice', `${INPUT}    Alias a\n${INPUT}    Alias a\n`, ['alias-duplicate main.conf:8']],
    ['an empty tag', `${INPUT}    Tag \${T}\n`, ['variable-unset main.conf:4', 'tag-empty main.conf:4']],
    ['an empty switch', `${INPUT}    Threaded \${T}\n`, ['variable-unset main.conf:4', 'value-empty main.conf:4']],
  ];
  for (const [what, text, problems] of broken) {
    it(`${problems.length > 0 ? 'is refused' : 'is read'} with ${what}`, async (t) => assert.deepEqual(await wrong({ 'main.conf': text }, `a classic file ${t.name}`), problems)); // prettier-ignore
  }

  const parsers: [string, string, string[]][] = [
    ['a parser without a name', '[PARSER]\n    Format json\n', ['parser-incomplete p.conf:1']],
    ['a parser without a format', '[PARSER]\n    Name x\n', ['parser-incomplete p.conf:1']],
    ['a key that is not indented', `${PARSER}Time_Keep On\n`, ['syntax p.conf:4']],
    ['a wrong key', `${PARSER}    Time_Kee On\n`, ['key-unknown p.conf:4']],
    [
      'two multiline parsers of one name',
      `${PARSER}${'[MULTILINE_PARSER]\n    Name m\n    Type regex\n'.repeat(2)}`,
      ['parser-duplicate p.conf:7'],
    ],
    ['other sections', `${PARSER}${INPUT}`, ['section-unknown p.conf:4']],
  ];
  for (const [what, text, problems] of parsers) {
    it(`is refused when its parsers file has ${what}`, async (t) => {
      const main = '[SERVICE]\n    Parsers_File p.conf\n';
      assert.deepEqual(await wrong({ 'main.conf': main, 'p.conf': text }, t.name), problems);
    });
  }
});

describe('a YAML file', () => {
  it('holds the same as a classic one', async () => {
    const top = await folder({
      'main.conf': `[SERVICE]\n    Flush 1\n    HTTP_Server On\n    Parsers_File p.conf\n${INPUT}    Buf_Size 2M\n    Parser one\n${OUTPUT}`,
      'p.conf': PARSER,
      'main.yaml': `service: {flush: 1, http_server: true}
parsers: [{name: one, format: json}]
pipeline:
  inputs: [{name: exec, command: "true", bufSize: 2M, parser: one}]
  outputs: [{name: stdout, match: '*'}]
`,
    });
    const classic = pipelineOf(loadFluentBitConfig(path.join(top, 'main.conf'), {}));
    assert.deepEqual(pipelineOf(loadFluentBitConfig(path.join(top, 'main.yaml'), {})), classic);
  });

  it('knows the line of each key', async () => {
    const top = await folder({ 'main.yaml': 'service:\n  flush: 1\n\n  # comment\n  grace: 2\n' });
    const [service] = loadFluentBitConfig(path.join(top, 'main.yaml'), {}).sections;
    assert.deepEqual(
      service?.entries.map(({ key, at }) => [key, at.line]),
      [['flush', 2], ['grace', 5]], // prettier-ignore
    );
  });

  it('takes text for text and a list for several values', async () => {
    const top = await folder({
      'main.yaml':
        'pipeline:\n  outputs:\n    - name: http\n      match: x\n      port: " 0x10 "\n      header: [A b, C d]\n',
    });
    const [output] = pipelineOf(loadFluentBitConfig(path.join(top, 'main.yaml'), {})).outputs;
    assert.deepEqual(output, { name: ['http'], match: ['x'], port: ['0x10'], header: ['A b', 'C d'] });
  });

  it('sets variables, in either form', async () => {
    const top = await folder({
      'a.yaml': 'env: {A: 1}\nservice: {flush: "${A}"}\n',
      'c.yaml': 'env: [{name: A}]\nservice: {flush: "x${A}"}\n',
      'b.yaml': 'env: [{name: A, value: 1}, {B: 2}]\nservice: {flush: "${A}${B}"}\n',
    });
    assert.equal(serviceOf(loadFluentBitConfig(path.join(top, 'a.yaml'), { A: '9' })).get('flush'), '1');
    assert.equal(serviceOf(loadFluentBitConfig(path.join(top, 'b.yaml'), {})).get('flush'), '12');
    assert.equal(serviceOf(loadFluentBitConfig(path.join(top, 'c.yaml'), { A: '9' })).get('flush'), 'x');
  });

  it('seeks what it includes beside the file that includes it', async () => {
    const files = {
      'main.yaml': 'includes: [sub/a.yaml]\n',
      'sub/a.yaml': 'includes: [b*.yaml]\n',
      'sub/b.yaml': 'service: {flush: 1}\n',
    };
    assert.deepEqual(await wrong(files), []);
  });

  it('may have sections that do not matter here', async () => {
    const sections = ['plugins', 'upstream_servers', 'stream_processor', 'extensions', 'customs', 'Multiline_Parsers'];
    assert.deepEqual(await wrong({ 'main.yaml': sections.map((name) => `${name}: []\n`).join('') }), []);
  });

  it('may write its keys in either way', async () => {
    const top = await folder({ 'main.yaml': 'service: {hotReload: 1, hot_Reload: 2, HotReload: 3, storage.maxChunksUp: 4}\n' }); // prettier-ignore
    const [service] = readFluentBitConfig(path.join(top, 'main.yaml'), { env: {} }).sections;
    const keys = service?.entries.map(({ key }) => key);
    assert.deepEqual(keys, ['hot_reload', 'hot_reload', 'hotreload', 'storage.max_chunks_up']);
  });

  it('may have processors', async () => {
    const text = 'pipeline:\n  inputs:\n    - name: exec\n      command: x\n      processors: {logs: []}\n';
    assert.deepEqual(await wrong({ 'main.yaml': text }), []);
  });

  const broken: [string, string, string[]][] = [
    ['no YAML', 'service: [\n', ['syntax main.yaml:2']],
    ['a list', '- service\n', ['syntax main.yaml:1']],
    ['an unknown section', 'service: {flush: 1}\nservices: {}\n', ['section-unknown main.yaml:2']],
    ['an unknown part of the pipeline', 'pipeline:\n  input: []\n', ['section-unknown main.yaml:2']],
    ['a pipeline that is a list', 'pipeline: []\n', ['syntax main.yaml:1']],
    ['inputs that are a map', 'pipeline:\n  inputs: {name: exec}\n', ['syntax main.yaml:2']],
    ['an input that is a word', 'pipeline:\n  inputs: [exec]\n', ['syntax main.yaml:2']],
    ['a service that is a word', 'service: x\n', ['syntax main.yaml:1']],
    ['variables that are a word', 'env: x\n', ['syntax main.yaml:1']],
    ['includes that are a word', 'includes: x\n', ['syntax main.yaml:1']],
    ['a missing include', 'includes:\n  - none.yaml\n', ['include-missing main.yaml:2']],
    ['an include of itself', 'includes: [main.yaml]\n', ['include-twice main.yaml:1']],
    ['a key without a value', 'service:\n  flush:\n', ['syntax main.yaml:2']],
    ['a wrong key', 'service:\n  flus: 1\n', ['key-unknown main.yaml:2']],
    ['a key that is no text', '? [a]\n: b\n', ['section-unknown main.yaml:1']],
    ['a part of the pipeline that is no text', 'pipeline:\n  ? [a]\n  : []\n', ['section-unknown main.yaml:2']],
    ['a key of a service that is no text', 'service:\n  ? [a]\n  : 1\n', ['key-unknown main.yaml:2']],
    ['variables in a list that are words', 'env: [x]\n', ['syntax main.yaml:1']],
    ['an include that is no text', 'includes:\n  - [a]\n', ['include-missing main.yaml:2']],
    ['nothing', '', ['syntax main.yaml:1']],
    ['a parser twice', 'parsers:\n  - &p {name: a, format: json}\n  - {name: a, format: json}\n', ['parser-duplicate main.yaml:3']],
  ]; // prettier-ignore
  for (const [what, text, problems] of broken) {
    it(`is refused with ${what}`, async (t) => {
      assert.deepEqual(await wrong({ 'main.yaml': text }, `a YAML file ${t.name}`), problems);
    });
  }

  it('has one service, across all that it includes', async () => {
    const service = 'service: {flush: 1}\n';
    const files = {
      'main.yaml': `${service}parsers: [{name: a, format: json}]\nincludes: [a.yaml]\n`,
      'a.yaml': service,
    };
    assert.deepEqual(await wrong(files, 'a YAML file with a second service'), ['syntax a.yaml:1']);
  });
});

it('loading throws all that is wrong in one error, with file and line', async () => {
  const top = await folder({ 'main.conf': '[SERVICE]\n    Flus 1\n@INCLUDE none.conf\n' });
  assert.throws(() => loadFluentBitConfig(path.join(top, 'main.conf'), {}), {
    message: `${top}/main.conf:3: @INCLUDE 'none.conf' does not exist [include-missing]
${top}/main.conf:2: [SERVICE] has no key 'flus' [key-unknown]`,
  });
});

it('sizes are decimal', () => {
  const sizes = ['2M', '2m', '1.5KB', '1G', '4096', '0', 'false', 'x', '2MiB', '2X', ''].map(sizeInBytes);
  assert.deepEqual(sizes, [2e6, 2e6, 1500, 1e9, 4096, 0, 0, 0, undefined, undefined, undefined]);
});
