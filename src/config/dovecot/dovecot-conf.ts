/**
 * dovecot.conf: which mailbox protocols are served, where, with which certificate. Requirement D1.
 *
 * `key = value` lines and `name { … }` blocks, `#` comments, `!include`. Settings of Dovecot's that
 * have no effect here are reported (`inert.ts`); a value that cannot be meant is a fault.
 */

import { nearest } from '../../nearest.ts';
import type { NamedFile } from '../certificates.ts';
import type { Fault } from '../fault.ts';
import { type DovecotBlock, type DovecotSetting, type Include, parseBlocks } from './blocks.ts';
import { inertSettings } from './inert.ts';

export type MailboxProtocol = 'imap' | 'pop3' | 'lmtp';

export interface DovecotListener {
  readonly protocol: MailboxProtocol;
  /** `0.0.0.0` and `::` for all. */
  readonly addresses: readonly string[];
  readonly port: number;
  /** TLS from the first octet. */
  readonly ssl: boolean;
}

type ByProtocol<T> = { readonly imap: T; readonly pop3: T };

export interface Dovecot {
  readonly protocols: readonly MailboxProtocol[];
  readonly listeners: readonly DovecotListener[];
  /** `no`: no TLS; `yes`: offered; `required`: no login without it. */
  readonly ssl: 'no' | 'yes' | 'required';
  /** As written; undefined where not set. */
  readonly sslCertificate: NamedFile | undefined;
  readonly sslKey: NamedFile | undefined;
  /** No login over clear text, except from trusted networks and this machine itself. */
  readonly disablePlaintextAuth: boolean;
  readonly loginTrustedNetworks: readonly string[];
  /** `mbox:~/mail:INBOX=/var/mail/%u`, for import only; '' where not set. */
  readonly mailLocation: string;
  readonly loginGreeting: string;
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
  const root = parseBlocks(text, file, options.include, faults);
  const read = new Reader(root, faults);
  const protocols = read.protocols();
  const ssl = read.choice('ssl', ['no', 'yes', 'required'], 'yes');
  const dovecot: Dovecot = {
    protocols,
    listeners: listeners(root, protocols, { read, ssl: ssl !== 'no', fallback: options.listen }),
    ssl,
    sslCertificate: read.file('ssl_cert') ?? read.path('ssl_server_cert_file'),
    sslKey: read.file('ssl_key') ?? read.path('ssl_server_key_file'),
    disablePlaintextAuth: read.choice('disable_plaintext_auth', ['no', 'yes'], 'yes') === 'yes',
    loginTrustedNetworks: read.words('login_trusted_networks'),
    mailLocation: read.text('mail_location') ?? '',
    loginGreeting: read.text('login_greeting') ?? '',
    sessionsPerUser: read.counts('mail_max_userip_connections'),
  };
  return { dovecot, faults, ...inertSettings(root) };
}

const PROTOCOLS: readonly MailboxProtocol[] = ['imap', 'pop3', 'lmtp'];
/** Of Dovecot, not served here. */
const OTHER_PROTOCOLS = new Set(['none', 'sieve', 'submission']);
const isProtocol = (word: string): word is MailboxProtocol => (PROTOCOLS as readonly string[]).includes(word);

/** Typed reading of top-level settings; the later one wins. */
class Reader {
  readonly #root: DovecotBlock;
  readonly #faults: Fault[];

  constructor(root: DovecotBlock, faults: Fault[]) {
    this.#root = root;
    this.#faults = faults;
  }

  setting(key: string): DovecotSetting | undefined {
    return this.#root.settings.findLast((setting) => setting.key === key);
  }

  text(key: string): string | undefined {
    return this.setting(key)?.value;
  }

  path(key: string): NamedFile | undefined {
    const setting = this.setting(key);
    return setting === undefined || setting.value === '' ? undefined : this.#named(setting, setting.value);
  }

  /** `<path` as the path. Inline PEM text is not taken. */
  file(key: string): NamedFile | undefined {
    const setting = this.setting(key);
    if (setting === undefined || setting.value === '') return undefined;
    if (setting.value.startsWith('<')) return this.#named(setting, setting.value.slice(1).trim());
    this.fault(
      setting,
      `"${setting.value.slice(0, 40)}": expected the name of a file after "<", such as ${key} = </etc/ssl/mail.pem`,
    );
    return undefined;
  }

