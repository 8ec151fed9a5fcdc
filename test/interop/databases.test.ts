/**
 * P5: the same .cf file and the same keys give the same answers from the real `postmap -q` and from our tables, on
 * MariaDB, PostgreSQL, SQLite and OpenLDAP.
 */
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { LookupTable } from '../../src/lookup/table.ts';
import { TableUnavailableError } from '../../src/lookup/table-fault.ts';
import { SharedTables } from '../../src/lookup/tables.ts';
import { temporaryFiles } from '../kit/identity.ts';
import { recordLog } from '../kit/log.ts';
import { type DatabaseServer, PASSWORD, startLdap, startMariaDb, startPostgres } from './database-servers.ts';
import { openPostmap, type Postmap } from './postmap.ts';

const ROWS: readonly (readonly [address: string, target: string | null, note: string | null])[] = [
  ['info@example.com', 'a@example.net', 'first'],
  ['info@example.com', 'b@example.net', 'second'],
  ["o'brien@example.com", "O'Brien@example.org", null],
  ['back\\slash@example.com', 'bs@example.net', ''],
  ['quote"d@example.com', 'qd', 'x'],
  ['null@example.com', null, null],
  ['empty@example.com', '', 'note'],
  ['é@example.com', 'ä@exämple.net', 'ö'],
  ['plain', 'value without domain', 'y'],
  ['example.com', '@target.example', 'z'],
  ['@example.com', 'catchall@', 'z'],
  ['user@mail.sub.example.com', 'u@v', 'w'],
  ['50%@example.com', '100% %s', 'p'],
  ['a,b@example.com', 'a,b', 'c d'],
];

const KEYS = [
  ...new Set(ROWS.map(([address]) => address)),
  'INFO@EXAMPLE.COM',
  'nobody@example.com',
  'info@elsewhere.example',
  'info@',
  "x' OR '1'='1",
  "x'; DROP TABLE alias; --@example.com",
  "\\' OR 1=1 -- @example.com",
  '" OR ""="@example.com',
  'a@b@example.com',
  '%s@example.com',
  '%',
];

/** `s` is how the engine writes strings into a query. */
const SQL_CASES: readonly (readonly string[])[] = [
  ["query = SELECT target FROM alias WHERE address = '%s' ORDER BY target"],
  ["query = SELECT target, note FROM alias WHERE address = '%s' ORDER BY target"],
  ["query = SELECT target FROM alias WHERE address = '%u@%d' ORDER BY target"],
  ["query = SELECT target FROM alias WHERE address = '%U@%D' ORDER BY target"],
  ['query = SELECT target FROM alias', "  WHERE address = '%u'", '', '# a remark', '  ORDER BY target'],
  ["query = SELECT '%1 %2 %3 %u'"],
  ["query = SELECT '%%u %d'"],
  ["query = SELECT target FROM alias WHERE address = '%s' ORDER BY target", 'result_format = smtp:[%d]'],
  ["query = SELECT target FROM alias WHERE address = '%s' ORDER BY target", 'result_format = %u'],
  ["query = SELECT target FROM alias WHERE address = '%s' ORDER BY target", 'result_format = %s=%S 100%%'],
  ["query = SELECT target FROM alias WHERE address = '%s' ORDER BY target", 'result_format = %s %U at %D %1'],
  ["query = SELECT target FROM alias WHERE address = '%s' ORDER BY target", 'domain = example.com'],
  [
    "query = SELECT target FROM alias WHERE address = '%s' ORDER BY target",
    'domain = !example.com, mail.sub.example.com, inline:{ example.com=x }',
  ],
  ["query = SELECT target FROM alias WHERE address = '%s' ORDER BY target", 'expansion_limit = 1'],
  ["query = SELECT target FROM alias WHERE address = '%s' ORDER BY target", 'expansion_limit = 2'],
  [
    'table = alias',
    'select_field = target',
    'where_field = address',
    "additional_conditions = AND target <> 'a@example.net'",
  ],
  ["query = SELECT target FROM no_such_table WHERE address = '%s'"],
  ["query = SELEKT '%s'"],
  ["query = SELECT 12, 1.50, 1.0/4, -7 WHERE length('%s') > 5"],
];

let postmap: Postmap;
let maria: DatabaseServer;
let postgres: DatabaseServer;
let directory: DatabaseServer;
let certificates: Awaited<ReturnType<typeof temporaryFiles>>;
const SQLITE = 'mail.sqlite';

