/** An SMTP connection and its transaction as plugins see them. */
import type { ParameterReader } from '../lookup/parameters.ts';
import type { Account } from '../mail/account.ts';
import type { Address } from '../mail/address.ts';
import type { Recipient } from '../mail/envelope.ts';
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
  /** The client has sent something that was not read yet: at `connect`, before it was greeted. */
  readonly hasInput: boolean;
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
  /** If set: the only recipient, replacing all others (access REDIRECT), or the list of those that do. */
  redirect: Address | readonly Address[] | null;
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
