/** DNS messages (RFC 1035 section 4). */

export interface DnsQuestion {
  /** Presentation form with its final dot, in the case that was asked. */
  readonly name: string;
  /** Numeric, RFC 1035 section 3.2.2 and later. */
  readonly type: number;
  readonly class: number;
}
