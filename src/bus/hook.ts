/**
 * The points at which the server calls its plugins, and the answers they may give.
 *
 * Names and return codes are Haraka's if Haraka has them (connect, helo, ehlo is helo, mail, rcpt, data, data_post,
 * queue, deliver, …); `expand`, `dns_query`, `imap_login` and `pop3_login` are our own.
 */

import type { ParameterReader } from '../lookup/parameters.ts';
import type { Account } from '../mail/account.ts';
import type { Address } from '../mail/address.ts';
import type { Recipient } from '../mail/envelope.ts';
import type { LocalTarget } from '../mail/local-target.ts';
import type { Reply } from '../mail/status.ts';
import type { DnsQuestion } from '../protocol/dns/message.ts';
import type { Header } from '../protocol/mime/header.ts';
import type { ShownCertificate } from '../protocol/tls/peer.ts';
import type { Notes } from './notes.ts';

/** An SMTP (or LMTP) connection as plugins see it. The same object for the whole connection. */
export interface Connection {
  readonly id: string;
  /** The master.cf service's name. */
  readonly service: string;
  /** main.cf as this service sees it, including its `-o` overrides. */
  readonly parameters: ParameterReader;
  readonly remote: {
    readonly ip: string;
    readonly port: number;
    /** The forward-confirmed name, or 'unknown' (Postfix: client_name). */
    readonly name: string;
    /** The unconfirmed PTR name, or 'unknown' (reverse_client_name). */
    readonly reverseName: string;
    /** Why the name is unknown; after `tempfail` a later lookup may succeed. */
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
    /** That name if it chose another certificate than the default; '' otherwise. */
    readonly chosenBy: string;
    /** The client was asked for a certificate (smtpd_tls_ask_ccert). */
    readonly isAsked: boolean;
    /** The certificate that it showed, trusted or not; null for none. */
    readonly peer: ShownCertificate | null;
  } | null;
  /** The login name as given, and the account that was logged in to. */
  readonly user: { readonly login: string; readonly mechanism: string; readonly account: Account } | null;
  /** The client pipelined commands where that is not allowed (reject_unauth_pipelining). */
  readonly pipelined: boolean;
  readonly transaction: Transaction | null;
  readonly notes: Notes;
}

/** One mail transaction. Plugins may change the fields that are not readonly. */
export interface Transaction {
  readonly queueId: string;
  /**
   * Plugins may rewrite it until the end of `queue`. Before `data_post` it is what the client gave, which may lack a
   * domain; then it is as canonical tables and masquerading made it.
   */
  reversePath: Address;
  /** Accepted so far. */
  readonly recipients: readonly Recipient[];
  /** SIZE as announced by the client; 0 if not announced. */
  readonly announcedSize: number;
  readonly smtputf8: boolean;
  /** Octets received; 0 before data_post. */
  readonly size: number;
  /** Set from data_post on. */
  readonly header: Header | null;
  readonly notes: Notes;
  /**
   * Header fields to prepend to the message (access PREPEND, Authentication-Results …), each `Name: value` without its
   * line end. Long ones are folded with CRLF and a space; any other line break becomes a space. Anything that is not a
   * header field (a name with a space or no colon, a line starting with white space, an empty line, a NUL, a CR without
   * LF) is left out and logged. Written as UTF-8; a value taken from `header` keeps its original octets.
   */
  readonly prepend: string[];
  /** Extra recipients (access BCC, always_bcc). */
  readonly bcc: Address[];
  /** If set: the only recipient, replacing all others (access REDIRECT). */
  redirect: Address | null;
  /** If set: accept and discard (access DISCARD). The text is logged. */
  discard: string | null;
  /** If set: accept into the hold queue (access HOLD). */
  hold: string | null;
  /** If set: `transport:nexthop` for all recipients (access FILTER). */
  filter: string | null;
}

/** A transaction whose message has been received. */
export interface ReceivedTransaction extends Transaction {
  readonly header: Header;
}

/**
 * What a handler of `data_post` may do to the message. Header fields are changed at once, and the next plugin sees them
 * so. It throws where a name or a value is none, and after the handler's time is over. Octets of fields that are not
 * named stay as they are.
 */
export interface MessageChange {
  /** Behind the last field. */
  addHeader(name: string, value: string): void;
  /** The first field of that name gets the value, others of it are removed; added if there is none. */
  replaceHeader(name: string, value: string): void;
  /** All fields of that name. Returns how many there were. */
  removeHeader(name: string): number;
  /** All fields of that name keep their values. Returns how many there were. */
  renameHeader(name: string, to: string): number;
  /**
   * Another body: what the transformer makes of the present one, piece by piece. Text is written as UTF-8, and every
   * line gets CRLF. The message keeps its body if the transformer throws or the handler's time is over. Await it.
   */
  replaceBody(transform: (body: AsyncIterable<Buffer>) => AsyncIterable<Uint8Array | string>): Promise<void>;
  /** What plugins have changed so far, for those that sign or compare: names of fields in lower case. */
  readonly changed: { readonly fields: readonly string[]; readonly body: boolean };
}