const tableSql = (quote: (text: string | null) => string): string =>
  [
    'CREATE TABLE alias (address VARCHAR(100), target VARCHAR(100), note VARCHAR(100));',
    ...ROWS.map((row) => `INSERT INTO alias VALUES (${row.map(quote).join(', ')});`),
    '',
  ].join('\n');

const doubled = (text: string | null): string => (text === null ? 'NULL' : `'${text.replaceAll("'", "''")}'`);
const escaped = (text: string | null): string =>
  text === null ? 'NULL' : `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;

beforeAll(async () => {
  postmap = openPostmap();
  chmodSync(postmap.folder, 0o755);
  certificates = await temporaryFiles(['localhost']);
  chmodSync(certificates.keyFile, 0o644);
  chmodSync(join(certificates.keyFile, '..'), 0o755);
  const database = new DatabaseSync(join(postmap.folder, SQLITE));
  database.exec(tableSql(doubled));
  database.close();
  const procedure =
    'CREATE PROCEDURE find(IN wanted VARCHAR(100)) SELECT target FROM alias WHERE address = wanted ORDER BY target;\nCREATE PROCEDURE nothing(IN wanted VARCHAR(100)) SET @x = wanted;\n';
  const sqlFunction =
    "CREATE FUNCTION find(wanted text) RETURNS SETOF text AS 'SELECT target FROM alias WHERE address = wanted ORDER BY target' LANGUAGE sql;\n";
  [maria, postgres, directory] = await Promise.all([
    startMariaDb(postmap.folder, tableSql(escaped) + procedure, [
      `--ssl-cert=${certificates.certFile}`,
      `--ssl-key=${certificates.keyFile}`,
    ]),
    startPostgres(postmap.folder, tableSql(doubled) + sqlFunction),
    startLdap(postmap.folder, LDIF, [
      `TLSCertificateFile ${certificates.certFile}`,
      `TLSCertificateKeyFile ${certificates.keyFile}`,
    ]),
  ]);
});

afterAll(async () => {
  await Promise.all([maria?.stop(), postgres?.stop(), directory?.stop()]);
  postmap?.close();
});

let files = 0;

interface Asked {
  /** For each key: its value, `null` if there is none, `unavailable`. */
  readonly answers: readonly (string | null)[];
  readonly logged: readonly string[];
}

const UNAVAILABLE = 'unavailable: a temporary failure';

async function ours(table: string, keys: readonly string[]): Promise<Asked> {
  const { log, lines } = recordLog(({ message }) => message);
  const tables = new SharedTables({ resolvePath: (path) => path, log, clock: Date.now });
  const opened: LookupTable = tables.open(table);
  const ask = async (key: string): Promise<string | null> => {
    try {
      return (await opened.get(key)) ?? null;
    } catch (error) {
      if (error instanceof TableUnavailableError) return UNAVAILABLE;
      throw error;
    }
  };
  const answers = await Promise.all(keys.map(ask));
  tables.close();
  return { answers, logged: lines };
}

/** After a failure `postmap` ends, so the keys are then asked one by one. */
async function theirs(table: string, keys: readonly string[]): Promise<readonly (string | null)[]> {
  const all = await postmap.query(table, keys);
  if (!all.failed) return keys.map((key) => all.found[key] ?? null);
  return Promise.all(
    keys.map(async (key) => {
      const { found, failed } = await postmap.query(table, [key]);
      return failed ? UNAVAILABLE : (found[key] ?? null);
    }),
  );
}

function write(lines: readonly string[]): string {
  files += 1;
  return postmap.write(`table-${files}.cf`, lines);
}

/** Both answers, side by side. */
async function compare(type: string, lines: readonly string[], keys: readonly string[]): Promise<Asked> {
  const table = `${type}:${write(lines)}`;
  const [mine, real] = [await ours(table, keys), await theirs(table, keys)];
  const beside = (answers: readonly (string | null)[]): object =>
    Object.fromEntries(keys.map((key, i) => [key, answers[i]]));
  expect(beside(mine.answers), lines.join(' | ')).toEqual(beside(real));
  return mine;
}

const login =
  (server: () => DatabaseServer) =>
  (hosts: (server: DatabaseServer) => string): string[] => [
    `hosts = ${hosts(server())}`,
    'user = mail',
    `password = ${PASSWORD}`,
    'dbname = mail',
  ];
const mariaLogin = login(() => maria);
const postgresLogin = login(() => postgres);

/** Postfix 3.7 speaks LATIN1 to PostgreSQL, and 3.8 UTF-8 as we do. */
const ASCII_KEYS = KEYS.filter((key) => !key.includes('é'));

const ENGINES: readonly {
  readonly type: string;
  readonly login: () => readonly string[];
  readonly keys: readonly string[];
}[] = [
  { type: 'mysql', login: () => mariaLogin(({ port }) => `inet:127.0.0.1:${port}`), keys: KEYS },
  { type: 'pgsql', login: () => postgresLogin(({ port }) => `127.0.0.1:${port}`), keys: ASCII_KEYS },
  { type: 'sqlite', login: () => [`dbpath = ${join(postmap.folder, SQLITE)}`], keys: KEYS },
];

describe.each(ENGINES)('P5: $type tables', ({ type, login, keys }) => {
  test.each(SQL_CASES.map((lines) => ({ lines, name: lines.join(' | ') })))('$name', async ({ lines }) => {
    await compare(type, [...login(), ...lines], keys);
  });

  test('a template with an unknown letter is refused', async () => {
    const table = `${type}:${write([...login(), "query = SELECT '%x'"])}`;
    expect((await postmap.query(table, ['a'])).failed).toBe(true);
    await expect(ours(table, ['a'])).rejects.toThrow('query: "%x": expected %s, %u, %d');
  });
});

const QUERY = "query = SELECT target FROM alias WHERE address = '%s' ORDER BY target";
const FEW = ['info@example.com', 'nobody@example.com', "o'brien@example.com"];

describe('P5: servers of SQL tables', () => {
  test('a socket, and a server that is away before one that answers', async () => {
    await compare('mysql', [...mariaLogin(({ socket }) => `unix:${socket}`), QUERY], FEW);
    const { logged } = await compare(
      'mysql',
      [...mariaLogin(({ port, socket }) => `unix:${socket}.away, inet:127.0.0.1:${port}`), QUERY],
      FEW,
    );
    expect(logged.filter((line) => line.includes('.away'))).toHaveLength(1);
    await compare('pgsql', [...postgresLogin(({ port }) => `inet:127.0.0.1:1 127.0.0.1:${port}`), QUERY], FEW);
    const uri = `postgresql://mail:${encodeURIComponent(PASSWORD)}@127.0.0.1:${postgres.port}/mail`;
    await compare('pgsql', [`hosts = ${uri}`, 'dbname = mail', QUERY], FEW);
  });

  test('an outage fails temporarily and is logged once, without the password', async () => {
    for (const [type, host] of [
      ['mysql', 'inet:127.0.0.1:1'],
      ['pgsql', '127.0.0.1:1'],
    ] as const) {
      const { answers, logged } = await compare(
        type,
        [`hosts = ${host}`, 'user = mail', `password = ${PASSWORD}`, 'dbname = mail', QUERY],
        FEW,
      );
      expect(new Set(answers)).toEqual(new Set([UNAVAILABLE]));
      expect(logged).toHaveLength(1);
      expect(logged[0]).toContain('ECONNREFUSED');
    }
    for (const engine of ENGINES.slice(0, 2)) {
      const { logged } = await compare(
        engine.type,
        [...engine.login().map((line) => line.replace(PASSWORD, 'wrong-secret')), QUERY],
        FEW,
      );
      expect(logged).toHaveLength(1);
      expect(logged[0]).not.toContain('wrong-secret');
    }
  });

  test('stored procedures', async () => {
    const login = mariaLogin(({ port }) => `127.0.0.1:${port}`);
    await compare('mysql', [...login, "query = CALL find('%s')"], FEW);
    await compare('mysql', [...login, "query = CALL nothing('%s')"], FEW);
    await compare('mysql', [...login, "query = CALL nothing('%s')", 'require_result_set = no'], FEW);
    const other = postgresLogin(({ port }) => `127.0.0.1:${port}`);
    await compare('pgsql', [...other, 'select_function = find'], FEW);
  });

  test('TLS to MariaDB', async () => {
    const query =
      "query = SELECT VARIABLE_VALUE <> '' FROM information_schema.SESSION_STATUS WHERE VARIABLE_NAME = 'Ssl_cipher' AND '%s' <> ''";
    const login = mariaLogin(({ port }) => `127.0.0.1:${port}`);
    expect((await compare('mysql', [...login, query], ['a'])).answers).toEqual(['0']);
    expect((await compare('mysql', [...login, query, `tls_CAfile = ${certificates.certFile}`], ['a'])).answers).toEqual(
      ['1'],
    );
    const verified = [...login, query, `tls_CAfile = ${certificates.certFile}`, 'tls_verify_cert = yes'];
    expect(await theirs(`mysql:${write(verified)}`, ['a'])).toEqual([UNAVAILABLE]);
    await expect(ours(`mysql:${write(verified)}`, ['a'])).rejects.toThrow('needs the name of the server');
  });

  test('whatever sql_mode the server has, a key stays a key', async () => {
    const modes = ['NO_BACKSLASH_ESCAPES', 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES', 'ANSI'];
    for (const mode of modes) {
      const login = mariaLogin(({ port }) => `127.0.0.1:${port}`);
      await ours(
        `mysql:${write([...login, `query = SET GLOBAL sql_mode = '${mode}' -- %s`, 'require_result_set = no'])}`,
        ['a'],
      );
      const { answers } = await ours(`mysql:${write([...login, QUERY])}`, KEYS);
      expect(answers.slice(0, 3)).toEqual(['a@example.net,b@example.net', "O'Brien@example.org", 'bs@example.net']);
      expect(answers[KEYS.indexOf("x' OR '1'='1")]).toBeNull();
      expect(answers[KEYS.indexOf("\\' OR 1=1 -- @example.com")]).toBeNull();
    }
  });
});

