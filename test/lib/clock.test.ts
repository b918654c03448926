import assert from 'node:assert/strict';
import { it } from 'node:test';
import { systemClock } from '../../src/lib/clock.ts';

it("the system's clocks count milliseconds, since the epoch and since some instant", () => {
  const [epoch, uptime] = [Date.now(), process.uptime() * 1000];
  const [now, monotonic] = [systemClock.now(), systemClock.monotonic()];
  assert.ok(epoch <= now && now <= Date.now());
  assert.ok(uptime <= monotonic && monotonic <= process.uptime() * 1000);
});
