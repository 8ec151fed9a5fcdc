/**
 * dovecot.conf: which mailbox protocols are served, where, with which certificate. Requirement D1.
 *
 * `key = value` lines and `name { … }` blocks, `#` comments, `!include`. Settings of Dovecot's that
 * have no effect here are reported (`inert.ts`); a value that cannot be meant is a fault.
 */

import type { ServerTerms } from '../../protocol/tls/terms.ts';
import type { NamedFile } from '../certificates.ts';
import type { Fault } from '../fault.ts';
import { type DovecotAuth, dovecotAuth } from './auth.ts';
import { type DovecotSetting, type Include, parseBlocks } from './blocks.ts';
import { type MailboxCertificates, mailboxCertificates } from './client-certificates.ts';
import { inertSettings } from './inert.ts';
import { type DovecotListener, type LmtpSocket, listeners, lmtpSockets } from './listeners.ts';
import { type DovecotMail, dovecotMail } from './mail.ts';
import { type ByProtocol, type MailboxProtocol, SettingReader } from './reader.ts';
import { mailboxTerms } from './terms.ts';

export interface Dovecot {
  readonly protocols: readonly MailboxProtocol[];
  readonly listeners: readonly DovecotListener[];
  /** UNIX sockets on which LMTP is served. */
  readonly lmtpSockets: readonly LmtpSocket[];
  /** `no`: no TLS; `yes`: offered; `required`: no login without it. */
  readonly ssl: 'no' | 'yes' | 'required';
  /** As written; undefined where not set. */
  readonly sslCertificate: NamedFile | undefined;
  readonly sslKey: NamedFile | undefined;
  /** Of IMAP and POP3, without the authorities of `clientCertificates`. */
  readonly tls: ServerTerms;
  readonly clientCertificates: MailboxCertificates;
  readonly auth: DovecotAuth;
  /** No login over clear text, except from trusted networks and this machine itself. */
  readonly disablePlaintextAuth: boolean;
  readonly loginTrustedNetworks: readonly string[];
  /** Where a Dovecot kept mail, for import only. */
  readonly mail: DovecotMail;
  readonly loginGreeting: string;
  /** mail_server_comment and mail_server_admin: what IMAP's METADATA says about the server; null where not set. */
  readonly serverComment: string | null;
  readonly serverAdmin: string | null;
  /**
   * mail_max_userip_connections, of a `protocol` block or of all: sessions of one account from one client; 0 is without
   * limit, undefined where not set.
   */
  readonly sessionsPerUser: ByProtocol<number | undefined>;
}

export interface DovecotOptions {
  readonly include: Include;
  /** Addresses for `listen` where it is not set. */
  readonly listen: readonly string[];
}

export interface DovecotRead {
  readonly dovecot: Dovecot;
  readonly faults: readonly Fault[];
  readonly warnings: readonly Fault[];
  /** Settings without effect that guard nothing. */
  readonly notes: readonly Fault[];
}

/** Never throws. */
export function parseDovecotConf(text: string, file: string, options: DovecotOptions): DovecotRead {
  const faults: Fault[] = [];
  const warnings: Fault[] = [];
  const used = new Set<DovecotSetting>();
  const root = parseBlocks(text, file, options.include, faults);
  const read = new SettingReader(root, faults);
  const protocols = read.protocols();
  const ssl = read.choice('ssl', ['no', 'yes', 'required'], 'yes');
  const dovecot: Dovecot = {
    protocols,
    listeners: listeners(root, protocols, { read, ssl: ssl !== 'no', fallback: options.listen }),
    lmtpSockets: protocols.includes('lmtp') ? lmtpSockets(root, read) : [],
    ssl,
    sslCertificate: read.file('ssl_cert') ?? read.path('ssl_server_cert_file'),
    sslKey: read.file('ssl_key') ?? read.path('ssl_server_key_file'),
    tls: mailboxTerms(read),
    clientCertificates: mailboxCertificates(root, read, (fault) => warnings.push(fault)),
    auth: dovecotAuth({
      root,
      read,
      include: options.include,
      faults,
      warnings,
      uses: (setting) => void used.add(setting),
    }),
    disablePlaintextAuth: read.choice('disable_plaintext_auth', ['no', 'yes'], 'yes') === 'yes',
    loginTrustedNetworks: read.words('login_trusted_networks'),
    mail: dovecotMail(root),
    loginGreeting: read.text('login_greeting') ?? '',
    serverComment: read.text('mail_server_comment') || null,
    serverAdmin: read.text('mail_server_admin') || null,
    sessionsPerUser: read.counts('mail_max_userip_connections'),
  };
  const inert = inertSettings(root, used);
  return { dovecot, faults, warnings: [...warnings, ...inert.warnings], notes: inert.notes };
}
