/** A contract of the sandbox, and someone who reads it. */

import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import fc from 'fast-check';
import { formatSecond } from '../../src/lib/duration.ts';
import { NOW, sandboxFor } from '../sandbox/exchange.ts';
import type { Sandbox, SandboxSettings } from '../sandbox/server.ts';
import { IonosReader, type ReaderOptions } from './ionos-reader.ts';
import './properties.ts';

export const CONTRACT = '9876543218374837483';
export const START = NOW - 300_000;

export interface Scene {
  readonly sandbox: Sandbox;
  readonly reader: IonosReader;
}

/** A contract with so many events in the last five minutes, and someone who reads them for the first time. */
export async function scene(
  t: TestContext,
  count: number,
  settings: SandboxSettings,
  options?: ReaderOptions,
): Promise<Scene> {
  const sandbox = await sandboxFor(t, { sizeBytes: 400, ...settings });
  sandbox.addContract(CONTRACT);
  sandbox.generate(CONTRACT, { count, from: START, to: NOW });
  return { sandbox, reader: new IonosReader(t, sandbox, CONTRACT, START, options) };
}

/** Each event of the contract was printed once, byte for byte. */
export function assertAllOnce({ sandbox, reader }: Scene, hint?: string): void {
  const expected = sandbox.events(CONTRACT).map(({ text }) => text);
  assert.deepEqual(reader.lines.toSorted(), expected.toSorted(), hint);
}

/** Every event comes once from any kind of server, however few pages each poll gets. */
export async function readWhateverTheServerDoes(t: TestContext, numRuns: number): Promise<void> {
  const settings = fc.record({
    order: fc.constantFrom('ascending', 'descending', 'shuffled'),
    shape: fc.constantFrom('hits/_source', 'hits/bare', 'items', 'array'),
    total: fc.constantFrom('number', 'object', 'gte', 'missing'),
    maxLimit: fc.constantFrom(10_000, 50, 20, 3),
    limitBehaviour: fc.constantFrom('cut', 'refused'),
    maxOffset: fc.constantFrom(null, 60, 200),
    offsetRule: fc.constantFrom('offset', 'offset+limit'),
    uuid: fc.constantFrom('present', 'missing', 'some'),
    seed: fc.nat(),
  } satisfies Record<string, unknown>);
  const options = fc.record({
    pageSize: fc.constantFrom(1000, 50, 7),
    overlapMs: fc.constantFrom(0, 30_000, 300_000),
  });
  await fc.assert(
    fc.asyncProperty(
      settings,
      options,
      fc.nat({ max: 150 }),
      fc.infiniteStream(fc.nat({ max: 12 })),
      async (...given) => {
        const [switches, reading, count, interruptions] = given;
        const one = await scene(t, count, switches, reading);
        const { sandbox, reader } = one;
        // Each poll ends after some pages, but one of them is let through.
        for (let polls = 0; polls < 3; polls++) {
          let left = Number(interruptions.next().value);
          await reader.poll(() => left-- > 0);
        }
        await reader.poll();
        assertAllOnce(one);
        assert.equal(reader.cursor, formatSecond(NOW / 1000));
        await sandbox.close();
      },
    ),
    { numRuns },
  );
}

/** Every event comes once where there are more than the server gives of one window. */
export async function readBehindOffsetLimit(
  t: TestContext,
  count: number,
  maxOffset: number,
  pageSize: number,
): Promise<void> {
  for (const settings of [
    { total: 'number', offsetRule: 'offset+limit' },
    { total: 'object', offsetRule: 'offset', order: 'descending' },
    { total: 'gte', offsetRule: 'offset+limit' },
    { total: 'missing', offsetRule: 'offset', order: 'shuffled' },
  ] as const satisfies SandboxSettings[]) {
    const one = await scene(t, count, { maxOffset, ...settings }, { pageSize });
    await one.reader.poll();
    assertAllOnce(one, JSON.stringify(settings));
    assert.deepEqual(one.reader.log.messages, []);
  }
}
