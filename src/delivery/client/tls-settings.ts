/** The main.cf settings for TLS with other servers, of the SMTP and of the LMTP client (postconf(5), smtp_tls_…). */
import type { LookupTable, Tables } from '../../lookup/table.ts';
import { CLIENT_WORDS, type TlsWords, tlsWords } from '../../lookup/tls-words.ts';
import type { FingerprintForm } from '../../protocol/tls/fingerprint.ts';
import { openTables } from '../route/address-tables.ts';
import type { ClientParameters } from './client-parameters.ts';
import { type AskedLevel, parseLevel } from './tls-level.ts';

export interface ClientTls {
  /** For all destinations that `policies` say nothing about. */
  readonly level: AskedLevel;
  readonly dane: DaneRules;
  /** smtp_tls_per_site */
  readonly perSite: readonly LookupTable[];
  readonly policies: readonly LookupTable[];
  /** smtp_tls_policy_maps or lmtp_tls_policy_maps, for messages. */
  readonly policiesName: string;
  readonly optional: TlsWords;
  readonly mandatory: TlsWords;
  /** What the levels accept where a policy does not say. */
  readonly matches: Readonly<Record<'verify' | 'secure' | 'fingerprint', readonly string[]>>;
  readonly fingerprints: FingerprintForm;
  /** Most certificates above the server's own. */
  readonly depth: number;
  /** As set: '', `hostname`, `nexthop` or a name. */
  readonly serverName: string;
  readonly notesOffer: boolean;
  readonly logged: boolean;
  readonly wrapper: boolean;
}

export interface DaneRules {
  /** smtp_dns_support_level is dnssec. */
  readonly isOn: boolean;
  /** What `dane` is for hosts with TLSA records that an MX record without DNSSEC names (smtp_tls_dane_insecure_mx_policy). */
  readonly insecureMx: 'none' | 'may' | 'encrypt' | 'dane';
  /** Records are asked for also where a host's addresses are not validated. */
  readonly forced: boolean;
  /** Names, the strongest first (tls_dane_digests). */
  readonly digests: readonly string[];
}

/** Throws for an unknown level. */
export function readClientTls(own: ClientParameters, tables: Tables): ClientTls {
  const words = CLIENT_WORDS[own.protocol];
  return {
    level: defaultLevel(own),
    dane: {
      isOn: own.string('dns_support_level') === 'dnssec',
      // LMTP has no MX hosts.
      insecureMx: own.protocol === 'lmtp' ? 'may' : insecureMx(own.all.string('smtp_tls_dane_insecure_mx_policy')),
      forced: own.boolean('tls_force_insecure_host_tlsa_lookup'),
      digests: own.all.list('tls_dane_digests').map((name) => name.toLowerCase()),
    },
    perSite: openTables(own.list('tls_per_site'), tables),
    policies: openTables(own.list('tls_policy_maps'), tables),
    policiesName: own.nameOf('tls_policy_maps'),
    optional: tlsWords(own.all, words.optional),
    mandatory: tlsWords(own.all, words.mandatory),
    matches: {
      verify: own.list('tls_verify_cert_match').flatMap((item) => item.split(':')),
      secure: own.list('tls_secure_cert_match').flatMap((item) => item.split(':')),
      fingerprint: own.list('tls_fingerprint_cert_match').flatMap((item) => item.split('|')),
    },
    fingerprints: {
      digest: own.string('tls_fingerprint_digest'),
      legacyKeys: own.all.boolean('tls_legacy_public_key_fingerprints'),
    },
    depth: own.number('tls_scert_verifydepth'),
    serverName: own.string('tls_servername'),
    notesOffer: own.boolean('tls_note_starttls_offer'),
    logged: own.number('tls_loglevel') > 0,
    wrapper: own.boolean('tls_wrappermode'),
  };
}

/** …_tls_security_level, or the older …_enforce_tls and …_use_tls. */
function defaultLevel(own: ClientParameters): AskedLevel {
  const word = own.string('tls_security_level');
  if (word !== '') return parseLevel(word, own.nameOf('tls_security_level'));
  if (own.boolean('enforce_tls')) return own.boolean('tls_enforce_peername') ? 'verify' : 'encrypt';
  return own.boolean('use_tls') ? 'may' : 'none';
}

/** One of the values that the parameter may have. */
const insecureMx = (word: string): DaneRules['insecureMx'] =>
  word === 'none' || word === 'encrypt' || word === 'dane' ? word : 'may';
