import { chmodSync, linkSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expand } from '../../src/delivery/receive/expand.ts';
import { localRewriting } from '../../src/lookup/address-rewriting.ts';
import { formatReply } from '../../src/mail/status.ts';
import { parseMembers } from '../../src/protocol/members.ts';
import { openHouse, recipient, type TestHouse, transactionOf, words } from '../../test/bus/house.ts';

const BAIDU_ALIASES = `# everything for xixi is also for haha
xixi:           xixi, haha
workgroup:      maomao,xixi,redhat
workgroup1:     redhat,xixi
postmaster:     root
root:           root, redhat
`;
const BAIDU_VIRTUAL = `# group.com is ours, work.com is qq's
@group.com      @baidu.com
@work.com       @qq.com
admin@group.com maomao,xixi,redhat,doudou@work.com,xiaodou,dadou@work.com,doudou@work.com,xiaodou@work.com
123@group.com   maomao,xixi
234@work.com    doudou@work.com,xiaodou@work.com
`;
const QQ_VIRTUAL = `@group.com      @baidu.com
@work.com       @qq.com
123@group.com   maomao@group.com,xixi@group.com
234@work.com    doudou,xiaodou
admin@group.com maomao@group.com,xixi@group.com,redhat@group.com,dadou,doudou,xiaodou
`;

const baidu = (
  files: Record<string, string> = {},
  more: Partial<Parameters<typeof openHouse>[0]> = {},
): Promise<TestHouse> =>
  openHouse({
    plugins: ['rewriting'],
    files: { aliases: BAIDU_ALIASES, virtual: BAIDU_VIRTUAL, ...files },
    ...more,
    parameters: {
      alias_maps: 'hash:TABLES/aliases',
      virtual_alias_domains: 'group.com, work.com',
      virtual_alias_maps: 'hash:TABLES/virtual',
      ...more.parameters,
    },
  });

const qq = (): Promise<TestHouse> =>
  openHouse({
    plugins: ['rewriting'],
    files: { aliases: 'postmaster: root\nroot: lisi\n', virtual: QQ_VIRTUAL },
    accounts: ['zhangsan', 'lisi', 'wangwu', 'doudou', 'xiaodou', 'dadou'].map((name) => `${name}@qq.com`),
    parameters: {
      myhostname: 'mail.qq.com',
      mydomain: 'qq.com',
      myorigin: 'qq.com',
      mydestination: 'mail.qq.com, localhost.qq.com, localhost, qq.com, ns.qq.com',
      alias_maps: 'hash:TABLES/aliases',
      virtual_alias_domains: 'group.com, work.com',
      virtual_alias_maps: 'hash:TABLES/virtual',
    },
  });

const LIMITS = (house: TestHouse) => ({
  count: 1000,
  depth: 100,
  length: 50,
  rewrite: localRewriting(house.parameters),
});

/** All final recipients for these addresses, in order; refusals as replies. */
async function reach(house: TestHouse, ...addresses: readonly string[]): Promise<readonly string[]> {
  const result = await expand(addresses.map(recipient), house.bus, LIMITS(house));
  if (!('recipients' in result)) return [formatReply(result)];
  return [
    ...result.recipients.map((r) => r.address),
    ...result.failed.map((failure) => formatReply(failure.reply)),
    ...result.dropped.map(() => 'dropped'),
  ];
}

