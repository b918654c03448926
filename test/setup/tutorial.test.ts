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

  it('takes nothing where there is no fetcher, and no output that others use as well', async (t) => {
    assert.deepEqual((await surveyed(t, HTTP + STOCK_STDOUT)).blocks, []);
    const shared = await surveyed(t, FETCHER + OTHER_INPUT + HTTP);
    assert.equal(shared.blocks.length, 1);
    assert.match(shared.warnings.join(), /^the output http in lines 8 to 13 .* as well/);
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

  it('warns of a fetcher in another file, and of no server that is where ours is, or off', async (t) => {
    const other = await surveyed(t, '@INCLUDE other.conf\n@INCLUDE activity-log.conf\n', { 'other.conf': FETCHER });
    assert.match(other.warnings.join(), /other\.conf runs the tutorial's fetcher: delete that input/);
    assert.equal(other.includesUs, true);
    for (const service of ['http_server on\n    http_listen 127.0.0.1', 'http_server off', 'flush 1']) {
      assert.deepEqual((await surveyed(t, `[SERVICE]\n    ${service}\n`)).warnings, []);
    }
    assert.equal((await surveyed(t, '[SERVICE]\n    storage.path /srv\n')).hasStoragePath, true);
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
