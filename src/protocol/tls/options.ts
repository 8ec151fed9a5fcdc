/** OpenSSL's options by the names that Postfix has for them: tls_ssl_options and tls_disable_workarounds. */
import { constants } from 'node:crypto';

/** Node names no constant for it. */
const ENABLE_MIDDLEBOX_COMPAT = 0x0010_0000;
const TLSEXT_PADDING = 0x10;
const SAFARI_ECDHE_ECDSA_BUG = 0x40;

const OPTIONS: ReadonlyMap<string, number> = new Map([
  ['ENABLE_MIDDLEBOX_COMPAT', ENABLE_MIDDLEBOX_COMPAT],
  ['LEGACY_SERVER_CONNECT', constants.SSL_OP_LEGACY_SERVER_CONNECT],
  ['NO_COMPRESSION', constants.SSL_OP_NO_COMPRESSION],
  ['NO_ENCRYPT_THEN_MAC', constants.SSL_OP_NO_ENCRYPT_THEN_MAC],
  ['NO_RENEGOTIATION', constants.SSL_OP_NO_RENEGOTIATION],
  ['NO_SESSION_RESUMPTION_ON_RENEGOTIATION', constants.SSL_OP_NO_SESSION_RESUMPTION_ON_RENEGOTIATION],
  ['NO_TICKET', constants.SSL_OP_NO_TICKET],
  ['PRIORITIZE_CHACHA', constants.SSL_OP_PRIORITIZE_CHACHA],
]);

/** Those that are on; the others have been gone for long, and turning them off is no change. */
const WORKAROUNDS: ReadonlyMap<string, number> = new Map([
  ['DONT_INSERT_EMPTY_FRAGMENTS', constants.SSL_OP_DONT_INSERT_EMPTY_FRAGMENTS],
  ['LEGACY_SERVER_CONNECT', constants.SSL_OP_LEGACY_SERVER_CONNECT],
  ['SAFARI_ECDHE_ECDSA_BUG', SAFARI_ECDHE_ECDSA_BUG],
  ['TLSEXT_PADDING', TLSEXT_PADDING],
  ...[
    'CRYPTOPRO_TLSEXT_BUG',
    'MICROSOFT_SESS_ID_BUG',
    'NETSCAPE_CHALLENGE_BUG',
    'NETSCAPE_REUSE_CIPHER_CHANGE_BUG',
    'SSLREF2_REUSE_CERT_TYPE_BUG',
    'MICROSOFT_BIG_SSLV3_BUFFER',
    'MSIE_SSLV2_RSA_PADDING',
    'SSLEAY_080_CLIENT_DH_BUG',
    'TLS_D5_BUG',
    'TLS_BLOCK_PADDING_BUG',
  ].map((name) => [name, 0] as const),
]);

/** Names, or a number such as 0x4000. */
const bitsOf = (item: string, names: ReadonlyMap<string, number>): number | undefined =>
  /^0x[0-7]?[0-9a-f]{1,7}$/i.test(item) ? Number(item) : names.get(item.toUpperCase());

const faultIn =
  (names: ReadonlyMap<string, number>) =>
  (item: string): string | undefined =>
    bitsOf(item, names) === undefined
      ? `expected ${[...names.keys()].join(', ')}, or a number such as 0x4000`
      : undefined;

/** What was expected instead; undefined for a valid item. */
export const optionFault = faultIn(OPTIONS);
export const workaroundFault = faultIn(WORKAROUNDS);

const sum = (items: readonly string[], names: ReadonlyMap<string, number>): number =>
  items.reduce((bits, item) => bits | (bitsOf(item, names) ?? 0), 0);

/**
 * The options to set, as for Node's `secureOptions`: OpenSSL's workarounds but those disabled, and the others. Node
 * computes with 32-bit integers: the highest bit, a workaround for servers of a CryptoPro of 2009, is left out.
 */
export const secureOptions = (options: readonly string[], disabledWorkarounds: readonly string[]): number =>
  (constants.SSL_OP_ALL & 0x7fff_ffff & ~sum(disabledWorkarounds, WORKAROUNDS)) |
  sum(options, OPTIONS) |
  constants.SSL_OP_NO_RENEGOTIATION;
