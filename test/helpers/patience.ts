/**
 * The only limit of time in the tests. What a test waits for comes soon or never, so the limit is generous, and no test
 * depends on it unless it fails. TEST_PATIENCE multiplies it, for machines that are very slow or very busy.
 */

export const TEST_PATIENCE = Number(process.env['TEST_PATIENCE'] ?? 1);
export const PATIENCE_MS = 120_000 * TEST_PATIENCE;
