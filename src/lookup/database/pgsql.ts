/** pgsql tables (pgsql_table(5)): PostgreSQL. */
import type { Client, ClientConfig, QueryArrayConfig, QueryConfig } from 'pg';
import { messageOf } from '../../errors.ts';
import type { TableType } from '../table-type.ts';
import { ClientFile, choice, text } from './client-file.ts';
import { requireDriver } from './driver.ts';
import { hostsOf } from './hosts.ts';
import { COMMON, clientPath } from './query-table.ts';
import { Results } from './results.ts';
import { IDLE, RETRY, RefusedError, type ServerAddress, Servers, type SqlLink } from './servers.ts';
import { QUERY, queryOf, sqlTable } from './sql.ts';
import { Template } from './template.ts';

const SETTINGS = {
  ...COMMON,
  ...QUERY,
  select_function: text(),
  hosts: text('localhost'),
  user: text(),
  password: text(),
  dbname: text(),
  encoding: choice('UTF8', ['UTF8', 'UTF-8', 'utf8', 'utf-8']),
  idle_interval: IDLE,
  retry_interval: RETRY,
} as const;

type File = ClientFile<keyof typeof SETTINGS>;

export const pgsqlTable: TableType = {
  doc: 'an SQL query of PostgreSQL: pgsql:/file.cf',
  open(name, argument, context) {
    requireDriver('pg', name);
    const file: File = new ClientFile(clientPath(name, argument, context), SETTINGS, context.log);
    const query =
      !file.has('query') && file.has('select_function')
        ? new Template(`SELECT ${file.text('select_function')}('%s')`)
        : queryOf(file);
    const servers = new Servers(name, addresses(file), 'random', context);
    return sqlTable({ name, file, context, query, quote, servers });
  },
};

/** Inside single quotes; the session takes backslashes as they are (SESSION). */
const quote = (value: string): string => value.replaceAll("'", "''");

const SESSION = "SET standard_conforming_strings = on; SET client_encoding = 'UTF8'";

const URI = /^postgres(?:ql)?:\/\//;

function addresses(file: File): readonly ServerAddress<SqlLink>[] {
  const login: ClientConfig = {
    user: file.text('user') || undefined,
    password: file.text('password') || undefined,
    database: file.text('dbname') || undefined,
  };
  if (!file.has('dbname')) throw file.fault('dbname', 'is missing: which database?');
  return file.list('hosts').flatMap((item) => {
    if (URI.test(item)) return [uri(item, file)];
    return hostsOf(file, 'hosts', 5432)
      .filter(({ name }) => name === item)
      .map(({ name, host, port, path }) =>
        path === undefined
          ? { name, isLocal: false, open: () => openPreferringTls({ ...login, host, port }) }
          : { name, isLocal: true, open: () => open({ ...login, host: path }) },
      );
  });
}

function uri(connectionString: string, file: File): ServerAddress<SqlLink> {
  const parsed = URL.parse(connectionString);
  if (parsed === null) throw file.fault('hosts', 'expected a URI such as postgresql://user@host/database');
  const { host } = parsed;
  return { name: host, isLocal: host === '', open: () => open({ connectionString }) };
}

/** As libpq's sslmode=prefer: encrypted where the server can. */
async function openPreferringTls(config: ClientConfig): Promise<SqlLink> {
  try {
    return await open({ ...config, ssl: { rejectUnauthorized: false } });
  } catch (error) {
    if (!messageOf(error).includes('does not support SSL')) throw error;
    return open(config);
  }
}

async function open(config: ClientConfig): Promise<SqlLink> {
  const { default: pg } = await import('pg');
  // Values as the server writes them.
  const client = new pg.Client({
    ...config,
    types: { getTypeParser: () => (value: string | Buffer) => String(value) },
  });
  // A connection that breaks between two queries is noticed by the next one.
  client.on('error', () => {});
  try {
    await client.connect();
    await client.query(SESSION);
  } catch (error) {
    destroy(client);
    throw error;
  }
  const inArrays = (query: string): QueryArrayConfig => ({ text: query, rowMode: 'array' });
  return {
    ask: (query) => ask(client, new pg.Query(inArrays(query) as QueryConfig)),
    close: () => destroy(client),
  };
}

const destroy = (client: Client): void => void client.end().catch(() => {});

function ask(client: Client, query: NodeJS.EventEmitter): Promise<readonly string[]> {
  const { promise, resolve, reject } = Promise.withResolvers<readonly string[]>();
  const results = new Results();
  query.on('row', (row: readonly (string | null)[]) => {
    for (const value of row) results.add(value);
  });
  query.on('error', (error: unknown) =>
    reject(isAnswer(error) ? new RefusedError(messageOf(error)) : (error as Error)),
  );
  query.on('end', () => results.settle({ resolve, reject }));
  client.query(query as never);
  return promise;
}

/** An SQLSTATE of a query, not one of a connection (08), of a server that stops (57P) or of the system (58, XX). */
function isAnswer(error: unknown): boolean {
  const { code } = error as { readonly code?: unknown };
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) && !/^(?:08|57P|58|XX)/.test(code);
}
