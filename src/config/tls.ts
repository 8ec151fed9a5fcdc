/** What the configuration says about TLS beside certificates: terms of each service, and whom we trust. */

import { messageOf } from '../errors.ts';
import type { ParameterReader } from '../lookup/parameters.ts';
import { CLIENT_WORDS, faultyParameter, tlsWords } from '../lookup/tls-words.ts';
import { TermFault, termsOf } from '../protocol/tls/terms.ts';
import { certificatesIn, readAuthorities } from './authorities.ts';
import type { NamedFile } from './certificates.ts';
import type { ClientTrust, Service, Tls } from './configuration.ts';
import type { Dovecot } from './dovecot/dovecot-conf.ts';
import type { Fault } from './fault.ts';
import { readMailboxTerms } from './mailbox-tls.ts';
import type { PathResolver } from './paths.ts';
import { readServerTerms } from './postfix/server-terms.ts';

export interface TlsRead extends Tls {
  readonly faults: readonly Fault[];
  readonly warnings: readonly Fault[];
  readonly notes: readonly Fault[];
}

export interface TlsSources {
  readonly services: readonly Service[];
  readonly dovecot: Dovecot | undefined;
  readonly parameters: ParameterReader;
  readonly paths: PathResolver;
  /** What the name servers say of DNSSEC is believed. */
  readonly trustsAd: boolean;
  /** Where main.cf sets a parameter. */
  placeOf(parameter: string): NamedFile['place'];
}

const TRUST = {
  smtp: {
    file: 'smtp_tls_CAfile',
    folder: 'smtp_tls_CApath',
    anchors: 'smtp_tls_trust_anchor_file',
    level: 'smtp_tls_security_level',
    dns: 'smtp_dns_support_level',
    policies: 'smtp_tls_policy_maps',
    perSite: 'smtp_tls_per_site',
  },
  lmtp: {
    file: 'lmtp_tls_CAfile',
    folder: 'lmtp_tls_CApath',
    anchors: 'lmtp_tls_trust_anchor_file',
    level: 'lmtp_tls_security_level',
    dns: 'lmtp_dns_support_level',
    policies: 'lmtp_tls_policy_maps',
    perSite: 'lmtp_tls_per_site',
  },
} as const;

export function readTls({ services, dovecot, parameters, paths, trustsAd, placeOf }: TlsSources): TlsRead {
  const faults: Fault[] = [];
  const read = services.map((service) => ({
    name: service.name,
    ...readServerTerms(service, paths, placeOf('smtpd_tls_security_level')),
  }));
  const mailbox = readMailboxTerms(dovecot, paths);
  const warnings: Fault[] = [...mailbox.warnings];
  const trust = (protocol: keyof Tls['trust']): ClientTrust => {
    const names = TRUST[protocol];
    const named = (parameter: (typeof names)['file' | 'folder']): NamedFile | undefined => {
      const path = parameters.string(parameter);
      return path === '' ? undefined : { path, place: placeOf(parameter) };
    };
    const authorities = readAuthorities(
      { file: named(names.file), folder: named(names.folder), withSystem: parameters.boolean('tls_append_default_CA') },
      paths,
    );
    faults.push(...authorities.faults);
    const anchors = parameters.list(names.anchors).flatMap((name) => {
      const path = paths.resolve(name);
      try {
        return certificatesIn(path);
      } catch (error) {
        faults.push({ ...placeOf(names.anchors), message: `${path}: ${messageOf(error)}` });
        return [];
      }
    });
    if (parameters.list(names.perSite).length > 0 && parameters.list(names.policies).length > 0)
      warnings.push({ ...placeOf(names.perSite), message: `ignored, as in Postfix, for ${names.policies} is set` });
    const level = parameters.string(names.level);
    const why = withoutDane(level, { name: names.dns, value: parameters.string(names.dns) }, trustsAd);
    if (why !== null) warnings.push({ ...placeOf(names.level), message: why });
    if ((level === 'verify' || level === 'secure') && authorities.certificates.length + anchors.length === 0)
      warnings.push({
        ...placeOf(names.level),
        message: `no certificate is trusted, so that no mail leaves: set ${names.file}, or tls_append_default_CA = yes for the system's`,
      });
    return { authorities: authorities.certificates, anchors };
  };
  for (const words of Object.values(CLIENT_WORDS).flatMap(({ optional, mandatory }) => [optional, mandatory]))
    try {
      termsOf(tlsWords(parameters, words));
    } catch (error) {
      if (!(error instanceof TermFault)) throw error;
      const parameter = faultyParameter(error.about, words, (name) => placeOf(name).line > 0);
      faults.push({ ...placeOf(parameter), message: error.message });
    }
  const trusts = { smtp: trust('smtp'), lmtp: trust('lmtp') };
  return {
    terms: new Map(read.map(({ name, terms }) => [name, terms])),
    mailbox: mailbox.terms,
    trust: trusts,
    faults: once([...faults, ...mailbox.faults, ...read.flatMap((one) => one.faults)]),
    warnings: once([...warnings, ...read.flatMap((one) => one.warnings)]),
    notes: once(read.flatMap((one) => one.notes)),
  };
}

/** Services share most settings. */
const once = (faults: readonly Fault[]): Fault[] => [
  ...new Map(faults.map((fault) => [`${fault.file}:${fault.line}:${fault.message}`, fault])).values(),
];

/** Why no TLSA record is looked up, and what that means; null: they are, or nobody wants them. */
function withoutDane(
  level: string,
  support: { readonly name: string; readonly value: string },
  trustsAd: boolean,
): string | null {
  if (level !== 'dane' && level !== 'dane-only') return null;
  const effect = level === 'dane' ? 'may' : 'a level with which no mail leaves';
  if (support.value !== 'dnssec') return `"${level}" is ${effect} until ${support.name} = dnssec`;
  return trustsAd
    ? null
    : `"${level}" is ${effect}: let a name server that validates run on this machine and name it in resolv.conf, or say "options trust-ad" there if the way to yours is safe`;
}
