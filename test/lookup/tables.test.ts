import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { TableUnavailableError } from '../../src/lookup/table-fault.ts';
import { removeFolder, temporaryFolder } from '../kit/folder.ts';
import { openTables } from '../kit/tables.ts';

const folder = temporaryFolder('tables');
afterAll(() => removeFolder(folder));
const path = join(folder, 'table');

describe('P5: lookup tables', () => {
  test.each(['hash', 'btree', 'texthash', 'lmdb', 'cdb', 'dbm', 'sdbm', 'proxy:hash'])(
    '%s is read from its text',
    async (type) => {
      writeFileSync(path, 'Key value one\n');
      const { tables } = openTables();
      expect(await tables.open(`${type}:${path}`).get('KEY')).toBe('value one');
      expect(await tables.open(`${type}:${path}`).get('other')).toBeUndefined();
    },
  );

  test('P4: a change is loaded at the next use, after a second at most; a broken version keeps the old one', async () => {
    writeFileSync(path, '/a/ one\n');
    const { tables, logged, wait } = openTables();
    const table = tables.open(`regexp:${path}`);
    writeFileSync(path, '/a/ two three\n');
    expect(await table.get('a')).toBe('one');
    wait(1000);
    expect(await table.get('a')).toBe('two three');
    writeFileSync(path, '/a/ broken\n/(/ x\n');
    wait(1000);
    expect(await table.get('a')).toBe('two three');
    expect(logged.at(-1)).toBe(`${path}:2: a "(" is never closed; keeping the previous version`);
    rmSync(path);
    wait(1000);
    expect(await table.get('a')).toBe('two three');
    writeFileSync(path, '/a/ four\n');
    wait(1000);
    expect(await table.get('a')).toBe('four');
  });

  test('a long table is reloaded in the background: the old version answers until the new one is complete', async () => {
    const lines = (value: string): string =>
      Array.from({ length: 30_000 }, (_, i) => `user${i}@example.com ${value}\n`).join('');
    writeFileSync(path, lines('old'));
    const { tables, logged, wait } = openTables();
    const table = tables.open(`hash:${path}`);
    writeFileSync(path, lines('newer'));
    wait(1000);
    expect(await table.get('user29999@example.com')).toBe('old');
    await vi.waitFor(() => expect(logged.at(-1)).toBe(`${path}: reloaded`));
    expect(await table.get('user29999@example.com')).toBe('newer');
  });

  test('a byte order mark is reported as a fault, and the previous version stays', async () => {
    for (const type of ['hash', 'regexp', 'cidr']) {
      writeFileSync(path, '\u{feff}a b\n');
      expect(() => openTables().tables.open(`${type}:${path}`)).toThrow(
        'the file starts with a byte order mark (EF BB BF)',
      );
    }
  });

  test('P5: a table in UTF-16, or an index instead of its text, is reported as a fault', () => {
    const utf16 = Buffer.from('a b\n', 'utf16le');
    for (const octets of [
      utf16,
      Buffer.concat([Buffer.from([0xff, 0xfe]), utf16]),
      Buffer.alloc(20),
      Buffer.from(utf16).swap16(),
    ]) {
      writeFileSync(path, octets);
      expect(() => openTables().tables.open(`hash:${path}`)).toThrow('the file is UTF-16 or a database');
    }
    writeFileSync(path, Buffer.from([0xff, 0xfe, 0x20, 0x62, 0x0a]));
    expect(() => openTables().tables.open(`hash:${path}`)).not.toThrow();
  });

  test('P10: a missing included file is reported with its line', () => {
    writeFileSync(path, `a: b\nteam: x,\n  :include:/nowhere/team, ":include:${path}"\n`);
    const { tables, logged } = openTables({ aliasTables: [`hash:${path}`] });
    tables.open(`hash:${path}`);
    expect(logged).toEqual([
      `${path}:3: :include:/nowhere/team: no such file; mail to this alias waits until it exists`,
    ]);
  });

  test('P10: the tables of alias_maps have the format of alias files', async () => {
    writeFileSync(path, 'xixi: xixi, haha\n');
    expect(
      await openTables({ aliasTables: [`hash:${path}`] })
        .tables.open(`hash:${path}`)
        .get('xixi'),
    ).toBe('xixi, haha');
    expect(await openTables().tables.open(`hash:${path}`).get('xixi:')).toBe('xixi, haha');
  });

  test.each([
    ['inline:{a=1, b=2}', 'b', '2'],
    ['inline:{{a = 1}, {b = 2 3}}', 'B', '2 3'],
    ['static:OK', 'anything', 'OK'],
    ['static:{ a b c }', 'anything', 'a b c'],
    ['unionmap:{static:a, inline:{x=b}}', 'x', 'a,b'],
    ['unionmap:{unix:passwd.byname, inline:{x=b}}', 'y', undefined],
    ['pipemap:{inline:{x=y},inline:{y=z}}', 'x', 'z'],
    ['pipemap:{inline:{x=y},inline:{y=z}}', 'q', undefined],
    ['unix:passwd.byname', 'root', undefined],
    ['randmap:{a}', 'x', 'a'],
    ['randmap:{ {a b}, {a b} }', 'x', '{a b}'],
    ['environ:x', 'POSTHORN_tables_test', 'of the environment'],
    ['environ:x', 'PATH', undefined],
  ])('%s answers "%s" with %s', async (name, key, answer) => {
    vi.stubEnv('posthorn_tables_test', 'of the environment');
    expect(await openTables().tables.open(name).get(key)).toBe(answer);
  });

  test('randmap gives each of its values', async () => {
    const table = openTables().tables.open('randmap:{a, b, c}');
    expect(new Set(Array.from({ length: 200 }, () => table.get('x')))).toEqual(new Set(['a', 'b', 'c']));
  });

  test.each(['fail:x', 'unionmap:{static:a, fail:x}', 'pipemap:{static:a, fail:x}'])(
    '%s fails temporarily',
    async (name) => {
      await expect(async () => openTables().tables.open(name).get('x')).rejects.toThrow(TableUnavailableError);
    },
  );

  test.each([
    ['hahs:/x', 'there is no table type "hahs"; did you mean "hash"?'],
    ['constructor:/x', 'there is no table type "constructor"'],
    ['/etc/aliases', 'expected a lookup table as type:name'],
    ['hash:', 'a name is missing after "hash:"'],
    ['hash:/no/such/file', 'there is no such file'],
    ['hash:/', 'is not a file'],
    ['inline:{}', 'expected inline:{key=value'],
    ['inline:{a}', 'expected key=value'],
    ['unionmap:hash:/x', 'expected unionmap:{type:name'],
    ['tcp:localhost', 'expected host:port'],
    ['randmap:{}', 'expected randmap:{value'],
    ['environ:', 'a name is missing after "environ:"'],
    [`${'unionmap:{'.repeat(30)}static:x${'}'.repeat(30)}`, 'too deep'],
  ])('%s is refused: %s', (name, message) => {
    expect(() => openTables({ connect: () => Promise.reject(new Error('no')) }).tables.open(name)).toThrow(message);
  });

  test('tables are opened once', () => {
    writeFileSync(path, 'a b\n');
    const { tables } = openTables();
    expect(tables.open(`hash:${path}`)).toBe(tables.open(`proxy:hash: ${path}`));
  });
});
