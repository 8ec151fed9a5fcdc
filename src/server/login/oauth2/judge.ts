/** Who judges access tokens. */
import type { Candidate } from '../authenticator.ts';

/** `unavailable`: cannot be decided now; the client should try again. */
export type Judged = 'good' | 'refused' | 'unavailable';

export interface TokenJudge {
  /** Where clients find who gives tokens; '' for nowhere. */
  readonly configurationUrl: string;
  /** Whether the token is valid, and was given to this login. Never rejects. */
  judge(token: string, who: Pick<Candidate, 'login' | 'remoteIp'>): Promise<Judged>;
}
