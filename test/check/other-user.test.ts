import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { chmod } from 'node:fs/promises';
import { dirname } from 'node:path';
import { after, describe, it, type TestContext } from 'node:test';
import type { Finding } from '../../src/check/finding.ts';
import {
  ENVIRONMENT,
  PIPELINE,
  SCRIPT,
  STATE,
  TOKEN,
  installedMachine,
  startNobody,
  toldIn,
  type CheckedMachine,
} from '../helpers/checked-machine.ts';
import { assertGoldenPart } from '../helpers/golden.ts';

/** What check says in these tests, word by word. */
const GOLDEN = 'check/other-user.txt';

/**
 * What such a user is told when nobody but root may read these; to a user who is not root, no mode at all comes to the
 * same. They get their rights back, or else only root could remove them.
 */
async function foundWithout(
  { name }: TestContext,
  nobody: ChildProcess,
  machine: CheckedMachine,
  ...files: readonly string[]
): Promise<Finding[]> {
  for (const file of files) await chmod(machine.path(file), 0);
  try {
    const faults = await machine.faultsSeenBy(nobody);
    assertGoldenPart(GOLDEN, name, toldIn(faults));
    return faults;
  } finally {
    for (const file of files) await chmod(machine.path(file), 0o700);
  }
}

const inShort = ({ level, code, file = '' }: Finding): string => `${level} ${code} ${file}`;

describe('check run by a user who is not the one that runs Fluent Bit', () => {
  const nobody = startNobody();
  after(() => nobody.kill());

  it('says what it cannot see, and takes nothing of it for an error', async (t) => {
    const machine = await installedMachine(t);
    const faults = await foundWithout(t, nobody, machine, ENVIRONMENT, TOKEN, SCRIPT, dirname(STATE));
    assert.deepEqual(
      faults.map(({ level, code }) => `${level} ${code}`),
      [
        'warning environment',
        'warning token-unknown',
        'warning state-unknown',
        'warning config-variable-unknown',
        'warning config-variable-unknown',
        'warning config-variable-unknown',
        'warning config-variable-unknown',
        'warning script-unknown',
      ],
    );
    for (const { command } of faults) assert.equal(command, 'sudo fetch-activity-logs check');
  });

  it('can read the rest', async (t) => {
    const machine = await installedMachine(t);
    await chmod(machine.path(ENVIRONMENT), 0o644);
    const faults = await foundWithout(t, nobody, machine, TOKEN, dirname(STATE));
    assert.deepEqual(faults.map(inShort), ['warning token-unknown ', `warning state-unknown ${dirname(STATE)}`]);
  });

  it('says which part of the configuration it cannot read', async (t) => {
    const machine = await installedMachine(t);
    const faults = await foundWithout(t, nobody, machine, PIPELINE, ENVIRONMENT, TOKEN, dirname(STATE));
    assert.ok(faults.map(inShort).includes(`warning config ${PIPELINE}`));
  });

  it('goes by its own rights where no service is known', async (t) => {
    const machine = await installedMachine(t);
    await machine.remove('/run/systemd');
    await machine.edit(ENVIRONMENT, [/$/, `ACTIVITY_LOG_TOKEN_FILE=${TOKEN}\n`]);
    await chmod(machine.path(ENVIRONMENT), 0o644);
    const faults = await foundWithout(t, nobody, machine, TOKEN, dirname(STATE));
    assert.deepEqual(faults.map(inShort), [`error token ${TOKEN}`, `error state-folder ${dirname(STATE)}`]);
  });
});
