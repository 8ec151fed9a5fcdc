/** What main.cf says about the terms of a TLS handshake, read but not judged (protocol/tls/terms.ts does that). */
import type { ListName, ParameterReader, StringName } from './parameters.ts';

export interface TlsWords {
  readonly versions: readonly string[];
  readonly grade: string;
  /** OpenSSL's list of each grade. */
  readonly grades: Readonly<Record<string, string>>;
  readonly exclusions: readonly string[];
  readonly curves: readonly string[];
  readonly options: readonly string[];
  readonly disabledWorkarounds: readonly string[];
}

/** The parameters that a server or client has for itself. */
export interface TlsWordNames {
  readonly protocols: ListName;
  readonly ciphers: StringName;
  readonly exclusions: readonly ListName[];
}

/** The parameter that a fault is about, if `isSet` says which ones are set. */
export function faultyParameter(
  about: 'versions' | 'ciphers' | 'curves',
  names: TlsWordNames,
  isSet: (name: string) => boolean,
): string {
  if (about === 'curves') return 'tls_eecdh_auto_curves';
  return about === 'versions' ? names.protocols : (names.exclusions.findLast(isSet) ?? names.ciphers);
}

export function tlsWords(parameters: ParameterReader, names: TlsWordNames): TlsWords {
  // Some of these lists may have colons between their items.
  const words = (name: ListName): string[] => parameters.list(name).flatMap((item) => item.split(':').filter(Boolean));
  return {
    versions: words(names.protocols),
    grade: parameters.string(names.ciphers),
    grades: {
      high: parameters.string('tls_high_cipherlist'),
      medium: parameters.string('tls_medium_cipherlist'),
      low: parameters.string('tls_low_cipherlist'),
      export: parameters.string('tls_export_cipherlist'),
      null: parameters.string('tls_null_cipherlist'),
    },
    exclusions: names.exclusions.flatMap(words),
    curves: words('tls_eecdh_auto_curves'),
    options: words('tls_ssl_options'),
    disabledWorkarounds: words('tls_disable_workarounds'),
  };
}

/** Those of the SMTP and the LMTP client, where TLS is optional and where it is demanded. */
export const CLIENT_WORDS: Readonly<
  Record<'smtp' | 'lmtp', { readonly optional: TlsWordNames; readonly mandatory: TlsWordNames }>
> = {
  smtp: {
    optional: {
      protocols: 'smtp_tls_protocols',
      ciphers: 'smtp_tls_ciphers',
      exclusions: ['smtp_tls_exclude_ciphers'],
    },
    mandatory: {
      protocols: 'smtp_tls_mandatory_protocols',
      ciphers: 'smtp_tls_mandatory_ciphers',
      exclusions: ['smtp_tls_exclude_ciphers', 'smtp_tls_mandatory_exclude_ciphers'],
    },
  },
  lmtp: {
    optional: {
      protocols: 'lmtp_tls_protocols',
      ciphers: 'lmtp_tls_ciphers',
      exclusions: ['lmtp_tls_exclude_ciphers'],
    },
    mandatory: {
      protocols: 'lmtp_tls_mandatory_protocols',
      ciphers: 'lmtp_tls_mandatory_ciphers',
      exclusions: ['lmtp_tls_exclude_ciphers', 'lmtp_tls_mandatory_exclude_ciphers'],
    },
  },
};
