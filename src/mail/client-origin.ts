/**
 * The client from whom a message came, as its queue items remember it for the transports that tell it on (XFORWARD, the
 * `client_` and `sasl_` names of pipe). A filter says by XFORWARD who it was before.
 */
export interface ClientOrigin {
  /** What is not known is absent, here and below. */
  readonly name?: string;
  /** IPv6 as `IPv6:2001:db8::1`. */
  readonly address?: string;
  readonly port?: string;
  readonly helo?: string;
  /** `ESMTP`, or what XFORWARD said. */
  readonly protocol?: string;
  /** The queue ID under which the message was logged first. */
  readonly ident?: string;
  /** Whether its headers are rewritten as those of local mail (local_header_rewrite_clients). */
  readonly source: 'LOCAL' | 'REMOTE';
  readonly saslMethod?: string;
  readonly saslUsername?: string;
  /** AUTH of MAIL, as it was written. */
  readonly saslSender?: string;
}
