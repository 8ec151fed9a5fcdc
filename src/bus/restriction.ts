/**
 * Restrictions: the words of `smtpd_*_restrictions`, and how plugins add their own.
 *
 * A restriction is evaluated for one session at one stage and returns an outcome; the restrictions plugin walks the
 * lists and turns outcomes into verdicts. Guarantee: an unknown client may relay only by a permit based on its own
 * right, or by a rule of the administrator's list that was reported at start.
 */
import type { Address } from '../mail/address.ts';
import type { Recipient } from '../mail/envelope.ts';
import type { Reply } from '../mail/status.ts';
import type { Connection } from './hook.ts';

/** The stage at which a list is evaluated, as named in Postfix's log. */
export type Stage = 'CONNECT' | 'HELO' | 'MAIL' | 'RCPT' | 'DATA' | 'END-OF-MESSAGE' | 'ETRN' | 'VRFY';

/** The subject of a refusal: `<name>: kind rejected: …`. */
export interface Subject {
  readonly name: string;
  readonly kind:
    | 'Client host'
    | 'Unverified Client host'
    | 'SASL login name'
    | 'Helo command'
    | 'Sender address'
    | 'Recipient address'
    | 'Data command'
    | 'End-of-data'
    | 'Etrn command'
    | 'Client certificate';
}

/** The argument of a restriction. */
export interface Question {
  readonly connection: Connection;
  readonly stage: Stage;
  /** As sent by the client; null before HELO. */
  readonly helo: string | null;
  /** Null before MAIL FROM; '' is the null reverse-path. */
  readonly sender: Address | null;
  /** Null outside of RCPT, and after several recipients. */
  readonly recipient: Recipient | null;
  /** The domain of ETRN; null otherwise. */
  readonly domain: string | null;
  /** The subject of the list, or of the access table whose result named this restriction. */
  readonly subject: Subject;
  /** The word after the restriction's name; '' if it takes none. */
  readonly argument: string;
}

export type Outcome =
  /** No opinion: the next restriction decides. */
  | { readonly kind: 'dunno' }
  /**
   * Ends the list. `relay` says whether it also permits relaying: `client` because of what the client is (its network,
   * its login), `list` because the administrator put it before the rules that refuse unknown clients, `no` never: for
   * relayed mail it counts as no opinion, like permit_dnswl_client in Postfix.
   */
  | { readonly kind: 'permit'; readonly relay: 'client' | 'list' | 'no' }
  /** `always`: not softened even by warn_if_reject (an internal error). */
  | { readonly kind: 'reject'; readonly reply: Reply; readonly always?: true }
  /** Refuse with this reply if a later restriction would permit, unless one rejects permanently. */
  | { readonly kind: 'defer_if_permit'; readonly reply: Reply }
  | { readonly kind: 'defer_if_reject'; readonly reply: Reply }
  /**
   * Evaluate these restrictions instead. `permits` limits a permit among them: `relay` as in the list itself, `local`
   * without permission to relay (the lookup was by an unverified claim), `never`: a configuration error.
   */
  | {
      readonly kind: 'evaluate';
      readonly list: readonly string[];
      readonly subject: Subject;
      readonly permits: 'relay' | 'local' | 'never';
    };

export interface Restriction {
  /** The next word of the list is its argument: a table, a zone. */
  readonly takesArgument?: boolean;
  /** It remembers what it was asked, so `posthorn explain` does not ask it. By default that of its plugin. */
  readonly stateful?: boolean;
  check(question: Question): Outcome | Promise<Outcome>;
}

export const DUNNO: Outcome = { kind: 'dunno' };
/** Ends the list, without permission to relay. */
export const PERMIT: Outcome = { kind: 'permit', relay: 'no' };
export const rejectWith = (reply: Reply): Outcome => ({ kind: 'reject', reply });
