/** Aliases and their loops, duplicates and limits. */
import { afterEach, describe, expect, it } from 'vitest';
import { deny, denySoft, NEXT, OK, reply } from '../../../src/bus/plugin.ts';
import { type ExpansionLimits, expand } from '../../../src/delivery/receive/expand.ts';
import type { Recipient } from '../../../src/mail/envelope.ts';
import { type Handlers, hooksOf } from '../../kit/hooks.ts';
import { openHouse, type TestHouse } from '../house.ts';

const recipient = (address: string): Recipient => ({
  address,
  original: address,
  notify: ['DELAY'],
  orcpt: `rfc822;${address}`,
});
const aliases =
  (table: Readonly<Record<string, readonly string[]>>): NonNullable<Handlers['expand']> =>
  ({ recipient: one, into }) => {
    const targets = table[one.address.toLowerCase()];
    if (targets === undefined) return NEXT;
    for (const address of targets) into.push({ address, original: 'changed by the plugin', notify: [], orcpt: '' });
    return OK;
  };
const limits = {
  length: 1000,
  count: 1000,
  depth: 1000,
  rewrite: (address: string) => (address.includes('@') ? address : `${address}@baidu.com`),
};
const addresses = async (table: Readonly<Record<string, readonly string[]>>, ...from: string[]): Promise<string[]> => {
  const expansion = await expand(from.map(recipient), hooksOf({ expand: aliases(table) }), limits);
  return 'code' in expansion ? [String(expansion.code)] : expansion.recipients.map((one) => one.address);
};

