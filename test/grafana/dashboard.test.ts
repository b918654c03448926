import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, it } from 'node:test';
import ts from 'typescript';
import { DASHBOARDS, FOLDER, panelsOf, readDashboard } from './queries.ts';

/** What the compiler has to say of these texts, each as a value of Grafana's own type. */
function faultsOf(texts: readonly string[]): string[] {
  const configuration = ts.readConfigFile('tsconfig.json', (path) => readFileSync(path, 'utf8')).config as object;
  const { options } = ts.parseJsonConfigFileContent({ ...configuration, include: [] }, ts.sys, process.cwd());
  const host = ts.createCompilerHost(options);
  const files = new Map(
    texts.map((json, index) => [
      resolve(`test/grafana/checked-${index}.ts`),
      `import type { Dashboard } from './dashboard-types.ts';\nexport const dashboard: Dashboard = ${json};\n`,
    ]),
  );
  const program = ts.createProgram(
    [...files.keys()],
    { ...options, types: [] },
    {
      ...host,
      fileExists: (path) => files.has(path) || host.fileExists(path),
      getSourceFile: (path, language, ...more) => {
        const source = files.get(path);
        if (source === undefined) return host.getSourceFile(path, language, ...more);
        return ts.createSourceFile(path, source, language);
      },
    },
  );
  return [...files.keys()]
    .flatMap((path) => program.getSemanticDiagnostics(program.getSourceFile(path)))
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
}

describe('the dashboards', () => {
  it("have Grafana's own types; another dashboard would be noticed", () => {
    const texts = DASHBOARDS.map((name) => readFileSync(`${FOLDER}/${name}`, 'utf8'));
    const broken = texts[0]?.replace('"graphMode": "none"', '"graphMode": "non"') ?? '';
    assert.notEqual(broken, texts[0]);
    const faults = faultsOf([...texts, broken]);
    assert.equal(faults.length, 1, faults.join('\n\n'));
    assert.match(faults[0] ?? '', /"non"/);
  });

  for (const name of DASHBOARDS) {
    const dashboard = readDashboard(name);
    const panels = panelsOf(dashboard);

    describe(name, () => {
      it('can be imported anywhere: data sources and tag are variables, and no id is taken', () => {
        assert.equal(dashboard.id, null);
        const names = dashboard.templating.list.map((variable) => variable.name);
        for (const variable of ['datasource', 'metrics', 'tag']) assert.ok(names.includes(variable), variable);
        const used = panels.flatMap((panel) => [panel, ...(panel.targets ?? [])]).map((part) => part.datasource?.uid);
        assert.deepEqual(new Set(used), new Set([undefined, '${datasource}', '${metrics}']));
      });

      it('uses every variable that it has, and no other', () => {
        const text = JSON.stringify(dashboard.panels);
        const used = new Set([...text.matchAll(/\$\{?(\w+)/g)].map(([, variable]) => variable));
        const given = dashboard.templating.list.map((variable) => variable.name);
        assert.deepEqual(used, new Set([...given, '__interval', '__range', '__rate_interval']));
      });

      it('has each id once, and no panel over another', () => {
        const ids = panels.map(({ id }) => id);
        assert.equal(new Set(ids).size, ids.length);
        const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) => {
          assert.ok(x + w <= 24);
          return Array.from({ length: w * h }, (_, cell) => `${x + (cell % w)}/${y + Math.floor(cell / w)}`);
        });
        assert.equal(new Set(cells).size, cells.length);
      });

      it('says that the time of arrival is not the time of the event, where it counts by time', () => {
        const said = panels.filter(({ type }) => type === 'text' || type === 'timeseries');
        const notes = said.filter((panel) => /arrived|arrival/i.test(panel.description ?? panel.options.content ?? ''));
        assert.ok(notes.length >= 3);
      });

      it('never groups by an id or a time', () => {
        for (const { expr } of panels.flatMap(({ targets = [] }) => targets)) {
          const groups = [...expr.matchAll(/by \(([^)]*)\)/g)].flatMap(([, labels = '']) => labels.split(/, */));
          const few = ['', 'action', 'actor', 'address', 'contract', 'service', 'subject', 'type', 'user'];
          const ofMetrics = ['input', 'instance', 'output', 'source'];
          for (const label of groups) assert.ok([...few, ...ofMetrics].includes(label), label);
        }
      });
    });
  }
});
