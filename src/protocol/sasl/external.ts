/** EXTERNAL (RFC 4422 appendix A): who the client is has been proven outside of the exchange, by its TLS certificate. */
import { type ChallengeStep, decodeLogin, type MalformedStep, type SaslMechanism } from './mechanism.ts';

/** Whose certificate the client has; '' leaves that to the server. */
export interface ExternalStep {
  readonly kind: 'external';
  readonly authzid: string;
}

export const EXTERNAL: SaslMechanism<ChallengeStep | ExternalStep | MalformedStep> = {
  name: 'EXTERNAL',
  plaintext: false,
  begin: () => ({
    next(response) {
      if (response === null) return { kind: 'challenge', data: Buffer.alloc(0) };
      const authzid = decodeLogin(response);
      return authzid === null ? { kind: 'malformed', reason: 'authorization failure' } : { kind: 'external', authzid };
    },
  }),
};
