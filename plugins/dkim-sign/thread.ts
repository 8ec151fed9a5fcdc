/** A signing thread. */
import { signatures, UnsignableError } from '../../src/protocol/dkim/sign.ts';
import { octetsOf } from '../pool/octets.ts';
import { serve } from '../pool/serve.ts';
import type { Signed, SigningWork } from './work.ts';

serve<SigningWork, Signed, 'more', Uint8Array | null>(async ({ keys, time, ...beginning }, ask) => {
  try {
    return {
      fields: await signatures(
        octetsOf(beginning, () => ask('more')),
        keys,
        time,
      ),
    };
  } catch (error) {
    if (error instanceof UnsignableError) return { unsignable: error.message };
    throw error;
  }
});
