/** EXTERNAL (RFC 4422 appendix A): who the client is has been proven outside of the exchange, by its TLS certificate. */
import { decodeLogin, EMPTY_CHALLENGE, NOT_AUTHORIZED, type SaslMechanism } from './mechanism.ts';

export const EXTERNAL: SaslMechanism = {
  name: 'EXTERNAL',
  flags: [],
  begin: () => ({
    next(response) {
      if (response === null) return EMPTY_CHALLENGE;
      const authzid = decodeLogin(response);
      return authzid === null ? NOT_AUTHORIZED : { kind: 'external', authzid };
    },
  }),
};
