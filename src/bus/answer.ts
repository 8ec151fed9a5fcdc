/** What plugins answer. */
import type { Account } from '../mail/account.ts';
import type { Reply } from '../mail/status.ts';

/**
 * A plugin's answer (with the names of Haraka's return codes). NEXT lets the next plugin decide. OK and the DENY kinds
 * end the hook. `reply` is the text of a refusal; by default the core words one for the hook.
 */
export type Verdict =
  | { readonly code: 'NEXT' }
  /**
   * `relay`, at `rcpt` and `vrfy`: for each restriction list that an unknown client passed, the rule that permitted it.
   */
  | {
      readonly code: 'OK';
      readonly reply?: Reply;
      readonly account?: Account;
      readonly relay?: Readonly<Record<string, string>>;
    }
  | { readonly code: 'DENY' | 'DENYSOFT' | 'DENYDISCONNECT' | 'DENYSOFTDISCONNECT'; readonly reply?: Reply }
  | { readonly code: 'DISCONNECT' };

export const NEXT: Verdict = { code: 'NEXT' };
export const OK: Verdict = { code: 'OK' };
export const DISCONNECT: Verdict = { code: 'DISCONNECT' };
export const deny = (reply?: Reply): Verdict => (reply === undefined ? { code: 'DENY' } : { code: 'DENY', reply });
export const denySoft = (reply?: Reply): Verdict =>
  reply === undefined ? { code: 'DENYSOFT' } : { code: 'DENYSOFT', reply };
export const denyDisconnect = (reply: Reply): Verdict => ({
  code: reply.code < 500 ? 'DENYSOFTDISCONNECT' : 'DENYDISCONNECT',
  reply,
});
