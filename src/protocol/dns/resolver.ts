/** What the house asks of a DNS resolver (the sockets are in net/resolver.ts). Requirement B6. */

/** `notfound`: NXDOMAIN or NODATA, an answer; `tempfail`: no answer or SERVFAIL, ask again later. */
export class ResolveError extends Error {
  readonly reason: 'notfound' | 'nodata' | 'tempfail';
  constructor(reason: ResolveError['reason'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ResolveError';
    this.reason = reason;
  }
}

/** Every method throws ResolveError; names without a final dot, in lower case. */
export interface Resolver {
  mx(domain: string): Promise<readonly { readonly exchange: string; readonly preference: number }[]>;
  a(name: string): Promise<readonly string[]>;
  aaaa(name: string): Promise<readonly string[]>;
  ptr(ip: string): Promise<readonly string[]>;
  txt(name: string): Promise<readonly string[]>;
  ns(domain: string): Promise<readonly string[]>;
}