const LDIF = `dn: dc=example,dc=com
objectClass: dcObject
objectClass: organization
o: example
dc: example

dn: ou=people,dc=example,dc=com
objectClass: organizationalUnit
ou: people

dn: uid=anna,ou=people,dc=example,dc=com
objectClass: inetOrgPerson
uid: anna
cn: Anna
sn: A
mail: anna@example.com
mail: a@example.com
mobile: anna@phone.example

dn: uid=bert,ou=people,dc=example,dc=com
objectClass: inetOrgPerson
uid: bert
cn: Bert (the *)
sn: B
mail: bert@example.com
manager: uid=anna,ou=people,dc=example,dc=com

dn: cn=team,dc=example,dc=com
objectClass: inetOrgPerson
objectClass: uidObject
cn: team
sn: T
uid: team
mail: team@example.com
manager: uid=anna,ou=people,dc=example,dc=com
manager: uid=nobody,ou=people,dc=example,dc=com
manager: uid=bert,ou=people,dc=example,dc=com
labeledURI: ldap:///ou=people,dc=example,dc=com?mail?one?(uid=bert)

dn: cn=loop,dc=example,dc=com
objectClass: inetOrgPerson
cn: loop
sn: L
uid: loop
mail: loop@example.com
manager: cn=loop,dc=example,dc=com

dn: cn=last,dc=example,dc=com
objectClass: inetOrgPerson
cn: last
sn: L
uid: last
mail: last@example.com
description: final@example.com
manager: uid=anna,ou=people,dc=example,dc=com
`;

