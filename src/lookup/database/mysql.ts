/** mysql tables (mysql_table(5)): MySQL and MariaDB. */
import { existsSync } from 'node:fs';
import { connect, isIP, type NetConnectOpts, type Socket } from 'node:net';
import type { Connection, ConnectionOptions } from 'mysql2';
import type { TableContext, TableType } from '../table-type.ts';
import { ClientFile, choice, flag, ignored, text } from './client-file.ts';
import { requireDriver } from './driver.ts';
import { hostsOf } from './hosts.ts';
import { COMMON, clientPath } from './query-table.ts';
import { Results } from './results.ts';
import { IDLE, RETRY, RefusedError, type ServerAddress, Servers, type SqlLink } from './servers.ts';
import { QUERY, queryOf, sqlTable } from './sql.ts';
import { authorities } from './tls-files.ts';

const OPTION_FILES = 'option files of MySQL are not read; name hosts, user, password and tls_ settings here';

const SETTINGS = {
  ...COMMON,
  ...QUERY,
  hosts: text('localhost'),
  user: text(),
  password: text(),
  dbname: text(),
  charset: choice('utf8mb4', ['utf8mb4', 'utf8']),
  require_result_set: flag('yes'),
  tls_cert_file: text(),
  tls_key_file: text(),
  tls_CAfile: text(),
  tls_CApath: text(),
  tls_ciphers: text(),
  tls_verify_cert: flag('no'),
  option_file: ignored(OPTION_FILES),
  option_group: ignored(OPTION_FILES),
  idle_interval: IDLE,
  retry_interval: RETRY,
} as const;

type File = ClientFile<keyof typeof SETTINGS>;

export const mysqlTable: TableType = {
  doc: 'an SQL query of MySQL or MariaDB: mysql:/file.cf',
  open(name, argument, context) {
    requireDriver('mysql2', name);
    const file: File = new ClientFile(clientPath(name, argument, context), SETTINGS, context.log);
    const query = queryOf(file);
    const servers = new Servers(name, addresses(file, context), 'random', context);
    return sqlTable({ name, file, context, query, quote, servers });
  },
};

