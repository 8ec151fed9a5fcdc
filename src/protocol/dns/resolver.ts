/** The interface of the DNS resolver that mail delivery and its checks use (implemented in net/resolver.ts). */

/** `notfound`: NXDOMAIN, `nodata`: no such record, both definite; `tempfail`: no answer or SERVFAIL, retry later. */
export class ResolveError extends Error {
  readonly reason: 'notfound' | 'nodata' | 'tempfail';
  constructor(reason: ResolveError['reason'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ResolveError';
    this.reason = reason;
  }
}

/** Every method throws ResolveError; returned names are in lower case without a final dot. */
export interface Resolver {
  mx(domain: string): Promise<readonly { readonly exchange: string; readonly preference: number }[]>;
  a(name: string): Promise<readonly string[]>;
  aaaa(name: string): Promise<readonly string[]>;
  ptr(ip: string): Promise<readonly string[]>;
  txt(name: string): Promise<readonly string[]>;
  ns(domain: string): Promise<readonly string[]>;
  /** The name for which this one is an alias. */
  cname(name: string): Promise<readonly string[]>;
}

/** An answer, and whether it was validated by DNSSEC. */
export interface SecureAnswer {
  /** In wire form; empty where there is none of that type. */
  readonly records: readonly Uint8Array[];
  /** The name to which CNAME records lead, without a final dot. */
  readonly name: string;
  readonly isSecure: boolean;
}

/** Asks with DNSSEC. */
export interface SecureResolver {
  /** False: no answer counts as validated, because the name servers are elsewhere. */
  readonly isTrusted: boolean;
  /** Rejects with ResolveError (`tempfail`), also where an answer is forged. */
  ask(name: string, type: number): Promise<SecureAnswer>;
}
