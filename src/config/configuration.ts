/** What a configuration folder says, read and checked: the value that the composition root builds the house from. */
import type { ParameterReader } from '../lookup/parameters.ts';
import type { Endpoint } from '../protocol/dns/endpoint.ts';
import type { Authorities } from './authorities.ts';
import type { CertificateChoice } from './certificates.ts';
import type { Dovecot } from './dovecot/dovecot-conf.ts';
import type { NamedConf } from './named/named-conf.ts';
import type { UnknownRestriction } from './postfix/check-parameters.ts';
import type { MainParameters } from './postfix/parameters-reader.ts';

/** A UNIX socket to listen at. */
export interface UnixSocket {
  /** Absolute. */
  readonly path: string;
  /** Permissions: who may write may connect. */
  readonly mode: number;
  /** Of its owner and group; undefined leaves them to the process. */
  readonly uid: number | undefined;
  readonly gid: number | undefined;
}

/** An SMTP service of master.cf, or an LMTP service of master.cf or dovecot.conf. */
export interface Service {
  /** As in master.cf: `smtp`, `submission`, `127.0.0.1:2525`; no two are alike. */
  readonly name: string;
  /** LMTP (RFC 2033) instead of SMTP. */
  readonly lmtp: boolean;
  /** Addresses to listen at (`0.0.0.0`, `::` for all); host names are left for the listener to resolve. */
  readonly addresses: readonly string[];
  readonly port: number;
  /** Listens at this socket instead; `addresses` is empty then. */
  readonly socket: UnixSocket | null;
  /** TLS from the first octet. */
  readonly wrapperMode: boolean;
  /** Most sessions at one time (master.cf's maxproc, else default_process_limit); 0 has no limit. */
  readonly maxSessions: number;
  /** main.cf with this service's `-o` values. */
  readonly parameters: ParameterReader;
  /** Where a parameter was set for this service, to the line of an item of its value; undefined where it was not. */
  readonly setAt: (parameter: string, item: string) => { readonly file: string; readonly line: number } | undefined;
}

export interface Configuration {
  /** The configuration folder, absolute. */
  readonly directory: string;
  /** Where the store, made certificates and caches go, absolute. */
  readonly dataDirectory: string;
  readonly parameters: MainParameters;
  /** Empty where the folder has no SMTP configuration (a name server alone). */
  readonly services: readonly Service[];
  /** Null where the folder has no mail configuration. */
  readonly dovecot: Dovecot | null;
  /** Null where the folder has no named.conf. Zone files go through `resolvePath`. */
  readonly named: NamedConf | null;
  /** The path of named.conf; null where the folder has none. */
  readonly namedFile: string | null;
  /** From resolv.conf in the folder; empty means the system's resolver. */
  readonly nameservers: readonly Endpoint[];
  /** Names in the order of the file `plugins`. */
  readonly plugins: readonly string[];
  readonly certificates: {
    readonly smtpd: CertificateChoice;
    readonly dovecot: CertificateChoice;
  };
  /** Of smtp_tls_CAfile. */
  readonly authorities: Authorities;
  /** Words of restriction lists that are faults unless a plugin defines them. */
  readonly unknownRestrictions: readonly UnknownRestriction[];
  /** Tables in the format of alias files, for `SharedTables`. */
  readonly aliasTables: readonly string[];
  /** Where a file that is named in the configuration really is. */
  resolvePath(path: string): string;
}
