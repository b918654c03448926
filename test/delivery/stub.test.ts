import assert from 'node:assert/strict';
import { it } from 'node:test';
import { StubWriter } from '../../src/delivery/stub.ts';
import type { EventSlice } from '../../src/events/event.ts';

const PATHS = [['deep', 'a'], ['flat'], ['long'], ['last']];

function stubOf(text: string, room = 1000, maxDepth = 100): { text: string; depth: number } {
  const json = Buffer.from(text);
  const event: EventSlice = { json, start: 0, end: json.length, id: undefined, time: undefined, depth: 9 };
  const stub = new StubWriter(PATHS, maxDepth).write(event, '{"bytes":1}', room);
  return { text: stub.json.toString('utf8', stub.start, stub.end), depth: stub.depth };
}

it('a stub is as deep as its deepest field, wherever that stands', () => {
  assert.deepEqual(stubOf('{"deep":{"a":[[1]]},"flat":1}'), {
    text: '{"deep":{"a":[[1]]},"flat":1,"_truncated":{"bytes":1}}',
    depth: 4,
  });
  assert.equal(stubOf('{"flat":1}').depth, 2, 'that of _truncated');
});

it('a stub has no field that is too deep, and those that are just deep enough', () => {
  assert.match(stubOf('{"deep":{"a":[[1]]}}', 1000, 4).text, /deep/);
  assert.doesNotMatch(stubOf('{"deep":{"a":[[1]]}}', 1000, 3).text, /deep/);
});

it('a stub has the fields that fit together, also behind one that does not', () => {
  const { text } = stubOf('{"flat":"1234","long":"123456","last":12}', 8);
  assert.equal(text, '{"flat":"1234","last":12,"_truncated":{"bytes":1}}');
});
