import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, type TestContext } from 'node:test';

const finished: string[] = [];

// Not earlier: what a test opened in its folder may be closed by a hook that runs after temporaryFolder's own.
after(async () => Promise.all(finished.map(async (folder) => rm(folder, { recursive: true, force: true }))));

/** An empty folder for a test; it is gone when the tests of this process are over. */
export async function temporaryFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'fetch-activity-logs-test-'));
  t.after(() => void finished.push(folder));
  return folder;
}
