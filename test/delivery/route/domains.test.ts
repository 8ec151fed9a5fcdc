/** Address classes, existing recipients, and routes. */
import { describe, expect, it } from 'vitest';
import { createAccounts } from '../../../src/delivery/route/accounts.ts';
import { createDomains } from '../../../src/delivery/route/domains.ts';
import { parseNexthop } from '../../../src/delivery/route/nexthop.ts';
import { createRouter, destinationOf, type Route, type Router } from '../../../src/delivery/route/router.ts';
import type { Domains } from '../../../src/lookup/domains.ts';
import { createTransports } from '../../../src/lookup/transports.ts';
import type { Directory } from '../../../src/store/directory.ts';
import { accountOf } from '../../kit/directory.ts';
import { parametersOf } from '../../kit/parameters.ts';
import { tablesOf } from '../house.ts';

interface Setting {
  readonly settings?: Readonly<Record<string, string>>;
  readonly tables?: Parameters<typeof tablesOf>[0];
  readonly accounts?: readonly string[];
  readonly domains?: readonly string[];
  readonly aliases?: Readonly<Record<string, readonly string[]>>;
}

function houseOf(setting: Setting): { domains: Domains; router: Router; made(): string[] } {
  const known = new Map((setting.accounts ?? ['maomao@baidu.com']).map((address) => [address, accountOf(address)]));
  const directory = {
    find: async (address: string) => known.get(address.toLowerCase()) ?? null,
    create: async ({ address }: { address: string }) => {
      const made = accountOf(address);
      known.set(address, made);
      return made;
    },
    domains: async () => setting.domains ?? [],
    aliases: async () => new Map(Object.entries(setting.aliases ?? {})),
  } as unknown as Directory;
  const parameters = parametersOf(setting.settings ?? {});
  const tables = tablesOf(setting.tables ?? {});
  const domains = createDomains({ parameters, tables, directory, addresses: ['127.0.1.134', '::1'] });
  return {
    domains,
    router: createRouter({
      parameters,
      tables,
      transports: createTransports({ parameters }),
      domains,
      accounts: createAccounts({ directory, parameters, tables }),
    }),
    made: () => [...known.keys()],
  };
}

describe('classes', () => {
  const { domains } = houseOf({
    settings: {
      virtual_alias_domains: 'group.com, hash:/virtual',
      virtual_mailbox_domains: 'box.com',
      relay_domains: 'partner.com !not.third.com third.com',
      mydestination: '$myhostname, $mydomain, .under.com',
    },
    tables: { 'hash:/virtual': { 'work.com': '1' } },
    domains: ['byhand.com'],
  });
  it.each([
    ['baidu.com', 'local'],
    ['MAIL.baidu.COM', 'local'],
    ['x.under.com', 'local'],
    ['under.com', 'default'],
    ['[127.0.1.134]', 'local'],
    ['[IPv6:::1]', 'local'],
    ['[127.0.1.128]', 'default'],
    ['', 'local'],
    ['group.com', 'virtual_alias'],
    ['sub.group.com', 'default'],
    ['work.com', 'virtual_alias'],
    ['box.com', 'virtual_mailbox'],
    ['byhand.com', 'virtual_mailbox'],
    ['partner.com', 'relay'],
    ['deep.partner.com', 'relay'],
    ['x.not.third.com', 'default'],
    ['third.com', 'relay'],
    ['qq.com', 'default'],
  ])('P11: %s is %s', async (domain, kind) => {
    expect(await domains.classify(domain)).toBe(kind);
  });

  it('a table that cannot answer is an error, never a wrong class', async () => {
    const broken = houseOf({
      settings: { virtual_alias_domains: 'tcp:x' },
      tables: { 'tcp:x': () => Promise.reject(new Error('no answer')) },
    });
    await expect(broken.domains.classify('qq.com')).rejects.toThrow('no answer');
  });
});