const LDAP_KEYS = [
  'anna@example.com',
  'ANNA@EXAMPLE.COM',
  'a@example.com',
  'bert@example.com',
  'team@example.com',
  'last@example.com',
  'nobody@example.com',
  'anna',
  'bert (the *)',
  '*',
  '*@example.com',
  ')(uid=*',
  'a\\2a',
  'example.com',
  '@example.com',
];

const LDAP_CASES: readonly (readonly string[])[] = [
  ['query_filter = (mail=%s)', 'result_attribute = mail'],
  ['query_filter = (uid=%u)', 'result_attribute = uid'],
  ['query_filter = (|(mail=%s)(cn=%s))', 'result_attribute = uid, cn'],
  ['query_filter = (&(uid=%u)(mail=*@%d))', 'result_attribute = uid', 'result_format = %s.%2@%D'],
  ['query_filter = (mail=%s)', 'result_attribute = mail', 'domain = example.com'],
  ['query_filter = (mail=%s)', 'result_attribute = mail', 'domain = example.org'],
  ['query_filter = (mail=%s)', 'result_attribute = mail', 'expansion_limit = 1'],
  ['query_filter = (mail=%s)', 'result_attribute = no_such'],
  [
    'query_filter = (objectClass=*)',
    'search_base = uid=%u,ou=people,dc=example,dc=com',
    'scope = base',
    'result_attribute = uid',
  ],
  ['query_filter = (uid=%u)', 'scope = one', 'result_attribute = uid'],
  ['query_filter = (uid=%u)', 'search_base = ou=nowhere,dc=example,dc=com', 'result_attribute = uid'],
  ['query_filter = (mail=%s)', 'result_attribute = mail', 'special_result_attribute = manager'],
  [
    'query_filter = (mail=%s)',
    'result_attribute = uid',
    'leaf_result_attribute = mail',
    'special_result_attribute = manager',
  ],
  [
    'query_filter = (mail=%s)',
    'leaf_result_attribute = mail',
    'result_attribute = uid',
    'terminal_result_attribute = description',
    'special_result_attribute = manager',
  ],
  [
    'query_filter = (mail=%s)',
    'leaf_result_attribute = mail',
    'result_attribute = uid',
    'special_result_attribute = labeledURI',
  ],
  ['query_filter = (mail=%s', 'result_attribute = mail'],
];