describe('P10, P11: as Postfix 3.7 does with the same tables', () => {
  const tables = (): Promise<TestHouse> =>
    baidu(
      {
        aliases:
          'loop1: loop2\nloop2: loop1\nc1: c2\nc2: c3\nc3: c1, haha\nself: self, haha\nfoo: u@far.test\nq: "a b"@far.test\nloud: haha\nroot: postmaster\n',
        virtual:
          'v1@baidu.com v2@baidu.com\nv2@baidu.com v1@baidu.com\nvq@baidu.com "x y"@far.test\nvf@baidu.com u@far.test\n"j s"@baidu.com haha\nlong@baidu.com a234567890123456789012345678901234567890123456789@far.test, haha\n',
      },
      { parameters: { recipient_delimiter: '+', propagate_unmatched_extensions: 'canonical, virtual, alias' } },
    );

  it.each([
    // A loop bounces for the alias that closes it; the others get the message; postmaster is always delivered.
    ['loop1@baidu.com', ['550 5.4.6 alias database loop for loop2']],
    ['c1@baidu.com', ['haha@baidu.com', '550 5.4.6 alias database loop for c3']],
    ['self@baidu.com', ['self@baidu.com', 'haha@baidu.com']],
    ['v1@baidu.com', ['451 4.6.0 Alias expansion error']],
    ['postmaster@baidu.com', ['postmaster@baidu.com']],
    ['long@baidu.com', ['451 4.6.0 Alias expansion error']],
    // An extension keeps its case, and stays inside the quotes.
    ['FOO+AbC@baidu.com', ['u+AbC@far.test']],
    ['vf+AbC@baidu.com', ['u+AbC@far.test']],
    ['q+X@baidu.com', ['"a b+X"@far.test']],
    ['vQ+eXt@baidu.com', ['"x y+eXt"@far.test']],
    ['"foo+A b"@baidu.com', ['"u+A b"@far.test']],
    ['"loud+x y"@baidu.com', ['"haha+x y"@baidu.com']],
    // A table key may be quoted.
    ['"J S"@baidu.com', ['haha@baidu.com']],
  ])('mail for %s reaches %j', async (to, everyone) => {
    expect(await reach(await tables(), to)).toEqual(everyone);
  });
});

describe('L4, L6: the alias and virtual files of the lab', () => {
  it.each([
    [['xixi@baidu.com'], ['xixi@baidu.com', 'haha@baidu.com']],
    [['XiXi@mail.baidu.com'], ['XiXi@mail.baidu.com', 'haha@baidu.com']],
    [['workgroup@baidu.com'], ['maomao@baidu.com', 'xixi@baidu.com', 'haha@baidu.com', 'redhat@baidu.com']],
    [
      ['workgroup@baidu.com', 'workgroup1@baidu.com', 'haha@baidu.com'],
      ['maomao@baidu.com', 'xixi@baidu.com', 'haha@baidu.com', 'redhat@baidu.com'],
    ],
    [['postmaster@baidu.com'], ['root@baidu.com', 'redhat@baidu.com']],
    [['root'], ['root@baidu.com', 'redhat@baidu.com']],
    [['maomao@group.com'], ['maomao@baidu.com']],
    [['xixi@group.com'], ['xixi@baidu.com', 'haha@baidu.com']],
    [['lisi@work.com'], ['lisi@qq.com']],
    [['123@group.com'], ['maomao@baidu.com', 'xixi@baidu.com', 'haha@baidu.com']],
    [['234@work.com'], ['doudou@qq.com', 'xiaodou@qq.com']],
    [
      ['admin@group.com'],
      [
        'maomao@baidu.com',
        'xixi@baidu.com',
        'haha@baidu.com',
        'redhat@baidu.com',
        'doudou@qq.com',
        'xiaodou@baidu.com',
        'dadou@qq.com',
        'xiaodou@qq.com',
      ],
    ],
    [['lisi@qq.com'], ['lisi@qq.com']],
    [['nobody@baidu.com'], ['nobody@baidu.com']],
  ])('baidu: mail for %j reaches %j', async (to, everyone) => {
    expect(await reach(await baidu(), ...to)).toEqual(everyone);
  });

  it.each([
    ['123@group.com', ['maomao@baidu.com', 'xixi@baidu.com']],
    ['234@work.com', ['doudou@qq.com', 'xiaodou@qq.com']],
    [
      'admin@group.com',
      ['maomao@baidu.com', 'xixi@baidu.com', 'redhat@baidu.com', 'dadou@qq.com', 'doudou@qq.com', 'xiaodou@qq.com'],
    ],
    ['postmaster@qq.com', ['lisi@qq.com']],
    ['zhangsan@work.com', ['zhangsan@qq.com']],
  ])('qq: mail for %s reaches %j', async (to, everyone) => {
    expect(await reach(await qq(), to)).toEqual(everyone);
  });
});

