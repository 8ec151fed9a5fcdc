/** The main.cf settings for TLS with other servers, of the SMTP and of the LMTP client (postconf(5), smtp_tls_…). */
import type { BooleanName, ListName, NumberName, ParameterReader, StringName } from '../../lookup/parameters.ts';
import type { LookupTable, Tables } from '../../lookup/table.ts';
import { CLIENT_WORDS, type TlsWords, tlsWords } from '../../lookup/tls-words.ts';
import { openTables } from '../route/address-tables.ts';
import { parseLevel, type TlsLevel } from './tls-level.ts';

export interface ClientTls {
  /** For all destinations that `policies` say nothing about. */
  readonly level: TlsLevel;
  readonly policies: readonly LookupTable[];
  readonly optional: TlsWords;
  readonly mandatory: TlsWords;
  /** What the levels accept where a policy does not say. */
  readonly matches: Readonly<Record<'verify' | 'secure' | 'fingerprint', readonly string[]>>;
  readonly digest: string;
  /** Most certificates above the server's own. */
  readonly depth: number;
  /** As set: '', `hostname`, `nexthop` or a name. */
  readonly serverName: string;
  readonly notesOffer: boolean;
  readonly logged: boolean;
  readonly wrapper: boolean;
}

interface Names {
  readonly level: StringName;
  readonly enforce: BooleanName;
  readonly use: BooleanName;
  readonly peername: BooleanName;
  readonly policies: ListName;
  readonly verify: ListName;
  readonly secure: ListName;
  readonly fingerprint: ListName;
  readonly digest: StringName;
  readonly depth: NumberName;
  readonly serverName: StringName;
  readonly note: BooleanName;
  readonly loglevel: NumberName;
  readonly wrapper: BooleanName;
}

const NAMES: Readonly<Record<'smtp' | 'lmtp', Names>> = {
  smtp: {
    level: 'smtp_tls_security_level',
    enforce: 'smtp_enforce_tls',
    use: 'smtp_use_tls',
    peername: 'smtp_tls_enforce_peername',
    policies: 'smtp_tls_policy_maps',
    verify: 'smtp_tls_verify_cert_match',
    secure: 'smtp_tls_secure_cert_match',
    fingerprint: 'smtp_tls_fingerprint_cert_match',
    digest: 'smtp_tls_fingerprint_digest',
    depth: 'smtp_tls_scert_verifydepth',
    serverName: 'smtp_tls_servername',
    note: 'smtp_tls_note_starttls_offer',
    loglevel: 'smtp_tls_loglevel',
    wrapper: 'smtp_tls_wrappermode',
  },
  lmtp: {
    level: 'lmtp_tls_security_level',
    enforce: 'lmtp_enforce_tls',
    use: 'lmtp_use_tls',
    peername: 'lmtp_tls_enforce_peername',
    policies: 'lmtp_tls_policy_maps',
    verify: 'lmtp_tls_verify_cert_match',
    secure: 'lmtp_tls_secure_cert_match',
    fingerprint: 'lmtp_tls_fingerprint_cert_match',
    digest: 'lmtp_tls_fingerprint_digest',
    depth: 'lmtp_tls_scert_verifydepth',
    serverName: 'lmtp_tls_servername',
    note: 'lmtp_tls_note_starttls_offer',
    loglevel: 'lmtp_tls_loglevel',
    wrapper: 'lmtp_tls_wrappermode',
  },
};

/** Throws for an unknown level. */
export function readClientTls(protocol: 'smtp' | 'lmtp', parameters: ParameterReader, tables: Tables): ClientTls {
  const names = NAMES[protocol];
  return {
    level: defaultLevel(names, parameters),
    policies: openTables(parameters.list(names.policies), tables),
    optional: tlsWords(parameters, CLIENT_WORDS[protocol].optional),
    mandatory: tlsWords(parameters, CLIENT_WORDS[protocol].mandatory),
    matches: {
      verify: parameters.list(names.verify).flatMap((item) => item.split(':')),
      secure: parameters.list(names.secure).flatMap((item) => item.split(':')),
      fingerprint: parameters.list(names.fingerprint).flatMap((item) => item.split('|')),
    },
    digest: parameters.string(names.digest),
    depth: parameters.number(names.depth),
    serverName: parameters.string(names.serverName),
    notesOffer: parameters.boolean(names.note),
    logged: parameters.number(names.loglevel) > 0,
    wrapper: parameters.boolean(names.wrapper),
  };
}

/** …_tls_security_level, or the older …_enforce_tls and …_use_tls. */
function defaultLevel(names: Names, parameters: ParameterReader): TlsLevel {
  const word = parameters.string(names.level);
  if (word !== '') return parseLevel(word, names.level);
  if (parameters.boolean(names.enforce)) return parameters.boolean(names.peername) ? 'verify' : 'encrypt';
  return parameters.boolean(names.use) ? 'may' : 'none';
}
