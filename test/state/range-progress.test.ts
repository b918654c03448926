import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { EventReader, type EventSlice } from '../../src/events/event.ts';
import { JsonReader } from '../../src/events/json-reader.ts';
import type { Page } from '../../src/providers/provider.ts';
import { JournalledIds } from '../../src/state/journalled-ids.ts';
import { RangeProgress, type RangeReason } from '../../src/state/range-progress.ts';
import { keyOf } from '../../src/state/source-progress.ts';
import { newSource } from '../../src/state/state.ts';

const NAME = 'ionos/31721060';
const reader = new EventReader({ id: ['@uuid'], time: ['time'] });
const nameless = new EventReader({ id: undefined, time: ['time'] });

function event(uuid: string, second = 1_000, by = reader): EventSlice {
  const text = JSON.stringify({ '@uuid': uuid, time: new Date(second * 1000).toISOString() });
  return by.read(new JsonReader(Buffer.from(text), 0));
}

function page(...events: EventSlice[]): Page {
  return { events, cursor: '2026-11-21T20:30:00Z' };
}

/** A range of which the journal has these events, and has delivered some of them again. */
function range(
  reason: RangeReason,
  known: readonly EventSlice[] = [],
  again: readonly EventSlice[] = [],
  journalFrom = 0,
) {
  const journalled = new JournalledIds();
  for (const one of known) journalled.add(keyOf(one), one.id === undefined ? 'delivered_unnamed' : 'delivered');
  for (const one of again) journalled.add(keyOf(one), 'redelivered');
  const source = { ...newSource('2026-11-21T20:00:00Z'), journal_from: journalFrom };
  return new RangeProgress(NAME, source, { reason, journalled, lateBefore: 1_010 });
}

const shown = ({ entries }: ReturnType<RangeProgress['batch']>) =>
  entries.map(({ key, keepUntil, kind }) => `${kind} ${keepUntil} ${key.toString().slice(0, 4)}`);
const keyed = (kind: string, one: EventSlice, second = 1_000) =>
  `${kind} ${second} ${keyOf(one).toString().slice(0, 4)}`;

describe('a past range', () => {
  for (const [reason, by] of [
    ['sweep', 'a sweep'],
    ['missing', 'redeliver --missing'],
  ] as const) {
    it(`that ${by} reads gives what the journal does not have, and each event once`, () => {
      const [a, b, c] = [event('a'), event('b'), event('c')];
      const progress = range(reason, [b]);
      assert.deepEqual(progress.take(page(a, b)), [a]);
      assert.deepEqual(progress.take(page(a, b, c)), [c]);
    });
  }

  it('that was asked for again gives all of it, but what was delivered again before the run was killed', () => {
    const [known, again, missing] = [event('a'), event('b'), event('c')];
    const progress = range('redeliver', [known, again], [again]);
    const one = page(known, again, missing);
    const events = progress.take(one);
    assert.deepEqual(events, [known, missing]);
    assert.deepEqual(shown(progress.batch(one, events, true)), [
      keyed('redelivered', known),
      keyed('delivered', missing),
    ]);
  });

  it('has an event without an id as often as the API has it more than the journal', () => {
    const same = () => event('a', 1_000, nameless);
    assert.equal(range('sweep', [same()]).take(page(same(), same(), same())).length, 2);
    assert.equal(range('missing', [same(), same()]).take(page(same(), same())).length, 0);
    const again = range('redeliver', [same(), same(), same()], [same(), same()]);
    assert.equal(again.take(page(same(), same(), same())).length, 1);
  });

  it('keeps an event without an id by its bytes', () => {
    const one = event('a', 1_000, nameless);
    const progress = range('sweep');
    assert.deepEqual(shown(progress.batch(page(one), progress.take(page(one)), true)), [
      keyed('delivered_unnamed', one),
    ]);
  });

  it('counts what a sweep found, and not what somebody asked for', () => {
    for (const [reason, found] of [
      ['sweep', 2],
      ['missing', 0],
      ['redeliver', 0],
    ] as const) {
      const progress = range(reason);
      const one = page(event('a'), event('b'));
      assert.equal(progress.batch(one, progress.take(one), true).found_missing, found, reason);
    }
  });

  it('counts what a filter leaves out as left out, and not as found; of what was known, nothing', () => {
    const [known, missing] = [event('a'), event('b')];
    const progress = range('redeliver', [known]);
    const one = page(known, missing);
    const batch = progress.batch(one, progress.take(one), true, 'excluded');
    assert.deepEqual([shown(batch), batch.found_missing], [[keyed('excluded', missing)], 0]);
  });

  it('says how late the missing events are, and moves no cursor', () => {
    const [early, late, known, ahead] = [event('a', 1_009), event('b', 900), event('c', 1), event('d', 1_010)];
    const progress = range('redeliver', [known]);
    const one = page(early, late, known, ahead);
    const { late: lateness, ...rest } = progress.batch(one, progress.take(one), true);
    assert.deepEqual(lateness, { count: 2, max_seconds: 110 });
    assert.deepEqual([rest.cursor, rest.forget_before, rest.last_event, rest.partial], [null, null, null, []]);
  });

  it('calls nothing late from before the journal, which may have been delivered in time', () => {
    const progress = range('redeliver', [], [], 901);
    const one = page(event('a', 900), event('b', 901));
    assert.deepEqual(progress.batch(one, progress.take(one), true).late, { count: 1, max_seconds: 109 });
  });

  it('sets nothing aside: the polls have done that', () => {
    assert.deepEqual(range('redeliver').takeRejected(), []);
  });
});