describe('P10: aliases', () => {
  const aliases = (text: string, more: Partial<Parameters<typeof openHouse>[0]> = {}): Promise<TestHouse> =>
    baidu({ aliases: text, virtual: '' }, more);

  it('P10: quoted names, remote members and names in angle brackets', async () => {
    const house = await aliases('"john smith": maomao, c@remote.example\nteam: Mao Mao <maomao@baidu.com>, "haha"\n');
    expect(await reach(house, '"john smith"@baidu.com')).toEqual(['maomao@baidu.com', 'c@remote.example']);
    expect(await reach(house, 'team@baidu.com')).toEqual(['maomao@baidu.com', 'haha@baidu.com']);
  });

  it('P10: comments are no members, and a backslash only quotes the next character, as in the index of postalias', async () => {
    const house = await aliases('team: (ours) maomao, (a (b) c) haha (end\nboss: \\xixi, haha\nxixi: xixi, redhat\n');
    expect(await reach(house, 'team@baidu.com')).toEqual(['maomao@baidu.com', 'haha@baidu.com']);
    expect(await reach(house, 'boss@baidu.com')).toEqual(['xixi@baidu.com', 'redhat@baidu.com', 'haha@baidu.com']);
  });

  it('P10: :include: reads members from a file, with comments', async () => {
    const files = {
      aliases:
        'list: :include:TABLES/members\nelsewhere: :include:/etc/postfix/members\nloop: :include:TABLES/loop\nrelative: :include:members\ngone: :include:TABLES/gone\n',
      members: '# who gets it\nmaomao, haha\nc@remote.example\n',
      loop: ':include:TABLES/loop\n',
    };
    const house = await baidu(files);
    expect(await reach(house, 'list@baidu.com')).toEqual(['maomao@baidu.com', 'haha@baidu.com', 'c@remote.example']);
    expect(await reach(house, 'elsewhere@baidu.com')).toEqual([
      'maomao@baidu.com',
      'haha@baidu.com',
      'c@remote.example',
    ]);
    expect(await reach(house, 'gone@baidu.com')).toEqual([
      expect.stringMatching(/^451 4\.3\.5 cannot open include file .*\/gone: No such file or directory$/),
    ]);
    for (const broken of ['loop', 'relative']) {
      expect(await reach(house, `${broken}@baidu.com`)).toEqual([
        `451 4.3.0 <${broken}@baidu.com>: Temporary lookup failure`,
      ]);
    }
  });

  it('P10: included files of a hundred thousand names, of themselves and without an end are bounded, and told', async () => {
    const house = await baidu({
      aliases:
        'many: :include:TABLES/many\nbomb: :include:TABLES/bomb\nlarge: :include:TABLES/large\ndevice: :include:/dev/zero\n',
      many: Array.from({ length: 150_000 }, (_, i) => `u${i.toString(36)}\n`).join(''),
      bomb: ':include:TABLES/bomb\n'.repeat(10),
      large: `${'x'.repeat(80)}\n`.repeat(20_000),
    });
    const refused = async (name: string): Promise<string> => {
      expect(await reach(house, `${name}@baidu.com`)).toEqual([
        expect.stringMatching(name === 'many' ? /^451 4\.6\.0 Alias expansion error/ : /^451 4\.3\.0/),
      ]);
      return house.lines.at(-1) ?? '';
    };
    await refused('many');
    expect(await refused('bomb')).toMatch(/ alias bomb: .*more than 10 deep$/);
    expect(await refused('large')).toMatch(/ alias large: with .* larger than 1048576 octets/);
    expect(await refused('device')).toMatch(/ alias device: \/dev\/zero is not a regular file$/);
  });

  it('P10: a list of includes that never gets deep ends too', async () => {
    const house = await baidu({
      aliases: 'wide: :include:TABLES/wide\n',
      wide: ':include:TABLES/middle\n'.repeat(1000),
      middle: ':include:TABLES/leaf\n'.repeat(1000),
      leaf: 'maomao\n',
    });
    expect(await reach(house, 'wide@baidu.com')).toEqual(['451 4.3.0 <wide@baidu.com>: Temporary lookup failure']);
    expect(house.lines.at(-1)).toMatch(/ alias wide: with .* larger than 1048576 octets/);
  });

  it('P10: however often a broken alias is used, other recipients get their mail', async () => {
    const house = await baidu({ aliases: 'gone: :include:TABLES/gone\n' });
    for (let i = 0; i < 12; i += 1) await reach(house, 'gone@baidu.com');
    expect(await reach(house, 'maomao@baidu.com')).toEqual(['maomao@baidu.com']);
    expect(house.lines.join('\n')).toMatch(
      /warn: <gone@baidu\.com>: alias gone: cannot open include file .*\/gone: No such file or directory: mail waits/,
    );
  });

  it('P10: commands and files receive mail where allow_mail_to_commands and allow_mail_to_files let them', async () => {
    const files = {
      aliases:
        'prog: "|/bin/sh -c x", maomao\nraw: |/bin/date -u\nfile: /var/mail/x\nnull: /dev/null\nlist: :include:TABLES/list\nnested: prog, "|/bin/sh -c x"\n',
      list: '"|/bin/true"\n/var/mail/list\nhaha\n',
    };
    const house = await baidu(files);
    const source = join(house.folder, 'aliases');
    const target = (kind: string, text: string): object => ({ kind, text, user: null, source });
    const ends = async (address: string, where = house): Promise<unknown[]> => {
      const all = await expand([recipient(address)], where.bus, LIMITS(where));
      if (!('recipients' in all)) return [formatReply(all)];
      return [
        ...all.recipients.map(({ address: to, target: end }) => end ?? to),
        ...all.failed.map((failure) => formatReply(failure.reply)),
      ];
    };
    expect(await ends('prog@baidu.com')).toEqual([target('command', '/bin/sh -c x'), 'maomao@baidu.com']);
    expect(await ends('raw@baidu.com')).toEqual([target('command', '/bin/date -u')]);
    expect(await ends('file@baidu.com')).toEqual([target('file', '/var/mail/x')]);
    expect(await ends('nested@baidu.com')).toEqual([
      target('command', '/bin/sh -c x'),
      target('command', '/bin/sh -c x'),
      'maomao@baidu.com',
    ]);
    expect(await ends('list@baidu.com')).toEqual([
      'haha@baidu.com',
      '550 5.7.1 mail to command is restricted',
      '550 5.7.1 mail to file is restricted',
    ]);
    expect(await reach(house, 'null@baidu.com')).toEqual(['dropped']);
    const other = await baidu(files, {
      parameters: { allow_mail_to_commands: 'include', allow_mail_to_files: '' },
    });
    expect(await ends('prog@baidu.com', other)).toEqual([
      'maomao@baidu.com',
      '550 5.7.1 mail to command is restricted',
    ]);
    expect(await ends('list@baidu.com', other)).toEqual([
      { kind: 'command', text: '/bin/true', user: null, source: join(other.folder, 'list') },
      'haha@baidu.com',
      '550 5.7.1 mail to file is restricted',
    ]);
  });

  it('P10: an alias with an owner gets a sender, which its members and theirs inherit', async () => {
    const files = {
      aliases:
        'list: maomao, sub, own, "|/bin/true"\nowner-list: boss@elsewhere.example\nsub: xixi\nown: haha\nOwner-own: a, b\n',
    };
    const senders = async (house: TestHouse): Promise<unknown> => {
      const all = await expand([recipient('List@baidu.com')], house.bus, LIMITS(house));
      if (!('recipients' in all)) return all;
      return all.recipients.map((one) => [one.target?.text ?? one.address, one.sender, one.original]);
    };
    const rows = (list: string): unknown => [
      ['/bin/true', list, ''],
      ['maomao@baidu.com', list, ''],
      ['xixi@baidu.com', list, ''],
      ['haha@baidu.com', 'owner-own@baidu.com', ''],
    ];
    expect(await senders(await baidu(files))).toEqual(rows('owner-list@baidu.com'));
    const expanding = await baidu(files, { parameters: { expand_owner_alias: 'yes' } });
    expect(await senders(expanding)).toEqual(rows('boss@elsewhere.example'));
  });

  it('P10: an owner is also the sender of what a member of that name forwards', async () => {
    const house = await aliases('xixi: xixi, haha\nowner-xixi: boss@elsewhere.example\n', {
      forwarding: { 'xixi@baidu.com': { targets: ['x@elsewhere.example'], keep: false } },
    });
    const all = await expand([recipient('xixi@baidu.com')], house.bus, LIMITS(house));
    if (!('recipients' in all)) throw new Error(formatReply(all));
    expect(all.recipients.map(({ address, sender }) => [address, sender])).toEqual([
      ['x@elsewhere.example', 'owner-xixi@baidu.com'],
      ['haha@baidu.com', 'owner-xixi@baidu.com'],
    ]);
  });

  it('P10: an alias loop bounces even if its names have accounts, as in Postfix', async () => {
    const house = await aliases('xixi: haha\nhaha: xixi, maomao\n');
    expect(await reach(house, 'xixi@baidu.com')).toEqual([
      'maomao@baidu.com',
      '550 5.4.6 alias database loop for haha',
    ]);
  });

  it('P10: without an alias, mail for postmaster goes to root', async () => {
    expect(await reach(await aliases('root: redhat\n'), 'postmaster@baidu.com')).toEqual(['redhat@baidu.com']);
    expect(await reach(await aliases(''), 'postmaster')).toEqual(['root@baidu.com']);
    expect(await reach(await aliases('', { accounts: ['postmaster'] }), 'postmaster@baidu.com')).toEqual([
      'postmaster@baidu.com',
    ]);
  });

  it('P10: an address with an extension uses the alias of its user', async () => {
    const house = await aliases('team: maomao, haha\n', { parameters: { recipient_delimiter: '+' } });
    expect(await reach(house, 'team+x@baidu.com')).toEqual(['maomao@baidu.com', 'haha@baidu.com']);
    const kept = await aliases('team: maomao\n', {
      parameters: { recipient_delimiter: '+', propagate_unmatched_extensions: 'alias' },
    });
    expect(await reach(kept, 'team+x@baidu.com')).toEqual(['maomao+x@baidu.com']);
  });

  it('P12: an alias created by command forwards and may keep a copy', async () => {
    const house = await aliases('', {
      aliases: { 'xixi@baidu.com': ['xixi@baidu.com', 'x@elsewhere.example'], '@old.example': ['@baidu.com'] },
    });
    expect(await reach(house, 'xixi@baidu.com')).toEqual(['xixi@baidu.com', 'x@elsewhere.example']);
    expect(await reach(house, 'xixi@mail.baidu.com')).toEqual(['xixi@baidu.com', 'x@elsewhere.example']);
    expect(await reach(house, 'maomao@old.example')).toEqual(['maomao@baidu.com']);
  });
});