  #named(setting: DovecotSetting, path: string): NamedFile {
    return { path, place: { file: setting.file, line: setting.line, parameter: setting.key } };
  }

  words(key: string): string[] {
    return (this.text(key) ?? '').split(/[\s,]+/).filter((word) => word !== '');
  }

  choice<T extends string>(key: string, allowed: readonly T[], initial: T): T {
    const setting = this.setting(key);
    const found = allowed.find((word) => word === setting?.value.toLowerCase());
    if (setting !== undefined && found === undefined)
      this.fault(setting, `"${setting.value.slice(0, 40)}": expected ${allowed.join(', ')}`);
    return found ?? initial;
  }

  /** A number from 0 on: what stands in `protocol name { … }` comes before what stands at the top. */
  counts(key: string): ByProtocol<number | undefined> {
    const number = (setting: DovecotSetting | undefined): number | undefined => {
      if (setting === undefined || /^\d{1,9}$/.test(setting.value))
        return setting === undefined ? undefined : Number(setting.value);
      this.fault(setting, `"${setting.value.slice(0, 40)}": expected a number, 0 for no limit`);
      return undefined;
    };
    const own = (protocol: string): DovecotSetting | undefined =>
      this.#root.blocks
        .filter((block) => block.kind === 'protocol' && block.name === protocol)
        .flatMap((block) => block.settings)
        .findLast((setting) => setting.key === key);
    const all = number(this.setting(key));
    return { imap: number(own('imap')) ?? all, pop3: number(own('pop3')) ?? all };
  }

  /** `$protocols` in a value is what was set before, as packaged files add to it one by one. */
  protocols(): MailboxProtocol[] {
    const settings = this.#root.settings.filter((setting) => setting.key === 'protocols');
    if (settings.length === 0) return ['imap', 'pop3', 'lmtp'];
    return settings.reduce<MailboxProtocol[]>((before, setting) => {
      const words = setting.value.split(/[\s,]+/).filter((word) => word !== '');
      return [...new Set(words.flatMap((word) => (word === '$protocols' ? before : this.#protocol(word, setting))))];
    }, []);
  }

  #protocol(word: string, setting: DovecotSetting): MailboxProtocol[] {
    const plain = word.replace(/^(imap|pop3)s$/, '$1');
    if (isProtocol(plain)) return [plain];
    if (OTHER_PROTOCOLS.has(plain)) return [];
    const hint = nearest(word, PROTOCOLS);
    this.fault(
      setting,
      `"${word.slice(0, 40)}": expected imap, pop3 or lmtp${hint === undefined ? '' : `; did you mean "${hint}"?`}`,
    );
    return [];
  }

  fault(setting: DovecotSetting, message: string): void {
    this.#faults.push({ file: setting.file, line: setting.line, parameter: setting.key, message });
  }
}

/** Dovecot's own listeners, which `service x-login { inet_listener y { port = … } }` changes; port 0 is off. */
const STANDARD: readonly {
  readonly service: string;
  readonly name: string;
  readonly protocol: MailboxProtocol;
  readonly port: number;
  readonly ssl: boolean;
}[] = [
  { service: 'imap-login', name: 'imap', protocol: 'imap', port: 143, ssl: false },
  { service: 'imap-login', name: 'imaps', protocol: 'imap', port: 993, ssl: true },
  { service: 'pop3-login', name: 'pop3', protocol: 'pop3', port: 110, ssl: false },
  { service: 'pop3-login', name: 'pop3s', protocol: 'pop3', port: 995, ssl: true },
];

interface ListenerOptions {
  readonly read: Reader;
  readonly ssl: boolean;
  /** Addresses where `listen` is not set. */
  readonly fallback: readonly string[];
}

function listeners(
  root: DovecotBlock,
  protocols: readonly MailboxProtocol[],
  { read, ssl, fallback }: ListenerOptions,
): DovecotListener[] {
  const listen = read.setting('listen') === undefined ? fallback : read.words('listen').map(listenAddress);
  const found: DovecotListener[] = [];
  for (const standard of STANDARD) {
    if (!protocols.includes(standard.protocol) || (standard.ssl && !ssl)) continue;
    const block = listenerBlocks(root, standard.service).findLast((candidate) => candidate.name === standard.name);
    found.push(...listenerOf(block, standard, listen, read));
  }
  for (const { service, protocol } of [
    ...STANDARD.filter((row) => !row.ssl),
    { service: 'lmtp', protocol: 'lmtp' as const },
  ]) {
    if (!protocols.includes(protocol)) continue;
    const others = listenerBlocks(root, service).filter(
      (block) => !STANDARD.some((row) => row.service === service && row.name === block.name),
    );
    for (const block of others) found.push(...listenerOf(block, { protocol, port: 0, ssl: false }, listen, read));
  }
  return found;
}

const listenAddress = (word: string): string => (word === '*' ? '0.0.0.0' : word.replace(/^\[(.*)\]$/, '$1'));

function listenerBlocks(root: DovecotBlock, service: string): DovecotBlock[] {
  return root.blocks
    .filter((block) => block.kind === 'service' && block.name === service)
    .flatMap((block) => block.blocks.filter((inner) => inner.kind === 'inet_listener'));
}

function listenerOf(
  block: DovecotBlock | undefined,
  standard: { readonly protocol: MailboxProtocol; readonly port: number; readonly ssl: boolean },
  listen: readonly string[],
  read: Reader,
): DovecotListener[] {
  const own = (key: string): DovecotSetting | undefined => block?.settings.findLast((setting) => setting.key === key);
  const portSetting = own('port');
  if (portSetting !== undefined && !(/^\d{1,5}$/.test(portSetting.value) && Number(portSetting.value) <= 65_535)) {
    read.fault(portSetting, `"${portSetting.value.slice(0, 40)}": expected a port from 0 (off) to 65535`);
    return [];
  }
  const port = portSetting === undefined ? standard.port : Number(portSetting.value);
  const addresses =
    own('address')
      ?.value.split(/[\s,]+/)
      .map(listenAddress) ?? listen;
  const sslSetting = own('ssl')?.value.toLowerCase();
  return port === 0
    ? []
    : [
        {
          protocol: standard.protocol,
          addresses,
          port,
          ssl: sslSetting === undefined ? standard.ssl : sslSetting === 'yes',
        },
      ];
}
