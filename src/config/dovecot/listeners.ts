/** Where the protocols of dovecot.conf are served: Dovecot's own listeners, and what `service` blocks make of them. */
import type { ProxiedPort } from '../proxied-port.ts';
import { type DovecotBlock, settingOf } from './blocks.ts';
import type { MailboxProtocol, SettingReader } from './reader.ts';

export interface DovecotListener {
  readonly protocol: MailboxProtocol;
  /** Of its inet_listener; Dovecot's own have the name of their protocol. */
  readonly name: string;
  /** `0.0.0.0` and `::` for all. */
  readonly addresses: readonly string[];
  readonly port: number;
  /** TLS from the first octet. */
  readonly ssl: boolean;
  /** `haproxy = yes`; null: clients connect themselves. */
  readonly proxied: ProxiedPort | null;
}

/** A `unix_listener` of `service lmtp`, as written. */
export interface LmtpSocket {
  /** A path without a leading `/` is below base_dir. */
  readonly path: string;
  /** Permissions. */
  readonly mode: number;
  /** Names or numbers; '' where not set. */
  readonly user: string;
  readonly group: string;
  readonly file: string;
  readonly line: number;
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
  readonly read: SettingReader;
  readonly ssl: boolean;
  /** Addresses where `listen` is not set. */
  readonly fallback: readonly string[];
}

export function listeners(
  root: DovecotBlock,
  protocols: readonly MailboxProtocol[],
  { read, ssl, fallback }: ListenerOptions,
): DovecotListener[] {
  const listen = read.setting('listen') === undefined ? fallback : read.words('listen').map(listenAddress);
  const proxied = {
    headerTimeout: read.time('haproxy_timeout', 3_000),
    trusted: read.networks('haproxy_trusted_networks'),
  };
  const found: DovecotListener[] = [];
  for (const standard of STANDARD) {
    if (!protocols.includes(standard.protocol) || (standard.ssl && !ssl)) continue;
    const block = listenerBlocks(root, standard.service).findLast((candidate) => candidate.name === standard.name);
    found.push(...listenerOf(block, { ...standard, proxied }, listen, read));
  }
  for (const { service, protocol } of [
    ...STANDARD.filter((row) => !row.ssl),
    { service: 'lmtp', protocol: 'lmtp' as const },
  ]) {
    if (!protocols.includes(protocol)) continue;
    const others = listenerBlocks(root, service).filter(
      (block) => !STANDARD.some((row) => row.service === service && row.name === block.name),
    );
    for (const block of others)
      found.push(...listenerOf(block, { name: block.name, protocol, port: 0, ssl: false, proxied }, listen, read));
  }
  return found;
}

const listenAddress = (word: string): string => (word === '*' ? '0.0.0.0' : word.replace(/^\[(.*)\]$/, '$1'));

function listenerBlocks(root: DovecotBlock, service: string, kind = 'inet_listener'): DovecotBlock[] {
  return root.blocks
    .filter((block) => block.kind === 'service' && block.name === service)
    .flatMap((block) => block.blocks.filter((inner) => inner.kind === kind));
}

/** The UNIX sockets that `service lmtp` asks for. As in Dovecot, a mode of 0 switches one off. */
export function lmtpSockets(root: DovecotBlock, read: SettingReader): LmtpSocket[] {
  const blocks = new Map(listenerBlocks(root, 'lmtp', 'unix_listener').map((block) => [block.name, block]));
  return [...blocks.values()].flatMap((block) => {
    if (block.name === '') {
      read.fault(
        { key: 'unix_listener', value: '', file: block.file, line: block.line },
        'expected the path of a socket',
      );
      return [];
    }
    const mode = settingOf(block, 'mode');
    if (mode !== undefined && !/^[0-7]{1,4}$/.test(mode.value)) {
      read.fault(mode, `"${mode.value.slice(0, 40)}": expected permissions in octal digits, such as 0600`);
      return [];
    }
    const standard = block.name === 'lmtp' ? 0o666 : 0o600;
    const permissions = mode === undefined ? standard : Number.parseInt(mode.value, 8);
    if (permissions === 0) return [];
    const { name: path, file, line } = block;
    return [
      {
        path,
        mode: permissions,
        user: settingOf(block, 'user')?.value ?? '',
        group: settingOf(block, 'group')?.value ?? '',
        file,
        line,
      },
    ];
  });
}

/** `standard`: what it is without its block, and `proxied` with `haproxy = yes` in it. */
function listenerOf(
  block: DovecotBlock | undefined,
  standard: Omit<DovecotListener, 'addresses' | 'proxied'> & { readonly proxied: ProxiedPort },
  listen: readonly string[],
  read: SettingReader,
): DovecotListener[] {
  const portSetting = settingOf(block, 'port');
  if (portSetting !== undefined && !(/^\d{1,5}$/.test(portSetting.value) && Number(portSetting.value) <= 65_535)) {
    read.fault(portSetting, `"${portSetting.value.slice(0, 40)}": expected a port from 0 (off) to 65535`);
    return [];
  }
  const port = portSetting === undefined ? standard.port : Number(portSetting.value);
  // As in Dovecot, one that is set to nothing is not set. An empty name of a host would stand for all addresses.
  const given = (settingOf(block, 'address')?.value ?? '').split(/[\s,]+/).filter((word) => word !== '');
  const addresses = given.length === 0 ? listen : given.map(listenAddress);
  const sslSetting = settingOf(block, 'ssl')?.value.toLowerCase();
  const haproxy = settingOf(block, 'haproxy');
  const isProxied = haproxy?.value.toLowerCase() === 'yes';
  if (haproxy !== undefined && isProxied && port > 0 && standard.proxied.trusted?.length === 0)
    read.fault(haproxy, 'nobody would be served: haproxy_trusted_networks lists the proxies, and it is not set');
  return port === 0
    ? []
    : [
        {
          protocol: standard.protocol,
          name: standard.name,
          addresses,
          port,
          ssl: sslSetting === undefined ? standard.ssl : sslSetting === 'yes',
          proxied: isProxied ? standard.proxied : null,
        },
      ];
}