describe('P12: forwarding files of users', () => {
  const forwarding = (files: Record<string, string>, aliases = ''): Promise<TestHouse> =>
    baidu(
      { aliases, virtual: '', ...files },
      {
        parameters: {
          forward_path: 'TABLES/${user}.forward${recipient_delimiter}${extension}, TABLES/${user}.forward',
          recipient_delimiter: '+',
        },
      },
    );

  it.each([
    ['\\xixi, maomao\nx@elsewhere.example\n', ['xixi@baidu.com', 'maomao@baidu.com', 'x@elsewhere.example']],
    ['xixi, maomao', ['xixi@baidu.com', 'maomao@baidu.com']],
    ['# on holiday\nmaomao', ['maomao@baidu.com']],
    ['\\xixi, "|/usr/bin/vacation xixi"', ['xixi@baidu.com', 'xixi@baidu.com']],
    ['/var/mail/xixi', ['xixi@baidu.com']],
    ['', ['xixi@baidu.com']],
  ])('P12: %j in the file of xixi: %j', async (text, everyone) => {
    expect(await reach(await forwarding({ 'xixi.forward': text }), 'xixi@baidu.com')).toEqual(everyone);
  });

  it('P12: what forward_expansion_filter does not allow becomes _, and an extension never leads out of the folder', async () => {
    const files = { 'xixi.forward+a_b': 'maomao', 'xixi.forward+Big:Fish': 'haha', 'xixi.forward': 'redhat' };
    const house = await forwarding(files);
    expect(await reach(house, '"xixi+a b"@baidu.com')).toEqual(['maomao@baidu.com']);
    expect(await reach(house, 'xixi+a$b@baidu.com')).toEqual(['maomao@baidu.com']);
    expect(await reach(house, '"xixi+Big:Fish"@baidu.com')).toEqual(['haha@baidu.com']);
    expect(await reach(house, 'xixi+/../xixi.forward+a_b@baidu.com')).toEqual(['redhat@baidu.com']);
  });

  it('P12: forwarding applies to a user who is a member of their own alias, and extensions work', async () => {
    const house = await forwarding(
      { 'xixi.forward': 'x@elsewhere.example', 'xixi.forward+shop': 'maomao' },
      'xixi: xixi, haha\n',
    );
    expect(await reach(house, 'xixi@baidu.com')).toEqual(['x@elsewhere.example', 'haha@baidu.com']);
    const alone = await forwarding({ 'xixi.forward': 'x@elsewhere.example', 'xixi.forward+shop': 'maomao' });
    expect(await reach(alone, 'xixi+shop@baidu.com')).toEqual(['maomao@baidu.com']);
    expect(await reach(alone, 'xixi+other@baidu.com')).toEqual(['x@elsewhere.example']);
  });

  it('P12: a forwarding file that others may write to is ignored, and so is a user name that leads to another folder', async () => {
    const house = await forwarding({ 'xixi.forward': 'x@elsewhere.example' });
    chmodSync(join(house.folder, 'xixi.forward'), 0o666);
    expect(await reach(house, 'xixi@baidu.com')).toEqual(['xixi@baidu.com']);
    expect(house.lines).toEqual([expect.stringContaining('is writable by others: not followed')]);
    expect(await reach(house, '../xixi@baidu.com')).toEqual(['../xixi@baidu.com']);
    expect(await reach(house, 'xixi+../../x@baidu.com')).toEqual(['xixi+../../x@baidu.com']);
  });
});

