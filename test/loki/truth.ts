/** What each shipped query must give, counted from the sandbox's own events. */

import { COOKBOOK, EVENT_RULES, type Query } from '../grafana/queries.ts';
import type { Happening } from './happenings.ts';

/** The events whose lines a log query gives; or figures by the values of their labels, joined by a space. */
export type Expected = readonly Happening[] | Readonly<Record<string, number>>;

/** The longest delay of arrival is that of the events that were made late, or at least that of none of them. */
export const LATE = Number.POSITIVE_INFINITY;
export const PROMPT = Number.NEGATIVE_INFINITY;

type Truth = (events: readonly Happening[], expr: string) => Expected;
type Key = (event: Happening) => string;

const hasAction = (event: Happening, pattern: RegExp): boolean =>
  event.resources.some(({ action }) => action.some((name) => pattern.test(name)));
const isError = ({ type }: Happening): boolean => type === 'Error';
const isAccess = (event: Happening): boolean => hasAction(event, /^sec\./);
const isDeletion = (event: Happening): boolean => hasAction(event, /delete/i);
const isPrompt = ({ isLate }: Happening): boolean => !isLate;
const isChange = ({ method }: Happening): boolean => !/^(get|head)$/i.test(method);
const isLogging = ({ resources, uri }: Happening): boolean =>
  /logging|pipeline/i.test(uri) || resources.some(({ type }) => /logging|pipeline/i.test(type));
const isRemoved = ({ action }: Happening): boolean => action.endsWith('_delete');

const user: Key = (event) => event.user;
const address: Key = (event) => event.address;
const contract: Key = (event) => event.contract;
const contractAndUser: Key = (event) => `${event.contract} ${event.user}`;

function by(events: readonly Happening[], key: Key): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const event of events) counts[key(event)] = (counts[key(event)] ?? 0) + 1;
  return counts;
}

function without(counts: Record<string, number>, label = ''): Record<string, number> {
  return Object.fromEntries(Object.entries(counts).filter(([name]) => name !== label));
}

function above(threshold: number, counts: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count > threshold));
}

/** How many different values of `what` there are for each `key`. */
function different(events: readonly Happening[], key: Key, what: Key): Record<string, number> {
  const seen = new Map(
    events.filter((event) => what(event) !== '').map((event) => [`${key(event)}|${what(event)}`, event]),
  );
  return by([...seen.values()], key);
}

const all: Key = () => '';
const total = (events: readonly Happening[]): Record<string, number> => by(events, all);
const distinct = (events: readonly Happening[], what: Key): Record<string, number> => different(events, all, what);

const longestDelay: Truth = (events) => ({ '': events.some(({ isLate }) => isLate) ? LATE : PROMPT });

const IONOS_DASHBOARD: Record<string, Truth> = {
  Events: (events, expr) => (expr.startsWith('sum') ? total(events) : events),
  Errors: (events, expr) => (expr.startsWith('sum') ? total(events.filter(isError)) : events.filter(isError)),
  Users: (events) => distinct(events, user),
  'Source addresses': (events) => distinct(events, address),
  'Arrival behind event': longestDelay,
  'Events by type': (events) => by(events, ({ type }) => type),
  'Top users': (events) => by(events, user),
  'Top addresses': (events) => by(events, address),
  Services: (events) => by(events, ({ service }) => service),
  Contracts: (events) => by(events, contract),
  'Access and token changes': (events) => events.filter((event) => event.type === 'GenerateToken' || isAccess(event)),
};

const CLOUDSCALE_DASHBOARD: Record<string, Truth> = {
  Entries: (events, expr) => (expr.startsWith('sum') ? total(events) : events),
  Deletions: (events, expr) => (expr.startsWith('sum') ? total(events.filter(isRemoved)) : events.filter(isRemoved)),
  Actors: (events) => distinct(events, user),
  'Source addresses': (events) => distinct(events, address),
  'Arrival behind event': longestDelay,
  'Entries by subject': (events) => by(events, ({ subject }) => subject),
  'Top actors': (events) => by(events, user),
  'Top addresses': (events) => without(by(events, address)),
  'Top actions': (events) => by(events, ({ action }) => action),
  'By cloudscale.ch support': (events) => events.filter(({ isSupport }) => isSupport),
};

