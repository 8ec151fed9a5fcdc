import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, describe, expect, test } from 'vitest';
import { TableFault, TableUnavailableError } from '../../../src/lookup/table-fault.ts';
import { removeFolder, temporaryFolder } from '../../kit/folder.ts';
import { openTables } from '../../kit/tables.ts';

const folder = temporaryFolder('client-file');
afterAll(() => removeFolder(folder));
const path = join(folder, 'table.cf');
const SQLITE = `dbpath = ${join(folder, 'mail.sqlite')}`;
const QUERY = "query = SELECT target FROM alias WHERE address = '%s'";

function fill(rows: readonly (readonly [string, string])[]): void {
  const database = new DatabaseSync(join(folder, 'mail.sqlite'));
  database.exec('CREATE TABLE IF NOT EXISTS alias (address, target)');
  for (const row of rows) database.prepare('INSERT INTO alias VALUES (?, ?)').run(...row);
  database.close();
}

describe('P5: the .cf files of database tables', () => {
  test.each([
    ['mysql', 'hosts = a:b:c\nquery = x\ndbname = y', 1, 'hosts: "a:b:c": expected host, host:port or unix:/path'],
    ['mysql', '# remark\n\nuser = x', 0, 'query: is missing'],
    ['mysql', 'query = x\nexpansion_limit = many', 2, 'expansion_limit: "many": expected a number from 0'],
    ['mysql', 'query = x\ntls_verify_cert = maybe', 2, 'tls_verify_cert: "maybe": expected yes or no'],
    ['mysql', 'query = x\ntls_CAfile = /no/such\ndbname = y', 2, 'tls_CAfile: /no/such cannot be read'],
    ['mysql', 'password secret\n', 1, '"password": expected "name = value"'],
    ['mysql', 'query = x %q\ndbname = y', 1, 'query: "%q": expected %s'],
    ['mysql', 'query = x\nresult_format =\n  %s %\ndbname = y', 2, 'result_format: "%": expected %s'],
    ['pgsql', 'hosts = postgresql://[\nquery = x\ndbname = y', 1, 'hosts: expected a URI'],
    ['pgsql', 'query = x', 0, 'dbname: is missing'],
    ['mysql', 'query = x\ndbname = y\nhosts = 127.0.0.1\ntls_verify_cert = yes', 3, 'needs the name of the server'],
    ['sqlite', 'query = x', 0, 'dbpath: is missing'],
    ['ldap', 'search_base = x\nscope = all', 2, 'scope: "all": expected sub, base, one'],
    ['ldap', 'server_host = http://x\nsearch_base = x', 1, 'server_host: "http://x": expected a URL'],
    ['ldap', 'bind = sasl', 1, 'bind: "sasl": expected yes, no'],
    ['ldap', 'query_filter = x', 0, 'search_base: is missing'],
    ['mongodb', 'dbname = x\ncollection = y', 0, 'query_filter: is missing'],
    [
      'mongodb',
      'dbname = x\ncollection = y\nquery_filter = {"a": %s}\nresult_attribute = b',
      3,
      'query_filter: is not a JSON object',
    ],
    [
      'mongodb',
      'dbname = x\ncollection = y\nquery_filter = {}\nresult_attribute = b\nuri = http://user:secret@x',
      5,
      'uri: expected mongodb://',
    ],
  ])('%s %j: line %i, %s', (type, text, line, message) => {
    writeFileSync(path, text);
    expect(() => openTables().tables.open(`${type}:${path}`)).toThrow(message);
    try {
      openTables().tables.open(`${type}:${path}`);
    } catch (error) {
      expect(error).toMatchObject({ file: path, line });
      expect(String(error)).not.toContain('secret');
    }
  });

  test('settings in main.cf and files that are missing are refused', () => {
    expect(() => openTables().tables.open('mysql:aliases')).toThrow(
      'expected the path of a file, such as mysql:/etc/postfix/aliases.cf',
    );
    expect(() => openTables().tables.open('pgsql:/no/such.cf')).toThrow(TableFault);
  });

  test('unknown settings and those without effect are reported', () => {
    writeFileSync(path, `${SQLITE}\n${QUERY}\nreslut_format = %s\nuser = x\n`);
    const { tables, logged } = openTables();
    tables.open(`sqlite:${path}`);
    expect(logged).toEqual([
      `${path}:3: reslut_format: there is no such setting here; did you mean "result_format"?`,
      `${path}:4: user: there is no such setting here`,
    ]);
  });

  test('checks open tables and never ask them', async () => {
    writeFileSync(path, `hosts = unix:${folder}/none\ndbname = x\n${QUERY}\n`);
    const { tables, logged } = openTables({ isOffline: true });
    await expect(tables.open(`mysql:${path}`).get('a')).rejects.toThrow('not asked during checks');
    expect(logged).toEqual([]);
  });
});

describe('P5: sqlite tables', () => {
  test('a file that comes later, is replaced, or is away', async () => {
    writeFileSync(path, `${SQLITE}\n${QUERY}\nresult_format = <%s>\n`);
    const { tables, logged } = openTables();
    const table = tables.open(`proxy:sqlite:${path}`);
    for (let i = 0; i < 2; i += 1) await expect(table.get('a')).rejects.toThrow(TableUnavailableError);
    expect(logged).toHaveLength(1);
    fill([
      ['a', 'one'],
      ['a', 'two'],
      ["it's", 'quoted'],
    ]);
    expect(await table.get('A')).toBe('<one>,<two>');
    expect(await table.get("it's")).toBe('<quoted>');
    expect(await table.get("' OR ''='")).toBeUndefined();
    expect(await table.get('a\0b')).toBeUndefined();
    expect(logged[1]).toBe(`sqlite:${path}: the file answers again`);
    removeFolder(join(folder, 'mail.sqlite'));
    fill([['a', 'new']]);
    expect(await table.get('a')).toBe('<new>');
    table.close?.();
  });

  test('domain: addresses of these domains alone, by name and by table', async () => {
    fill([
      ['x@here.example', 'yes'],
      ['x@there.example', 'yes'],
      ['here.example', 'yes'],
    ]);
    writeFileSync(path, `${SQLITE}\n${QUERY}\ndomain = !not.example, Here.example, inline:{there.example=1}\n`);
    const table = openTables().tables.open(`sqlite:${path}`);
    const found = async (key: string): Promise<boolean> => (await table.get(key)) !== undefined;
    expect(await found('x@HERE.example')).toBe(true);
    expect(await found('x@there.example')).toBe(true);
    expect(await found('here.example')).toBe(false);
    expect(await found('@here.example')).toBe(false);
    table.close?.();
  });
});
