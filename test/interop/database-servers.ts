/** MariaDB, PostgreSQL and OpenLDAP of Debian on loopback, each with data of its own. */
import { chownSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Daemon, freePort, ran, run, startDaemon } from './program.ts';

export const PASSWORD = 'pass\'w"o\\rd';

export interface DatabaseServer extends Daemon {
  readonly port: number;
  /** What `unix:` is followed by. */
  readonly socket: string;
}

async function own(folder: string, user: string): Promise<void> {
  const id = async (flag: string): Promise<number> => Number(await ran('id', [flag, user]));
  chownSync(folder, await id('-u'), await id('-g'));
}

/** `sql` is run in the database `mail`, which the user `mail` may read. */
export async function startMariaDb(folder: string, sql: string, options: readonly string[]): Promise<DatabaseServer> {
  const data = join(folder, 'mariadb');
  const socket = join(folder, 'mariadb.sock');
  mkdirSync(data);
  await own(data, 'mysql');
  await own(folder, 'mysql');
  const common = ['--no-defaults', `--datadir=${data}`, '--user=mysql'];
  await ran('mariadb-install-db', [...common, '--auth-root-authentication-method=normal', '--skip-test-db']);
  const port = await freePort();
  const daemon = await startDaemon(
    '/usr/sbin/mariadbd',
    [
      ...common,
      `--socket=${socket}`,
      `--port=${port}`,
      '--bind-address=127.0.0.1',
      '--innodb-flush-log-at-trx-commit=0',
      ...options,
    ],
    async () => (await run('mariadb', ['--no-defaults', '-S', socket, '-u', 'root', '-e', 'SELECT 1'])).code === 0,
  );
  const password = PASSWORD.replaceAll('\\', '\\\\').replaceAll("'", "\\'");
  const input = `CREATE DATABASE mail CHARACTER SET utf8mb4; CREATE USER mail IDENTIFIED BY '${password}', mail@localhost IDENTIFIED BY '${password}'; GRANT ALL ON mail.* TO mail, mail@localhost; USE mail;\n${sql}`;
  await ran('mariadb', ['--no-defaults', '--default-character-set=utf8mb4', '-S', socket, '-u', 'root'], { input });
  return { ...daemon, port, socket };
}

export async function startPostgres(folder: string, sql: string): Promise<DatabaseServer> {
  const [version = ''] = readdirSync('/usr/lib/postgresql').sort().reverse();
  const programs = `/usr/lib/postgresql/${version}/bin`;
  const data = join(folder, 'postgres');
  const passwords = join(folder, 'postgres-password');
  mkdirSync(data);
  writeFileSync(passwords, PASSWORD);
  await own(data, 'postgres');
  await own(passwords, 'postgres');
  const asOwner = ['--reuid=postgres', '--regid=postgres', '--clear-groups'];
  const login = ['-U', 'mail', '--auth-local=trust', '--auth-host=scram-sha-256', `--pwfile=${passwords}`];
  await ran('setpriv', [...asOwner, `${programs}/initdb`, '-D', data, '--encoding=UTF8', '--no-sync', ...login]);
  const port = await freePort();
  const places = ['-p', String(port), '-h', '127.0.0.1', '-k', data, '-F'];
  const psql = [
    '--reuid=postgres',
    '--regid=postgres',
    '--clear-groups',
    `${programs}/psql`,
    '-q',
    '-h',
    data,
    '-p',
    String(port),
    '-U',
    'mail',
    '-v',
    'ON_ERROR_STOP=1',
  ];
  const daemon = await startDaemon(
    'setpriv',
    [...asOwner, `${programs}/postgres`, '-D', data, ...places],
    async () => (await run('setpriv', [...psql, '-d', 'postgres', '-c', 'SELECT 1'])).code === 0,
  );
  await ran('setpriv', [...psql, '-d', 'postgres', '-c', 'CREATE DATABASE mail']);
  await ran('setpriv', [...psql, '-d', 'mail'], { input: sql });
  return { ...daemon, port, socket: data };
}

/** `ldif` below dc=example,dc=com; the administrator is cn=admin,dc=example,dc=com. */
export async function startLdap(folder: string, ldif: string, options: readonly string[]): Promise<DatabaseServer> {
  const data = join(folder, 'ldap');
  const socket = join(folder, 'ldapi');
  const configuration = join(folder, 'slapd.conf');
  mkdirSync(data);
  writeFileSync(
    configuration,
    [
      'include /etc/ldap/schema/core.schema',
      'include /etc/ldap/schema/cosine.schema',
      'include /etc/ldap/schema/inetorgperson.schema',
      'modulepath /usr/lib/ldap',
      'moduleload back_mdb',
      ...options,
      'database mdb',
      'suffix "dc=example,dc=com"',
      'rootdn "cn=admin,dc=example,dc=com"',
      'rootpw secret',
      `directory ${data}`,
      'access to * by users read by anonymous auth',
      '',
    ].join('\n'),
  );
  await ran('slapadd', ['-q', '-f', configuration], { input: ldif });
  const port = await freePort();
  const urls = [`ldap://127.0.0.1:${port}`, `ldapi://${encodeURIComponent(socket)}`];
  const daemon = await startDaemon('slapd', ['-d', '0', '-f', configuration, '-h', urls.join(' ')], async () => {
    const whoami = ['-x', '-H', `ldap://127.0.0.1:${port}`, '-D', 'cn=admin,dc=example,dc=com', '-w', 'secret'];
    return (await run('ldapwhoami', whoami)).code === 0;
  });
  return { ...daemon, port, socket };
}
