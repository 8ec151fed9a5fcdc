/**
 * The measured configuration: the shipped defaults, one domain, loopback; only the limits that would keep one client
 * from acting as thousands are off.
 */
import type { TestServerOptions } from '../kit/server.ts';

export const BENCH_ACCOUNT = 'maomao@bench.example';
export const BENCH_PASSWORD = 'maomao';

const benchConfiguration: Readonly<Record<string, string>> = {
  'main.cf': [
    'compatibility_level = 3.6',
    'myhostname = mail.bench.example',
    'mydomain = bench.example',
    'myorigin = $mydomain',
    'mydestination = $myhostname, $mydomain, localhost',
    'inet_interfaces = 127.0.0.1',
    'inet_protocols = ipv4',
    'mynetworks = 127.0.0.0/8',
    'alias_maps = hash:aliases',
    'smtpd_tls_security_level = may',
    'smtpd_client_connection_count_limit = 0',
    '',
  ].join('\n'),
  'dovecot.conf': 'protocols = imap pop3\ndisable_plaintext_auth = no\nmail_max_userip_connections = 0\n',
  aliases: 'postmaster: maomao\n',
  'named.conf':
    'options { listen-on port 53 { 127.0.0.1; }; };\nzone "bench.example" { type master; file "bench.example"; };\n',
  'bench.example':
    '$TTL 1D\n@ IN SOA ns admin ( 1 1D 1H 1W 3H )\n  NS ns\n  MX 10 mail\nns A 127.0.0.1\nmail A 127.0.0.1\nwww CNAME mail\n',
};

/** A new server for each row. */
export const benchOptions: TestServerOptions = {
  files: benchConfiguration,
  portOffset: 21_000,
  accounts: { [BENCH_ACCOUNT]: BENCH_PASSWORD },
};
