/** The hooks of the name server, of the log, and of what administrators change, with their arguments. */
import type { Address } from '../../mail/address.ts';
import type { DnsQuestion } from '../../protocol/dns/message.ts';

export interface HouseHooks {
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
    /** Ours that the name is in; null: none, or its content is not known. */
    readonly zone: {
      /** With its final dot. */
      readonly name: string;
      /** The name has records there, or is left to other servers. */
      readonly hasName: boolean;
      /** An answer of a plugin would be bogus for whoever validates. */
      readonly isSigned: boolean;
    } | null;
    readonly answer: { readonly records: string[]; rcode: 'NOERROR' | 'NXDOMAIN' };
  };
  /** A zone was loaded, or its serial has changed; null: it is served no more. */
  zone_changed: {
    /** With its final dot. */
    readonly zone: string;
    readonly serial: number | null;
  };
  /** An administrator changed an account, or its user over IMAP where its mail is forwarded. */
  account_changed: {
    readonly address: Address;
    readonly change: 'add' | 'passwd' | 'rename' | 'disable' | 'enable' | 'forward' | 'remove';
    /** The address before `rename`. */
    readonly before?: Address;
  };
  /** An administrator changed which domains are served. */
  domain_changed: { readonly domain: string; readonly change: 'add' | 'remove' | 'rename' };
  /**
   * A line of the log, from `info` on; not those of plugins. Whatever a handler causes to be logged comes here too: do
   * not write to the log about each line.
   */
  log: {
    readonly level: 'info' | 'warn' | 'error';
    /** `postfix/smtpd`, `imap` … */
    readonly process: string;
    readonly message: string;
    /** Milliseconds since 1970 UTC. */
    readonly time: number;
  };
}
