/** ldap tables (ldap_table(5)). Protocol version 3, whatever `version` says: servers refuse the older one. */
import { connect, isIP } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import type { Client, ClientOptions } from 'ldapts';
import { messageOf } from '../../errors.ts';
import type { TableContext, TableType } from '../table-type.ts';
import { ClientFile, choice, flag, ignored, list, number, text } from './client-file.ts';
import { requireDriver } from './driver.ts';
import { type Entry, expandEntries, type Search } from './ldap-results.ts';
import { COMMON, clientPath, queryTable, templateOf } from './query-table.ts';
import { type Link, RefusedError, type ServerAddress, Servers } from './servers.ts';
import { authorities } from './tls-files.ts';

const NO_CACHE = 'there is no such cache';
const NO_SASL = 'only simple binds are supported';

const SETTINGS = {
  ...COMMON,
  server_host: list('localhost'),
  server_port: number(389, 1),
  timeout: number(10, 1),
  search_base: text(),
  query_filter: text('mailacceptinggeneralid=%s'),
  result_filter: ignored('its name is result_format'),
  result_attribute: list('maildrop'),
  special_result_attribute: list(),
  terminal_result_attribute: list(),
  leaf_result_attribute: list(),
  scope: choice('sub', ['sub', 'base', 'one']),
  bind: choice('yes', ['yes', 'no', 'none', 'simple']),
  bind_dn: text(),
  bind_pw: text(),
  recursion_limit: number(1000, 1),
  size_limit: number(0),
  dereference: choice('0', ['0', '1', '2', '3']),
  chase_referrals: choice('0', ['0', 'no']),
  version: choice('2', ['2', '3']),
  start_tls: flag('no'),
  tls_ca_cert_file: text(),
  tls_ca_cert_dir: text(),
  tls_cert: text(),
  tls_key: text(),
  tls_require_cert: flag('no'),
  tls_cipher_suite: text(),
  tls_random_file: ignored('the system gives random numbers'),
  cache: ignored(NO_CACHE),
  cache_expiry: ignored(NO_CACHE),
  cache_size: ignored(NO_CACHE),
  domain_pattern: ignored('use domain'),
  debuglevel: ignored('nothing more is logged'),
  sasl_mechs: ignored(NO_SASL),
  sasl_realm: ignored(NO_SASL),
  sasl_authz_id: ignored(NO_SASL),
  sasl_minssf: ignored(NO_SASL),
} as const;

type File = ClientFile<keyof typeof SETTINGS>;
type LdapLink = Link<Search, readonly Entry[]>;

/** Entries of one search where no limit is set. */
const MOST_ENTRIES = 10_000;
const DEREFERENCE = { '0': 'never', '1': 'search', '2': 'find', '3': 'always' } as const;

export const ldapTable: TableType = {
  doc: 'a search in an LDAP directory: ldap:/file.cf',
  open(name, argument, context) {
    requireDriver('ldapts', name);
    const file: File = new ClientFile(clientPath(name, argument, context), SETTINGS, context.log);
    if (!file.has('search_base')) throw file.fault('search_base', 'is missing: where to search?');
    const base = templateOf(file, 'search_base');
    const filter = templateOf(file, 'query_filter');
    const attributes = attributesOf(file);
    const servers = new Servers(name, addresses(file, context), 'as written', context);
    return queryTable({
      name,
      file,
      context,
      fits: (key) => base.fits(key) && filter.fits(key),
      async ask(key) {
        const search = { base: base.expand(key, key, quoteDn), filter: filter.expand(key, key, quoteFilter) };
        if (search.base === undefined || search.filter === undefined) return [];
        return expandEntries({
          first: { base: search.base, filter: search.filter, scope: scopeOf(file.text('scope')) },
          attributes,
          limits: { depth: file.number('recursion_limit'), results: file.number('expansion_limit') },
          search: (next) => servers.ask(next),
          warn: (message) => context.log.warn({ table: name }, `${name}: ${message}`),
        });
      },
      close: () => servers.close(),
    });
  },
};

const scopeOf = (word: string): Search['scope'] => (word === 'base' || word === 'one' ? word : 'sub');

function attributesOf(file: File): Parameters<typeof expandEntries>[0]['attributes'] {
  return {
    plain: file.list('result_attribute'),
    special: file.list('special_result_attribute'),
    terminal: file.list('terminal_result_attribute'),
    leaf: file.list('leaf_result_attribute'),
  };
}

