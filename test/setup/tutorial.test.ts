import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { localFiles } from '../../src/check/fluent-bit-config/read.ts';
import { restore, rewrite } from '../../src/setup/main-file.ts';
import { survey, type Survey } from '../../src/setup/tutorial.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

const ENV_FILE = '/etc/fluent-bit/activity-log.env';
const FETCHER = '[INPUT]\n    Name exec\n    Tag audit\n    Command python3 /x/fetch_activity_logs.py\n';
const HTTP = '[OUTPUT]\n    Name http\n    Match audit\n    Host h\n    URI /audit\n    Header APIKEY k\n';
const OTHER_INPUT = '[INPUT]\n    Name dummy\n    Tag audit\n';
const STOCK_STDOUT = '[OUTPUT]\n    name stdout\n    match *\n';

async function surveyed(t: TestContext, text: string, more: Readonly<Record<string, string>> = {}): Promise<Survey> {
  const folder = await temporaryFolder(t);
  for (const [name, content] of Object.entries({ ...more, 'fluent-bit.conf': text })) {
    await writeFile(join(folder, name), content);
  }
  return survey(join(folder, 'fluent-bit.conf'), localFiles);
}

describe("a survey of the user's fluent-bit.conf", () => {
  it("finds the tutorial's blocks, and what they hold", async (t) => {
    const found = await surveyed(t, `# mine\n${FETCHER}${HTTP}`);
    assert.deepEqual(found.blocks, [
      { title: '[input] exec', first: 2, last: 5, keyLines: [] },
      { title: '[output] http', first: 6, last: 11, keyLines: [11] },
    ]);
    assert.deepEqual([found.tag, found.interval, found.host, found.key], ['audit', '', 'h', 'k']);
    assert.equal((await surveyed(t, `${FETCHER}    Tag later\n`)).tag, 'later', 'the last value of a key counts');
    assert.deepEqual(found.warnings, []);
  });

  it('takes a block wherever it stands, in any case, with the values that count', async (t) => {
    const text =
      '[OUTPUT]\n    NAME HTTP\n    Match audit\n    URI /audit\n    Port 443\n    HEADER apikey  K1\n    Header APIKEY K2\n\n' +
      '[INPUT]\n    Name EXEC\n    Interval_Sec 60\n    Interval_Sec 90\n    Tag audit\n    Command python3 fetch_activity_logs.py\n';
    const found = await surveyed(t, text);
    assert.deepEqual(found.blocks, [
      { title: '[output] http', first: 1, last: 7, keyLines: [6, 7] },
      { title: '[input] exec', first: 9, last: 14, keyLines: [] },
    ]);
    assert.deepEqual([found.tag, found.interval, found.host, found.key], ['audit', '90', '', 'K1']);
    assert.deepEqual(found.warnings, []);
  });

  for (const [what, text] of [
    ['leads to another URI', HTTP.replace('/audit', '/other')],
    ['has another port', `${HTTP}    Port 8080\n`],
    ['has no key', HTTP.replace('APIKEY', 'X')],
    ['matches other tags as well', HTTP.replace('Match audit', 'Match aud*')],
  ] as const) {
    it(`leaves an output that ${what}, and warns that it gets the events as well`, async (t) => {
      const { blocks, warnings } = await surveyed(t, FETCHER + text);
      const titles = blocks.map(({ title }) => title);
      assert.deepEqual(titles, ['[input] exec']);
      assert.deepEqual(warnings, [
        `the output http in lines 5 to ${4 + text.split('\n').length - 1} of fluent-bit.conf gets the events as well: if it sends to the same place, each arrives twice: delete it then`,
      ]);
    });
  }

  for (const [what, text, count] of [
    ['an input of another plugin', '[INPUT]\n    Name tail\n    Command python3 /x/fetch_activity_logs.py\n', 0],
    ['another program', '[INPUT]\n    Name exec\n    Tag audit\n    Command python3 /x/other.py\n', 0],
    ['an output to stdout for its tag', `${FETCHER}[OUTPUT]\n    Name stdout\n    Match audit\n    Format json\n`, 2],
    ['an output to stdout for another tag', `${FETCHER}[OUTPUT]\n    Name stdout\n    Match other\n`, 1],
    ['an output to a file for its tag', `${FETCHER}[OUTPUT]\n    Name file\n    Match audit\n`, 1],
    ['an output to a file for all tags', `${FETCHER}[OUTPUT]\n    Name file\n    Match *\n`, 1],
    ['an output http for another tag', `${FETCHER}${HTTP.replaceAll('audit', 'other')}`, 1],
  ] as const) {
    it(`takes ${count} blocks of ${what}, without a warning`, async (t) => {
      const { blocks, warnings } = await surveyed(t, text);
      assert.deepEqual([blocks.length, warnings], [count, []]);
    });
  }

  it('takes nothing where there is no fetcher, and no output that others use as well', async (t) => {
    assert.deepEqual((await surveyed(t, HTTP + STOCK_STDOUT)).blocks, []);
    const shared = await surveyed(t, FETCHER + OTHER_INPUT + HTTP);
    assert.equal(shared.blocks.length, 1);
    assert.match(shared.warnings.join(), /^the output http in lines 8 to 13 .* as well/);
  });

  it('takes the blocks of two fetchers, each with its output', async (t) => {
    const second = (FETCHER + HTTP).replaceAll('audit', 'second');
    const { blocks, tag, warnings } = await surveyed(t, FETCHER + HTTP + second);
    assert.deepEqual([blocks.length, tag, warnings], [4, 'audit', []]);
  });

  it("takes the package's stdout output along, which would put every event into the journal", async (t) => {
    assert.equal((await surveyed(t, FETCHER + STOCK_STDOUT)).blocks.length, 2);
    assert.equal((await surveyed(t, `${FETCHER}${STOCK_STDOUT}    format json_lines\n`)).blocks.length, 1);
  });

  it('warns of what is not taken over', async (t) => {
    const service =
      '[SERVICE]\n    http_server on\n    http_port 2021\n    parsers_file p.conf\n    parsers_file ./p.conf\n';
    const own = '    Proxy http://p:1\n    Header X me\n    Format msgpack\n    tls Off\n    tls.verify On\n';
    const { warnings, includesUs, hasStoragePath } = await surveyed(t, service + FETCHER + HTTP + own);
    assert.deepEqual([includesUs, hasStoragePath], [false, false]);
    assert.deepEqual(
      warnings.map((text) => text.split(' ').slice(0, 3).join(' ')),
      [
        'fluent-bit.conf has Parsers_File',
        'proxy of the',
        'header of the',
        'format of the',
        'tls of the',
        'fluent-bit.conf has HTTP_Listen',
      ],
    );
  });

  it('warns of what is not taken over from each of two outputs', async (t) => {
    const { warnings } = await surveyed(t, `${FETCHER}${HTTP}    Header X me\n${HTTP}    Header Y me\n`);
    assert.equal(warnings.filter((text) => text.startsWith('header of the')).length, 2, warnings.join('\n'));
  });

  it('does not warn of settings that the tutorial has, or ours', async (t) => {
    const known =
      '    Alias a\n    Retry_Limit 3\n    Workers 2\n    Log_Level info\n    storage.total_limit_size 5M\n    Format JSON\n    tls yes\n    tls.verify on\n    Port 443\n';
    assert.deepEqual((await surveyed(t, FETCHER + HTTP + known)).warnings, []);
    assert.deepEqual((await surveyed(t, `${FETCHER}${HTTP}    tls.verify off\n`)).warnings, [
      "tls.verify of the tutorial's output (line 11 of fluent-bit.conf) is not taken over: if it is needed, it goes into /etc/fluent-bit/outputs/ionos.conf",
    ]);
  });

  for (const [service, moved] of [
    ['http_server on', 'HTTP_Listen 0.0.0.0'],
    ['http_server on\n    http_listen 127.0.0.1\n    http_port 1', 'HTTP_Port 1'],
    ['http_server on\n    http_listen ::1\n    http_port 2020', 'HTTP_Listen ::1'],
    ['http_server on\n    http_port 2020\n    http_port 3', 'HTTP_Listen 0.0.0.0 and HTTP_Port 3'],
  ] as const) {
    it(`warns that the HTTP server moves from ${moved}`, async (t) => {
      const text = `[SERVICE]\n    ${service}\n`;
      assert.deepEqual((await surveyed(t, text)).warnings, [
        `fluent-bit.conf has ${moved}, and activity-log.conf sets 127.0.0.1 and 2020: point whatever reads Fluent Bit's metrics there, or edit /etc/fluent-bit/activity-log.conf (--ack-url, too)`,
      ]);
      const included = await surveyed(t, `${text}@include\t./activity-log.conf \n`, { 'activity-log.conf': '' });
      assert.deepEqual([included.includesUs, included.warnings], [true, []]);
    });
  }

  for (const [first, second, isTwice] of [
    ['p.conf', './p.conf', true],
    ['p.conf', '/etc/fluent-bit//p.conf', true],
    ['p.conf', 'p.conf', true],
    ['p.conf', '../p.conf', false],
    ['p.conf', '/srv/p.conf', false],
    ['p.conf', 'my/p.conf', false],
    ['p.conf', '/srv/etc/fluent-bit/p.conf', false],
    ['p.conf', '/etc/fluent-bitp.conf', false],
  ] as const) {
    it(`takes Parsers_File ${first} and ${second} for ${isTwice ? 'the same' : 'two'}`, async (t) => {
      const { warnings } = await surveyed(t, `[SERVICE]\n    Parsers_File ${first}\n    Parsers_File ${second}\n`);
      const message = `fluent-bit.conf has Parsers_File ${second} twice, and Fluent Bit does not start with that: delete line 3`;
      assert.deepEqual(warnings, isTwice ? [message] : []);
    });
  }

  it('warns of a fetcher in another file, and of no server that is where ours is, or off', async (t) => {
    const other = await surveyed(t, '@INCLUDE other.conf\n@INCLUDE activity-log.conf\n', {
      'other.conf': FETCHER + OTHER_INPUT,
    });
    assert.deepEqual(other.blocks, [], 'what is in other files is not changed');
    assert.equal(other.warnings.length, 1);
    assert.match(other.warnings.join(), /other\.conf runs the tutorial's fetcher: delete that input/);
    assert.equal(other.includesUs, true);
    for (const service of ['http_server on\n    http_listen 127.0.0.1', 'http_server off', 'flush 1']) {
      assert.deepEqual((await surveyed(t, `[SERVICE]\n    ${service}\n`)).warnings, []);
    }
    const storagePath = async (path: string, kind = 'SERVICE') =>
      (await surveyed(t, `[${kind}]\n    storage.path ${path}\n`)).hasStoragePath;
    assert.equal(await storagePath('/srv'), true);
    assert.equal(await storagePath('/var/lib/fluent-bit/storage'), false, 'it is where ours is');
    assert.equal(await storagePath('/srv', 'INPUT'), false);
  });
});

describe('fluent-bit.conf', () => {
  it('is written again without the blocks and the key, and comes back as it was', async (t) => {
    const text = `#~ mine\n${FETCHER}${HTTP}`;
    const written = rewrite(text, await surveyed(t, text), ENV_FILE);
    assert.match(written, /^#~ mine\n#~# Taken over .*\n#~ \[INPUT\]\n/);
    assert.match(
      written,
      /\n#~ {5}Header APIKEY \(now in \/etc\/fluent-bit\/activity-log\.env\)\n@INCLUDE activity-log\.conf\n$/,
    );
    assert.equal(restore(`${written}[FILTER]\n#~ mine, too\n`, ENV_FILE, 'k'), `${text}[FILTER]\n#~ mine, too\n`);
  });

  it('gets our line once', async (t) => {
    const text = '@include /etc/fluent-bit/activity-log.conf\n[SERVICE]\n';
    assert.equal(rewrite(text, await surveyed(t, text), ENV_FILE), text);
    assert.equal(restore(text, ENV_FILE, ''), '[SERVICE]\n');
    assert.equal(restore('@INCLUDE activity-log.conf\r\n[SERVICE]\r\n', ENV_FILE, ''), '[SERVICE]\r\n');
  });
});
