import { describe, expect, it } from 'vitest';
import { ResolveError, type Resolver } from '../../../src/protocol/dns/resolver.ts';
import { findClientName } from '../../../src/server/smtp/client-name.ts';

type Answer = readonly string[] | 'notfound' | 'tempfail' | 'never';

function resolver(ptr: Answer, addresses: Readonly<Record<string, Answer>> = {}): Resolver {
  const answer = async (value: Answer | undefined): Promise<readonly string[]> => {
    if (value === 'never') return new Promise(() => {});
    if (value === undefined || value === 'notfound') throw new ResolveError('notfound', 'no such name');
    if (value === 'tempfail') throw new ResolveError('tempfail', 'no answer');
    return value;
  };
  const unused = async (): Promise<never> => {
    throw new Error('not asked here');
  };
  return {
    ptr: () => answer(ptr),
    cname: () => Promise.reject(new Error('not asked')),
    a: (name) => answer(addresses[name]),
    aaaa: (name) => answer(addresses[name]),
    mx: unused,
    txt: unused,
    ns: unused,
  };
}

const find = (r: Resolver, ip = '192.0.2.1') => findClientName(r, ip, 20);

describe('the client name', () => {
  it('is the PTR name that resolves back to the client', async () => {
    expect(await find(resolver(['Mail.Example'], { 'Mail.Example': ['192.0.2.9', '192.0.2.1'] }))).toEqual({
      name: 'mail.example',
      reverseName: 'mail.example',
      nameStatus: 'ok',
    });
    expect(await find(resolver(['six.example'], { 'six.example': ['2001:db8::1'] }), '2001:db8::1')).toMatchObject({
      name: 'six.example',
    });
  });

  it('P7: is unknown if the name resolves elsewhere; the reverse name is kept', async () => {
    expect(await find(resolver(['mail.example'], { 'mail.example': ['192.0.2.9'] }))).toEqual({
      name: 'unknown',
      reverseName: 'mail.example',
      nameStatus: 'notfound',
    });
  });

  it('tells a name that does not exist from one that cannot be looked up now', async () => {
    expect(await find(resolver('notfound'))).toMatchObject({ name: 'unknown', nameStatus: 'notfound' });
    expect(await find(resolver('tempfail'))).toMatchObject({ name: 'unknown', nameStatus: 'tempfail' });
    expect(await find(resolver(['mail.example'], { 'mail.example': 'tempfail' }))).toMatchObject({
      nameStatus: 'tempfail',
      reverseName: 'mail.example',
    });
  });

  it('is looked up within a time limit', async () => {
    expect(await find(resolver('never'))).toMatchObject({ name: 'unknown', nameStatus: 'tempfail' });
  });

  it('is never an invalid host name', async () => {
    for (const bad of ['evil\r\nRCPT', 'a b', '192.0.2.1', '', '-x.example', 'x'.repeat(300), 'a..b']) {
      expect(await find(resolver([bad], { [bad]: ['192.0.2.1'] }))).toEqual({
        name: 'unknown',
        reverseName: 'unknown',
        nameStatus: 'notfound',
      });
    }
  });
});
