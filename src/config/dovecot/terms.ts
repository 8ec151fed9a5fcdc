/** Terms of TLS for IMAP and POP3: ssl_min_protocol, ssl_cipher_list and related, with Dovecot 2.3's defaults. */
import { messageOf } from '../../errors.ts';
import { checkCiphers, checkCurves, MODERN, type ServerTerms } from '../../protocol/tls/terms.ts';
import type { TlsVersion } from '../../protocol/tls/versions.ts';
import type { SettingReader } from './reader.ts';

const VERSIONS = ['tlsv1.2', 'tlsv1.3', 'tlsv1.1', 'tlsv1', 'sslv3', 'any', 'latest'] as const;
/** OpenSSL 3 has nothing older than TLS 1. */
const OLDEST: Readonly<Record<(typeof VERSIONS)[number], TlsVersion>> = {
  any: 'TLSv1',
  sslv3: 'TLSv1',
  tlsv1: 'TLSv1',
  'tlsv1.1': 'TLSv1.1',
  'tlsv1.2': 'TLSv1.2',
  'tlsv1.3': 'TLSv1.3',
  latest: 'TLSv1.3',
};
const SUITES = 'TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256';
const DEFAULT_LIST = 'ALL:!kRSA:!SRP:!kDHd:!DSS:!aNULL:!eNULL:!EXPORT:!DES:!3DES:!MD5:!PSK:!RC4:!ADH:!LOW:@STRENGTH';

export function mailboxTerms(read: SettingReader): ServerTerms {
  const version = read.choice('ssl_min_protocol', VERSIONS, 'tlsv1.2');
  const usable = (key: string, value: string, check: (value: string) => void): boolean => {
    const setting = read.setting(key);
    if (setting === undefined || setting.value === '') return false;
    try {
      check(value);
      return true;
    } catch (error) {
      read.fault(setting, `"${setting.value.slice(0, 80)}": ${messageOf(error)}`);
      return false;
    }
  };
  const suites = read.text('ssl_cipher_suites') ?? '';
  const list = read.text('ssl_cipher_list') ?? '';
  const goodSuites = usable('ssl_cipher_suites', suites, checkCiphers) ? suites : SUITES;
  const goodList = usable('ssl_cipher_list', list, checkCiphers) ? list : DEFAULT_LIST;
  const curves = read.text('ssl_curve_list') ?? '';
  return {
    ...MODERN,
    minVersion: OLDEST[version],
    ciphers: `${goodList}:${goodSuites}`,
    ...(usable('ssl_curve_list', curves, checkCurves) ? { ecdhCurve: curves } : {}),
    honorCipherOrder: read.choice('ssl_prefer_server_ciphers', ['no', 'yes'], 'no') === 'yes',
  };
}