describe('which recipients exist', () => {
  const setting: Setting = {
    settings: {
      virtual_alias_domains: 'group.com',
      virtual_alias_maps: 'hash:/virtual',
      alias_maps: 'hash:/aliases',
      recipient_delimiter: '+',
      relay_domains: 'partner.com',
      relay_recipient_maps: 'hash:/relay',
    },
    tables: {
      'hash:/virtual': { '@catch.com': 'x', 'admin@group.com': 'maomao' },
      'hash:/aliases': { workgroup: 'maomao' },
      'hash:/relay': { 'boss@partner.com': 'x' },
    },
    aliases: { 'sales@baidu.com': ['maomao@baidu.com'] },
  };
  it.each([
    ['maomao@baidu.com', true],
    ['MaoMao@mail.baidu.com', true],
    ['maomao+lists@baidu.com', true],
    ['workgroup@baidu.com', true],
    ['workgroup+x@localhost', true],
    ['sales@baidu.com', true],
    ['postmaster@baidu.com', true],
    ['nobody-here@baidu.com', false],
    ['admin@group.com', true],
    ['nobody@group.com', false],
    ['boss@partner.com', true],
    ['clerk@partner.com', false],
    ['anyone@qq.com', true],
  ])('%s: %s', async (address, exists) => {
    expect(await houseOf(setting).domains.recipientExists(address)).toBe(exists);
  });

  it.each<readonly [string, Setting, readonly string[], readonly string[]]>([
    [
      'an empty local_recipient_maps accepts no one',
      { settings: { local_recipient_maps: '' } },
      ['maomao@baidu.com'],
      ['nobody@baidu.com'],
    ],
    [
      'luser_relay accepts everyone, if its own address has an account',
      { settings: { local_recipient_maps: '', luser_relay: 'maomao' } },
      ['nobody@baidu.com'],
      [],
    ],
    [
      'luser_relay to an unknown address accepts no one',
      { settings: { local_recipient_maps: '', luser_relay: 'nobody2' } },
      ['maomao@baidu.com'],
      ['nobody@baidu.com'],
    ],
    [
      'luser_relay to another server accepts everyone',
      { settings: { luser_relay: 'all@qq.com' } },
      ['nobody@baidu.com'],
      [],
    ],
    [
      'an entry of local_recipient_maps needs an account or a transport',
      {
        settings: { local_recipient_maps: 'hash:/l', transport_maps: 'hash:/t' },
        tables: {
          'hash:/l': { listed: 'x', old: 'x', gone: 'x' },
          'hash:/t': { 'old@baidu.com': 'lmtp:inet:127.0.0.1:24', 'gone@baidu.com': 'error:5.1.6 moved' },
        },
      },
      ['old@baidu.com', 'maomao@baidu.com'],
      ['listed@baidu.com', 'gone@baidu.com', 'nobody@baidu.com'],
    ],
    [
      'an entry of virtual_mailbox_maps needs an account, a transport or an alias',
      {
        settings: {
          virtual_mailbox_domains: 'box.com',
          virtual_mailbox_maps: 'hash:/m',
          transport_maps: 'hash:/t',
          virtual_alias_maps: 'hash:/v',
        },
        tables: {
          'hash:/m': { 'u@box.com': 'u/', 'far@box.com': 'far/', 'gone@box.com': 'x', '@box.com': 'all/' },
          'hash:/t': {
            'far@box.com': 'smtp:[192.0.2.9]',
            'gone@box.com': 'error:no such mailbox',
            'wait@box.com': 'retry:later',
          },
          'hash:/v': { 'info@box.com': 'maomao@baidu.com' },
        },
        accounts: ['maomao@baidu.com', 'has@box.com'],
      },
      ['has@box.com', 'far@box.com', 'info@box.com', 'wait@box.com'],
      ['u@box.com', 'gone@box.com', 'anyone@box.com'],
    ],
  ])('%s', async (_name, setting, there, notThere) => {
    const { domains } = houseOf(setting);
    for (const address of there) expect([address, await domains.recipientExists(address)]).toEqual([address, true]);
    for (const address of notThere) expect([address, await domains.recipientExists(address)]).toEqual([address, false]);
  });

  it("P10: the names that notifications use exist; their mail is the postmaster's, or thrown away", async () => {
    const { domains, router, made } = houseOf({
      settings: { myorigin: 'baidu.com', mydestination: 'baidu.com other.com' },
    });
    for (const address of ['MAILER-DAEMON@other.com', 'double-bounce@other.com', 'Double-Bounce@baidu.com'])
      expect(await domains.recipientExists(address), address).toBe(true);
    expect(await router.route('MAILER-DAEMON@other.com', '')).toMatchObject({
      kind: 'local',
      account: { address: 'postmaster@baidu.com' },
    });
    expect(await router.route('mailer-daemon@baidu.com', '')).toMatchObject({ kind: 'local' });
    expect(await router.route('double-bounce@other.com', '')).toMatchObject({ kind: 'discard' });
    expect(await router.route('double-bounce@far.com', '')).toMatchObject({ kind: 'remote' });
    expect(made()).toEqual(['maomao@baidu.com', 'postmaster@baidu.com']);
  });

  it('P8: what stands before the last @ leads where Postfix leads it', async () => {
    const { domains } = houseOf({ settings: { myhostname: 'mail.baidu.com', mydestination: 'baidu.com' } });
    expect(await domains.resolve('""@baidu.com')).toBe('MAILER-DAEMON@baidu.com');
    expect(await domains.resolve('"xixi@"@baidu.com')).toBe('xixi@');
    expect(await domains.resolve('"xixi@"@far.com')).toBe('"xixi@"@far.com');
  });

  it('P10: -o tables of a service decide there; domains and deliveries are those of main.cf', async () => {
    const settings = {
      mydestination: 'baidu.com',
      relay_domains: 'partner.com',
      relay_recipient_maps: 'hash:/known',
      virtual_alias_maps: 'hash:/virtual',
    };
    const main = parametersOf(settings);
    const again = parametersOf({
      ...settings,
      relay_recipient_maps: '',
      virtual_alias_maps: '',
      recipient_delimiter: '+',
      mydestination: '',
      relay_domains: 'static:all',
    });
    const directory = {
      find: async (address: string) => (address === 'maomao@baidu.com' ? accountOf(address) : null),
      domains: async () => [],
      aliases: async () => new Map(),
    } as unknown as Directory;
    const tables = tablesOf({ 'hash:/known': { 'a@partner.com': 'x' }, 'hash:/virtual': { 'v@baidu.com': 'x' } });
    const domains = createDomains({ parameters: main, services: [again], tables, directory, addresses: [] });
    const both = async (address: string): Promise<boolean[]> => [
      await domains.recipientExists(address, main),
      await domains.recipientExists(address, again),
    ];
    expect(await both('a@partner.com')).toEqual([true, true]);
    expect(await both('b@partner.com')).toEqual([false, true]);
    expect(await both('v@baidu.com')).toEqual([true, false]);
    expect(await both('maomao+x@baidu.com')).toEqual([false, true]);
    expect(await domains.classify('qq.com')).toBe('default');
  });

  it('checking whether postmaster exists creates no account', async () => {
    const { domains, made } = houseOf({});
    expect(await domains.recipientExists('postmaster@baidu.com')).toBe(true);
    expect(made()).toEqual(['maomao@baidu.com']);
  });
});

