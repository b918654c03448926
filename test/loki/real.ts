/**
 * `npm run test:loki`: the events of three contracts and of a project go into the Loki that LOKI names, through the
 * shipped files and the Fluent Bit that FLUENT_BIT names (or the one on PATH; without one they are pushed),
 * and every query that is shipped gives the figures of the sandbox. Skipped when there is no Loki.
 */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { findFluentBit, RealFluentBit } from '../fluent-bit/real-fluent-bit.ts';
import {
  allQueries,
  DASHBOARDS,
  EVENT_RULES,
  filledIn,
  FOLDER,
  NOTHING_CHOSEN,
  type Query,
  readRules,
} from '../grafana/queries.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { type Sandbox, startSandbox, type StoredEvent } from '../sandbox/server.ts';
import { type Happening, LATE_SECONDS, ofCloudscale, ofIonos, specialEvents } from './happenings.ts';
import { type Line, RealLoki, type Sample } from './real-loki.ts';
import { type Expected, LATE, PROMPT, truthOf } from './truth.ts';

const CONTRACTS = ['31721060', '31721061', '9876543218374837483'];
const EVENTS_EACH = 300;
/** Above this, what Loki gives as the longest delay is not the events that were made late. */
const SLACK_SECONDS = 1800;

/** What somebody chose in a dashboard. Regular expressions have characters that are in names, too. */
const CHOSEN = {
  ...NOTHING_CHOSEN,
  user: 'OPS+',
  actor: 'API token',
  action: '_delete',
  type: 'Error|RequestAccepted',
};
const isChosen = ({ provider, user, type, action }: Happening): boolean =>
  provider === 'ionos'
    ? user.startsWith('ops+') && /^(Error|RequestAccepted)$/.test(type)
    : user.startsWith('API token') && action.endsWith('_delete');

const loki = process.env['LOKI'] ?? '';
const fluentBit = findFluentBit();
const skip = loki === '' ? 'there is no Loki: LOKI is not set' : false;

function fill(sandbox: Sandbox): StoredEvent[] {
  const to = Date.now() - 1000;
  for (const contract of CONTRACTS) {
    sandbox.addContract(contract);
    sandbox.generate(contract, { count: EVENTS_EACH, from: to - 600_000, to });
  }
  sandbox.addEvents('31721061', specialEvents('31721061', to));
  sandbox.generateEntries({ count: EVENTS_EACH, from: to - 600_000, to });
  const late = to - LATE_SECONDS * 1000;
  sandbox.generateEntries({ count: 3, from: late - 1000, to: late });
  return [...CONTRACTS.flatMap((contract) => sandbox.events(contract)), ...sandbox.entries()];
}

