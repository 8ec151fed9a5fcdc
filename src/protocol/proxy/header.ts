/** What a proxy says of the client whose connection it passes on. */

export interface ProxyEnd {
  /** In the shortest form; an IPv4 address in IPv6 form as IPv4. */
  readonly ip: string;
  readonly port: number;
}

export interface ProxyHeader {
  /** Octets of the header; what follows is the protocol's. */
  readonly length: number;
  /** The client, and the address that it connected to. Null where the proxy speaks for itself, or does not know. */
  readonly ends: { readonly remote: ProxyEnd; readonly local: ProxyEnd } | null;
  /** There is a client, and the proxy does not know who it is. */
  readonly isUnknown?: true;
}