/** RFC 4515 section 3. */
const quoteFilter = (value: string): string =>
  value.replace(/[*()\\\0]/g, (character) => `\\${character.charCodeAt(0).toString(16).padStart(2, '0')}`);

/** RFC 4514 section 2.4. */
const quoteDn = (value: string): string =>
  value.replace(/[,+"\\<>;=]|^[ #]| $/g, (character) => `\\${character}`).replaceAll('\0', '\\00');

function addresses(file: File, context: TableContext): readonly ServerAddress<LdapLink>[] {
  const tls = tlsOf(file, context);
  return file.list('server_host').map((item) => {
    const place = placeOf(item, file);
    return { name: item, isLocal: false, open: () => open(place, tls, file) };
  });
}

function tlsOf(file: File, context: TableContext): ConnectionOptions {
  const ca = authorities(file, { file: 'tls_ca_cert_file', folder: 'tls_ca_cert_dir' }, context);
  const cert = file.content('tls_cert', context);
  const key = file.content('tls_key', context);
  return {
    rejectUnauthorized: file.flag('tls_require_cert'),
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(file.has('tls_cipher_suite') ? { ciphers: file.text('tls_cipher_suite') } : {}),
  };
}

/** A URL, also `ldapi://%2Frun%2Fldapi`, or `host` and `host:port`. Throws TableFault. */
function placeOf(item: string, file: File): Pick<ClientOptions, 'url' | 'createConnection'> {
  const isUrl = /^ldap[is]?:\/\//.test(item);
  const isHost = /^(?:\[[^\]]+\]|[^:/[\]]+)(?::\d{1,5})?$/.test(item);
  const url = isUrl ? URL.parse(item) : isHost ? URL.parse(`ldap://${item}`) : null;
  if (url?.protocol === 'ldapi:') {
    const path = decodeURIComponent(/^ldapi:\/\/([^/?]*)/.exec(item)?.[1] ?? '');
    if (!path.startsWith('/')) throw file.fault('server_host', `"${item}": expected ldapi:// and an encoded path`);
    return { url: 'ldap://localhost', createConnection: (() => connect(path)) as typeof connect };
  }
  if (url === null || url.hostname === '')
    throw file.fault('server_host', `"${item}": expected a URL such as ldap://host, or host:port`);
  const port = url.port || (url.protocol === 'ldaps:' ? '636' : file.text('server_port'));
  return { url: `${url.protocol}//${url.hostname}:${port}` };
}

async function open(
  place: Pick<ClientOptions, 'url' | 'createConnection'>,
  tls: ConnectionOptions,
  file: File,
): Promise<LdapLink> {
  const { Client, NoSuchObjectError, ResultCodeError } = await import('ldapts');
  const timeout = file.number('timeout') * 1000;
  const own = place.url.startsWith('ldaps:') ? { tlsOptions: { ...tls } } : {};
  const client = new Client({ ...place, ...own, timeout, connectTimeout: timeout, strictDN: false });
  try {
    if (file.flag('start_tls')) await client.startTLS({ ...tls, ...identityOf(place.url) });
    if (file.text('bind') === 'yes' || file.text('bind') === 'simple')
      await client.bind(file.text('bind_dn'), file.text('bind_pw'));
  } catch (error) {
    destroy(client);
    throw error;
  }
  const limit = file.number('size_limit') || file.number('expansion_limit') || MOST_ENTRIES;
  const derefAliases = DEREFERENCE[file.text('dereference') as keyof typeof DEREFERENCE];
  return {
    async ask({ base, filter, scope, attributes }) {
      try {
        const options = { filter, scope, sizeLimit: limit, derefAliases, attributes: [...(attributes ?? [])] };
        const { searchEntries } = await client.search(base, options);
        return searchEntries;
      } catch (error) {
        if (error instanceof NoSuchObjectError && scope === 'base') return [];
        // An LDAP result; the connection is good, unless the server says that it goes away.
        if (error instanceof ResultCodeError && !AWAY.has(error.code)) throw new RefusedError(messageOf(error));
        throw error;
      }
    },
    close: () => destroy(client),
  };
}

/** The name that the certificate has to have; the driver would take "localhost" for STARTTLS. */
function identityOf(url: string): ConnectionOptions {
  const host = new URL(url).hostname.replace(/^\[|\]$/g, '');
  return isIP(host) === 0 ? { host, servername: host } : { host };
}

/** busy, unavailable */
const AWAY = new Set([51, 52]);

const destroy = (client: Client): void => void client.unbind().catch(() => {});