describe('P12: forwarding set by command or over IMAP', () => {
  const FAR = 'x@elsewhere.example';
  const house = (
    forwarding: Readonly<Record<string, { targets: readonly string[]; keep: boolean }>>,
    files: Record<string, string> = {},
  ): Promise<TestHouse> =>
    baidu(
      {
        aliases: 'team: haha, redhat\nhaha: haha, redhat\n',
        virtual: 'both@virt.example both@virt.example, maomao\n',
        ...files,
      },
      {
        accounts: ['xixi', 'maomao', 'haha', 'redhat', 'me@virt.example', 'both@virt.example'],
        forwarding,
        parameters: {
          forward_path: 'TABLES/${user}.forward',
          recipient_delimiter: '+',
          virtual_mailbox_domains: 'virt.example',
          virtual_mailbox_maps: 'static:any',
        },
      },
    );

  it('P12: sends mail to every target, through aliases, and keeps a copy where that is wanted', async () => {
    const here = await house({
      'xixi@baidu.com': { targets: [FAR, 'team@baidu.com'], keep: false },
      'maomao@baidu.com': { targets: ['me@virt.example', FAR], keep: true },
    });
    expect(await reach(here, 'xixi@baidu.com')).toEqual([FAR, 'haha@baidu.com', 'redhat@baidu.com']);
    expect(await reach(here, 'XIXI+shop@mail.baidu.com')).toEqual([FAR, 'haha@baidu.com', 'redhat@baidu.com']);
    expect(await reach(here, 'maomao+shop@baidu.com')).toEqual(['maomao+shop@baidu.com', 'me@virt.example', FAR]);
  });

  it('P12: of an account in a virtual mailbox domain, also beside its virtual alias', async () => {
    const here = await house({
      'me@virt.example': { targets: [FAR], keep: true },
      'both@virt.example': { targets: [FAR], keep: false },
    });
    expect(await reach(here, 'me+a@virt.example')).toEqual(['me+a@virt.example', FAR]);
    expect(await reach(here, 'both@virt.example')).toEqual([FAR, 'maomao@baidu.com']);
  });

  it('P12: comes before a forwarding file, and after an alias of the user that leads to the user', async () => {
    const files = { 'xixi.forward': 'maomao', 'haha.forward': 'maomao' };
    const here = await house({ 'haha@baidu.com': { targets: [FAR], keep: false } }, files);
    expect(await reach(here, 'xixi@baidu.com')).toEqual(['maomao@baidu.com']);
    expect(await reach(here, 'haha@baidu.com')).toEqual([FAR, 'redhat@baidu.com']);
  });

  it('P12: two accounts that forward to each other bounce their mail, unless one keeps it', async () => {
    const loop = (keep: boolean): Promise<TestHouse> =>
      house({
        'xixi@baidu.com': { targets: ['maomao@baidu.com'], keep: false },
        'maomao@baidu.com': { targets: ['xixi@baidu.com'], keep },
      });
    expect(await reach(await loop(false), 'xixi@baidu.com')).toEqual(['550 5.4.6 alias database loop for maomao']);
    expect(await reach(await loop(true), 'xixi@baidu.com')).toEqual([
      'maomao@baidu.com',
      '550 5.4.6 alias database loop for maomao',
    ]);
  });
});

