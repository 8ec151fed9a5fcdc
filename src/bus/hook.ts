/**
 * The points at which the server asks its plugins, and what they may answer.
 *
 * Names and return codes are Haraka's where Haraka has them (connect, helo, ehlo is helo, mail, rcpt,
 * data, data_post, queue, deliver, …); `expand`, `dns_query`, `imap_login` and `pop3_login` are ours.
 */

import type { ParameterReader } from '../lookup/parameters.ts';
import type { Account } from '../mail/account.ts';
import type { Address } from '../mail/address.ts';
import type { Recipient } from '../mail/envelope.ts';
import type { Reply } from '../mail/status.ts';
import type { DnsQuestion } from '../protocol/dns/message.ts';
import type { Header } from '../protocol/mime/header.ts';

/** An SMTP (or LMTP) connection as plugins see it. One object for its whole life. */
export interface Connection {
  readonly id: string;
  /** The master.cf service's name. */
  readonly service: string;
  /** main.cf as this service sees it, its `-o` overrides included. */
  readonly parameters: ParameterReader;
  readonly remote: {
    readonly ip: string;
    readonly port: number;
    /** Forward-confirmed name, else 'unknown' (Postfix: client_name). */
    readonly name: string;
    /** PTR name without confirmation, else 'unknown' (reverse_client_name). */
    readonly reverseName: string;
    /** Why the name is unknown: a later try may succeed. */
    readonly nameStatus: 'ok' | 'notfound' | 'tempfail';
  };
  readonly local: { readonly ip: string; readonly port: number };
  readonly protocol: 'SMTP' | 'ESMTP' | 'LMTP';
  /** Null before HELO/EHLO. */
  readonly helo: string | null;
  readonly tls: {
    readonly protocol: string;
    readonly cipher: string;
    readonly bits: number;
    readonly serverName: string;
  } | null;
  /** Who logged in: the login name as given, and the account it opened. */
  readonly user: { readonly login: string; readonly mechanism: string; readonly account: Account } | null;
  /** The client sent commands without waiting where it must not (reject_unauth_pipelining). */
  readonly pipelined: boolean;
  readonly transaction: Transaction | null;
  readonly notes: Map<string, unknown>;
}

/** One mail transaction. Plugins change it through the fields that are not readonly. */
export interface Transaction {
  readonly queueId: string;
  /** Plugins may rewrite it (sender_canonical_maps) until `queue` has answered. */
  reversePath: Address;
  /** Accepted so far. */
  readonly recipients: readonly Recipient[];
  /** SIZE as announced by the client; 0 where not. */
  readonly announcedSize: number;
  readonly smtputf8: boolean;
  /** Octets received; 0 before data_post. */
  readonly size: number;
  /** Present from data_post on. */
  readonly header: Header | null;
  readonly notes: Map<string, unknown>;
  /**
   * Header fields to put before the message (access PREPEND, Authentication-Results …), each `Name: value` without its
   * line end. Long ones are folded with CRLF and a blank; any other line break becomes a space. What is no header field
   * (a name with a blank or no colon, a line that begins with a blank, an empty line, a NUL, a CR without LF) is left
   * out and logged. Written as UTF-8; a value from `header` is written with the octets it was read from.
   */
  readonly prepend: string[];
  /** Extra recipients (access BCC, always_bcc). */
  readonly bcc: Address[];
  /** Set: the only recipient, whatever was asked (access REDIRECT). */
  redirect: Address | null;
  /** Set: accept and drop (access DISCARD). The text is logged. */
  discard: string | null;
  /** Set: accept into the hold queue (access HOLD). */
  hold: string | null;
  /** Set: `transport:nexthop` for all recipients (access FILTER). */
  filter: string | null;
}

/** A recipient that `expand` made. */
export interface Expanded extends Recipient {
  /** Not to be expanded again (aliases(5): `\name`). */
  readonly final?: boolean;
  /**
   * What happens where replacements lead back to an address that they began with. `keep`: one such step is enough for
   * the message to go to that address (canonical addresses, postmaster). `refuse`: a circle of such steps alone refuses
   * the message for now (virtual aliases, 4.6.0). Otherwise the address that closes the circle bounces (aliases,
   * 5.4.6).
   */
  readonly onCircle?: 'keep' | 'refuse';
}