/** A recipient produced by `expand`. */
export interface Expanded extends Recipient {
  /** Not to be expanded again (aliases(5): `\name`). */
  readonly final?: boolean;
  /**
   * What happens if replacements lead back to an earlier address. `keep`: if one step of the loop says so, the message
   * is delivered to that address (postmaster, an address that leads to another). `refuse`: if all steps say so, the whole message is
   * refused temporarily (virtual aliases, 4.6.0). Otherwise the address that closes the loop bounces (aliases, 5.4.6).
   */
  readonly onCircle?: 'keep' | 'refuse';
  /** The reverse-path with which this member gets the message (`owner-` aliases); also those it is replaced by. */
  readonly sender?: Address;
  /** Delivered to this command or file, on behalf of `address`. */
  readonly target?: LocalTarget;
  /** This member alone is refused; the others get the message. */
  readonly refusal?: Reply;
}

/** What replaces a recipient now. */
export interface ExpansionSteps {
  /** Canonical and virtual aliases; not with no_address_mappings. */
  readonly maps: boolean;
  /** Aliases and forwarding of local users; not for mail that goes to a filter first. */
  readonly aliases: boolean;
}

/** The argument of each hook, by the hook's name. */
export interface HookArguments {
  /** A client connected; its names are known. */
  connect: { readonly connection: Connection };
  /** HELO or EHLO; `name` as sent. */
  helo: { readonly connection: Connection; readonly name: string };
  /** AUTH, IMAP LOGIN, POP3 PASS: OK with an account admits, DENY refuses, NEXT leaves it to the directory. */
  auth: {
    readonly login: string;
    /**
     * Decoded as UTF-8. Two passwords that are not UTF-8 may look the same here: compare `passwordOctets`, or refuse
     * U+FFFD.
     */
    readonly password: string;
    readonly passwordOctets: Uint8Array;
    readonly remoteIp: string;
    readonly protocol: 'smtp' | 'imap' | 'pop3' | 'http';
  };
  mail: { readonly connection: Connection; readonly reversePath: Address };
  /**
   * Whether to accept one recipient. OK ends the hook; if every plugin returns NEXT, the core decides. Whatever the
   * answer, the core accepts no nonexistent local address, and no relaying for unknown clients except by a rule listed
   * at start: to permit relaying, define a restriction that the administrator puts into smtpd_relay_restrictions.
   */
  rcpt: { readonly connection: Connection; readonly recipient: Recipient };
  data: { readonly connection: Connection };
  /** The whole message has been received; its header is parsed. */
  data_post: {
    readonly connection: Connection | null;
    readonly transaction: ReceivedTransaction;
    /** The message as it is now, without our own header lines. */
    readonly content: AsyncIterable<Buffer>;
    readonly change: MessageChange;
  };
  vrfy: { readonly connection: Connection; readonly address: string };
  etrn: { readonly connection: Connection; readonly domain: string };
  unrecognized_command: { readonly connection: Connection; readonly verb: string; readonly argument: string };
  disconnect: { readonly connection: Connection };
  /** Before the message is made durable; OK means that the plugin has taken it over. */
  queue: { readonly connection: Connection | null; readonly transaction: ReceivedTransaction };
  /**
   * One step of rewriting one recipient (aliases, virtual, forwarding). A plugin that replaces it pushes all
   * replacements and answers OK; these are expanded again, until every plugin answers NEXT. A recipient is final if its
   * address is the one that was asked about (it is delivered to itself, and to the others) or if it is marked so. OK
   * with nothing pushed discards it; the DENY kinds refuse only this recipient with their reply. The caller limits the
   * number of steps, asks about no address twice for one message, and delivers to an address once.
   */
  expand: { readonly recipient: Recipient; readonly into: Expanded[]; readonly steps: ExpansionSteps };
  /** Before a message is put into a mailbox; a plugin may set `mailbox` or add flags. */
  deliver: {
    readonly account: Account;
    readonly recipient: Recipient;
    readonly header: Header;
    readonly reversePath: Address;
    mailbox: string;
    readonly flags: string[];
  };
  /** A remote delivery attempt ended. */
  delivered: { readonly queueId: string; readonly recipient: Address; readonly reply: Reply; readonly relay: string };
  deferred: { readonly queueId: string; readonly recipient: Address; readonly reply: Reply; readonly relay: string };
  bounce: { readonly queueId: string; readonly recipient: Address; readonly reply: Reply; readonly relay: string };
  /**
   * Before our own zones are queried. NEXT lets them answer. OK answers with `answer`: the records pushed to it, each a
   * line of a master file (`@ 60 A 192.0.2.1`; `@` is the name asked about), or that the name does not exist. DENY
   * refuses.
   */
  dns_query: {
    readonly question: DnsQuestion;
    /** `A`, `MX` …; `TYPE65280` if it has no name. */
    readonly type: string;
    readonly remoteIp: string;
    readonly answer: { readonly records: string[]; rcode: 'NOERROR' | 'NXDOMAIN' };
  };
  /** After a successful login, before the session opens. */
  imap_login: { readonly account: Account; readonly remoteIp: string; readonly tls: boolean };
  pop3_login: { readonly account: Account; readonly remoteIp: string; readonly tls: boolean };
}

export type HookName = keyof HookArguments;

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

/** The servers' interface to the bus: calls every plugin of a hook. Never rejects. */
export interface Hooks {
  /**
   * True if at least one plugin has the hook; otherwise callers can avoid building arguments. With `connection` (null:
   * none) only plugins count that want to be asked about it.
   */
  has(name: HookName, connection?: Connection | null): boolean;
  run<N extends HookName>(name: N, argument: HookArguments[N]): Promise<Verdict>;
}
