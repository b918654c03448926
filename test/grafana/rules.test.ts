import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { allQueries, COLLECTOR_RULES, EVENT_RULES, filledIn, FOLDER, NOTHING_CHOSEN, readRules } from './queries.ts';

const UNIT_TESTS = 'test/grafana/collector-rules.promtool.yaml';
const hasPromtool = spawnSync('promtool', ['--version']).status === 0;

function promtool(...args: string[]): void {
  const { status, stdout, stderr } = spawnSync('promtool', args, { encoding: 'utf8' });
  assert.equal(status, 0, `${stdout}${stderr}`);
}

describe('the alert rules', () => {
  for (const file of [EVENT_RULES, COLLECTOR_RULES]) {
    const rules = readRules(file);

    it(`${file}: each has a severity, a summary, and words that say what to look at`, () => {
      for (const { alert, labels, annotations } of rules) {
        assert.match(labels['severity'] ?? '', /^(info|warning|critical)$/, alert);
        assert.match(annotations['summary'] ?? '', /\S/, alert);
        assert.doesNotMatch(JSON.stringify(annotations), /\$value/, `${alert}: a text in Grafana`);
        assert.match(annotations['description'] ?? '', /\S+ .*[.?]$|\S+: fetch-activity-logs/, alert);
      }
      assert.equal(new Set(rules.map(({ alert }) => alert)).size, rules.length);
    });
  }

  it(`${EVENT_RULES}: a catch-up after an outage looks like an attack in none that counts above a threshold`, () => {
    const counting = readRules(EVENT_RULES).filter(({ expr }) => /> [1-9]\d*$/.test(expr));
    assert.equal(counting.length, 6);
    for (const { alert, expr } of counting.filter(({ alert }) => alert !== 'ActivityLogCatchUp')) {
      assert.match(expr, /\| delay < 1800/, alert);
    }
  });

  it('and the dashboards ask for figures that the script has', () => {
    const folder = 'src/session';
    const files = readdirSync(folder).filter((name) => name.includes('metrics'));
    const source = files.map((name) => readFileSync(join(folder, name), 'utf8')).join('');
    const asked = allQueries()
      .filter(({ language }) => language === 'PromQL')
      .flatMap(({ expr }) => expr.match(/fetch_activity_logs_\w+/g) ?? []);
    assert.ok(asked.length > 20);
    for (const name of new Set(asked)) {
      assert.ok(source.includes(`'${name.slice('fetch_activity_logs_'.length)}'`), `no figure ${name}`);
    }
  });

  it(`${COLLECTOR_RULES}: each has a test in which it fires and one in which it does not`, () => {
    const tests = readFileSync(UNIT_TESTS, 'utf8');
    for (const { alert } of readRules(COLLECTOR_RULES)) {
      const cases = tests.split(`alertname: ${alert}\n`).slice(1);
      const firing = cases.filter((text) => text.trimStart().startsWith('exp_alerts')).length;
      assert.ok(cases.length > firing, `${alert} is never silent`);
      assert.ok(firing > 0 || tests.includes(`{alertname="${alert}",alertstate="firing"}`), `${alert} never fires`);
    }
  });
});

const left =
  'promtool is not installed: the collector rules are parsed and played by nothing here (Debian: prometheus)';
describe('promtool', { skip: hasPromtool ? false : left }, () => {
  it('the collector rules fire when they should, and not when they should not', () =>
    promtool('test', 'rules', UNIT_TESTS));

  it('the rules, and the queries of the dashboards for Prometheus, are PromQL', async (t) => {
    const queries = allQueries().filter(({ file, language }) => file.endsWith('.json') && language === 'PromQL');
    const rules = queries.map(({ expr }, index) => ({ record: `q${index}`, expr: filledIn(expr, NOTHING_CHOSEN) }));
    const file = join(await temporaryFolder(t), 'dashboards.json');
    await writeFile(file, JSON.stringify({ groups: [{ name: 'dashboards', rules }] }));
    promtool('check', 'rules', join(FOLDER, COLLECTOR_RULES), file);
  });
});
