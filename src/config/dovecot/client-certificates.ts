/** What dovecot.conf wants of the certificates of IMAP and POP3's clients, as in Dovecot 2.3. */
import type { NamedFile } from '../certificates.ts';
import type { Fault } from '../fault.ts';
import type { DovecotBlock } from './blocks.ts';
import type { SettingReader } from './reader.ts';

export interface MailboxCertificates {
  /** ssl_ca: whose certificates are taken, with their revocation lists. */
  readonly authorities: NamedFile | undefined;
  /** ssl_verify_client_cert: null where clients are not asked for certificates; otherwise where that is set. */
  readonly asked: NamedFile['place'] | null;
  /** ssl_require_crl: one without a revocation list of each authority above it is not valid. */
  readonly needsRevocationLists: boolean;
  /** auth_ssl_require_client_cert */
  readonly required: boolean;
  /** auth_ssl_username_from_cert: the short name of ssl_cert_username_field in OpenSSL; null where not set. */
  readonly userField: string | null;
  /** `external` of auth_mechanisms: it fails where no passdb takes users without a password. */
  readonly external: 'off' | 'refuses' | 'acts';
}

/** OpenSSL's short names by its long ones, in lower case: of the fields that name a person. */
const FIELDS: Readonly<Record<string, string>> = {
  cn: 'CN',
  commonname: 'CN',
  emailaddress: 'emailAddress',
  uid: 'UID',
  userid: 'UID',
  sn: 'SN',
  surname: 'SN',
  gn: 'GN',
  givenname: 'GN',
  name: 'name',
  ou: 'OU',
  organizationalunitname: 'OU',
  serialnumber: 'serialNumber',
  title: 'title',
  x500uniqueidentifier: 'x500UniqueIdentifier',
};

const yes = (read: SettingReader, key: string, initial: 'yes' | 'no' = 'no'): boolean =>
  read.choice(key, ['no', 'yes'], initial) === 'yes';

/** `warn` hears of settings that keep everybody out, or have no effect without another one. */
export function mailboxCertificates(
  root: DovecotBlock,
  read: SettingReader,
  warn: (fault: Fault) => void,
): MailboxCertificates {
  const placeOf = (key: string): NamedFile['place'] => {
    const { file, line } = read.setting(key) ?? root;
    return { file, line, parameter: key };
  };
  const authorities = read.file('ssl_ca');
  const verifies = yes(read, 'ssl_verify_client_cert') && read.text('ssl')?.toLowerCase() !== 'no';
  const asked = read.setting('ssl_verify_client_cert');
  if (verifies && authorities === undefined && asked !== undefined)
    read.fault(asked, 'needs ssl_ca, the authorities whose certificates are taken: ssl_ca = </etc/ssl/ca.pem');
  const required = yes(read, 'auth_ssl_require_client_cert');
  if (required && !verifies)
    warn({
      ...placeOf('auth_ssl_require_client_cert'),
      message: 'no client is asked for a certificate, so that nobody can log in: set ssl_verify_client_cert = yes',
    });
  const namesUser = yes(read, 'auth_ssl_username_from_cert');
  if (namesUser && !verifies)
    warn({
      ...placeOf('auth_ssl_username_from_cert'),
      message: 'has no effect, for no client is asked for a certificate: set ssl_verify_client_cert = yes',
    });
  const field = fieldOf(read);
  const external = externalOf(root, read);
  if (external === 'refuses')
    warn({
      ...placeOf('auth_mechanisms'),
      message:
        'EXTERNAL is offered but always fails, as in Dovecot: no passdb takes users without a password (args = nopassword=y, mechanisms = external)',
    });
  return {
    authorities,
    asked: verifies ? placeOf('ssl_verify_client_cert') : null,
    needsRevocationLists: yes(read, 'ssl_require_crl', 'yes'),
    required,
    userField: namesUser ? field : null,
    external,
  };
}

function fieldOf(read: SettingReader): string {
  const setting = read.setting('ssl_cert_username_field');
  const name = setting?.value ?? 'commonName';
  const known = Object.hasOwn(FIELDS, name.toLowerCase()) ? FIELDS[name.toLowerCase()] : undefined;
  if (known === undefined && setting !== undefined)
    read.fault(
      setting,
      `"${name.slice(0, 40)}": expected a field of a subject: ${[...new Set(Object.values(FIELDS))].join(', ')}`,
    );
  return known ?? 'CN';
}

/** A passdb for which the certificate is enough says `nopassword`, for this mechanism or for all. */
function externalOf(root: DovecotBlock, read: SettingReader): MailboxCertificates['external'] {
  if (!read.words('auth_mechanisms').some((word) => word.toLowerCase() === 'external')) return 'off';
  const takes = root.blocks.some(({ kind, settings }) => {
    if (kind !== 'passdb') return false;
    const mechanisms = settings.findLast(({ key }) => key === 'mechanisms')?.value ?? 'external';
    return (
      /\bexternal\b/i.test(mechanisms) &&
      settings.some(
        ({ key, value }) =>
          /^(?:args|default_fields|override_fields)$/.test(key) && /(?:^|\s)nopassword(?:=|\s|$)/.test(value),
      )
    );
  });
  return takes ? 'acts' : 'refuses';
}
