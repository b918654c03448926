import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { COMMANDS, GENERAL } from '../../src/config/commands.ts';
import { renderHelp, renderTopic } from '../../src/config/help.ts';
import { manPage } from '../../src/config/man-page.ts';
import { VERSION } from '../../src/lib/version.ts';
import { TOPICS } from '../../src/config/topics.ts';
import { builtFile } from '../helpers/built-file.ts';
import { runCommand } from '../helpers/run-command.ts';

const README = readFileSync('README.md', 'utf8');
const options = new Set([...COMMANDS.flatMap((command) => Object.keys(command.options)), ...Object.keys(GENERAL)]);

describe('README, man page and help agree', () => {
  it('the man page has every command, option and topic, as the help has them', () => {
    const page = manPage().replaceAll('\\-', '-');
    assert.ok(page.startsWith(`.TH FETCH-ACTIVITY-LOGS 1 "" "fetch-activity-logs ${VERSION}"\n`), page.slice(0, 99));
    for (const { name, describe: text, options: own } of COMMANDS) {
      assert.ok(page.includes(`.SS "${name}`) && page.includes(text), name);
      for (const [option, { describe: meaning }] of Object.entries(own)) {
        assert.ok(page.includes(`--${option}`) && page.includes(meaning), option);
        const help = renderHelp(COMMANDS.find((command) => command.name === name), 100); // prettier-ignore
        assert.ok(help.includes(`--${option}`), option);
      }
    }
    for (const { title } of TOPICS) assert.ok(page.includes(`.SH ${title.toUpperCase()}`), title);
  });

  it('a command and a topic of the man page are written for man(7)', () => {
    const page = manPage();
    for (const lines of [
      [
        '.SS "forget SOURCE"',
        'Retire a source that the token no longer sees.',
        '.TP',
        '\\fB\\-\\-provider\\fR \\fINAME\\fR',
      ],
      ['.TP', '\\fB\\-v, \\-\\-verbose\\fR', 'Same as \\-\\-log\\-level debug', '.TP'],
      ['.PP', '`status` lists the sources. The journal of the source stays; its queued ranges are dropped.', '.PP'],
      ['.PP', 'Contract 31721060 was cancelled:', '.br', '\\fBsudo fetch\\-activity\\-logs forget ionos/31721060\\fR'],
    ]) {
      assert.ok(page.includes(`\n${lines.join('\n')}\n`), lines.join('\n'));
    }
    assert.ok(page.includes('.SH EXIT CODES\n.TP\n\\fB0\\fR\ndone, or stopped by SIGTERM'));
    assert.match(page, /\n\.SH TWO MACHINES\n\.PP\nTo share the work, /);
    assert.match(page, /\\fB\\-\\-from\\fR \\fIT\\fR\n.*\(required\)\n/);
  });

  it('no text of the man page is taken for a request of roff', () => {
    const requests = manPage().split('\n').filter((line) => /^[.']/.test(line)).map((line) => line.split(' ')[0]); // prettier-ignore
    assert.deepEqual(new Set(requests), new Set(['.TH', '.SH', '.B', '.SS', '.TP', '.PP', '.br']));
  });

  it('a topic uses the whole width of the terminal, its explanations indented', () => {
    const [term, meaning] = ['--term', `${'x'.repeat(17)} ${'y'.repeat(18)} z`];
    const shown = renderTopic({ name: 'topic', title: 'Title', blocks: ['Text.', [[term, meaning]]] }, 40);
    assert.equal(shown, `Title\n\nText.\n\n--term\n    ${meaning.slice(0, -2)}\n    z\n`);
  });

  it('the man page is built beside the program', async () => {
    const page = readFileSync(join(dirname(await builtFile()), 'fetch-activity-logs.1'), 'utf8');
    const withoutVersion = (text: string) => text.replace(/^\.TH .*$/m, '');
    assert.equal(withoutVersion(page), withoutVersion(manPage()));
  });

  for (const topic of TOPICS) {
    it(`help ${topic.name} fits 80 columns and names options that exist`, async () => {
      const { stdout } = await runCommand(['help', topic.name]);
      assert.equal(stdout, renderTopic(topic, 80));
      assert.deepEqual(stdout.split('\n').filter((line) => line.length > 80), []); // prettier-ignore
      const named = [...stdout.matchAll(/--([a-z-]+)/g)].map(([, name = '']) => name);
      assert.deepEqual(named.filter((name) => !options.has(name)), []); // prettier-ignore
    });
  }

  it('README is for five minutes, and its commands and topics exist', () => {
    assert.ok(README.split('\n').length < 200);
    const cells = README.split('\n').flatMap((line) => (line.startsWith('|') ? line.split('|') : []));
    assert.deepEqual(cells.filter((cell) => cell.trim().length > 120), []); // prettier-ignore
    const names = COMMANDS.map(({ name }) => name);
    const called = [...README.matchAll(/fetch-activity-logs ([a-z][a-z-]+)\b/g)].map(([, name = '']) => name);
    assert.deepEqual(called.filter((name) => !names.includes(name)), []); // prettier-ignore
    for (const { name } of TOPICS) assert.ok(README.includes(`\`${name}\``), name);
  });
});
