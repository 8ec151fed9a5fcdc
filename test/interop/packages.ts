/** Installs the Debian packages whose programs the tests drive, before the first test. */
import { installPackages } from '../kit/debian-packages.ts';

const PACKAGES = [
  'bind9',
  'bind9-dnsutils',
  'buildah',
  'ca-certificates',
  'curl',
  'debootstrap',
  'docker-compose',
  'dovecot-core',
  'dovecot-imapd',
  'fetchmail',
  'haproxy',
  'isync',
  'libauthen-sasl-perl',
  'libnet-ssleay-perl',
  'msmtp',
  'mutt',
  'perl',
  'postfix',
  'python3',
  's-nail',
  'swaks',
];

/** The globalSetup of vitest. */
export function setup(): void {
  installPackages('npm run test:interop', PACKAGES);
}
