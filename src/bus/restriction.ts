/**
 * Restrictions: the words of `smtpd_*_restrictions`, and how plugins add words of their own.
 *
 * A restriction is asked about one session at one stage and gives an outcome; the restrictions plugin
 * walks the lists and turns outcomes into verdicts. Guarantee: no outcome but a permit with the
 * client's own right, or one by a rule of the administrator's list that the start told, ever lets a stranger relay.
 */
import type { Address } from '../mail/address.ts';
import type { Recipient } from '../mail/envelope.ts';
import type { Reply } from '../mail/status.ts';
import type { Connection } from './hook.ts';

/** Where a list is evaluated, in the words of Postfix's log. */
export type Stage = 'CONNECT' | 'HELO' | 'MAIL' | 'RCPT' | 'DATA' | 'END-OF-MESSAGE' | 'ETRN' | 'VRFY';

/** Whom a refusal speaks of: `<name>: kind rejected: …`. */
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
    | 'Etrn command';
}

/** What a restriction gets. */
export interface Question {
  readonly connection: Connection;
  readonly stage: Stage;
  /** As the client said it; null before HELO. */
  readonly helo: string | null;
  /** Null before MAIL FROM; '' is the null reverse-path. */
  readonly sender: Address | null;
  /** Null outside of RCPT, and after several recipients. */
  readonly recipient: Recipient | null;
  /** What ETRN asks for; null elsewhere. */
  readonly domain: string | null;
  /** Of the list, or of the access table whose result named this restriction. */
  readonly subject: Subject;
  /** The word after the restriction's name; '' where it takes none. */
  readonly argument: string;
}

export type Outcome =
  /** No opinion: the next restriction decides. */
  | { readonly kind: 'dunno' }
  /**
   * Ends the list. `relay` says whether it also lets a client relay: `client` by what the client is (its network, its
   * login), `list` because the administrator put it before what refuses strangers, `no` never: for mail to elsewhere it
   * is no opinion, as Postfix has it for permit_dnswl_client.
   */
  | { readonly kind: 'permit'; readonly relay: 'client' | 'list' | 'no' }
  /** `always`: not even warn_if_reject softens it (a fault of ours). */
  | { readonly kind: 'reject'; readonly reply: Reply; readonly always?: true }
  /** Refuse with this reply if a later restriction would permit, or reject for good. */
  | { readonly kind: 'defer_if_permit'; readonly reply: Reply }
  | { readonly kind: 'defer_if_reject'; readonly reply: Reply }
  /**
   * Evaluate these restrictions in this one's place. `permits` says what a permit among them is worth: `relay` as much
   * as in the list itself, `local` without a right to relay (a claim led here), `never`: it is a fault of the
   * configuration.
   */
  | {
      readonly kind: 'evaluate';
      readonly list: readonly string[];
      readonly subject: Subject;
      readonly permits: 'relay' | 'local' | 'never';
    };

export interface Restriction {
  /** The list's next word belongs to it: a table, a zone. */
  readonly takesArgument?: boolean;
  check(question: Question): Outcome | Promise<Outcome>;
}

export const DUNNO: Outcome = { kind: 'dunno' };
/** Ends the list, without a right to relay. */
export const PERMIT: Outcome = { kind: 'permit', relay: 'no' };
export const rejectWith = (reply: Reply): Outcome => ({ kind: 'reject', reply });
