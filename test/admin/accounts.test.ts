/** Accounts, aliases and domains by command: what is accepted, and why the rest is refused. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type AdminServices, OperationError } from '../../src/admin/operation.ts';
import { operations } from '../../src/admin/operations.ts';
import { domainOf } from '../../src/mail/address.ts';
import { hashPassword, verifyPassword } from '../../src/server/login/password.ts';
import type { Store } from '../../src/store/store.ts';
import { quietLog } from '../kit/log.ts';
import { openTemporaryStore, type TemporaryStore } from '../kit/store.ts';

let opened: TemporaryStore;
let store: Store;
let house: AdminServices;
let minUser = false;

beforeAll(async () => {
  opened = await openTemporaryStore(quietLog);
  store = opened.store;
  const unused = (): never => {
    throw new Error('not in this test');
  };
  house = {
    store,
    defaultDomain: 'example.test',
    addressClass: async (domain) => {
      if (domain === 'group.test') return 'virtual_alias';
      return domain === 'example.test' || (await store.directory.domains()).includes(domain) ? 'local' : 'default';
    },
    recipientExists: async (address) =>
      domainOf(address) !== 'example.test' || (await store.directory.find(address)) !== null,
    parameters: {
      string: (name) =>
        name === 'recipient_delimiter' ? '+' : name === 'double_bounce_sender' ? 'double-bounce' : unused(),
      boolean: (name) => (name === 'allow_min_user' ? minUser : unused()),
      number: unused,
      time: unused,
      list: unused,
      untyped: { string: unused, boolean: unused, number: unused, time: unused, list: unused },
    },
    hashPassword,
    flush: async () => 0,
    wake: () => {},
    server: null,
    clock: Date.now,
    progress: () => {},
  };
});
beforeEach(async () => {
  minUser = false;
  for (const { id } of await store.directory.list()) await store.directory.remove(id);
  for (const address of (await store.directory.aliases()).keys()) await store.directory.setAlias(address, []);
});
afterAll(() => opened.close());

/** The result of an operation, or the text of its refusal. */
async function ask(name: string, given: Record<string, unknown>): Promise<Record<string, unknown> | string> {
  try {
    return (await operations.get(name)?.(house, given)) as Record<string, unknown>;
  } catch (error) {
    if (!(error instanceof OperationError)) throw error;
    return error.message;
  }
}
const add = (address: string, more: Record<string, unknown> = { password: 'sesame' }) =>
  ask('user.add', { address, ...more });
const alias = (address: string, ...targets: string[]) => ask('alias.set', { address, targets });

describe('user add', () => {
  it.each([
    ['xixi', 'xixi@example.test'],
    ['Xixi@Example.Test', 'xixi@example.test'],
    ['xixi@example.test.', 'xixi@example.test'],
    ['a+b', 'a+b@example.test'],
    ["o'neil_1=x", "o'neil_1=x@example.test"],
    ['maomao@höf.test', 'maomao@xn--hf-fka.test'],
    ['xixi@a_b.test', 'xixi@a_b.test'],
    ['毛', '毛@example.test'],
    [`${'x'.repeat(64)}@example.test`, `${'x'.repeat(64)}@example.test`],
    [`x@${'a'.repeat(63)}.test`, `x@${'a'.repeat(63)}.test`],
  ])('%s is accepted as %s', async (given, address) => {
    expect(await add(given)).toMatchObject({ address });
  });

  it.each([
    ['a%b', '"%" and "!"'],
    ['a!b', '"%" and "!"'],
    ['elsewhere.test!x@example.test', '"%" and "!"'],
    ['a@b@example.test', '"@" in a name would need quotes'],
    ['"a b"', 'would need quotes'],
    ['a b', 'a space in a name would need quotes'],
    ['a..b', 'dots are only allowed between'],
    ['.a', 'dots are only allowed between'],
    ['a.@example.test', 'dots are only allowed between'],
    ['-a', 'allow_min_user'],
    ['@example.test', 'no name before its "@"'],
    ['x@', 'is not an address'],
    ['x@..', 'a label is empty'],
    ['x@-bad.test', 'begins or ends with "-"'],
    ['x@bad-.test', 'begins or ends with "-"'],
    ['x@.test', 'a label is empty'],
    ['x@a..test', 'a label is empty'],
    [`x@${'a'.repeat(64)}.test`, 'longer than 63 octets'],
    [`${'x'.repeat(65)}@example.test`, 'longer than 64 octets'],
    [`x@${'abcdefg.'.repeat(32)}test`, 'octets'],
    ['x@192.0.2.1', 'an IP address'],
    ['x@[192.0.2.1]', 'an address literal'],
    ['x@ex ample.test', 'is not allowed in a domain name'],
    ['x@group.test', 'virtual_alias_domains'],
    ['x\u0000y', 'would need quotes'],
  ])('%j is refused', async (given, why) => {
    expect(await add(given)).toContain(why);
    expect(await store.directory.list()).toEqual([]);
  });

  it('a name that starts with "-" is accepted if allow_min_user allows it', async () => {
    minUser = true;
    expect(await add('-a')).toMatchObject({ address: '-a@example.test' });
  });

  it('a name whose mail goes elsewhere by an alias is refused, until the alias includes the name', async () => {
    await alias('xixi', 'far@elsewhere.test');
    expect(await add('xixi')).toContain('an alias sends the mail of xixi@example.test to far@elsewhere.test');
    await alias('xixi', 'xixi', 'far@elsewhere.test');
    expect(await add('xixi')).toMatchObject({ address: 'xixi@example.test' });
  });

  it('a domain argument is accepted as "domain add" accepts it', async () => {
    expect(await add('x@höf.test')).toMatchObject({
      note: expect.stringContaining('"posthorn domain add xn--hf-fka.test"'),
    });
    expect(await ask('domain.add', { domain: 'höf.test' })).toEqual({ domain: 'xn--hf-fka.test' });
    expect(await ask('domain.remove', { domain: 'HÖF.test.' })).toEqual({ domain: 'xn--hf-fka.test' });
  });
});