const ldapLogin = (host: string): string[] => [
  `server_host = ${host}`,
  'version = 3',
  'bind = yes',
  'bind_dn = cn=admin,dc=example,dc=com',
  'bind_pw = secret',
];

describe('P5: ldap tables', () => {
  test.each(LDAP_CASES.map((lines) => ({ lines, name: lines.join(' | ') })))('$name', async ({ lines }) => {
    const base = lines.some((line) => line.startsWith('search_base')) ? [] : ['search_base = dc=example,dc=com'];
    await compare('ldap', [...ldapLogin(`ldap://127.0.0.1:${directory.port}`), ...base, ...lines], LDAP_KEYS);
  });

  const search = ['search_base = dc=example,dc=com', 'query_filter = (mail=%s)', 'result_attribute = uid'];

  test('entries that lead to themselves end at recursion_limit', async () => {
    const lines = [
      ...ldapLogin(`127.0.0.1:${directory.port}`),
      ...search,
      'special_result_attribute = manager',
      'recursion_limit = 5',
    ];
    expect((await compare('ldap', lines, ['loop@example.com'])).answers).toEqual([UNAVAILABLE]);
  });

  test('host and port, a socket, several servers, STARTTLS', async () => {
    const { port, socket } = directory;
    const keys = ['anna@example.com', 'nobody@example.com'];
    await compare('ldap', [...ldapLogin('127.0.0.1'), `server_port = ${port}`, ...search], keys);
    await compare('ldap', [...ldapLogin(`ldapi://${encodeURIComponent(socket)}`), ...search], keys);
    const { logged } = await compare(
      'ldap',
      [...ldapLogin(`ldap://127.0.0.1:1 ldap://127.0.0.1:${port}`), ...search],
      keys,
    );
    expect(logged).toHaveLength(1);
    const tls = [...search, 'start_tls = yes', `tls_ca_cert_file = ${certificates.certFile}`];
    const verified = [...tls, 'tls_require_cert = yes'];
    await compare('ldap', [...ldapLogin(`ldap://127.0.0.1:${port}`), ...verified], keys);
    const named = [...ldapLogin(`ldap://localhost:${port}`), ...verified];
    expect((await ours(`ldap:${write(named)}`, keys)).answers).toEqual(['anna', null]);
    await compare('ldap', [...ldapLogin(`ldap://127.0.0.1:${port}`), ...tls], keys);
  });

  test('an outage and a wrong password fail temporarily, logged once', async () => {
    const away = await compare('ldap', [...ldapLogin('ldap://127.0.0.1:1'), ...search], FEW);
    expect(away.logged).toHaveLength(1);
    const lines = ldapLogin(`ldap://127.0.0.1:${directory.port}`).map((line) => line.replace('secret', 'wrong-secret'));
    const { answers, logged } = await compare('ldap', [...lines, ...search], FEW);
    expect(new Set(answers)).toEqual(new Set([UNAVAILABLE]));
    expect(logged).toHaveLength(1);
    expect(logged[0]).not.toContain('wrong-secret');
  });
});
