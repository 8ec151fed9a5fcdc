/**
 * Settings of dovecot.conf without effect here: one line each with its place, a warning where somebody may rely
 * on the setting to keep others out or to keep a connection safe, otherwise a note.
 */
import { nearest } from '../../nearest.ts';
import { ownValue } from '../../own-value.ts';
import type { Fault } from '../fault.ts';
import type { DovecotBlock, DovecotSetting } from './blocks.ts';

const KNOWN = new Set([
  'protocols',
  'listen',
  'ssl',
  'ssl_cert',
  'ssl_key',
  'ssl_server_cert_file',
  'ssl_server_key_file',
  'ssl_min_protocol',
  'ssl_cipher_list',
  'ssl_cipher_suites',
  'ssl_curve_list',
  'ssl_prefer_server_ciphers',
  'ssl_ca',
  'ssl_verify_client_cert',
  'ssl_require_crl',
  'ssl_cert_username_field',
  'auth_ssl_require_client_cert',
  'auth_ssl_username_from_cert',
  'auth_mechanisms',
  'disable_plaintext_auth',
  'login_trusted_networks',
  'login_greeting',
  'mail_server_comment',
  'mail_server_admin',
  'mail_max_userip_connections',
  'haproxy_trusted_networks',
  'haproxy_timeout',
  'haproxy',
  'port',
  'address',
]);

/** Of a `unix_listener` of `service lmtp`. */
const SOCKET = new Set(['mode', 'user', 'group']);

interface Guard {
  /** What is so here instead. */
  readonly instead: string;
  /** Values that ask for no more than that. */
  readonly holds: RegExp;
}

const TLS: Guard = {
  instead: 'ssl_min_protocol says which versions are spoken',
  holds: /^(?:!(?:SSLv[23]|TLSv1(?:\.1)?)\s*)*$/i,
};
/** By name; in a block by the kind of the block too. */
const GUARDS: Readonly<Record<string, Guard>> = {
  ssl_protocols: TLS,
  auth_policy_server_url: { instead: 'no policy server is asked at a login', holds: /^$/ },
  login_access_sockets: { instead: 'no access service is asked at a connection', holds: /^$/ },
  'passdb deny': { instead: 'nobody is shut out by it; posthorn user disable shuts an account out', holds: /^no$/i },
};

/** Why settings have no effect, by name. */
const REASONS: Readonly<Record<string, string>> = {
  mail_location: 'mail is kept in the store; "posthorn import mail dovecot" brings what is there',
  log_path: 'the log is written to a file of the data folder',
};

/** The same for those in these blocks. */
const BLOCKS: Readonly<Record<string, string>> = {
  passdb: 'accounts are in the store',
  userdb: 'accounts are in the store',
  namespace: 'each account has one namespace',
  service: 'all services are one process',
  unix_listener: 'all services are one process',
  fifo_listener: 'all services are one process',
  plugin: "Dovecot's plugins are not run",
};

const MOST_NOTES = 30;

export interface InertSettings {
  /** Settings that guard something, and likely misspellings. */
  readonly warnings: readonly Fault[];
  /** The others, at most 30, then their number. */
  readonly notes: readonly Fault[];
}

/** `used`: settings of blocks that have an effect. */
export function inertSettings(root: DovecotBlock, used: ReadonlySet<DovecotSetting>): InertSettings {
  const warnings: Fault[] = [];
  const notes: Fault[] = [];
  for (const { setting, kind, service } of settingsOf(root)) {
    if (
      used.has(setting) ||
      KNOWN.has(setting.key) ||
      (kind === 'unix_listener' && service === 'lmtp' && SOCKET.has(setting.key))
    )
      continue;
    const guard = ownValue(GUARDS, setting.key) ?? ownValue(GUARDS, `${kind} ${setting.key}`);
    const place = {
      file: setting.file,
      line: setting.line,
      parameter: kind === '' ? setting.key : `${kind}: ${setting.key}`,
    };
    const hint = kind === '' && guard === undefined ? nearest(setting.key, KNOWN) : undefined;
    if (hint !== undefined) warnings.push({ ...place, message: `no such setting here; did you mean "${hint}"?` });
    else if (guard !== undefined && !guard.holds.test(setting.value))
      warnings.push({ ...place, message: `has no effect here: ${guard.instead}` });
    else
      notes.push({
        ...place,
        message: `has no effect here${reasonOf(guard?.instead ?? ownValue(REASONS, setting.key) ?? ownValue(BLOCKS, kind))}`,
      });
  }
  return { warnings, notes: shortened(notes) };
}

const reasonOf = (reason: string | undefined): string => (reason === undefined ? '' : `: ${reason}`);

function shortened(notes: readonly Fault[]): Fault[] {
  const next = notes[MOST_NOTES];
  if (next === undefined) return [...notes];
  const rest = notes.length - MOST_NOTES;
  return [
    ...notes.slice(0, MOST_NOTES),
    {
      file: next.file,
      line: next.line,
      message: `${rest} more ${rest === 1 ? 'setting has' : 'settings have'} no effect here`,
    },
  ];
}

interface Placed {
  readonly setting: DovecotSetting;
  /** Of the block that it stands in, '' at the top. */
  readonly kind: string;
  /** The name of the `service` block around it, '' outside of one. */
  readonly service: string;
}

function settingsOf(block: DovecotBlock, around = ''): Placed[] {
  const service = block.kind === 'service' ? block.name : around;
  return [
    ...block.settings.map((setting) => ({ setting, kind: block.kind, service })),
    ...block.blocks.flatMap((inner) => settingsOf(inner, service)),
  ];
}
