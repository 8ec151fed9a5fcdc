import { describe, expect, it, vi } from 'vitest';
import { restrictionNames } from '../../src/lookup/restriction-names.ts';
import {
  connect,
  openHouse,
  rcpt,
  recipient,
  type Shape,
  type TestHouse,
  transactionOf,
  UNCHANGEABLE,
  words,
} from '../../test/bus/house.ts';
import { DNS_PATIENCE } from './patience.ts';

const u = 'u@baidu.com';
const open = (parameters: Record<string, string>): Promise<TestHouse> =>
  openHouse({ plugins: ['restrictions'], accounts: ['u'], parameters });

/** The replies of every stage of one session, in order. */
async function session(house: TestHouse, shape: Shape = {}): Promise<readonly string[]> {
  const connection = connect(house, shape);
  const { bus } = house;
  const content = (async function* () {})();
  return [
    words(await bus.run('connect', { connection: { ...connection, helo: null, transaction: null } })),
    words(
      await bus.run('helo', {
        connection: { ...connection, helo: null, transaction: null },
        name: connection.helo ?? '',
      }),
    ),
    words(
      await bus.run('mail', {
        connection: { ...connection, transaction: null },
        reversePath: connection.transaction?.reversePath ?? '',
      }),
    ),
    words(await bus.run('rcpt', { connection, recipient: recipient(u) })),
    words(await bus.run('data', { connection })),
    words(
      await bus.run('data_post', {
        connection,
        transaction: transactionOf(connection.transaction?.reversePath ?? '', [u]),
        content,
        change: UNCHANGEABLE,
      }),
    ),
  ];
}

describe('P7: smtpd_delay_reject', () => {
  it('set: client, HELO and sender restrictions answer at RCPT TO, in that order', async () => {
    const all = {
      smtpd_client_restrictions: 'warn_if_reject reject',
      smtpd_helo_restrictions: 'reject',
      smtpd_sender_restrictions: 'reject',
    };
    const denied = '554 5.7.1 <client.example>: Helo command rejected: Access denied';
    expect((await session(await open(all))).slice(0, 4)).toEqual(['NEXT', 'NEXT', 'NEXT', denied]);
  });

  it.each([
    ['smtpd_client_restrictions', 0, '554 5.7.1 <unknown[127.0.1.77]>: Client host rejected: Access denied'],
    ['smtpd_helo_restrictions', 1, '554 5.7.1 <client.example>: Helo command rejected: Access denied'],
    ['smtpd_sender_restrictions', 2, '554 5.7.1 <a@qq.com>: Sender address rejected: Access denied'],
    ['smtpd_data_restrictions', 4, '554 5.7.1 <DATA>: Data command rejected: Access denied'],
    ['smtpd_end_of_data_restrictions', 5, '554 5.7.1 <END-OF-MESSAGE>: End-of-data rejected: Access denied'],
  ])('not set: %s answers at its own stage', async (list, stage, answer) => {
    const answers = await session(await open({ smtpd_delay_reject: 'no', [list]: 'reject' }));
    expect(answers.map((said, i) => (i === stage ? said : said.slice(0, 4)))).toEqual(
      answers.map((_, i) => (i === stage ? answer : 'NEXT')),
    );
  });

  it('not set: an early defer_if_permit still defers at RCPT TO, until a new stage resets it', async () => {
    const house = await open({ smtpd_delay_reject: 'no', smtpd_client_restrictions: 'defer_if_permit' });
    expect((await session(house))[3]).toBe(
      '450 4.7.0 <unknown[127.0.1.77]>: Client host rejected: defer_if_permit requested',
    );
  });

  it('not set: an unknown sender is refused at MAIL FROM if smtpd_reject_unlisted_sender is set', async () => {
    const house = await open({ smtpd_delay_reject: 'no', smtpd_reject_unlisted_sender: 'yes' });
    expect((await session(house, { sender: 'nobody@baidu.com' }))[2]).toBe(
      '550 5.1.0 <nobody@baidu.com>: Sender address rejected: User unknown in local recipient table',
    );
  });
});

