import { describe, it } from 'node:test';
import { readBehindOffsetLimit, readWhateverTheServerDoes } from '../helpers/ionos-scene.ts';

describe('every event once', () => {
  it('of 25,000 with an offset limit of 10,000', async (t) => readBehindOffsetLimit(t, 25_000, 10_000, 1000));

  it('whatever the server does, and wherever the poll is interrupted', async (t) => {
    await readWhateverTheServerDoes(t, 400);
  });
});