describe('a password', () => {
  it('S1: is kept for the mechanism that is asked for, also one that is generated', async () => {
    for (const scheme of ['ARGON2ID', 'SCRAM-SHA-256', 'SCRAM-SHA-1', 'CRAM-MD5']) {
      const address = `u.${scheme}`.toLowerCase();
      const { password } = (await ask('user.add', { address, scheme: scheme.toLowerCase() })) as { password: string };
      expect(await ask('user.passwd', { address, password: 'sesame', scheme })).toEqual({
        address: `${address}@example.test`,
      });
      const stored = (await store.directory.find(`${address}@example.test`))?.passwordHash ?? '';
      expect([stored.startsWith(`{${scheme}}`), await verifyPassword(Buffer.from('sesame'), stored)]).toEqual([
        true,
        true,
      ]);
      expect(password).toMatch(/^\w{4}(?:-\w{4}){3}$/);
    }
    expect(await add('xixi', { password: 'x', scheme: 'PLAIN' })).toContain('expected ARGON2ID, SCRAM-SHA-256');
    expect(await add('xixi', { passwordHash: '{SHA}x', scheme: 'ARGON2ID' })).toContain('a hash has its own scheme');
  });

  it.each([
    ['', 'empty'],
    ['a\tb', 'control characters'],
    ['a\u0000b', 'control characters'],
    ['a\r\nb', 'control characters'],
    ['x'.repeat(1025), 'longer than 1024 octets'],
    ['é'.repeat(513), 'longer than 1024 octets'],
    ['\ud800', 'not valid Unicode'],
    ['{SHA512-CRYPT}$6$yEusQznIUuhXQAgm$Mhhs1', '--password-hash-stdin'],
    ['{NTLM}8846f7eaee8fb117ad06bdd830b7586c', '--password-hash-stdin'],
    ['$1$salt$qJH7.N4xYta3aEG/dfqo/0', '--password-hash-stdin'],
  ])('%j is refused', async (password, why) => {
    expect(await add('xixi', { password })).toContain(why);
    await add('xixi');
    expect(await ask('user.passwd', { address: 'xixi', password })).toContain(why);
  });

  it('of 1024 octets, with blanks at its ends, or with braces is accepted', async () => {
    for (const password of ['é'.repeat(512), ' a b ', '{a}b', '$5'])
      expect(await ask('user.add', { address: `u${password.length}`, password })).toBeTypeOf('object');
  });

  it.each([
    [
      '{SHA512-CRYPT}$6$yEusQznIUuhXQAgm$Mhhs1sc5r1qy66GLDRN.V6u3NQt5lxuhd7thCJGQ.Nnj2aKIAsgHTz4KinaAW0qi9yxqM/JljkIaxGoP30Jqm0',
    ],
    ['$5$PL58CFjuCaIdR.Aw$NpbcT4BKzf6Ks.vWYJ/zqo05622tPb8WP6zBRrV46u2'],
    ['{BLF-CRYPT}$2y$05$o0HlA02566JfKYApjNyOtu6WL/qOpgTlc3Gq.a3Ry2tB0TxiVOASK'],
    ['{PLAIN-MD5}e2145387bcc7842edef4ccecc34b7da4'],
    ['{SSHA}E+tGE82/tkwErlttOz2I4NY/iRnhiTr+'],
    [
      '{SCRAM-SHA-256}4096,KJKYOWFzwWgC5cWSWgMxsw==,MVFhXILWEERv5kSykSP1cdyanolaiKQVXjfA6jEfM2U=,LcRrUOVeDFBtEcR0JVVePofYEu8OWT34pI0tWeSlgag=',
    ],
    ['{PBKDF2}$1$jz6dUaJpvYPRTGOs$5000$4e768eceb2a8941f11a44f30b2ee1780c06d2ccc'],
    ['{PLAIN}maomao'],
  ])('can be imported as a hash: %s', async (passwordHash) => {
    expect(await add('xixi', { passwordHash })).toEqual({ address: 'xixi@example.test' });
    const stored = (await store.directory.find('xixi@example.test'))?.passwordHash ?? '';
    expect(await verifyPassword(Buffer.from('maomao'), stored)).toBe(true);
    expect(stored).not.toContain('{PLAIN}');
  });

  it.each([
    ['maomao', 'this hash cannot be verified here'],
    ['{NTLM}8846f7eaee8fb117ad06bdd830b7586c', 'this hash cannot be verified here'],
    ['{SHA512-CRYPT}$6$yEusQznIUuhXQAgm$Mhhs1', 'an incomplete {SHA512-CRYPT} hash'],
    ['{SSHA256}abcd', 'an incomplete {SSHA256} hash'],
    ['{PLAIN}', 'the password is empty'],
  ])('a hash that can never match is refused: %s', async (passwordHash, why) => {
    expect(await add('xixi', { passwordHash })).toContain(why);
    expect(await add('xixi', { passwordHash, password: 'x' })).toContain('give only one');
  });
});