describe('expansion', () => {
  it('P10: reaches every member in order, each once', async () => {
    const table = {
      'workgroup@baidu.com': ['maomao', 'xixi', 'redhat'],
      'xixi@baidu.com': ['xixi', 'haha'],
      'redhat@baidu.com': ['maomao@baidu.com'],
    };
    expect(await addresses(table, 'workgroup@baidu.com', 'MAOMAO@baidu.com')).toEqual([
      'maomao@baidu.com',
      'xixi@baidu.com',
      'haha@baidu.com',
    ]);
  });

  it('P10: a member that is the alias itself is delivered as it is', async () => {
    expect(await addresses({ 'root@baidu.com': ['root', 'dmtsai'] }, 'root@baidu.com')).toEqual([
      'root@baidu.com',
      'dmtsai@baidu.com',
    ]);
  });

  it('P11: what a local alias sends on passes the tables that mail from outside passes; other members do not', async () => {
    const sentOn = async (address: string): Promise<string> => address.replace('@old.test', '@new.test');
    const handler: NonNullable<Handlers['expand']> = ({ recipient: one, into }) => {
      if (one.address === 'list@x.test')
        into.push({ ...one, address: 'a@old.test' }, { ...one, address: 'b@old.test', final: true });
      else if (one.address === 'v@x.test') into.push({ ...one, address: 'c@old.test', onCircle: 'refuse' });
      else return NEXT;
      return OK;
    };
    const expansion = await expand([recipient('list@x.test'), recipient('v@x.test')], hooksOf({ expand: handler }), {
      ...limits,
      sentOn,
    });
    expect(expansion).toMatchObject({
      recipients: [{ address: 'a@new.test' }, { address: 'b@old.test' }, { address: 'c@old.test' }],
    });
  });

  it('P10: an alias loop bounces with 5.4.6 for the alias that closes it; the other members get the message', async () => {
    const table = { 'a@baidu.com': ['b'], 'b@baidu.com': ['c'], 'c@baidu.com': ['a', 'd'] };
    expect(await expand([recipient('a@baidu.com')], hooksOf({ expand: aliases(table) }), limits)).toMatchObject({
      recipients: [{ address: 'd@baidu.com' }],
      failed: [
        {
          recipient: { address: 'c@baidu.com', original: 'a@baidu.com' },
          reply: reply(550, '5.4.6', 'alias database loop for c'),
        },
      ],
    });
  });

  it('P11: a loop of virtual aliases defers the message; one through a canonical address ends at its start', async () => {
    const steps = (
      first: 'refuse' | 'keep',
      table: Readonly<Record<string, string>>,
    ): NonNullable<Handlers['expand']> => {
      return ({ recipient: one, into }) => {
        const address = table[one.address];
        if (address === undefined) return NEXT;
        into.push({ ...one, address, onCircle: one.address.startsWith('joe') ? first : 'refuse' });
        return OK;
      };
    };
    const virtual = hooksOf({
      expand: steps('refuse', { 'joe@baidu.com': 'b@baidu.com', 'b@baidu.com': 'joe@baidu.com' }),
    });
    expect(await expand([recipient('joe@baidu.com')], virtual, limits)).toMatchObject({ code: 451, enhanced: '4.6.0' });
    const canonical = hooksOf({
      expand: steps('keep', { 'joe@baidu.com': 'Joe.Smith@baidu.com', 'Joe.Smith@baidu.com': 'joe@baidu.com' }),
    });
    expect(await expand([recipient('joe@baidu.com')], canonical, limits)).toMatchObject({
      recipients: [{ address: 'joe@baidu.com' }],
      failed: [],
    });
  });

  it('P10: a final member is not expanded again; other recipients are', async () => {
    const handler: NonNullable<Handlers['expand']> = ({ recipient: one, into }) => {
      if (one.address === 'g@baidu.com')
        into.push({ ...one, address: 'xixi', final: true }, { ...one, address: 'maomao' });
      else if (one.address === 'xixi@baidu.com') into.push({ ...one, address: 'haha' });
      else return NEXT;
      return OK;
    };
    const expansion = await expand(
      [recipient('g@baidu.com'), recipient('xixi@baidu.com')],
      hooksOf({ expand: handler }),
      limits,
    );
    expect('code' in expansion ? [] : expansion.recipients.map((one) => one.address)).toEqual([
      'xixi@baidu.com',
      'maomao@baidu.com',
      'haha@baidu.com',
    ]);
  });

  it('keeps original recipient, NOTIFY and ORCPT whatever the plugin returned', async () => {
    const expansion = await expand(
      [recipient('g@baidu.com')],
      hooksOf({ expand: aliases({ 'g@baidu.com': ['x@qq.com'] }) }),
      limits,
    );
    expect(expansion).toMatchObject({
      recipients: [{ address: 'x@qq.com', original: 'g@baidu.com', notify: ['DELAY'], orcpt: 'rfc822;g@baidu.com' }],
    });
  });

  it('P11: too many members and too many levels of virtual aliases defer the message, and the log says why', async () => {
    const refused = reply(451, '4.6.0', 'Alias expansion error');
    const warned: string[] = [];
    const of = (table: (address: string) => readonly string[], more: Partial<ExpansionLimits>): Promise<unknown> =>
      expand(
        [recipient('g@x.test'), recipient('h@x.test')],
        hooksOf({
          expand: ({ recipient: one, into }) => {
            for (const address of table(one.address)) into.push({ ...one, address, onCircle: 'refuse' });
            return into.length === 0 ? NEXT : OK;
          },
        }),
        { ...limits, ...more, warn: (message) => warned.push(message) },
      );
    const members = (address: string): string[] =>
      /^[gh]@/.test(address) ? ['1', '2', '3'].map((n) => `${n}${address}`) : [];
    const next = (address: string): string[] => [`x${address}`];
    expect(await of(members, { count: 3 })).toMatchObject({ recipients: { length: 6 } });
    expect(await of(members, { count: 2 })).toEqual(refused);
    expect(await of(next, { depth: 20 })).toEqual(refused);
    expect(await of((address) => (/^x{19}/.test(address) ? [] : next(address)), { depth: 20 })).toMatchObject({
      recipients: { length: 2 },
    });
    const told = 'the message is refused for now';
    expect(warned).toEqual([
      `<g@x.test>: alias expansion error: more than 2 members (virtual_alias_expansion_limit): ${told}`,
      `<${'x'.repeat(20)}g@x.test>: alias expansion error: more than 20 deep (virtual_alias_recursion_limit): ${told}`,
    ]);
  });

  it('P10: a local alias may have more members than virtual aliases; what endless tables make of one is bounded', async () => {
    const many = Array.from({ length: 5000 }, (_one, i) => `u${i}`);
    expect(await addresses({ 'g@baidu.com': many }, 'g@baidu.com')).toHaveLength(5000);
    const endless = (make: (address: string) => readonly string[]): Promise<unknown> =>
      expand(
        [recipient('g@baidu.com')],
        hooksOf({
          expand: ({ recipient: one, into }) => {
            for (const address of make(one.address)) into.push({ ...one, address });
            return OK;
          },
        }),
        limits,
      );
    expect(await endless((address) => [`x${address}`])).toMatchObject({
      failed: [
        { reply: { code: 550, enhanced: '5.4.6', text: `possible alias database loop for ${'x'.repeat(101)}g` } },
      ],
    });
    expect(await endless((address) => [`x${address}`, `y${address}`])).toEqual(
      reply(451, '4.6.0', 'Alias expansion error'),
    );
  });

  it('a table that cannot answer defers the message', async () => {
    expect(await expand([recipient('g@baidu.com')], hooksOf({ expand: () => denySoft() }), limits)).toEqual(
      reply(451, '4.3.0', '<g@baidu.com>: Temporary lookup failure'),
    );
  });
});

