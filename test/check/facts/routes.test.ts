import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  headerName,
  headerOf,
  isDestination,
  isLoggingService,
  isLoki,
  isMatch,
  nameOf,
  routesOf,
} from '../../../src/check/facts/routes.ts';
import type { Section } from '../../../src/check/fluent-bit-config/model.ts';
import { configOf } from '../../helpers/fluent-bit-config.ts';

const AT = { file: 'main.conf', line: 1 };

/** `[KIND] key value, key value` */
function section(kind: Section['kind'], text: string): Section {
  const entries = text.split(', ').map((entry) => {
    const [key = '', ...words] = entry.split(' ');
    return { key, raw: words.join(' '), value: words.join(' '), at: AT };
  });
  return { kind, at: AT, entries };
}

const output = (text: string): Section => section('output', text);

function routes(tag: string, ...sections: readonly Section[]): string[] {
  const config = configOf(sections);
  return routesOf(config, tag, 'output').map(nameOf);
}

it('the name of a header ends at a space or a tab', () => {
  assert.deepEqual(['APIKEY k', 'APIKEY\tk', 'APIKEY'].map(headerName), ['APIKEY', 'APIKEY', 'APIKEY']);
});

it('a header is found by its name in any case, the first of several', () => {
  const found = headerOf(output('name http, header X-APIKEY 1, header ApiKey 2, header APIKEY 3'), 'apikey');
  assert.equal(found?.value, 'ApiKey 2');
  assert.equal(headerOf(output('name http, apikey 1'), 'apikey'), undefined);
});

describe('a Match', () => {
  for (const [pattern, tag, expected] of [
    ['a*c', 'abbc', true],
    ['a*c', 'ac', true],
    ['*', '', true],
    ['a*', 'ba', false],
    ['*a', 'ab', false],
    ['a.b', 'axb', false],
    ['a(b', 'a(b', true],
    ['.+?^${}()|[]\\', '.+?^${}()|[]\\', true],
    ['a?', 'a', false],
    ['ab?', 'a', false],
    ['a+', 'aa', false],
    ['[a]', 'a', false],
    ['a|b', 'a', false],
    ['a*', 'a\nb', true],
    ['', '', true],
    ['', 'a', false],
  ] as const) {
    it(`${JSON.stringify(pattern)} ${expected ? 'takes' : 'does not take'} ${JSON.stringify(tag)}`, () => {
      assert.equal(isMatch(pattern, tag), expected);
    });
  }
});

describe('the outputs of a tag', () => {
  const input = section('input', 'name exec');

  it('are those whose Match or Match_Regex fits, in their order', () => {
    const outputs = [
      'match b, alias 1',
      'match_regex ^a$, alias 2',
      'match *, alias 3',
      'match_regex b, alias 4',
      'alias 5',
    ];
    assert.deepEqual(routes('a', input, ...outputs.map(output)), ['output 2', 'output 3']);
    assert.deepEqual(routes('a', input, output('match b, match_regex a, alias 1')), ['output 1']);
  });

  it('may be reached by an expression that only Ruby understands', () => {
    assert.deepEqual(routes('a', input, output('match_regex (?<!x, alias 1'), output('match b, alias 2')), [
      'output 1',
    ]);
  });

  it('are the only one without a Match where there is one input', () => {
    const only = output('alias 1');
    assert.deepEqual(routes('a', input, only), ['output 1']);
    assert.deepEqual(routes('a', input, input, only), []);
    assert.deepEqual(routes('a', input, only, output('alias 2')), []);
    assert.deepEqual(routes('a', input, output('match b, alias 1')), []);
    assert.deepEqual(routes('a', input, output('match_regex b, alias 1')), []);
  });
});

describe('an output', () => {
  it('is named by its alias, or by its plugin', () => {
    const sections = [
      output('name HTTP'),
      output('name http, alias mine'),
      output('name http, alias '),
      output('host h'),
    ];
    assert.deepEqual(sections.map(nameOf), ['output http', 'output mine', 'output http', 'output ']);
  });

  it('that only shows or counts is no destination', () => {
    const names = ['stdout', 'Null', 'counter', 'flowcounter', 'exit', 'http', 'file'];
    assert.deepEqual(
      names.filter((name) => isDestination(output(`name ${name}`))),
      ['http', 'file'],
    );
  });

  for (const [text, isService] of [
    ['name http, host a.logging.de-txl.ionos.com', true],
    ['name http, host A.IONOS.COM', true],
    ['name http, host ionos.com.example', false],
    ['name http, host h, header apikey k', true],
    ['name http, host h', false],
    ['name forward, host a.ionos.com', true],
    ['name forward, host h, alias activity_log_ionos_tcp', true],
    ['name forward, host h, header APIKEY k', false],
    ['name http, host h, alias activity_log_ionos_tcp', false],
    ['name tcp, host a.ionos.com', false],
  ] as const) {
    it(`is ${isService ? '' : 'not '}for the Logging Service: ${text}`, () => {
      assert.equal(isLoggingService(output(text)), isService);
      assert.equal(isLoki(output(text)), isService);
    });
  }

  it('of the plugin loki is a Loki', () => assert.ok(isLoki(output('name Loki, host h'))));
});
