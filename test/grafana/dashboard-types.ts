/** Grafana's own types for a dashboard's JSON, with each panel's options by its type. */

import type * as dashboard from '@grafana/grafana-foundation-sdk/dashboard';
import type * as loki from '@grafana/grafana-foundation-sdk/loki';
import type * as prometheus from '@grafana/grafana-foundation-sdk/prometheus';
import type * as stat from '@grafana/grafana-foundation-sdk/stat';
import type * as table from '@grafana/grafana-foundation-sdk/table';
import type * as text from '@grafana/grafana-foundation-sdk/text';
import type * as timeseries from '@grafana/grafana-foundation-sdk/timeseries';

/** What a type of the SDK is in JSON: enums are their values, and the SDK's marker methods are not there. */
type Json<T> = 0 extends 1 & T
  ? unknown
  : T extends string
    ? `${T}`
    : T extends number | boolean | null | undefined
      ? T
      : T extends readonly (infer E)[]
        ? Json<E>[]
        : { [K in keyof T as K extends '_implementsDataqueryVariant' ? never : K]: Json<T[K]> };

type FieldConfig<Custom> = Omit<Json<dashboard.FieldConfigSource>, 'defaults'> & {
  defaults: Omit<Json<dashboard.FieldConfig>, 'custom'> & { custom?: Custom };
};

type PanelOf<Type, Options, Custom> = Omit<Json<dashboard.Panel>, 'type' | 'options' | 'targets' | 'fieldConfig'> & {
  type: Type;
  options: Json<Options>;
  fieldConfig?: FieldConfig<Json<Custom>>;
  targets?: (Required<Pick<loki.dataquery, 'expr' | 'refId'>> & Json<loki.dataquery | prometheus.Dataquery>)[];
};

type Panel =
  | PanelOf<'stat', stat.Options, never>
  | PanelOf<'table', table.Options, table.FieldConfig>
  | PanelOf<'text', text.Options, never>
  | PanelOf<'timeseries', timeseries.Options, timeseries.FieldConfig>;

type Row = Omit<Json<dashboard.RowPanel>, 'panels'> & { panels: Panel[] };

/** The classic form, which every Grafana imports; the SDK itself prefers the one that only the newest know. */
type Classic = Required<dashboard.Snapshot>['dashboard'];

export type Dashboard = Omit<Json<Classic>, 'panels'> & { panels: (Panel | Row)[] };