const RULES: Record<string, Truth> = {
  ActivityLogErrorBurst: (events) => above(20, by(events.filter(isPrompt).filter(isError), contract)),
  ActivityLogTokenGenerated: (events) =>
    by(
      events.filter(({ type }) => type === 'GenerateToken'),
      contractAndUser,
    ),
  ActivityLogAccessChanged: (events) => by(events.filter(isAccess), contractAndUser),
  ActivityLogUserFromManyAddresses: (events) => above(5, different(events.filter(isPrompt), contractAndUser, address)),
  ActivityLogManyDeletions: (events) => above(10, by(events.filter(isPrompt).filter(isDeletion), contractAndUser)),
  ActivityLogPipelineChanged: (events) => by(events.filter(isLogging).filter(isChange), contractAndUser),
  ActivityLogNoEvents: () => ({}),
  ActivityLogCatchUp: longestDelay,
  CloudscaleManyDeletions: (events) => above(10, by(events.filter(isPrompt).filter(isRemoved), user)),
  CloudscaleUserFromManyAddresses: (events) =>
    above(
      5,
      different(
        events.filter(({ email, isLate }) => email !== '' && !isLate),
        user,
        address,
      ),
    ),
  CloudscaleSupportActed: (events) => total(events.filter(({ isSupport }) => isSupport)),
};

const quoted = (expr: string): string => /`"\w+":"(.*)"`/.exec(expr)?.[1] ?? '';

/** By the first words above a query. */
const COOKBOOK_TRUTHS: Record<string, Truth> = {
  'All events': (events) => events,
  'One user': (events, expr) => events.filter((event) => event.user === quoted(expr)),
  'One service (the DCD, provisioning, or the API)': (events, expr) =>
    events.filter(({ service }) => service === quoted(expr)),
  'One type of event': (events, expr) => events.filter(({ type }) => type === quoted(expr)),
  'A user with any letters in the name, in upper or lower case': (events) =>
    events.filter((event) => event.user.startsWith('jürgen.')),
  'Everything that came from an address': (events) => events.filter((event) => event.address === '203.0.113.7'),
  'The ten users with the most events': (events) =>
    by(
      events.filter(({ provider }) => provider === 'ionos'),
      user,
    ),
  'Users who came from more than five addresses': (events) =>
    above(
      5,
      different(
        events.filter(({ provider }) => provider === 'ionos'),
        user,
        address,
      ),
    ),
  'Events by contract and service': (events) =>
    by(
      events.filter(({ provider }) => provider === 'ionos'),
      (event) => `${event.contract} ${event.service}`,
    ),
  'Only changes': (events) => events.filter(isChange).filter(({ type }) => type !== 'RequestStatusUpdate'),
  'Generated tokens, one short line each': (events) => events.filter(({ type }) => type === 'GenerateToken'),
  'Changed users, groups and rights': (events) => events.filter(isAccess),
  Deletions: (events, expr) => events.filter(expr.includes('actor') ? isRemoved : isDeletion),
  'The history of one resource, by its id': (events, expr) =>
    events.filter(({ resources }) => resources.some(({ id }) => id === quoted(expr))),
  'Errors by user': (events) => by(events.filter(isError), user),
  'An event by its `@uuid`': (events, expr) => events.filter(({ id }) => id === /"@uuid":"(.*)"/.exec(expr)?.[1]),
  'All events of one request': (events, expr) => events.filter(({ request }) => request === quoted(expr)),
  'Events that arrived more than an hour after they happened, as after an outage': (events) =>
    events.filter(({ isLate, provider }) => isLate && provider === 'ionos'),
  'What one user did': (events) => events.filter(({ email }) => email === 'user7@example.com'),
  'Entries by action': (events) =>
    by(
      events.filter(({ provider }) => provider === 'cloudscale'),
      ({ action }) => action,
    ),
};

/** What a query must give; the events are those that the dashboard's filters leave. Each query has a truth. */
export function truthOf({ file, name, expr }: Query, events: readonly Happening[]): Expected {
  const [first = name] = /^[^:.]*(?:\.(?=[a-z])[^:.]*)*/.exec(name) ?? [];
  const truths: Record<string, Record<string, Truth>> = {
    'activity-log-dashboard.json': IONOS_DASHBOARD,
    'cloudscale-dashboard.json': CLOUDSCALE_DASHBOARD,
    [EVENT_RULES]: RULES,
    [COOKBOOK]: COOKBOOK_TRUTHS,
  };
  const truth = truths[file]?.[file === COOKBOOK ? first : name];
  if (truth === undefined) throw new Error(`nothing is known of ${file}: ${first}`);
  const of = expr.includes('"principal":') ? 'ionos' : expr.includes('"actor":') ? 'cloudscale' : undefined;
  return truth(of === undefined ? events : events.filter(({ provider }) => provider === of), expr);
}
