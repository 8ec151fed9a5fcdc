import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { loadConfiguration } from '../../../src/config/load.ts';
import { parseMainCf } from '../../../src/config/postfix/main-cf.ts';
import type { MainParameters } from '../../../src/config/postfix/parameters-reader.ts';
import {
  allRows,
  defaultRows,
  editMainCf,
  expandedRows,
  formatRows,
  namedRows,
  parseEdit,
  setRows,
  tableTypeNames,
} from '../../../src/config/postfix/postconf.ts';

const directory = new URL('../../../lab/baidu', import.meta.url).pathname;
const text = readFileSync(`${directory}/main.cf`, 'utf8');
const set = parseMainCf(text, 'main.cf').settings.keys().toArray();
const parameters = async (): Promise<MainParameters> =>
  (await loadConfiguration({ directory, hostname: 'vm', interfaces: [] })).configuration.parameters;

describe('P4: postconf', () => {
  test('-n shows the settings as Postfix does', async () => {
    // Output of `postconf -n -c lab/baidu` of Postfix 3.7, which does not know our own parameter.
    const theirs = set.filter((name) => name !== 'http_interfaces');
    expect(formatRows(setRows(await parameters(), theirs)).replace(directory, 'DIR')).toBe(
      readFileSync(new URL('./goldens/postconf-n-baidu.txt', import.meta.url), 'utf8'),
    );
  });

  test('shows all values, defaults, single names, expanded values, and values without names', async () => {
    const reader = await parameters();
    const value = (rows: readonly { name: string; value: string }[], name: string): string | undefined =>
      rows.find((it) => it.name === name)?.value;
    expect(value(allRows(reader, set), 'myhostname')).toBe('mail.baidu.com');
    expect(value(allRows(reader, set), 'smtpd_recipient_limit')).toBe('1000');
    expect(value(defaultRows(reader), 'mydestination')).toBe('$myhostname, localhost.$mydomain, localhost');
    const { rows, unknown } = namedRows(reader, ['myorigin', 'nosuch', 'always_bcc']);
    expect(unknown).toEqual(['nosuch']);
    expect(formatRows(rows)).toBe('myorigin = $mydomain\nalways_bcc =\n');
    expect(formatRows(expandedRows(reader, rows), { valuesOnly: true })).toBe('baidu.com\n\n');
  });

  test('-m names the table types', () => {
    expect(tableTypeNames()).toEqual(
      expect.arrayContaining([
        'hash',
        'texthash',
        'regexp',
        'pcre',
        'cidr',
        'inline',
        'static',
        'unionmap',
        'pipemap',
        'tcp',
        'socketmap',
        'proxy',
      ]),
    );
  });

  test('-e keeps comments and order, as Postfix does', () => {
    const before =
      '# head\nmyhostname = a.b\n# mid\nmydestination = x,\n  # inner comment\n  y,\n\n  z\nmyhostname = second.b\n#myorigin = q\nrelayhost =\n';
    const edits = ['myhostname = n.b', 'mydestination=$myhostname,  two', 'myorigin = new', 'relayhost=[x]:25']
      .map(parseEdit)
      .filter((edit) => typeof edit !== 'string');
    // Output of `postconf -e` of Postfix 3.7.
    expect(editMainCf(before, edits)).toBe(
      '# head\nmyhostname = n.b\n# mid\nmydestination = $myhostname,  two\n  # inner comment\n\nmyhostname = n.b\n#myorigin = q\nrelayhost = [x]:25\nmyorigin = new\n',
    );
  });

  test('-e refuses invalid settings, and cannot write a second line', () => {
    expect(parseEdit('bad name')).toContain('missing "="');
    expect(parseEdit('=x')).toContain('missing name');
    for (const text of ['a=1\nmynetworks=0.0.0.0/0', 'a=1\n', 'a=1\rb=2', 'a=\0'])
      expect(parseEdit(text)).toBe('-e accepts one line per setting');
    expect(parseEdit(' # a=1')).toBe('-e does not accept comments');
    expect(parseEdit('a = 1\r')).toMatchObject({ name: 'a', value: '1' });
  });

  test('-e does not rewrite an unchanged file', () => {
    expect(editMainCf(text, [])).toBe(text);
  });
});