describe('routes', () => {
  const words = (route: Route): string => {
    if (route.kind === 'local') return `local ${route.account.address}`;
    if (route.kind === 'target') return route.destination;
    if (route.kind === 'expand') return 'expanded again';
    if (route.kind === 'pipe') return `pipe ${route.destination}`;
    if (route.kind === 'remote') return `${route.nexthop.protocol} ${route.destination}`;
    return route.kind === 'error'
      ? `${route.reply.code} ${route.reply.enhanced} ${route.reply.text}`
      : `discard ${route.text}`;
  };
  const setting: Setting = {
    settings: {
      transport_maps: 'hash:/transport',
      virtual_alias_domains: 'group.com',
      sender_dependent_relayhost_maps: 'hash:/senders',
    },
    tables: {
      'hash:/transport': {
        'qq.com': 'smtp:[relay.example]:2525',
        '.below.com': 'lmtp:inet:[127.0.0.1]:24',
        'dead.com': 'error:5.1.2 gone for good',
        'wait.com': 'retry:later',
        'hole.com': 'discard:silently',
        'odd.com': 'uucp:x',
        'inherited.com': 'toString:x',
        'same.com': ':',
      },
      'hash:/senders': { 'boss@baidu.com': '[boss.relay]' },
    },
  };
  it.each([
    ['maomao@localhost', 'local maomao@baidu.com'],
    ['nobody@baidu.com', '550 5.1.1 unknown user: "nobody"'],
    ['postmaster@baidu.com', 'local postmaster@baidu.com'],
    ['x@group.com', '550 5.1.1 User unknown in virtual alias table'],
    ['x@qq.com', 'smtp [relay.example]:2525'],
    ['x@a.below.com', 'lmtp lmtp:inet:[127.0.0.1]:24'],
    ['x@dead.com', '550 5.1.2 gone for good'],
    ['x@wait.com', '450 4.0.0 later'],
    ['x@hole.com', 'discard silently'],
    ['x@odd.com', '451 4.3.0 mail transport unavailable'],
    ['x@inherited.com', '451 4.3.0 mail transport unavailable'],
    ['x@Same.com', 'smtp same.com'],
    ['x@[192.0.2.1]', 'smtp [192.0.2.1]'],
    ['x@a b', '550 5.1.3 bad address syntax'],
  ])('P11: %s: %s', async (address, expected) => {
    expect(words(await houseOf(setting).router.route(address, 'a@b'))).toBe(expected);
  });

  it('P11: senders can have their own relayhosts, others use the common one', async () => {
    const { router } = houseOf({ ...setting, settings: { ...setting.settings, relayhost: '[common.relay]:587' } });
    expect(words(await router.route('x@any.com', 'BOSS@baidu.com'))).toBe('smtp [boss.relay]');
    expect(words(await router.route('x@any.com', 'a@b'))).toBe('smtp [common.relay]:587');
  });

  it('P6: a FILTER is stored in the queue item and applied to its route', async () => {
    const { router } = houseOf(setting);
    const route = await router.route('maomao@baidu.com', 'a@b', 'smtp:[127.0.0.1]:10025');
    expect(route).toMatchObject({
      kind: 'remote',
      filter: 'smtp:[127.0.0.1]:10025',
      nexthop: { host: '127.0.0.1', port: 10025, mx: false },
    });
    expect(destinationOf(route)).toBe('filter:smtp:[127.0.0.1]:10025');
    expect(
      await router.routeQueued({
        recipient: 'maomao@baidu.com',
        reversePath: 'a@b',
        destination: 'filter:smtp:[127.0.0.1]:10025',
        lastReply: null,
      }),
    ).toEqual(route);
  });

  it('luser_relay gets mail for unknown recipients', async () => {
    expect(words(await houseOf({ settings: { luser_relay: 'maomao' } }).router.route('nobody@baidu.com', ''))).toBe(
      'local maomao@baidu.com',
    );
    expect(
      words(await houseOf({ settings: { luser_relay: '$user@other.example' } }).router.route('nobody@baidu.com', '')),
    ).toBe('smtp other.example');
    expect(
      words(await houseOf({ settings: { luser_relay: 'mao${constructor}mao' } }).router.route('nobody@baidu.com', '')),
    ).toBe('local maomao@baidu.com');
  });
});

