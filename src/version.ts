/** Our own version. */
import { createRequire } from 'node:module';

export const ownVersion = (): string =>
  (createRequire(import.meta.url)('posthorn/package.json') as { readonly version: string }).version;