describe('a message with expanded recipients', () => {
  let house: TestHouse;
  afterEach(() => house.stop());

  it('P10, P12: mail that was delivered to a local address before, by itself or on its way, bounces there, as in Postfix', async () => {
    house = await openHouse({
      settings: {
        recipient_delimiter: '+',
        virtual_mailbox_domains: 'virt.example',
      },
      accounts: ['xixi@baidu.com', 'maomao@baidu.com', 'me@virt.example'],
      handlers: { expand: aliases({ 'fwd@baidu.com': ['maomao', 'me@virt.example'] }) },
    });
    const send = async (to: string, ...delivered: readonly string[]): Promise<string> => {
      const header = delivered.map((address) => `Delivered-To: ${address}\r\n`).join('');
      const before = (await house.inbox('xixi@baidu.com')).length;
      await house.submit({ to: [to], reversePath: 'xixi@baidu.com' }, `${header}Subject: x\r\n\r\nhi\r\n`);
      await house.runner.idle();
      const bounce = (await house.inbox('xixi@baidu.com')).slice(before).join();
      return /mail forwarding loop for \S+/.exec(bounce)?.[0] ?? bounce;
    };
    house.runner.start();
    const loop = 'mail forwarding loop for';
    expect(await send('maomao+a@baidu.com', 'MAOMAO+A@baidu.com')).toBe(`${loop} maomao+a@baidu.com`);
    expect(await send('maomao+a@baidu.com', 'maomao@baidu.com')).toBe('');
    expect(await send('fwd@baidu.com', 'a@b.example', 'fwd@baidu.com')).toBe(`${loop} fwd@baidu.com`);
    expect((await house.inbox('maomao@baidu.com')).length).toBe(1);
    expect(await send('fwd@baidu.com', 'maomao@baidu.com')).toBe(`${loop} maomao@baidu.com`);
    expect(await send('me@virt.example', 'me@virt.example')).toBe('');
    expect((await house.inbox('me@virt.example')).length).toBe(2);
    // The log names the program that Postfix would have used.
    await house.submit({ to: [{ address: 'me@virt.example', notify: ['SUCCESS'] }] }, 'Subject: x\r\n\r\nhi\r\n');
    await house.submit({ to: ['nobody@virt.example'] }, 'Subject: x\r\n\r\nhi\r\n');
    await house.runner.idle();
    const relays = house.lines.flatMap(
      (line) => /to=<(\S+virt\S+)>.* relay=(\w+).* (status=\w+)/.exec(line)?.slice(1).join(' ') ?? [],
    );
    expect(relays).toEqual([
      'me@virt.example virtual status=sent',
      'me@virt.example virtual status=sent',
      'me@virt.example virtual status=sent',
      'nobody@virt.example virtual status=bounced',
    ]);
  });

  it('P11: reaches members here and elsewhere; unknown members bounce and the others get it', async () => {
    const table = {
      'admin@group.com': ['maomao', 'nobody', 'doudou@work.com', 'MAOMAO@mail.baidu.com'],
      'doudou@work.com': ['doudou@qq.com'],
    };
    house = await openHouse({
      settings: { virtual_alias_domains: 'group.com, work.com' },
      handlers: { expand: aliases(table) },
      dns: { 'mx qq.com': 'tempfail' },
    });
    expect(
      (await house.submit({ to: ['admin@group.com'], reversePath: 'xixi@baidu.com' }, 'Subject: x\r\n\r\nhi\r\n')).code,
    ).toBe(250);
    const [copy = '', ...more] = await house.inbox('maomao@baidu.com');
    expect(copy).toContain('X-Original-To: admin@group.com\r\nDelivered-To: maomao@baidu.com\r\n');
    expect(more).toEqual([]);
    house.runner.start();
    await house.runner.idle();
    expect((await house.queue()).map((item) => [item.recipient, item.original, item.state])).toEqual([
      ['doudou@qq.com', 'admin@group.com', 'deferred'],
    ]);
    const [bounce = ''] = await house.inbox('xixi@baidu.com');
    expect(bounce).toContain('<nobody@baidu.com> (expanded from <admin@group.com>): unknown user: "nobody"');
  });

  it("a recipient that a plugin refuses bounces with the plugin's text", async () => {
    house = await openHouse({
      handlers: {
        expand: ({ recipient: one }) =>
          one.address.startsWith('gone') ? deny(reply(551, '5.1.6', 'User has moved to new@qq.com')) : NEXT,
      },
    });
    await house.submit(
      { to: ['gone@baidu.com', 'maomao@baidu.com'], reversePath: 'xixi@baidu.com' },
      'Subject: x\r\n\r\nhi\r\n',
    );
    house.runner.start();
    await house.runner.idle();
    expect(await house.inbox('maomao@baidu.com')).toHaveLength(1);
    const [bounce = ''] = await house.inbox('xixi@baidu.com');
    expect(bounce).toContain('Status: 5.1.6\r\n');
    expect(bounce).toContain('User has moved to new@qq.com');
    expect(await house.queue()).toEqual([]);
  });
});
