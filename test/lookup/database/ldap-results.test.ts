import { describe, expect, test } from 'vitest';
import { type Entry, expandEntries, type Search } from '../../../src/lookup/database/ldap-results.ts';

const NONE = { plain: [], special: [], terminal: [], leaf: [] };

function expand(
  entries: Readonly<Record<string, readonly Entry[]>>,
  attributes: object,
  limits = { depth: 10, results: 0 },
) {
  const searched: Search[] = [];
  const warned: string[] = [];
  const results = expandEntries({
    first: { base: 'start', filter: '(a=b)', scope: 'sub' },
    attributes: { ...NONE, ...attributes },
    limits,
    search: async (search) => {
      searched.push(search);
      return entries[search.base] ?? [];
    },
    warn: (message) => void warned.push(message),
  });
  return { results, searched, warned };
}

describe('P5: results of LDAP lookups', () => {
  test('attributes in the order of the server, whatever case their names have', async () => {
    const { results } = expand(
      { start: [{ UID: 'u', Mail: ['a', Buffer.from('b')] as string[] }] },
      { plain: ['mail', 'uid'] },
    );
    expect(await results).toEqual(['u', 'a', 'b']);
  });

  test('a URL names base, scope and filter of the next search', async () => {
    const { results, searched } = expand(
      { start: [{ url: 'ldap://elsewhere/ou=a%20b?mail,uid?one?(x=%2A)' }], 'ou=a b': [{ mail: 'm' }] },
      { plain: ['mail'], special: ['url'] },
    );
    expect(await results).toEqual(['m']);
    expect(searched[1]).toEqual({ base: 'ou=a b', scope: 'one', filter: '(x=*)', attributes: ['mail', 'uid'] });
  });

  test('entries that lead to each other end', async () => {
    const loop = { start: [{ dn: 'start', next: ['start', 'start'] }] };
    await expect(expand(loop, { special: ['next'] }).results).rejects.toThrow('recursion_limit');
  });

  test('a broken URL and a missing entry are skipped and logged', async () => {
    const { results, warned } = expand(
      { start: [{ next: ['ldap:///%zz', 'gone'], mail: 'm' }] },
      { plain: ['mail'], special: ['next'] },
    );
    expect(await results).toEqual(['m']);
    expect(warned).toEqual(['"ldap:///%zz" is neither a DN nor a URL, skipping', '"gone" is not found, skipping']);
  });
});
