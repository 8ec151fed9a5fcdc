/** The configuration folder of a test server: small, complete, and closed to the world outside. */

export const DOMAIN = 'example.test';
/** A stranger, of the addresses for documentation (RFC 5737). */
export const STRANGER = '203.0.113.9';

export interface TestSettings {
  /** Parameters of main.cf, added to (or instead of) those of the test server. */
  readonly mainCf: Readonly<Record<string, string>>;
  /** More files of the configuration folder, by name: tables, for instance. */
  readonly files: Readonly<Record<string, string>>;
  /**
   * Zones by name, each the lines of a master file without its SOA and NS: `{ 'example.org': '@ A 192.0.2.1' }`. All
   * other names do not exist.
   */
  readonly zones: Readonly<Record<string, string>>;
}

/** Files of the folder, by name. */
export function configurationFiles(
  plugins: readonly string[],
  { mainCf = {}, files = {}, zones = {} }: Partial<TestSettings>,
): Record<string, string> {
  const all: Record<string, string> = { '.': 'ns.invalid. A 127.0.0.1', ...zones };
  return {
    'main.cf': lines({ ...MAIN, ...mainCf }),
    'master.cf': MASTER,
    'dovecot.conf': DOVECOT,
    'named.conf': [NAMED, ...Object.keys(all).map(zoneStatement)].join('\n'),
    plugins: ['restrictions', 'rewriting', 'dns-lists', ...plugins, ''].join('\n'),
    ...Object.fromEntries(Object.entries(all).map(([name, text]) => [zoneFile(name), `${ZONE_HEAD}${text}\n`])),
    ...files,
  };
}

const MAIN = {
  compatibility_level: '3.6',
  myhostname: `mail.${DOMAIN}`,
  mydomain: DOMAIN,
  myorigin: '$mydomain',
  mydestination: '$mydomain',
  mynetworks: '192.0.2.0/24',
  inet_interfaces: '127.0.0.1',
  inet_protocols: 'ipv4',
  alias_maps: '',
  smtpd_tls_auth_only: 'no',
  smtpd_sasl_auth_enable: 'yes',
  // Nothing leaves the machine.
  defer_transports: 'smtp, lmtp',
  smtpd_peername_lookup: 'yes',
};
/** The header of the PROXY protocol says who the client is, so that a test can be anybody. */
const MASTER = 'smtp inet n - n - - smtpd\n  -o smtpd_upstream_proxy_protocol=haproxy\n';
const DOVECOT = 'protocols = imap pop3\ndisable_plaintext_auth = no\nauth_failure_delay = 0\n';
const NAMED = 'options {\n  listen-on { 127.0.0.1; };\n  directory ".";\n};\n';
const ZONE_HEAD = '$TTL 60\n@ SOA ns.invalid. hostmaster.invalid. 1 3600 600 86400 60\n@ NS ns.invalid.\n';

const lines = (parameters: Readonly<Record<string, string>>): string =>
  Object.entries(parameters)
    .map(([name, value]) => `${name} = ${value}\n`)
    .join('');

const zoneFile = (name: string): string => `zones/${name === '.' ? 'root' : name}.zone`;
const zoneStatement = (name: string): string => `zone "${name}" { type master; file "${zoneFile(name)}"; };`;
