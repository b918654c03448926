import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readConfig } from '../../src/config/config.ts';
import { readCredentials } from '../../src/config/credentials.ts';
import {
  ApiError,
  AppError,
  ExitCode,
  LockedError,
  OutputError,
  PageError,
  StateError,
  StdoutError,
} from '../../src/lib/errors.ts';
import { Stopped } from '../../src/lib/run.ts';
import type { World } from '../../src/lib/world.ts';
import {
  concernsAll,
  explained,
  isUnauthorized,
  isWorthNoting,
  noteFailure,
  noteInAll,
  tooLate,
  withAdvice,
} from '../../src/session/failures.ts';
import { emptyStore } from '../../src/state/store.ts';
import { newSource, stateOf } from '../../src/state/state.ts';
import { captureLog } from '../helpers/captured-log.ts';

const NOW = Date.parse('2026-11-21T20:30:00Z');
const HOST = 'api.example.com';
const failed = (status: number) => new ApiError(`HTTP ${status}`, { status, retryable: false });
const unreachable = (retryable: boolean) => new ApiError('cannot connect', { retryable });

it('status does not show SIGTERM, the state or stdout as the failure of a source', () => {
  const errors = [new Stopped('stopped by SIGTERM'), new StateError('full'), new StdoutError('closed')];
  assert.deepEqual(errors.map(isWorthNoting), [false, false, false]);
  assert.ok(isWorthNoting(new PageError('not JSON')));
});

it('a run whose deadline came before its first page says what failed last', () => {
  const reason = new Stopped('the deadline of 4 min came');
  const { message, exitCode, code } = tooLate(reason);
  assert.equal(message, 'the deadline of 4 min came before anything was collected');
  assert.deepEqual([exitCode, code], [ExitCode.NothingCollected, 'DEADLINE']);
  assert.match(tooLate(reason, 'HTTP 503').message, /before anything was collected; last failure: HTTP 503$/);
});

describe('an error of the API', () => {
  for (const [error, message] of [
    [new PageError('it is not JSON'), `cannot use the answer of ${HOST}: it is not JSON`],
    [unreachable(true), 'cannot connect; check the network, the proxy (HTTPS_PROXY) and --api-url'],
    [unreachable(false), 'cannot connect'],
    [failed(401), `${HOST} does not accept the token (HTTP 401); create a new one`],
    [failed(403), 'the token may not read this (HTTP 403); give its user the privilege ACCESS_ACTIVITY_LOG'],
    [
      failed(404),
      `${HOST} answered HTTP 404; check --api-url and the contract number (fetch-activity-logs check lists them)`,
    ],
    [failed(500), `${HOST} answered HTTP 500`],
    [new StateError('the disk is full'), 'the disk is full'],
    [new RangeError('a fault'), 'a fault'],
  ] as const) {
    it(`says what to do: ${error.message}`, () => assert.equal(withAdvice(error, HOST), message));
  }

  it('concerns the token where it is 401, and all sources where it is the state or stdout', () => {
    assert.deepEqual([failed(401), failed(403), new StateError('x')].map(isUnauthorized), [true, false, false]);
    const errors = [new StateError('x'), new StdoutError('x'), new OutputError('x'), failed(401), new LockedError('x')];
    assert.deepEqual(errors.map(concernsAll), [true, true, true, false, false]);
  });
});

describe('what ends a poll', () => {
  const claims = Buffer.from(JSON.stringify({ exp: NOW / 1000 - 60 })).toString('base64url');
  const say = (error: unknown, options = {}, token = 'a-token') => {
    const env = { IONOS_API_TOKEN: token, IONOS_API_URL: `https://${HOST}` };
    const config = readConfig(options, env);
    const world = { now: () => NOW } as World;
    return explained(error, config, readCredentials(config.provider, undefined, env), world);
  };

  it('is said with where to create a token, and where it belongs', () => {
    const refused = `${HOST} does not accept the token (HTTP 401); create a new one in the DCD, `;
    const error = say(failed(401));
    assert.ok(error instanceof AppError);
    assert.equal(error.message, `${refused}Management > Token Manager, and store it in IONOS_API_TOKEN`);
    assert.deepEqual([error.exitCode, error.code], [failed(401).exitCode, failed(401).code]);
    assert.ok(error.cause instanceof ApiError);
    assert.match(say(failed(401), {}, `x.${claims}.y`).message, /store it in IONOS_API_TOKEN: .*expired/);
    assert.equal(say(failed(403)).message, withAdvice(failed(403), HOST));
  });

  it('is said with what comes next where stdout was closed, but not in a look', () => {
    const closed = new StdoutError('stdout was closed', new Error('EPIPE'));
    const error = say(closed);
    assert.ok(error instanceof StdoutError);
    assert.equal(error.message, 'stdout was closed; the next run will print the rest');
    assert.equal(error.cause, closed.cause);
    assert.equal(say(closed, { peek: true }).message, 'stdout was closed');
  });

  it('is thrown as it is where it is a fault of the program', () => {
    const fault = new RangeError('a fault');
    assert.equal(say(fault), fault);
    const other = say('a text');
    assert.ok(other instanceof Error);
    assert.equal(other.message, 'a text');
  });
});

