import type { Config } from '../config.ts';
import type { Environment } from './environment.ts';

/** What one poll is given, by Fluent Bit or by the command line. */
export interface Setup {
  readonly config: Config;
  readonly environment: Environment;
  /** The environment with what the command itself sets. */
  readonly env: NodeJS.ProcessEnv;
  /** How often Fluent Bit starts it, where that is known. */
  readonly intervalMs?: number;
}
