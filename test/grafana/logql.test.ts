import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parser } from '@grafana/lezer-logql';
import { allQueries, filledIn, NOTHING_CHOSEN } from './queries.ts';

/** Where Grafana's own grammar does not understand a query; undefined when it does. */
function faultOf(query: string): string | undefined {
  let fault: string | undefined;
  parser.parse(query).iterate({
    enter: ({ type, from }) => {
      if (type.isError) fault ??= `at ${from}: ${query.slice(from, from + 40)}`;
    },
  });
  return fault;
}

describe('LogQL that is shipped', () => {
  const queries = allQueries().filter(({ language }) => language === 'LogQL');

  it('is more than sixty queries in four files', () => {
    assert.ok(queries.length > 60, `${queries.length}`);
    assert.equal(new Set(queries.map(({ file }) => file)).size, 4);
  });

  for (const { file, name, expr } of queries) {
    it(`${file}: ${name.split('\n')[0] ?? ''}`, () => {
      const values = { ...NOTHING_CHOSEN, user: 'ops+rotation@example.com', type: 'Error|GenerateToken' };
      for (const chosen of [NOTHING_CHOSEN, values]) assert.equal(faultOf(filledIn(expr, chosen)), undefined);
    });
  }

  it('would not be understood if it were wrong', () => {
    assert.equal(faultOf('{tag_name="a"} | json user="b" | user=~`c`'), undefined);
    for (const wrong of ['{tag_name="a"', 'sum(count_over_time({a="b"}))', '{a="b"} | user=', '{a="b"} | jsn']) {
      assert.notEqual(faultOf(wrong), undefined, wrong);
    }
  });
});