describe('alias set', () => {
  it('accepts addresses here and elsewhere, an extension, a whole domain, and reports missing accounts', async () => {
    await add('xixi');
    expect(await alias('team', 'xixi', 'Far@Elsewhere.Test')).toEqual({
      address: 'team@example.test',
      targets: ['xixi@example.test', 'Far@elsewhere.test'],
    });
    expect(await alias('lists', 'xixi+lists')).toMatchObject({ targets: ['xixi+lists@example.test'] });
    expect(await alias('@old.test', '@example.test')).toMatchObject({ address: '@old.test' });
    expect(await alias('more', 'nobody')).toMatchObject({
      note: 'no such account or alias yet: nobody@example.test',
    });
  });

  it.each([
    ['bad target', 'is not an address'],
    ['|/bin/sh', 'commands, files and :include:'],
    ['/var/mail/x', 'commands, files and :include:'],
    [':include:/etc/list', 'commands, files and :include:'],
    ['\\|x', 'commands, files and :include:'],
    ['x@-bad.test', 'begins or ends with "-"'],
    ['x@', 'is not a domain name'],
    ['a,b', 'is not an address'],
    ['@', 'is not a domain name'],
  ])('refuses the target %j', async (target, why) => {
    expect(await alias('team', target)).toContain(why);
  });

  it('refuses loops, also through an extension and through a whole domain', async () => {
    await alias('a', 'b');
    expect(await alias('b', 'c', 'a')).toBe(
      'aliases would form a loop: b@example.test -> a@example.test -> b@example.test',
    );
    await alias('b', 'c');
    expect(await alias('c', 'a+x')).toContain('form a loop');
    await alias('@one.test', '@two.test');
    expect(await alias('@two.test', '@one.test')).toBe(
      'aliases would form a loop: @two.test -> @one.test -> @two.test',
    );
    expect(await alias('x@two.test', 'x@one.test')).toContain('form a loop');
    expect(await alias('d', 'd', 'xixi')).toMatchObject({ address: 'd@example.test' });
  });

  it('refuses to take the mail of an account away, unless the account stays a target', async () => {
    await add('xixi');
    expect(await alias('xixi', 'far@elsewhere.test')).toContain(
      'xixi@example.test is an account whose mail the alias would divert',
    );
    expect(await alias('xixi', 'XIXI', 'far@elsewhere.test')).toMatchObject({ address: 'xixi@example.test' });
    await add('maomao');
    expect(await alias('@example.test', 'xixi')).toContain('would take the mail of maomao@example.test');
    await alias('maomao', 'maomao');
    expect(await alias('@example.test', 'xixi')).toMatchObject({ address: '@example.test' });
    expect(await add('new')).toContain('an alias sends the mail of new@example.test to xixi@example.test');
  });

  it('an alias created by an older version can still be removed', async () => {
    await store.directory.setAlias('a%b@example.test', ['x y']);
    expect(await ask('alias.remove', { address: 'a%b@example.test' })).toEqual({ address: 'a%b@example.test' });
  });
});