/** Inside quotes, of either kind. The session takes backslashes as escapes (SESSION). */
const quote = (value: string): string =>
  value.replace(/[\0\n\r\x1a\\'"]/g, (character) => ESCAPES[character] ?? `\\${character}`);
const ESCAPES: Readonly<Record<string, string>> = { '\0': '\\0', '\n': '\\n', '\r': '\\r', '\x1a': '\\Z' };

const SESSION = "SET SESSION sql_mode = REPLACE(@@SESSION.sql_mode, 'NO_BACKSLASH_ESCAPES', '')";

/** Where the client library looks for a server on `localhost`. */
const SOCKETS = ['/run/mysqld/mysqld.sock', '/var/lib/mysql/mysql.sock', '/tmp/mysql.sock'];

function addresses(file: File, context: TableContext): readonly ServerAddress<SqlLink>[] {
  const ssl = tlsOf(file, context);
  const needsRows = file.flag('require_result_set');
  if (!file.has('dbname')) throw file.fault('dbname', 'is missing: which database?');
  const common: ConnectionOptions = {
    user: file.text('user'),
    password: file.text('password'),
    database: file.text('dbname'),
    charset: file.text('charset'),
    rowsAsArray: true,
    typeCast: (field) => field.string('utf8'),
    ...(ssl === undefined ? {} : { ssl }),
  };
  return hostsOf(file, 'hosts', 3306).map(({ name, host, port, path }) => {
    const socket = path ?? (host === 'localhost' ? SOCKETS.find((known) => existsSync(known)) : undefined);
    // The driver would compare the certificate with "localhost".
    if (socket === undefined && ssl?.verifyIdentity === true && isIP(host) !== 0)
      throw file.fault('hosts', `"${name}": tls_verify_cert = yes needs the name of the server, not its address`);
    // The driver looks at the host too, for TLS.
    const place = socket === undefined ? { host, port } : { socketPath: socket };
    const to: NetConnectOpts = socket === undefined ? { host, port } : { path: socket };
    return { name, isLocal: socket !== undefined, open: () => open({ ...common, ...place }, to, needsRows) };
  });
}

function tlsOf(file: File, context: TableContext): Exclude<ConnectionOptions['ssl'], string | undefined> | undefined {
  const ca = authorities(file, { file: 'tls_CAfile', folder: 'tls_CApath' }, context);
  const cert = file.content('tls_cert_file', context);
  const key = file.content('tls_key_file', context);
  const ciphers = file.text('tls_ciphers');
  const isVerified = file.flag('tls_verify_cert');
  if (ca === undefined && cert === undefined && key === undefined && ciphers === '' && !isVerified) return undefined;
  return {
    rejectUnauthorized: isVerified,
    verifyIdentity: isVerified,
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(ciphers === '' ? {} : { ciphers }),
  };
}

/**
 * Octets that a server may send until it has taken the login, and for a query: the driver keeps each packet whole, and a
 * packet may have 16 MB. Within TLS they are not counted.
 */
const LARGEST_LOGIN = 64 * 1024;
const LARGEST_ANSWER = 16 * 1024 * 1024;

interface Allowance {
  octets: number;
}

function boundedSocket(to: NetConnectOpts, allowed: Allowance): Socket {
  const socket = connect(to);
  socket.on('data', (data) => {
    allowed.octets -= data.length;
    if (allowed.octets < 0) socket.destroy(new Error('the server sends more than an answer can have'));
  });
  return socket.setNoDelay(true);
}

async function open(options: ConnectionOptions, to: NetConnectOpts, needsRows: boolean): Promise<SqlLink> {
  const { createConnection } = (await import('mysql2')).default;
  const allowed: Allowance = { octets: LARGEST_LOGIN };
  const connection = createConnection({ ...options, stream: () => boundedSocket(to, allowed) });
  const link = new MysqlLink(connection, needsRows, allowed);
  try {
    await link.run(SESSION, false);
    return link;
  } catch (error) {
    link.close();
    throw error;
  }
}

class MysqlLink implements SqlLink {
  readonly #connection: Connection;
  readonly #needsRows: boolean;
  readonly #allowed: Allowance;
  /** Ends the query under way. */
  #fail: (error: Error) => void = () => {};

  constructor(connection: Connection, needsRows: boolean, allowed: Allowance) {
    this.#connection = connection;
    this.#needsRows = needsRows;
    this.#allowed = allowed;
    // The driver tells a lost connection here, and not to the query. Between two queries the next one notices it.
    connection.on('error', (error) => this.#fail(error));
  }

  ask(query: string): Promise<readonly string[]> {
    this.#allowed.octets = LARGEST_ANSWER;
    return this.run(query, this.#needsRows);
  }

  close(): void {
    this.#connection.destroy();
  }

  /** Of a stored procedure only the first set of rows counts, as long as no other one has rows. */
  run(query: string, needsRows: boolean): Promise<readonly string[]> {
    const { promise, resolve, reject } = Promise.withResolvers<readonly string[]>();
    this.#fail = reject;
    const results = new Results();
    const sets = new Set<number>();
    let hasRows = false;
    const asked = this.#connection.query(query) as unknown as NodeJS.EventEmitter;
    asked.on('fields', (fields: unknown) => {
      hasRows ||= fields !== undefined;
    });
    asked.on('result', (row: unknown, set: number) => {
      if (!Array.isArray(row)) return;
      sets.add(set);
      for (const value of row as readonly (string | null)[]) results.add(value);
    });
    asked.on('error', (error: Error) => reject(isFatal(error) ? error : new RefusedError(error.message)));
    asked.on('end', () => {
      if (needsRows && !hasRows) reject(new RefusedError('the query gives no rows (require_result_set = yes)'));
      else if (sets.size > 1) reject(new RefusedError('the query gives several sets of rows'));
      else results.settle({ resolve, reject });
    });
    return promise;
  }
}

const isFatal = (error: unknown): boolean => (error as { readonly fatal?: boolean }).fatal === true;