describe('P7: the other stages', () => {
  it('DATA has a recipient only if there is exactly one', async () => {
    const house = await open({ smtpd_data_restrictions: 'reject_multi_recipient_bounce' });
    const data = async (recipients: readonly string[]) =>
      words(await house.bus.run('data', { connection: connect(house, { sender: '', recipients }) }));
    expect(await data([u])).toBe('NEXT');
    expect(await data([u, u])).toBe('550 5.5.3 <DATA>: Data command rejected: Multi-recipient bounce');
  });

  it('a permit that lets nobody relay ends a list that is not about relaying, whoever the recipient is', async () => {
    const ended = async (parameters: Record<string, string>): Promise<string> => {
      const house = await open(parameters);
      const connection = connect(house, { helo: '127.0.0.1', recipients: ['x@other.example'] });
      return words(await house.bus.run('data', { connection }));
    };
    const naked = 'permit_naked_ip_address, defer';
    expect(await ended({ smtpd_data_restrictions: naked })).toBe('NEXT');
    expect(await ended({ smtpd_restriction_classes: 'naked', naked, smtpd_data_restrictions: 'naked' })).toBe('NEXT');
  });

  it('smtpd_relay_before_recipient_restrictions chooses which list is evaluated first', async () => {
    const lists = { smtpd_relay_restrictions: 'reject_unauth_destination', smtpd_recipient_restrictions: 'reject' };
    expect(await rcpt(await open(lists), 'x@other.example')).toBe(
      '554 5.7.1 <x@other.example>: Recipient address rejected: Access denied',
    );
    const relayFirst = await open({ ...lists, smtpd_relay_before_recipient_restrictions: 'yes' });
    expect(await rcpt(relayFirst, 'x@other.example')).toBe('554 5.7.1 <x@other.example>: Relay access denied');
  });

  it('ETRN evaluates client, HELO and ETRN restrictions', async () => {
    const etrn = async (parameters: Record<string, string>) => {
      const house = await open(parameters);
      return words(
        await house.bus.run('etrn', { connection: connect(house, { sender: null }), domain: 'foo.example' }),
      );
    };
    expect(await etrn({ smtpd_etrn_restrictions: 'reject' })).toBe(
      '554 5.7.1 <foo.example>: Etrn command rejected: Access denied',
    );
    expect(await etrn({ smtpd_client_restrictions: 'reject' })).toBe(
      '554 5.7.1 <unknown[127.0.1.77]>: Client host rejected: Access denied',
    );
    expect(await etrn({})).toBe('NEXT');
  });

  it('VRFY reveals no more than RCPT TO would', async () => {
    const vrfy = async (parameters: Record<string, string>, address: string) => {
      const house = await open(parameters);
      return words(
        await house.bus.run('vrfy', { connection: connect(house, { sender: null, ip: '127.0.1.1' }), address }),
      );
    };
    expect(await vrfy({}, 'nobody9')).toBe(
      '550 5.1.1 <nobody9>: Recipient address rejected: User unknown in local recipient table',
    );
    expect(await vrfy({ smtpd_client_restrictions: 'reject' }, u)).toBe(
      '554 5.7.1 <unknown[127.0.1.1]>: Client host rejected: Access denied',
    );
    expect(await vrfy({ smtpd_recipient_restrictions: 'permit' }, u)).toBe('OK');
  });

  it('warn_if_reject is logged in the format of Postfix', async () => {
    const house = await open({ smtpd_recipient_restrictions: 'warn_if_reject reject' });
    expect(await rcpt(house, u)).toBe('NEXT');
    const refusal = '554 5.7.1 <u@baidu.com>: Recipient address rejected: Access denied';
    expect(house.lines).toEqual([
      `info: NOQUEUE: reject_warning: RCPT from unknown[127.0.1.77]: ${refusal}; from=<a@qq.com> to=<u@baidu.com> proto=SMTP helo=<client.example>`,
    ]);
  });

  it.each([
    ['421 bye', 'DENYSOFTDISCONNECT'],
    ['521 go', 'DENYDISCONNECT'],
    ['550 no', 'DENY'],
    ['450 wait', 'DENYSOFT'],
  ])('a refusal with %s is %s', async (action, code) => {
    const parameters = { smtpd_recipient_restrictions: 'check_sender_access hash:TABLES/access' };
    const house = await openHouse({
      plugins: ['restrictions'],
      accounts: ['u'],
      parameters,
      files: { access: `a@qq.com ${action}\n` },
    });
    expect(await house.bus.run('rcpt', { connection: connect(house), recipient: recipient(u) })).toMatchObject({
      code,
    });
  });

  it('a name server that never answers costs some seconds, then counts as a temporary failure', async () => {
    vi.useFakeTimers();
    const house = await open({
      smtpd_recipient_restrictions: 'reject_unknown_sender_domain, check_sender_mx_access hash:TABLES/none',
    });
    vi.spyOn(house.resolver, 'mx').mockReturnValue(new Promise(() => {}));
    const answer = rcpt(house, u);
    await vi.advanceTimersByTimeAsync(2 * DNS_PATIENCE);
    expect(await answer).toBe('450 4.1.8 <a@qq.com>: Sender address rejected: Domain not found');
    vi.useRealTimers();
  });

  it('P7: a stranger whose name servers are slow for every list is refused temporarily, and no other client is', async () => {
    vi.useFakeTimers();
    const house = await open({
      smtpd_helo_restrictions: 'reject_unknown_helo_hostname',
      smtpd_sender_restrictions: 'reject_unknown_sender_domain',
      smtpd_recipient_restrictions:
        'check_helo_mx_access hash:TABLES/none, check_sender_mx_access hash:TABLES/none, reject_unauth_destination',
    });
    const slow = vi.spyOn(house.resolver, 'mx').mockReturnValue(new Promise(() => {}));
    for (let i = 0; i < 11; i += 1) {
      const answer = rcpt(house, u);
      await vi.advanceTimersByTimeAsync(31_000);
      expect(await answer).toBe(`451 4.3.0 <${u}>: Temporary lookup failure`);
    }
    slow.mockRestore();
    expect(await rcpt(house, u, { helo: null, sender: '' })).toBe('NEXT');
    vi.useRealTimers();
  });

  it('no list refuses mail to a bare postmaster', async () => {
    expect(await rcpt(await open({ smtpd_client_restrictions: 'reject' }), 'Postmaster')).toBe('NEXT');
  });
});