describe('domain add', () => {
  it.each([
    'no domain',
    '-bad.test',
    'x..test',
    `${'a'.repeat(64)}.test`,
    '192.0.2.1',
    'nodot',
    '[192.0.2.1]',
    '',
    'xn--.test\u0000',
  ])('refuses %j', async (domain) => {
    expect(await ask('domain.add', { domain })).toBeTypeOf('string');
  });

  it('refuses a domain of aliases only, and removes a trailing dot', async () => {
    expect(await ask('domain.add', { domain: 'group.test' })).toContain('virtual_alias_domains');
    expect(await ask('domain.add', { domain: 'Other.Test.' })).toEqual({ domain: 'other.test' });
  });
});

it('user disable and enable', async () => {
  await add('xixi');
  expect(await ask('user.disable', { address: 'xixi' })).toEqual({ address: 'xixi@example.test', disabled: true });
  expect(await operations.get('user.list')?.(house, {})).toMatchObject([
    { address: 'xixi@example.test', disabled: true },
  ]);
  expect(await ask('user.enable', { address: 'xixi' })).toEqual({ address: 'xixi@example.test', disabled: false });
  expect(await ask('user.disable', { address: 'nobody' })).toContain('there is no account nobody@example.test');
});

describe('P12: user forward', () => {
  beforeEach(async () => {
    await store.directory.create({ address: 'xixi@example.test', passwordHash: '' });
    await store.directory.create({ address: 'haha@example.test', passwordHash: '' });
  });
  const forward = (targets: readonly string[], keep = false): Promise<Record<string, unknown> | string> =>
    ask('user.forward', { address: 'xixi', targets, keep });

  it('P12: sets where mail goes, shows it, and ends it', async () => {
    const forwarding = { targets: ['haha@example.test', 'A.b@xn--bcher-kva.example'], keep: true };
    const answer = { address: 'xixi@example.test', forwarding };
    expect(await forward(['haha', 'A.b@b\u00fccher.example', 'HAHA@example.test', 'haha'], true)).toEqual(answer);
    expect(await ask('user.show', { address: 'xixi' })).toMatchObject(answer);
    expect(await operations.get('user.list')?.(house, {})).toMatchObject([{ forwarding: null }, answer]);
    expect(await forward([])).toEqual({ address: 'xixi@example.test', forwarding: null });
    expect(await ask('user.show', { address: 'xixi' })).toMatchObject({ forwarding: null });
  });

  it.each([
    [['xixi', 'haha'], 'xixi@example.test is the account itself; --keep keeps a copy in its mailbox'],
    [['XIXI@Example.test'], 'there is nobody to forward to but xixi@example.test itself'],
    [['\\haha'], '"\\haha": a backslash means the mailbox of xixi@example.test itself, to keep a copy'],
    [['|/bin/cat'], '"|/bin/cat": mail can be forwarded to addresses only; commands, files and :include: act with'],
    [['/var/mail/x'], '"/var/mail/x": mail can be forwarded to addresses only'],
    [[':include:/list'], '":include:/list": mail can be forwarded to addresses only'],
    [['@elsewhere.example'], '"@elsewhere.example" is a whole domain; mail can be forwarded to addresses only'],
    [['a@b@c..d'], '"c..d" is not a domain name: a label is empty'],
    [Array.from({ length: 51 }, (_, i) => `u${i}@b.example`), '51 addresses to forward to; there may be 50'],
    [Array.from({ length: 40 }, (_, i) => `${i}${'u'.repeat(50)}@b.example`), 'octets; there may be 2048'],
  ])('P12: %j is refused', async (targets, why) => {
    expect(await forward(targets)).toContain(why);
    expect(await ask('user.show', { address: 'xixi' })).toMatchObject({ forwarding: null });
  });

  it('P12: a target here that does not exist, and an account whose mail goes elsewhere, are noted', async () => {
    expect(await forward(['nobody'])).toMatchObject({ note: 'no such account or alias yet: nobody@example.test' });
    await store.directory.create({ address: 'me@else.test', passwordHash: '' });
    expect(await ask('user.forward', { address: 'me@else.test', targets: ['haha'] })).toMatchObject({
      note: expect.stringContaining('mail for else.test goes elsewhere for now'),
    });
    expect(await ask('user.forward', { address: 'nobody', targets: ['haha'] })).toContain('there is no account nobody');
  });

  it('P12: follows an account that is renamed, and stays with one that is', async () => {
    await forward(['haha', 'far@else.test']);
    await ask('user.rename', { address: 'haha', to: 'hoho' });
    await ask('user.rename', { address: 'xixi', to: 'xuxu' });
    expect(await ask('user.show', { address: 'xuxu' })).toMatchObject({
      forwarding: { targets: ['hoho@example.test', 'far@else.test'], keep: false },
    });
  });
});
