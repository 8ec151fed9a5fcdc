/** The hooks of an SMTP session with their arguments; those about the message itself are in delivery.ts. */
import type { Account } from '../../mail/account.ts';
import type { Address } from '../../mail/address.ts';
import type { Recipient } from '../../mail/envelope.ts';
import type { Verdict } from '../answer.ts';
import type { Connection, Transaction } from '../session.ts';

export interface SmtpHooks {
  /** A client connected; nothing was looked up yet, so its names are unknown. */
  connect_init: { readonly connection: Connection };
  /**
   * Before the client's name is looked up. OK: `client` has it, and nobody looks it up. NEXT: the resolver is asked.
   * The DENY kinds: it cannot be found out now.
   */
  lookup_rdns: { readonly connection: Connection; readonly client: ClientNames };
  /** A client connected; its names are known. */
  connect: { readonly connection: Connection };
  /** HELO or EHLO; `name` as sent. */
  helo: { readonly connection: Connection; readonly name: string };
  /**
   * What EHLO or LHLO offers, one line each, without the host name. A plugin may add lines, and remove those of the
   * server: it then refuses the extension for as long as the plugin removes its line. Whoever adds one serves it, at
   * `unrecognized_command`.
   */
  capabilities: { readonly connection: Connection; readonly offered: string[] };
  /**
   * A password came by AUTH, IMAP LOGIN, POP3 PASS or HTTP: OK with an account admits, DENY refuses, NEXT leaves it to
   * the directory. Mechanisms that send no password (SCRAM, CRAM-MD5, tokens, certificates) do not ask here.
   */
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
    /** Of SASL: `LOGIN`; `PLAIN` for IMAP LOGIN, POP3 PASS and HTTP too. */
    readonly mechanism: string;
  };
  /** After a login by any mechanism; `connection.user` has it. A refusal takes it back. */
  smtp_login: { readonly connection: Connection; readonly account: Account; readonly mechanism: string };
  mail: { readonly connection: Connection; readonly reversePath: Address };
  /**
   * Whether to accept one recipient. OK ends the hook; if every plugin returns NEXT, the core decides. Whatever the
   * answer, the core accepts no nonexistent local address, and no relaying for unknown clients except by a rule listed
   * at start: to permit relaying, define a restriction that the administrator puts into smtpd_relay_restrictions.
   */
  rcpt: { readonly connection: Connection; readonly recipient: Recipient };
  /** Everybody accepted the recipient, the core and the milters too. The last word. */
  rcpt_ok: { readonly connection: Connection; readonly recipient: Recipient };
  data: { readonly connection: Connection };
  /** The message is longer than `message_size_limit`. A refusal's reply takes the place of `552 5.3.4`. */
  max_data_exceeded: { readonly connection: Connection };
  vrfy: { readonly connection: Connection; readonly address: string };
  etrn: { readonly connection: Connection; readonly domain: string };
  noop: { readonly connection: Connection; readonly argument: string };
  rset: { readonly connection: Connection };
  quit: { readonly connection: Connection };
  unrecognized_command: { readonly connection: Connection; readonly verb: string; readonly argument: string };
  /** A transaction is over, whatever ended it: a reply to its message, RSET, EHLO, the end of the session. */
  reset_transaction: { readonly connection: Connection; readonly transaction: Transaction };
  /**
   * A plugin refused at another hook of the session. OK: its refusal does not count, and the next plugin of that hook is
   * asked. What the core refuses itself, and what it refuses whatever plugins say, is not asked about.
   */
  deny: {
    readonly connection: Connection | null;
    readonly hook: string;
    readonly plugin: string;
    readonly verdict: Verdict;
  };
  disconnect: { readonly connection: Connection };
}

/** The names of a client; `unknown` as long as they are not known. */
export interface ClientNames {
  /** The forward-confirmed name (Postfix: client_name). */
  name: string;
  /** The unconfirmed PTR name (reverse_client_name). */
  reverseName: string;
  nameStatus: Connection['remote']['nameStatus'];
}