describe('L7: the refusals of the lab, word for word', () => {
  const baidu = (): Promise<TestHouse> =>
    openHouse({
      plugins: ['restrictions'],
      files: {
        access: '127.0.1.200     REJECT\nmicrosoft.com   REJECT\n',
        denyhadoop: 'hadoop@baidu.com        REJECT\n',
      },
      parameters: {
        relay_domains: '$mydestination',
        smtpd_client_restrictions: 'check_client_access hash: TABLES/access',
        smtpd_sender_restrictions: 'check_sender_access hash:TABLES/access',
        smtpd_recipient_restrictions: `check_recipient_access hash:TABLES/denyhadoop,
        permit_mynetworks, permit_sasl_authenticated,
        reject_non_fqdn_sender, reject_non_fqdn_recipient,
        reject_unauth_destination`,
      },
    });

  it.each<readonly [Shape, string, string]>([
    [
      { ip: '127.0.1.200' },
      'maomao@baidu.com',
      '554 5.7.1 <unknown[127.0.1.200]>: Client host rejected: Access denied',
    ],
    [
      { ip: '127.0.1.200', name: 'pc.qq.com' },
      'maomao@baidu.com',
      '554 5.7.1 <pc.qq.com[127.0.1.200]>: Client host rejected: Access denied',
    ],
    [
      { sender: 'bill@microsoft.com' },
      'maomao@baidu.com',
      '554 5.7.1 <bill@microsoft.com>: Sender address rejected: Access denied',
    ],
    [{}, 'hadoop@baidu.com', '554 5.7.1 <hadoop@baidu.com>: Recipient address rejected: Access denied'],
    [
      {},
      'nobody-here@baidu.com',
      '550 5.1.1 <nobody-here@baidu.com>: Recipient address rejected: User unknown in local recipient table',
    ],
    [{ sender: 'maomao@baidu.com' }, 'lisi@qq.com', '554 5.7.1 <lisi@qq.com>: Relay access denied'],
    [{ sender: 'maomao@baidu.com', login: 'maomao' }, 'lisi@qq.com', 'OK'],
    [{ ip: '127.0.1.1', sender: 'zhangsan@qq.com', helo: null }, 'maomao@baidu.com', 'OK'],
    [{}, 'maomao@baidu.com', 'NEXT'],
  ])('%o to %s: %s', async (shape, to, answer) => {
    expect(await rcpt(await baidu(), to, shape)).toBe(answer);
  });
});

describe('P7: every known restriction name', () => {
  it('each restriction of the shipped plugins has a row in restriction-names, with or without an argument as there', async () => {
    const house = await openHouse({ plugins: ['restrictions', 'dns-lists'] });
    const defined = [...house.bus.restrictions].map(([name, { takesArgument }]) => [name, takesArgument === true]);
    // Not a restriction of its own: the walk of a list reads it.
    const { warn_if_reject: _prefix, ...rows } = restrictionNames;
    const named = Object.entries(rows).map(([name, argument]) => [name, argument !== 'none']);
    expect(defined.sort()).toEqual(named.sort());
  });

  const known = Object.entries(restrictionNames).filter(([name]) => name !== 'warn_if_reject');
  it.each(known)('%s is known here, with an argument if the configuration expects one', async (name, argument) => {
    const argumentText = {
      none: '',
      table: 'hash:TABLES/none',
      domain: 'zen.example',
      seconds: '0',
      service: 'inet:127.0.0.1:1',
      restriction: '',
    }[argument];
    const parameters = { smtpd_recipient_restrictions: `${name} ${argumentText} reject` };
    const house = await openHouse({
      plugins: ['restrictions', 'dns-lists'],
      accounts: ['u'],
      files: { none: '' },
      parameters,
    });
    await rcpt(house, u);
    expect(house.lines.filter((line) => /no restriction|missing/.test(line))).toEqual([]);
  });
});
