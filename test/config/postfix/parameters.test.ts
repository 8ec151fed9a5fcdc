import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parameterRow, parameterTable } from '../../../src/config/postfix/parameters.ts';

/** `postconf -d` of Postfix 3.7.11, without the values that depend on its machine. */
const golden = readFileSync(new URL('./goldens/postconf-d.txt', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map((line) => {
    const equals = line.indexOf(' =');
    return [line.slice(0, equals), line.slice(equals + 2).trim()] as const;
  });

/** Intended differences: parameters.ts gives the reasons. */
const OURS = new Set([
  'alias_maps',
  'data_directory',
  'inet_interfaces',
  'mail_name',
  'mail_version',
  'mynetworks_style',
  'smtpd_forbid_bare_newline',
  'undisclosed_recipients_header',
]);

describe('P2: the table of parameters', () => {
  test('has every parameter of Postfix 3.7, with its default', () => {
    const differing = golden.filter(([name, value]) => parameterRow(name)?.default !== value).map(([name]) => name);
    expect(differing).toEqual([...OURS].sort());
  });

  test('documents every row in one line', () => {
    const undocumented = [...parameterTable].filter(
      ([, row]) => row.doc.length < 10 || row.doc.includes('\n') || !/[.:…]$/.test(row.doc),
    );
    expect(undocumented.map(([name]) => name)).toEqual([]);
  });

  test('includes parameters of transports that master.cf defines', () => {
    expect(parameterRow('maildrop_destination_recipient_limit')?.default).toBe('$default_destination_recipient_limit');
    expect(parameterRow('_destination_recipient_limit')).toBeUndefined();
    expect(parameterRow('constructor')).toBeUndefined();
  });

  test('never listens on the network or trusts it by default', () => {
    expect(parameterRow('inet_interfaces')?.default).toBe('loopback-only');
    expect(parameterRow('mynetworks_style')?.default).toBe('host');
  });
});