describe('the failure of a source', () => {
  function scene(options = {}) {
    const store = emptyStore(() => NOW);
    for (const name of ['ionos/1', 'ionos/2']) store.register(name, newSource('2026-11-21T20:00:00Z'));
    const log = captureLog();
    const config = readConfig(options, { IONOS_API_URL: `https://${HOST}` });
    const errors = () => Object.values(store.state.sources).map(({ last_error }) => last_error);
    return { noting: { config, log, store, now: () => NOW }, store, log, errors };
  }
  const SOURCE = { name: 'ionos/1', id: '1' };

  it('is in the log and in the state, with what comes next', () => {
    const { noting, log, errors, store } = scene();
    noteFailure(SOURCE, failed(500), noting);
    assert.deepEqual(log.messages, [
      `error: ionos/1: ${HOST} answered HTTP 500. Its cursor was not moved; the next run will retry`,
    ]);
    assert.deepEqual(errors(), [`2026-11-21T20:30:00.000Z ${HOST} answered HTTP 500`, null]);
    assert.equal(stateOf('ionos/1', store.state).unreadable, 0);
  });

  it('is said with one full stop, and in a look without what comes next', () => {
    const ended = scene();
    noteFailure(SOURCE, new StateError('Is it full?'), ended.noting);
    assert.deepEqual(ended.log.messages, [
      'error: ionos/1: Is it full? Its cursor was not moved; the next run will retry',
    ]);
    const look = scene({ peek: true });
    noteFailure(SOURCE, failed(500), look.noting);
    assert.deepEqual(look.log.messages, [`error: ionos/1: ${HOST} answered HTTP 500`]);
  });

  it('is counted where a page cannot be read: then the next run looks for the bad event', () => {
    const { noting, store } = scene();
    for (let nth = 0; nth < 2; nth++) noteFailure(SOURCE, new PageError('it is not JSON'), noting);
    assert.equal(stateOf('ionos/1', store.state).unreadable, 2);
  });

  it('has its stack at debug where it is a fault of the program', () => {
    const { noting, log } = scene();
    noteFailure(SOURCE, new RangeError('a fault'), noting);
    assert.match(log.messages[1] ?? '', /^debug: RangeError: a fault\n +at /);
  });

  it('is that of all, or of those that --contract names, where it ended the poll', async () => {
    const all = scene();
    let saves = 0;
    const store = {
      ...all.store,
      flush: () => {
        saves++;
        return Promise.resolve();
      },
    };
    await noteInAll('HTTP 401', { ...all.noting, store });
    const noted = '2026-11-21T20:30:00.000Z HTTP 401';
    assert.deepEqual([all.errors(), saves], [[noted, noted], 1]);
    const one = scene({ contract: ['2'] });
    await noteInAll('HTTP 401', one.noting);
    assert.deepEqual(one.errors(), [null, noted]);
    await noteInAll('HTTP 401', { ...scene({ contract: ['3'] }).noting, store });
    assert.equal(saves, 1, 'nothing to save');
  });

  it('is no other one because it cannot be saved', async () => {
    const { noting, log, store } = scene();
    const full = { ...store, flush: () => Promise.reject(new StateError('the disk is full')) };
    await noteInAll('HTTP 401', { ...noting, store: full });
    assert.deepEqual(log.messages, ['error: the disk is full']);
  });
});
