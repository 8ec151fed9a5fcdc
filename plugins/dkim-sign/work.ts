/** What the main thread and the signing threads tell each other. */
import type { SigningKey } from '../../src/protocol/dkim/sign.ts';
import type { Beginning } from '../pool/octets.ts';

export interface SigningWork extends Beginning {
  readonly keys: readonly SigningKey[];
  /** Seconds since 1970. */
  readonly time: number;
}

/** A message that no key can sign is not an error of the server. */
export type Signed = { readonly fields: readonly string[] } | { readonly unsignable: string };
