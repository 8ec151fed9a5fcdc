/** dovecot-oauth2.conf.ext: who says whether an access token is good, and for whom, as in Dovecot 2.3. */
import type { TokenSource } from '../../lookup/token-settings.ts';
import { nearest } from '../../nearest.ts';
import type { NamedFile } from '../certificates.ts';
import type { Fault } from '../fault.ts';
import { type DovecotBlock, type DovecotSetting, parseBlocks, settingOf } from './blocks.ts';
import { expandVariables } from './variables.ts';

export interface OAuth2Settings extends TokenSource {
  /** Applied to the user's name and to the login before they are compared: `%Lu`. */
  readonly usernameFormat: string;
  /** Authorities of the server that is asked; null for those of the system. */
  readonly caFile: NamedFile | null;
}

const DEFAULT_TIMEOUT = 10_000;
const MOST_TIMEOUT = 30_000;

const KEYS = [
  'tokeninfo_url',
  'introspection_url',
  'introspection_mode',
  'force_introspection',
  'client_id',
  'client_secret',
  'scope',
  'username_attribute',
  'username_format',
  'active_attribute',
  'active_value',
  'issuers',
  'local_validation_key_dict',
  'openid_configuration_url',
  'tls_ca_cert_file',
  'timeout_msecs',
] as const;
type Key = (typeof KEYS)[number];

/** Dovecot's, without effect here: why. */
const INERT: Readonly<Record<string, string>> = {
  grant_url: 'passwords are those of the store, and no token is asked for them',
  use_grant_password: 'passwords are those of the store, and no token is asked for them',
  use_id_token: 'passwords are those of the store, and no token is asked for them',
  tls_allow_invalid_cert:
    'the certificate of the server that is asked is verified; tls_ca_cert_file names another authority',
  tls_ca_cert_dir: 'the authorities are those of tls_ca_cert_file or of the system',
  tls_cert_file: 'no certificate is shown to the server that is asked',
  tls_key_file: 'no certificate is shown to the server that is asked',
  tls_cipher_suite: 'the ciphers are those of Node',
  pass_attrs: 'accounts are in the store',
  send_auth_headers: 'no further header is sent',
  max_idle_connections: 'each question has a connection of its own',
  max_parallel_connections: 'each question has a connection of its own',
  max_pipelined_requests: 'each question has a connection of its own',
  rawlog_dir: 'tokens are not written down',
  debug: 'the log has what was decided',
  blocking: 'nothing waits for it',
};

export interface OAuth2Read {
  /** Null if tokens cannot be judged by it. */
  readonly oauth2: OAuth2Settings | null;
  readonly faults: readonly Fault[];
  readonly warnings: readonly Fault[];
}

/** Never throws. */
export function readOAuth2(text: string, file: string): OAuth2Read {
  const faults: Fault[] = [];
  const root = parseBlocks(text, file, () => [], faults);
  const read = new Reader(root, faults);
  const oauth2: OAuth2Settings = {
    tokeninfoUrl: read.url('tokeninfo_url'),
    introspectionUrl: read.url('introspection_url'),
    mode: read.choice('introspection_mode', ['auth', 'get', 'post', 'local']),
    forceIntrospection: read.choice('force_introspection', ['no', 'yes']) === 'yes',
    clientId: read.text('client_id'),
    clientSecret: read.text('client_secret'),
    scope: read.words('scope'),
    usernameAttribute: read.text('username_attribute', 'email'),
    usernameFormat: read.format('username_format', '%Lu'),
    activeAttribute: read.text('active_attribute'),
    activeValue: read.text('active_value'),
    issuers: read.words('issuers'),
    keyFolder: read.keyFolder('local_validation_key_dict'),
    openidConfigurationUrl: read.url('openid_configuration_url'),
    caFile: read.file('tls_ca_cert_file'),
    timeout: read.timeout('timeout_msecs'),
  };
  const isEmpty =
    oauth2.mode === 'local' ? oauth2.keyFolder === '' : `${oauth2.tokeninfoUrl}${oauth2.introspectionUrl}` === '';
  if (isEmpty)
    faults.push({
      file,
      line: 0,
      message:
        oauth2.mode === 'local'
          ? 'introspection_mode = local needs keys: local_validation_key_dict = fs:posix:prefix=/etc/dovecot/keys/'
          : 'nobody is asked about tokens: expected introspection_url, tokeninfo_url, or introspection_mode = local',
    });
  return { oauth2: faults.length === 0 ? oauth2 : null, faults, warnings: warningsOf(root) };
}

function warningsOf(root: DovecotBlock): Fault[] {
  return root.settings
    .filter(({ key }) => !(KEYS as readonly string[]).includes(key))
    .map(({ key, file, line }) => {
      const why = Object.hasOwn(INERT, key) ? INERT[key] : undefined;
      const hint = nearest(key, KEYS);
      const message =
        why !== undefined
          ? `has no effect here: ${why}`
          : `no such setting here${hint === undefined ? '' : `; did you mean "${hint}"?`}`;
      return { file, line, parameter: key, message };
    });
}

class Reader {
  readonly #root: DovecotBlock;
  readonly #faults: Fault[];

  constructor(root: DovecotBlock, faults: Fault[]) {
    this.#root = root;
    this.#faults = faults;
  }

  text(key: Key, initial = ''): string {
    return settingOf(this.#root, key)?.value || initial;
  }

  file(key: Key): NamedFile | null {
    const setting = settingOf(this.#root, key);
    const path = setting?.value.replace(/^</, '').trim() ?? '';
    return setting === undefined || path === ''
      ? null
      : { path, place: { file: setting.file, line: setting.line, parameter: key } };
  }

  words(key: Key): string[] {
    return this.text(key)
      .split(/\s+/)
      .filter((word) => word !== '');
  }

  /** The first one is that where nothing is set. */
  choice<T extends string>(key: Key, allowed: readonly [T, ...T[]]): T {
    const value = this.text(key, allowed[0]);
    return allowed.find((word) => word === value) ?? this.#expected(key, allowed.join(', '), allowed[0]);
  }

  url(key: Key): string {
    const value = this.text(key);
    const isUrl = URL.canParse(value) && /^https?:$/.test(new URL(value).protocol);
    return value === '' || isUrl ? value : this.#expected(key, 'a URL such as https://auth.example.com/introspect', '');
  }

  format(key: Key, initial: string): string {
    const value = this.text(key, initial);
    try {
      expandVariables(value, { user: 'maomao@baidu.com', home: null });
      return value;
    } catch {
      return this.#expected(key, '%u, %n or %d, with L or U for small or capital letters: %Lu', initial);
    }
  }

  keyFolder(key: Key): string {
    const value = this.text(key);
    const [, folder] = /^fs:posix:prefix=(.+)$/.exec(value) ?? [];
    return value === '' || folder !== undefined
      ? (folder ?? '')
      : this.#expected(key, 'the folder of the keys: fs:posix:prefix=/etc/dovecot/keys/', '');
  }

  timeout(key: Key): number {
    const value = this.text(key, '0');
    const ms = /^\d{1,9}$/.test(value) ? Number(value) : this.#expected(key, 'a number of milliseconds', 0);
    return ms === 0 ? DEFAULT_TIMEOUT : Math.min(ms, MOST_TIMEOUT);
  }

  #expected<T>(key: Key, expected: string, instead: T): T {
    const setting = settingOf(this.#root, key) as DovecotSetting;
    const { file, line, value } = setting;
    this.#faults.push({ file, line, parameter: key, message: `"${value.slice(0, 40)}": expected ${expected}` });
    return instead;
  }
}
