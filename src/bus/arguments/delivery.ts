/** The hooks of a message's way from its end of data to its recipients, with their arguments. */
import type { Account } from '../../mail/account.ts';
import type { Address } from '../../mail/address.ts';
import type { Recipient } from '../../mail/envelope.ts';
import type { LocalTarget } from '../../mail/local-target.ts';
import type { Reply } from '../../mail/status.ts';
import type { Header } from '../../protocol/mime/header.ts';
import type { Connection, ReceivedTransaction, Transaction } from '../session.ts';

export interface DeliveryHooks {
  /** The whole message has been received; its header is parsed. */
  data_post: {
    readonly connection: Connection | null;
    readonly transaction: ReceivedTransaction;
    /** The message as it is now, without our own header lines. */
    readonly content: AsyncIterable<Buffer>;
    readonly change: MessageChange;
  };
  /** Before the message is made durable; OK means that the plugin has taken it over. */
  queue: { readonly connection: Connection | null; readonly transaction: ReceivedTransaction };
  /**
   * Before a message is made durable of which something is to be sent to other servers. OK: the plugin has taken it over
   * for these recipients; the others get it.
   */
  queue_outbound: {
    readonly connection: Connection | null;
    readonly transaction: ReceivedTransaction;
    /** As they are after aliases and rewriting. */
    readonly recipients: readonly Address[];
  };
  /**
   * The last before a message is made durable of which something goes on to other servers or programs: nothing changes
   * it after this. Only lines pushed to `transaction.prepend` count. A refusal counts for mail of clients and of the
   * sendmail command; other mail is kept in any case.
   */
  sign: {
    readonly connection: Connection | null;
    readonly transaction: ReceivedTransaction;
    /** The message as it will be sent, without our own header lines. */
    readonly content: AsyncIterable<Buffer>;
    readonly origin: MailOrigin;
    /** As they are after aliases and rewriting. */
    readonly recipients: readonly Address[];
  };
  /** The message is durable, or a plugin has taken it over; the client has not heard it yet. */
  queue_ok: { readonly connection: Connection | null; readonly transaction: Transaction; readonly reply: Reply };
  /**
   * An address of one of our domains is in no table and has no account. OK: mail for it is accepted; `expand` or `deliver`
   * say where it goes. DENYSOFT: unknown for now.
   */
  recipient_exists: { readonly address: Address };
  /**
   * One step of rewriting one recipient (aliases, virtual, forwarding). A plugin that replaces it pushes all
   * replacements and answers OK; these are expanded again, until every plugin answers NEXT. A recipient is final if its
   * address is the one that was asked about (it is delivered to itself, and to the others) or if it is marked so. OK
   * with nothing pushed discards it; the DENY kinds refuse only this recipient with their reply. The caller limits the
   * number of steps, asks about no address twice for one message, and delivers to an address once.
   */
  expand: { readonly recipient: Recipient; readonly into: Expanded[]; readonly steps: ExpansionSteps };
  /**
   * Before a message is put into a mailbox. A plugin may set `mailbox`, which is created if it is missing, and the fields
   * after it. After a refusal (it bounces, or is tried again later) they mean nothing.
   */
  deliver: {
    readonly account: Account;
    readonly recipient: Recipient;
    readonly header: Header;
    readonly reversePath: Address;
    mailbox: string;
    readonly flags: string[];
    /** Other mailboxes of the account that get a copy. */
    readonly copies: string[];
    /** Addresses that get the message too, with its own reverse-path, after their aliases. */
    readonly forward: Address[];
    /** If set: it is put into no mailbox, only forwarded. The text is logged. */
    drop: string | null;
  };
  /**
   * Before the hosts for a domain are looked up. OK: the mail goes to `hosts`, in this order. DENY: it bounces.
   * DENYSOFT: it is tried again later.
   */
  get_mx: { readonly domain: string; readonly hosts: MailHost[] };
  /**
   * Before an attempt to send to another server. OK: the plugin has sent it, to all these recipients. DENY: it bounces.
   * DENYSOFT: it is tried again later.
   */
  send_email: {
    readonly queueId: string;
    /** The message's own reverse-path: it gets our notifications, whatever is sent in its place. */
    readonly sender: Address;
    /**
     * What MAIL FROM says in this attempt; `sender` at first. A plugin may set another address; a null one stays null, and
     * no other becomes null.
     */
    reversePath: Address;
    readonly recipients: readonly Address[];
    /** For each of `recipients` the address of the client's RCPT TO; '' where none is known. */
    readonly originals: readonly Address[];
    /** The transport of master.cf, and its next hop as main.cf writes it. */
    readonly transport: string;
    readonly nexthop: string;
    /** When the message was received, ms since 1970. */
    readonly arrivedAt: number;
  };
  /** A remote delivery attempt ended. */
  delivered: { readonly queueId: string; readonly recipient: Address; readonly reply: Reply; readonly relay: string };
  deferred: { readonly queueId: string; readonly recipient: Address; readonly reply: Reply; readonly relay: string };
  bounce: { readonly queueId: string; readonly recipient: Address; readonly reply: Reply; readonly relay: string };
}

/**
 * Where a message comes from: a client of `connection`, the sendmail command, a notification of ours, a plugin
 * (`server.send`); `again`: it was accepted before, and comes from the queue for other recipients,
 * or from a filter that says so by XFORWARD (SOURCE=REMOTE).
 */
export type MailOrigin = 'client' | 'sendmail' | 'notice' | 'plugin' | 'again';

/** A host that takes mail for a domain. */
export interface MailHost {
  /** A name, whose addresses are looked up, or an address. */
  readonly host: string;
  /** Default: that of the client (smtp_tcp_port). */
  readonly port?: number;
}

/**
 * What a handler of `data_post` may do to the message. Header fields are changed at once, and the next plugin sees them
 * so. It throws where a name or a value is none, and after the handler's time is over. Octets of fields that are not
 * named stay as they are.
 */
export interface MessageChange {
  /** Behind the last field; of a header of more than 1 MiB, behind those that plugins see. */
  addHeader(name: string, value: string): void;
  /** The first field of that name gets the value, others of it are removed; added if there is none. */
  replaceHeader(name: string, value: string): void;
  /**
   * All fields of that name; with `value` only those whose value is that text, as `header.all` gives it. Returns how many
   * there were.
   */
  removeHeader(name: string, value?: string): number;
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