/** What a hook gets. The key is the hook's name, the value its argument. */
export interface HookArguments {
  /** A client connected; its names are known. */
  connect: { readonly connection: Connection };
  /** HELO or EHLO; `name` as sent. */
  helo: { readonly connection: Connection; readonly name: string };
  /** AUTH, IMAP LOGIN, POP3 PASS: OK with an account admits, DENY refuses, NEXT asks the directory. */
  auth: {
    readonly login: string;
    /**
     * Read as UTF-8. Two passwords that are no UTF-8 can look the same here: compare `passwordOctets`, or refuse
     * U+FFFD.
     */
    readonly password: string;
    readonly passwordOctets: Uint8Array;
    readonly remoteIp: string;
    readonly protocol: 'smtp' | 'imap' | 'pop3' | 'http';
  };
  mail: { readonly connection: Connection; readonly reversePath: Address };
  /**
   * The decision to take one recipient. OK ends the asking; NEXT by every plugin leaves it to the core. Whatever is
   * answered, the core takes no address of ours that nobody has, and no mail of a stranger to elsewhere but by a rule
   * that the start listed: to let strangers relay, define a restriction, and let the administrator write it into
   * smtpd_relay_restrictions.
   */
  rcpt: { readonly connection: Connection; readonly recipient: Recipient };
  data: { readonly connection: Connection };
  /** The whole message was received; its header is parsed. */
  data_post: {
    readonly connection: Connection | null;
    readonly transaction: Transaction;
    readonly content: AsyncIterable<Buffer>;
  };
  vrfy: { readonly connection: Connection; readonly address: string };
  etrn: { readonly connection: Connection; readonly domain: string };
  unrecognized_command: { readonly connection: Connection; readonly verb: string; readonly argument: string };
  disconnect: { readonly connection: Connection };
  /** About to be made durable; OK means that the plugin took it over itself. */
  queue: { readonly connection: Connection | null; readonly transaction: Transaction };
  /**
   * One step of rewriting one recipient (aliases, virtual, forwarding). A plugin that has something for it pushes all
   * that take its place and answers OK; what was pushed is asked again, until every plugin answers NEXT. A recipient is
   * final where its address is the one that was asked (it delivers to itself, and to the others) or where it says so.
   * OK with nothing pushed drops it; the DENY kinds refuse this recipient alone with their reply. Whoever drives the
   * steps bounds their number, asks no address twice for one message, and delivers an address once.
   */
  expand: { readonly recipient: Recipient; readonly into: Expanded[] };
  /** A message is about to be put into a mailbox; a plugin may set `mailbox` or add flags. */
  deliver: {
    readonly account: Account;
    readonly recipient: Recipient;
    readonly header: Header;
    readonly reversePath: Address;
    mailbox: string;
    readonly flags: string[];
  };
  /** A remote attempt ended. */
  delivered: { readonly queueId: string; readonly recipient: Address; readonly reply: Reply; readonly relay: string };
  deferred: { readonly queueId: string; readonly recipient: Address; readonly reply: Reply; readonly relay: string };
  bounce: { readonly queueId: string; readonly recipient: Address; readonly reply: Reply; readonly relay: string };
  /** Before our own zones are asked. Push nothing and answer NEXT to let them answer; DENY refuses. */
  dns_query: { readonly question: DnsQuestion; readonly remoteIp: string };
  /** After a successful login, before the session opens. */
  imap_login: { readonly account: Account; readonly remoteIp: string; readonly tls: boolean };
  pop3_login: { readonly account: Account; readonly remoteIp: string; readonly tls: boolean };
}

export type HookName = keyof HookArguments;

/**
 * A plugin's answer (Haraka's return codes by their names).
 * NEXT lets the next plugin decide. OK and the DENY kinds end the hook. `reply` words a refusal;
 * without it the core words one for the hook.
 */
export type Verdict =
  | { readonly code: 'NEXT' }
  /** `relay`, at `rcpt` and `vrfy`: for each list that a stranger passed, the rule of it that let him pass. */
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

/** The face that the servers know: ask every plugin at one point. Never rejects. */
export interface Hooks {
  /** True where at least one plugin listens: lets a hot path skip the building of arguments. */
  has(name: HookName): boolean;
  run<N extends HookName>(name: N, argument: HookArguments[N]): Promise<Verdict>;
}
