/**
 * Imported by tests that use fast-check: the same cases each time, so that a failure is there again when it is looked
 * at. `FC_SEED=2 npm test` tries others.
 */

import fc from 'fast-check';

fc.configureGlobal({ seed: Number(process.env['FC_SEED'] ?? 1) });
