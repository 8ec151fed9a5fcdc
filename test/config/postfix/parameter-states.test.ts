/** The states in the table of parameters are true: code reads every parameter that has an effect, and no other. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { references } from '../../../src/config/postfix/macro.ts';
import { isRaw, type Row } from '../../../src/config/postfix/parameters/row.ts';
import { parameterTable } from '../../../src/config/postfix/parameters.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));

/** Values for `$name` in other parameters only. */
const FOR_EXPANSION = ['mail_version', 'command_time_limit'];

/** Names that the sources contain as a string, outside of comments; and `smtpd_${name}_restrictions`. */
function namesInSources(pattern = '{src,plugins}/**/*.ts'): Set<string> {
  const files = globSync(pattern, { cwd: root }).filter(
    (file) => !file.endsWith('.test.ts') && !file.startsWith('src/config/postfix/parameters/'),
  );
  expect(files.length).toBeGreaterThan(10);
  const names = files.flatMap((file) => {
    const code = readFileSync(join(root, file), 'utf8')
      .replaceAll(/\/\*[\s\S]*?\*\//g, '')
      .replaceAll(/(^|\s)\/\/.*$/gm, '');
    return [...code.matchAll(/(['"`])(\w+)\1/g)].map(([, , name = '']) => name);
  });
  return new Set(names);
}

const ofLmtp = (name: string): string => name.replace(/^helo_/, 'lhlo_').replace('_ehlo_', '_lhlo_');

/** With those that the default of a name that is read refers to. */
function read(): Set<string> {
  const names = new Set(['mail_version', ...namesInSources()]);
  // `smtp_connect_timeout` and `lmtp_connect_timeout` are read by their second part.
  for (const name of namesInSources('src/delivery/client/**/*.ts'))
    for (const protocol of ['smtp', 'lmtp'])
      for (const own of [name, ofLmtp(name)])
        if (parameterTable.has(`${protocol}_${own}`)) names.add(`${protocol}_${own}`);
  // `NAME_destination_recipient_limit` is read by its second part.
  names.add('local_destination_concurrency_limit');
  for (const transport of ['smtp', 'lmtp', 'relay'])
    for (const suffix of [...names].filter(
      (name) => parameterTable.has(`default_${name}`) || name.startsWith('initial_'),
    ))
      names.add(`${transport}_${suffix}`);
  for (const name of names)
    if (!isRaw(parameterTable.get(name)?.type))
      for (const referred of references(parameterTable.get(name)?.default ?? '')) names.add(referred);
  return names;
}

describe('the states of parameters', () => {
  const known = read();
  const rows = [...parameterTable];
  const named = (wanted: (name: string, row: Row) => boolean): string[] =>
    rows.filter(([name, row]) => wanted(name, row)).map(([name]) => name);

  it('each active parameter is read by code', () => {
    expect(named((name, row) => row.state === 'acts' && !known.has(name) && !FOR_EXPANSION.includes(name))).toEqual([]);
  });

  it('no code reads an inactive parameter', () => {
    expect(named((name, row) => row.state !== 'acts' && known.has(name))).toEqual([]);
  });

  it('a parameter without meaning gives a reason, and a guard is always unsupported', () => {
    expect(named((_name, row) => (row.state === 'no meaning') !== (row.reason !== undefined))).toEqual([]);
    expect(named((_name, row) => row.guards === true && row.state !== 'not supported')).toEqual([]);
  });
});