describe('nexthops', () => {
  it.each([
    ['qq.com', { protocol: 'smtp', host: 'qq.com', port: null, mx: true }],
    ['qq.com:submission', { protocol: 'smtp', host: 'qq.com', port: 587, mx: true }],
    ['[qq.com]:urd', { protocol: 'smtp', host: 'qq.com', port: 465, mx: false }],
    ['[qq.com]:ssmtp', { protocol: 'smtp', host: 'qq.com', port: 465, mx: false }],
    ['[qq.com]:mail', { protocol: 'smtp', host: 'qq.com', port: 25, mx: false }],
    ['[::1]:2525', { protocol: 'smtp', host: '::1', port: 2525, mx: false }],
    ['[IPv6:2001:db8::1]', { protocol: 'smtp', host: '2001:db8::1', port: null, mx: false }],
    // Of known_tcp_ports.
    ['[qq.com]:in-side', { protocol: 'smtp', host: 'qq.com', port: 10_025, mx: false }],
    ['[a]:0', null],
    ['a:99999', null],
    ['a:constructor', null],
    ['a b', null],
    ['', null],
  ])('%j', (text, expected) => {
    expect(parseNexthop(text, 'smtp', new Map([['in-side', 10_025]]))).toEqual(
      expected === null ? null : { ...expected, socket: null },
    );
  });
});
