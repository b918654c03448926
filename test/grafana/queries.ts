/** Every query that is shipped for Grafana, Loki and Prometheus, by the place where it stands. */

import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

export const FOLDER = 'fluent-bit/grafana';
export const DASHBOARDS = ['activity-log-dashboard.json', 'cloudscale-dashboard.json'] as const;
export const EVENT_RULES = 'activity-log-rules.yaml';
export const COLLECTOR_RULES = 'activity-log-collector-rules.yaml';
export const COOKBOOK = 'queries.md';

export interface Query {
  readonly file: string;
  /** The panel's title, the alert's name, or the words above a query of the cookbook. */
  readonly name: string;
  readonly language: 'LogQL' | 'PromQL';
  readonly expr: string;
}

export interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title?: string;
  readonly description?: string;
  readonly datasource?: { readonly type: string; readonly uid: string };
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly options: { readonly content?: string };
  readonly targets?: readonly {
    readonly expr: string;
    readonly datasource: { readonly type: string; readonly uid: string };
  }[];
  readonly panels?: readonly Panel[];
}

export interface Dashboard {
  readonly id: number | null;
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly name: string }[] };
}

export interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

export function readDashboard(name: string): Dashboard {
  return JSON.parse(readFileSync(`${FOLDER}/${name}`, 'utf8')) as Dashboard;
}

/** All panels, rows and those inside rows among them. */
export function panelsOf({ panels }: Dashboard): Panel[] {
  return panels.flatMap((panel) => [panel, ...(panel.panels ?? [])]);
}

export function readRules(name: string): Rule[] {
  const { groups } = parse(readFileSync(`${FOLDER}/${name}`, 'utf8')) as {
    readonly groups: readonly { readonly rules: readonly Rule[] }[];
  };
  return groups.flatMap(({ rules }) => rules);
}

export function queriesOf(file: string): Query[] {
  if (file.endsWith('.json')) {
    return panelsOf(readDashboard(file)).flatMap(({ title = '', targets = [] }) =>
      targets.map(({ expr, datasource: { type } }) => ({
        file,
        name: title,
        language: type === 'loki' ? 'LogQL' : 'PromQL',
        expr,
      })),
    );
  }
  if (file === COOKBOOK) return cookbook();
  const language = file === EVENT_RULES ? 'LogQL' : 'PromQL';
  return readRules(file).map(({ alert, expr }) => ({ file, name: alert, language, expr }));
}

export function allQueries(): Query[] {
  return [...DASHBOARDS, EVENT_RULES, COLLECTOR_RULES, COOKBOOK].flatMap(queriesOf);
}

/** Each is named by the sentence above it; those without one by that of the query before. */
function cookbook(): Query[] {
  const queries: Query[] = [];
  let name = '';
  for (const block of readFileSync(`${FOLDER}/${COOKBOOK}`, 'utf8').split(/\n{2,}/)) {
    const [, expr] = /^```logql\n([^]*)\n```$/.exec(block.trim()) ?? [];
    if (expr !== undefined) queries.push({ file: COOKBOOK, name, language: 'LogQL', expr });
    else name = block;
  }
  return queries;
}

/** As Grafana fills a dashboard's variables in: `$name`, `${name}`, `${name:regex}`. Others are an error. */
export function filledIn(expr: string, values: Readonly<Record<string, string>>): string {
  return expr.replace(/\$(?:\{(\w+)(?::(\w+))?\}|(\w+))/g, (whole, braced?: string, format?: string, bare?: string) => {
    const value = values[braced ?? bare ?? ''];
    if (value === undefined) throw new Error(`no value for ${whole}`);
    return format === 'regex' ? value.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&') : value;
  });
}

/** What the variables are before anybody has chosen anything. */
export const NOTHING_CHOSEN: Readonly<Record<string, string>> = {
  tag: 'activityLog',
  type: '.*',
  service: '.*',
  user: '',
  actor: '',
  action: '',
  address: '',
  contract: '',
  __interval: '5m',
  __range: '1h',
  __rate_interval: '5m',
};
