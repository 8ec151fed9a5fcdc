/** Installs the Debian packages whose programs the tests drive, before the first test. */
import { installPackages } from '../kit/debian-packages.ts';

const PACKAGES = [
  'bind9',
  'bind9-dnsutils',
  'bsd-mailx',
  'buildah',
  'ca-certificates',
  'clamav-daemon',
  'clamav-milter',
  'curl',
  'debootstrap',
  'docker-compose',
  'dovecot-core',
  'dovecot-imapd',
  'fetchmail',
  'haproxy',
  'isync',
  'ldap-utils',
  'libauthen-sasl-perl',
  'libnet-ssleay-perl',
  'logwatch',
  'mailutils',
  'mariadb-client',
  'mariadb-server',
  'msmtp',
  'mutt',
  'netcat-openbsd',
  'opendkim',
  'perl',
  'pflogsumm',
  'postfix',
  'postfix-cdb',
  'postfix-ldap',
  'postfix-lmdb',
  'postfix-mysql',
  'postfix-pcre',
  'postfix-pgsql',
  'postfix-policyd-spf-python',
  'postfix-sqlite',
  'prometheus',
  'postgresql',
  'python3',
  'rspamd',
  's-nail',
  'slapd',
  'swaks',
];

/** The globalSetup of vitest. */
export function setup(): void {
  installPackages('npm run test:interop', PACKAGES);
}