describe('P12: forwarding files that are links', () => {
  it('symbolic and hard links are not followed: a bounce would reveal a file that only the server may read', async () => {
    const house = await openHouse({
      plugins: ['rewriting'],
      files: { secret: 'the-key@elsewhere.example' },
      parameters: { forward_path: 'TABLES/${user}.forward' },
    });
    symlinkSync(join(house.folder, 'secret'), join(house.folder, 'xixi.forward'));
    linkSync(join(house.folder, 'secret'), join(house.folder, 'haha.forward'));
    expect(await reach(house, 'xixi@baidu.com', 'haha@baidu.com')).toEqual(['xixi@baidu.com', 'haha@baidu.com']);
    expect(house.lines).toEqual([
      expect.stringContaining('xixi.forward is a symbolic link: not followed'),
      expect.stringContaining('haha.forward has several hard links'),
    ]);
  });
});

describe('P11: virtual, canonical, relocated, copies', () => {
  it('P11: a virtual alias that includes its own address still goes through the local aliases', async () => {
    const house = await baidu({ virtual: 'xixi@baidu.com xixi@baidu.com, x@elsewhere.example\n' });
    expect(await reach(house, 'xixi@baidu.com')).toEqual(['xixi@baidu.com', 'haha@baidu.com', 'x@elsewhere.example']);
  });

  it('P11: a key without a domain matches only our own domains, and an extension is kept', async () => {
    const house = await baidu({ virtual: 'info maomao\n' }, { parameters: { recipient_delimiter: '+' } });
    expect(await reach(house, 'info@mail.baidu.com')).toEqual(['maomao@baidu.com']);
    expect(await reach(house, 'info@group.com')).toEqual(['info@group.com']);
    expect(await reach(house, 'info+a@baidu.com')).toEqual(['maomao+a@baidu.com']);
  });

  it('P11: a relocated address is refused with the new one', async () => {
    const house = await baidu(
      { relocated: 'old new@place.example\n' },
      { parameters: { relocated_maps: 'hash:TABLES/relocated' } },
    );
    expect(await reach(house, 'old@baidu.com', 'maomao@baidu.com')).toEqual([
      'maomao@baidu.com',
      '550 5.1.6 User has moved to new@place.example',
    ]);
  });

  it('P11: sender_bcc_maps and recipient_bcc_maps add copies once', async () => {
    const files = { bcc: 'boss@baidu.com audit@baidu.com\n@qq.com audit@baidu.com\n' };
    const parameters = {
      sender_bcc_maps: 'hash:TABLES/bcc',
      recipient_bcc_maps: 'hash:TABLES/bcc',
    };
    const house = await baidu(files, { parameters });
    const transaction = transactionOf('boss@baidu.com', ['lisi@qq.com', 'wangwu@qq.com']);
    expect(words(await house.bus.run('queue', { connection: null, transaction }))).toBe('NEXT');
    expect(transaction.bcc).toEqual(['audit@baidu.com']);
    const notification = transactionOf('', ['lisi@qq.com']);
    await house.bus.run('queue', { connection: null, transaction: notification });
    expect(notification.bcc).toEqual([]);
  });
});

describe('the README', () => {
  const README = readFileSync(new URL('./README.md', import.meta.url), 'utf8');
  const block = (name: string): string => new RegExp(`\`\`\`${name}\\n(.*?)\`\`\``, 's').exec(README)?.[1] ?? '';
  const rows = [...README.matchAll(/^\| `(\S+@\S+)` +\| (.*) \|$/gm)].map((row) => ({
    to: row[1] ?? '',
    everyone: [...(row[2] ?? '').matchAll(/`(.*?)`/g)].map((match) => match[1]),
  }));

  it.each(rows)('mail for $to reaches $everyone', async ({ to, everyone }) => {
    expect(await reach(await baidu({ aliases: block('aliases'), virtual: block('virtual') }), to)).toEqual(everyone);
  });

  it('has examples', () => expect(rows).toHaveLength(5));
});

it('P10: parsing members accepts any text and never makes a command of an address', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 200 }), (text) => {
      for (const member of parseMembers(text))
        if (member.kind === 'address') expect(member.address.startsWith('|')).toBe(false);
    }),
    { numRuns: 300 },
  );
});
