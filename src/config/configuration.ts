/** A configuration folder, read and checked: from this value the composition root builds the server. */
import type { ParameterReader } from '../lookup/parameters.ts';
import type { Transports } from '../lookup/transports.ts';
import type { BounceTemplates } from '../mail/bounce-template.ts';
import type { Endpoint } from '../protocol/dns/endpoint.ts';
import type { SearchList } from '../protocol/dns/search.ts';
import type { ServerTerms } from '../protocol/tls/terms.ts';
import type { CertificateChoice, NamedCertificate } from './certificates.ts';
import type { Dovecot } from './dovecot/dovecot-conf.ts';
import type { NamedConf } from './named/named-conf.ts';
import type { UnknownRestriction } from './postfix/check-parameters.ts';
import type { MainParameters } from './postfix/parameters-reader.ts';
import type { SpawnService } from './postfix/transports.ts';
import type { ProxiedPort } from './proxied-port.ts';

/** A UNIX socket to listen on. */
export interface UnixSocket {
  /** Absolute. */
  readonly path: string;
  /** Permissions: who may write may connect. */
  readonly mode: number;
  /** Of its owner and group; undefined leaves them to the process. */
  readonly uid: number | undefined;
  readonly gid: number | undefined;
}

/** An enabled SMTP service of master.cf, or an LMTP service of master.cf or dovecot.conf. */
export interface Service {
  /** As in master.cf: `smtp`, `submission`, `127.0.0.1:2525`; no two are alike. */
  readonly name: string;
  /** LMTP (RFC 2033) instead of SMTP. */
  readonly lmtp: boolean;
  /** Addresses to listen on (`0.0.0.0`, `::` for all); the listener resolves host names. */
  readonly addresses: readonly string[];
  readonly port: number;
  /** Listens at this socket instead; `addresses` is empty then. */
  readonly socket: UnixSocket | null;
  /** TLS from the first octet. */
  readonly wrapperMode: boolean;
  /** Null: clients connect themselves. */
  readonly proxied: ProxiedPort | null;
  /** Maximum number of concurrent sessions (master.cf's maxproc, or default_process_limit); 0 means no limit. */
  readonly maxSessions: number;
  /** main.cf with this service's `-o` overrides. */
  readonly parameters: ParameterReader;
  /** Where a parameter was set for this service, with the line of an item of its value; undefined if it was not. */
  readonly setAt: (parameter: string, item: string) => { readonly file: string; readonly line: number } | undefined;
}

/** Which certificates of other servers we trust: PEM. */
export interface ClientTrust {
  readonly authorities: readonly string[];
  /** Of …_tls_trust_anchor_file: instead of the authorities, if there are any. */
  readonly anchors: readonly string[];
}

export interface Tls {
  /** By the name of the SMTP service. */
  readonly terms: ReadonlyMap<string, ServerTerms>;
  /** Of IMAP and POP3. */
  readonly mailbox: ServerTerms;
  readonly trust: Readonly<Record<'smtp' | 'lmtp', ClientTrust>>;
}

export interface Configuration {
  /** The configuration folder, absolute. */
  readonly directory: string;
  /** The folder of the store, generated certificates and caches, absolute. */
  readonly dataDirectory: string;
  readonly parameters: MainParameters;
  /** Empty if the folder has no SMTP configuration (only a name server). */
  readonly services: readonly Service[];
  /** Ways of delivery, by their rows of master.cf. */
  readonly transports: Transports;
  /** Programs that master.cf has started on demand (spawn(8)), by name. */
  readonly spawned: ReadonlyMap<string, SpawnService>;
  /** Null if the folder has no mail configuration. */
  readonly dovecot: Dovecot | null;
  /** Null if the folder has no named.conf. Resolve zone files with `resolvePath`. */
  readonly named: NamedConf | null;
  /** The path of named.conf; null if there is none. */
  readonly namedFile: string | null;
  /** From resolv.conf in the folder; empty means the system's resolver. */
  readonly nameservers: readonly Endpoint[];
  /** What they, or the system's, say of DNSSEC is believed. */
  readonly trustsAd: boolean;
  /** Domains for short names (smtp_dns_resolver_options). */
  readonly search: SearchList;
  /** Names in the order listed in the file `plugins`. */
  readonly plugins: readonly string[];
  readonly certificates: {
    readonly smtpd: CertificateChoice;
    readonly dovecot: CertificateChoice;
  };
  /** Of the SMTP and the LMTP client; null if it shows none. */
  readonly clientCertificates: Readonly<Record<'smtp' | 'lmtp', NamedCertificate | null>>;
  readonly tls: Tls;
  readonly bounceTemplates: BounceTemplates;
  /** Words of restriction lists that are errors unless a plugin defines them. */
  readonly unknownRestrictions: readonly UnknownRestriction[];
  /** Tables in the format of alias files, for `SharedTables`. */
  readonly aliasTables: readonly string[];
  /** The actual path of a file named in the configuration. */
  resolvePath(path: string): string;
}
