/** An authenticator that knows nobody: where who is logged in is given, and for parts that a test does not need. */
import type { Authenticator } from './authenticator.ts';

const unavailable = async (): Promise<{ ok: false; reason: 'unavailable' }> => ({ ok: false, reason: 'unavailable' });

export const NO_LOGINS: Authenticator = {
  verify: unavailable,
  secretOf: async () => null,
  prove: unavailable,
  judgeToken: unavailable,
  identify: unavailable,
  tokenConfiguration: '',
  watch: () => () => {},
};