/** The shipped files, with outputs/loki.conf instead of outputs/ionos.conf and the second input. */
async function sendByFluentBit(t: TestContext, binary: string, sandbox: Sandbox, port: number): Promise<void> {
  const tokenFile = join(await temporaryFolder(t), 'cloudscale.token');
  await writeFile(tokenFile, sandbox.options.cloudscale.token);
  await chmod(tokenFile, 0o600);
  await RealFluentBit.start(
    t,
    binary,
    'fluent-bit.conf',
    { port },
    sandbox.url,
    [
      [/^@INCLUDE outputs\/ionos\.conf$/m, '@INCLUDE outputs/loki.conf'],
      [/^#@INCLUDE cloudscale\.conf$/m, '@INCLUDE cloudscale.conf'],
      [/\S+cloudscale\.token/, tokenFile],
    ],
    {
      CLOUDSCALE_API_URL: sandbox.url,
      ACTIVITY_LOG_ADD_FIELDS: 'event_type,source_service,provider',
      ACTIVITY_LOG_MAX_LINE_BYTES: '250000',
      ACTIVITY_LOG_SINCE: '24h',
    },
  );
}

function choose(query: Query, chosen: Readonly<Record<string, string>>, events: readonly Happening[]): Query {
  const some = events.find(({ resources }) => resources.length > 0);
  const expr = filledIn(query.expr, chosen)
    .replace('EVENT-ID', some?.id ?? '')
    .replace('REQUEST-ID', some?.request ?? '')
    .replace('RESOURCE-ID', some?.resources[0]?.id ?? '');
  return { ...query, expr };
}

interface RuleState {
  readonly name: string;
  readonly state: string;
  readonly health: string;
  readonly lastError?: string;
}

const sorted = (texts: Iterable<string>): string[] => [...texts].sort();

function assertLines(lines: readonly Line[], events: readonly Happening[]): void {
  assert.equal(lines.length, events.length);
  if (lines.some(({ labels }) => 'happened' in labels && ('user' in labels || 'actor' in labels))) {
    const shown = lines.map(({ labels }) => `${labels['happened']} ${labels['user'] ?? labels['actor']}`);
    assert.deepEqual(sorted(shown), sorted(events.map(({ time, user }) => `${time} ${user}`)));
  } else {
    const ids = lines.map(({ text }) => (JSON.parse(text) as { '@uuid'?: string })['@uuid'] ?? '');
    assert.deepEqual(sorted(ids), sorted(events.map(({ id }) => id)));
  }
}

function assertFigures(samples: readonly Sample[], expected: Readonly<Record<string, number>>, top: boolean): void {
  const values = new Map(samples.map(({ labels, value }) => [Object.values(labels).join(' '), value]));
  const longest = values.get('') ?? 0;
  if (expected[''] === LATE) assert.ok(longest >= LATE_SECONDS && longest < LATE_SECONDS + SLACK_SECONDS, `${longest}`);
  else if (expected[''] === PROMPT) assert.ok(longest < SLACK_SECONDS, `${longest}`);
  else if (top) assertTop(values, expected);
  else assert.deepEqual(values, new Map(Object.entries(expected)));
}

/** Of several that are alike, any may be the tenth. */
function assertTop(values: ReadonlyMap<string, number>, expected: Readonly<Record<string, number>>): void {
  const most = Object.values(expected).sort((a, b) => b - a);
  assert.deepEqual(
    [...values.values()].sort((a, b) => b - a),
    most.slice(0, 10),
  );
  for (const [name, value] of values) assert.equal(value, expected[name], name);
}

async function check(server: RealLoki, query: Query, expected: Expected, isRange: boolean): Promise<void> {
  if (isList(expected)) assertLines(await server.lines(query.expr), expected);
  else {
    const samples = isRange ? await server.sums(query.expr) : await server.samples(query.expr);
    assertFigures(samples, expected, query.expr.startsWith('topk'));
  }
}

function isList(expected: Expected): expected is readonly Happening[] {
  return Array.isArray(expected);
}

describe(`a real Loki ${loki}`.trim(), { skip }, () => {
  it('gives the figures of the sandbox to every query of the dashboards, the rules and the cookbook', async (t) => {
    const sandbox = await startSandbox({ seed: 3 });
    t.after(() => sandbox.close());
    const rules = readFileSync(`${FOLDER}/${EVENT_RULES}`, 'utf8').replaceAll('interval: 1m', 'interval: 2s');
    const server = await RealLoki.start(t, loki, rules);
    const stored = fill(sandbox);
    const events = [
      ...CONTRACTS.flatMap((contract) => sandbox.events(contract)).map(ofIonos),
      ...sandbox.entries().map(ofCloudscale),
    ];

    if (fluentBit === undefined) {
      t.diagnostic(
        'no Fluent Bit: neither FLUENT_BIT nor PATH has one; the events are pushed as its http output posts them',
      );
      await server.push(
        { tag_name: 'activityLog' },
        stored.map(({ text }) => `{"date":1.5,${text.slice(1)}`),
      );
    } else await sendByFluentBit(t, fluentBit, sandbox, server.port);
    const count = 'sum(count_over_time({tag_name="activityLog"}[2h]))';
    await server.until('full', async () => (await server.samples(count))[0]?.value === stored.length);

    for (const query of allQueries().filter(({ language }) => language === 'LogQL')) {
      await t.test(`${query.file}: ${query.name.split('\n')[0] ?? ''}`, async () => {
        const isRange = query.expr.includes('$__interval');
        const whole = choose(query, NOTHING_CHOSEN, events);
        await check(server, whole, truthOf(whole, events), isRange);
        if (!DASHBOARDS.some((name) => name === query.file)) return;
        const part = choose(query, CHOSEN, events);
        await check(server, part, truthOf(part, events.filter(isChosen)), isRange);
      });
    }

    await t.test('an absent tag is an alert', async () => {
      const expr = readRules(EVENT_RULES).find(({ alert }) => alert === 'ActivityLogNoEvents')?.expr ?? '';
      const samples = await server.samples(expr.replace('activityLog', 'another'));
      assert.deepEqual(samples, [{ labels: { tag_name: 'another' }, value: 1 }]);
    });

    await t.test('its ruler takes the rules, and they fire', async () => {
      const quiet = ['ActivityLogNoEvents'];
      const expected = readRules(EVENT_RULES)
        .map(({ alert }) => alert)
        .filter((alert) => !quiet.includes(alert));
      let states: readonly RuleState[] = [];
      await server.until('done with its rules', async () => {
        const { data } = await server.get<{ data: { groups: { rules: RuleState[] }[] } }>('/prometheus/api/v1/rules');
        states = data.groups.flatMap(({ rules }) => rules);
        return expected.every((alert) => states.some(({ name, state }) => name === alert && state === 'firing'));
      });
      for (const { name, state, health, lastError } of states) {
        assert.equal(health, 'ok', lastError);
        assert.equal(state, quiet.includes(name) ? 'inactive' : 'firing', name);
      }
      assert.equal(states.length, expected.length + quiet.length);
    });
  });
});
