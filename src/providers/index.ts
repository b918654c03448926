import { cloudscale } from './cloudscale.ts';
import { ionos } from './ionos.ts';
import type { ProviderDefinition } from './provider.ts';

/** All providers: a new one is a file and a line here. */
export const PROVIDERS: Readonly<Record<string, ProviderDefinition>> = Object.fromEntries(
  [ionos, cloudscale].map((definition) => [definition.name, definition]),
);
