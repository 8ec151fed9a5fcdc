/** smtp_dns_resolver_options: the names that are tried are those of glibc's res_search. */
import { describe, expect, it } from 'vitest';
import { ResolveError, type Resolver } from '../../../src/protocol/dns/resolver.ts';
import { searchedNames, searching } from '../../../src/protocol/dns/search.ts';

const LIST = { domains: ['a.example', 'b.example'], ndots: 1 };

describe('P17: short names', () => {
  it.each([
    ['host', true, true, ['host.a.example', 'host.b.example', 'host']],
    ['host', true, false, ['host.a.example', 'host']],
    ['host', false, true, ['host']],
    ['www.sub', true, true, ['www.sub', 'www.sub.a.example', 'www.sub.b.example']],
    ['www.sub', true, false, ['www.sub']],
    ['www.sub', false, true, ['www.sub', 'www.sub.a.example', 'www.sub.b.example']],
    ['host.', true, true, ['host.']],
  ])('P17: %s, res_defnames %s, res_dnsrch %s', (name, completes, searches, expected) => {
    expect(searchedNames(name, LIST, { completes, searches })).toEqual(expected);
  });

  it('P17: the first name that has records answers; a name that cannot be asked now makes the mail wait', async () => {
    const nothing = (name: string, reason: ResolveError['reason']) => Promise.reject(new ResolveError(reason, name));
    const resolver: Pick<Resolver, 'mx' | 'a' | 'aaaa' | 'cname'> = {
      mx: (name) => nothing(name, name === 'slow.a.example' ? 'tempfail' : 'notfound'),
      a: async (name) => (name === 'host.b.example' ? ['127.0.0.1'] : nothing(name, 'nodata')),
      aaaa: (name) => nothing(name, name.startsWith('host.a') ? 'nodata' : 'notfound'),
      cname: (name) => nothing(name, 'notfound'),
    };
    const found = searching(resolver, LIST, { completes: true, searches: true });
    expect(await found.a('host')).toEqual(['127.0.0.1']);
    await expect(found.aaaa('host')).rejects.toMatchObject({ reason: 'nodata' });
    await expect(found.mx('slow')).rejects.toMatchObject({ reason: 'tempfail' });
    await expect(found.cname('host')).rejects.toMatchObject({ reason: 'notfound' });
  });
});
