import { describe, expect, it } from 'vitest';
import { formatFault } from '../../src/config/fault.ts';
import { checkRelay, type RelayCheck } from '../../src/config/postfix/check-relay.ts';
import { unquoted } from '../../src/mail/address.ts';
import { mayRelay } from '../../src/server/smtp/relay.ts';
import { connect, openHouse, rcpt, recipient, type Shape, type TestHouse, words } from '../../test/bus/house.ts';
import { serviceOf } from '../../test/kit/parameters.ts';

const ELSEWHERE = 'victim@other.example';
/** Everything that an unknown client can merely claim. */
const LIAR: Shape = { sender: 'boss@baidu.com', helo: '127.0.1.1', name: 'pc.baidu.com', reverseName: 'pc.baidu.com' };
const open = (parameters: Record<string, string>, access = '') =>
  openHouse({
    plugins: ['restrictions', 'dns-lists'],
    parameters,
    files: { access },
    dns: { 'a 77.1.0.127.allow.example': ['127.0.0.1'] },
  });

const GUARD = { smtpd_relay_restrictions: 'permit_mynetworks, reject_unauth_destination' };

function check({ parameters, tables, bus }: TestHouse): RelayCheck {
  const service = serviceOf(parameters, (name) => (parameters.isSet(name) ? { file: 'main.cf', line: 1 } : undefined));
  const takesArgument = (name: string): boolean | undefined => {
    const found = bus.restrictions.get(name.toLowerCase());
    return found === undefined ? undefined : found.takesArgument === true;
  };
  return checkRelay([service], 'main.cf', { tables, takesArgument });
}

/** What startup reports about the rules by which unknown clients may relay. */
const told = (house: TestHouse): string[] => {
  const { warnings, notes } = check(house);
  const all = [...warnings, ...notes].map((fault) => formatFault(fault).replaceAll(house.folder, ''));
  return all.filter((line) => /relay/.test(line.replace(/smtpd_relay_restrictions/g, '')));
};

/** `relayed`, or the refusal by the lists or the core. */
async function outcome(house: TestHouse, to: string, shape: Shape): Promise<string> {
  const connection = connect(house, shape);
  const verdict = await house.bus.run('rcpt', { connection, recipient: recipient(to) });
  const policy = { trusts: () => false, rules: check(house).rules.get('smtp') ?? new Map() };
  return (await mayRelay(connection, verdict, policy)) ? 'relayed' : words(verdict);
}

describe('G3: never an open relay', () => {
  const everything = 'baidu.com OK\nboss@baidu.com OK\n127.0.1.1 OK\n127.0.1 OK\npc.baidu.com OK\n';
  const table = 'hash:TABLES/access';

  it.each<readonly [string, Record<string, string>]>([
    [
      'only permits for trusted clients',
      { smtpd_recipient_restrictions: 'permit_mynetworks, permit_sasl_authenticated, reject' },
    ],
    [
      'a client table that says OK in the client list',
      { smtpd_client_restrictions: `check_client_access ${table}`, ...GUARD },
    ],
    [
      'permit in the client, HELO and sender lists',
      {
        smtpd_client_restrictions: 'permit',
        smtpd_helo_restrictions: 'permit',
        smtpd_sender_restrictions: 'permit',
        ...GUARD,
      },
    ],
    ['permit_naked_ip_address', { smtpd_recipient_restrictions: 'permit_naked_ip_address, reject_unauth_destination' }],
    ['permit_mx_backup', { smtpd_recipient_restrictions: 'permit_mx_backup, reject_unauth_destination' }],
    ['an allow list', { smtpd_recipient_restrictions: 'permit_dnswl_client allow.example, reject_unauth_destination' }],
    ['a bare table in the sender list', { smtpd_sender_restrictions: table, ...GUARD }],
    ['permit in the recipient list while the relay list refuses', { ...GUARD, smtpd_recipient_restrictions: 'permit' }],
    [
      'a table that says OK in the recipient list while the relay list refuses',
      { ...GUARD, smtpd_recipient_restrictions: `check_sender_access ${table}` },
    ],
    [
      'permit in the relay list while the recipient list refuses',
      { smtpd_relay_restrictions: 'permit', smtpd_recipient_restrictions: 'reject' },
    ],
  ])('%s: startup reports no rule, and no stranger relays', async (_name, parameters) => {
    const house = await openHouse({
      plugins: ['restrictions', 'dns-lists'],
      parameters,
      files: { access: everything },
      dns: { 'a 77.1.0.127.allow.example': ['127.0.0.1'] },
    });
    expect(told(house)).toEqual([]);
    for (const to of [
      ELSEWHERE,
      'victim%other.example@elsewhere.example',
      '"victim@other.example"@elsewhere.example',
      'a@b@other.example',
    ]) {
      expect(await outcome(house, to, LIAR)).not.toBe('relayed');
    }
  });

  it('a permit by a mere claim does not hide a later permit by the network', async () => {
    for (const first of ['permit_naked_ip_address', 'permit_dnswl_client allow.example']) {
      const house = await open({ smtpd_relay_restrictions: `${first}, permit_mynetworks, reject_unauth_destination` });
      expect(await rcpt(house, ELSEWHERE, { ...LIAR, ip: '127.0.1.1' })).toBe('OK');
    }
  });

  describe('permit_mx_backup', () => {
    const dns = {
      'mx far.example': ['10 primary.far.example', '20 mail.ours.example'],
      'a primary.far.example': ['192.0.2.5'],
      'mx by-address.example': ['10 primary.far.example', '20 other.ours.example'],
      'a other.ours.example': ['127.0.1.134'],
      'mx two.example': ['10 primary.far.example', '10 outside.example', '20 mail.ours.example'],
      'a outside.example': ['203.0.113.5'],
      'mx outside.example': ['10 outside.example', '20 mail.ours.example'],
      'mx both.example': ['10 both.example', '20 mail.ours.example'],
      'a both.example': ['192.0.2.6'],
      'aaaa both.example': ['2001:db8::6'],
      'mx first.example': ['10 mail.ours.example', '20 primary.far.example'],
      'mx equal.example': ['10 primary.far.example', '10 other.ours.example', '20 mail.ours.example'],
      'mx stranger.example': ['10 primary.far.example', '20 outside.example'],
      'mx alone.example': ['10 primary.far.example'],
      'mx nowhere.example': ['10 absent.example', '20 mail.ours.example'],
      'mx crowd.example': [...Array.from({ length: 30 }, () => '10 primary.far.example'), '20 mail.ours.example'],
      'mx null.example': ['0 .'],
      'a address.example': ['127.0.1.134'],
      'mx later.example': 'tempfail' as const,
      'mx host-later.example': ['10 slow.example', '20 mail.ours.example'],
      'a slow.example': 'tempfail' as const,
    };
    const backup = (networks: string) =>
      openHouse({
        plugins: ['restrictions'],
        parameters: {
          myhostname: 'mail.ours.example',
          permit_mx_backup_networks: networks,
          smtpd_relay_restrictions: 'permit_mynetworks, permit_mx_backup, reject_unauth_destination',
        },
        dns,
      });
    const denied = (to: string): string => `554 5.7.1 <${to}>: Relay access denied`;

    it.each([
      ['far.example', true],
      ['FAR.example', true],
      ['by-address.example', true],
      ['two.example', false],
      ['outside.example', false],
      ['both.example', false],
      ['first.example', false],
      ['equal.example', false],
      ['stranger.example', false],
      ['alone.example', false],
      ['nowhere.example', false],
      ['crowd.example', false],
      ['null.example', false],
      ['address.example', false],
      ['absent.example', false],
      ['[192.0.2.5]', false],
      ['[127.0.1.77]', false],
    ])('P7: with its networks, for %s: %s', async (domain, relayed) => {
      const to = `victim@${domain}`;
      const house = await backup('192.0.2.0/24, 2001:db8:1::/48');
      expect(await outcome(house, to, LIAR)).toBe(relayed ? 'relayed' : denied(to));
      for (const routed of [
        `victim%other.example@${domain}`,
        `a@b.example@${domain}`,
        `other.example!victim@${domain}`,
      ])
        expect(await outcome(house, routed, LIAR)).not.toBe('relayed');
    });

    it.each([
      ['later.example', 'Unable to look up mail exchanger information'],
      [
        'host-later.example',
        'Unable to look up host slow.example as mail exchanger: Temporary failure in name resolution',
      ],
    ])('P7: %s cannot be looked up now: the refusal is temporary', async (domain, text) => {
      expect(await outcome(await backup('192.0.2.0/24'), `victim@${domain}`, LIAR)).toBe(
        `450 4.4.4 <victim@${domain}>: Recipient address rejected: ${text}`,
      );
    });

    it.each(['', '0.0.0.0/0', '192.0.2.0/24, 0.0.0.0/1, 128.0.0.0/1', 'static:all'])(
      'with the networks "%s" nobody relays, and the start says so',
      async (networks) => {
        const house = await backup(networks);
        for (const to of ['victim@far.example', 'victim@outside.example'])
          expect(await outcome(house, to, LIAR)).not.toBe('relayed');
        expect(check(house).warnings.map(formatFault)).toEqual([
          expect.stringMatching(
            /^main\.cf:1: smtpd_relay_restrictions: permit_mx_backup permits our own destinations only: .*permit_mx_backup_networks/,
          ),
        ]);
      },
    );

    it('the start says for whom it relays, and what it did not say is not permitted', async () => {
      const house = await backup('192.0.2.0/24');
      expect(told(house)).toEqual([
        'main.cf:1: smtpd_relay_restrictions: lets these relay besides mynetworks and logged-in clients: permit_mx_backup (mail for domains whose MX records name this server behind one in permit_mx_backup_networks; whoever has a domain writes such records)',
      ]);
      const connection = connect(house, LIAR);
      const verdict = await house.bus.run('rcpt', { connection, recipient: recipient('victim@far.example') });
      expect(await mayRelay(connection, verdict, { trusts: () => false, rules: new Map() })).toBe(false);
    });
  });

  it('P7: at level 1 and above, with default settings, a stranger is deferred', async () => {
    expect(await rcpt(await open({ compatibility_level: '2' }), ELSEWHERE, LIAR)).toBe(
      `454 4.7.1 <${ELSEWHERE}>: Relay access denied`,
    );
  });

  it.each(['victim%other.example@baidu.com', 'other.example!victim@baidu.com', '"victim@other.example"@baidu.com'])(
    '%s is an attempt to relay',
    async (to) => {
      expect(await rcpt(await open({ smtpd_recipient_restrictions: 'reject_unauth_destination' }), to)).toBe(
        `554 5.7.1 <${unquoted(to)}>: Relay access denied`,
      );
    },
  );

  it('a broken relay list refuses instead of permitting', async () => {
    expect(await rcpt(await open({ smtpd_relay_restrictions: 'no_such_word' }), ELSEWHERE, { ip: '127.0.1.1' })).toBe(
      '451 4.3.5 Server configuration error',
    );
    const endless = { smtpd_relay_restrictions: 'a', smtpd_restriction_classes: 'a b', a: 'b', b: 'a' };
    expect(await rcpt(await open(endless), ELSEWHERE)).toBe('451 4.3.5 Server configuration error');
  });
});

describe('who may relay', () => {
  const level2 = { compatibility_level: '2' };
  it.each<readonly [string, Record<string, string>, Shape]>([
    ['a client in mynetworks', level2, { ip: '127.0.1.1' }],
    ['a client that logged in', level2, { login: 'maomao' }],
    [
      'a client named in a table of the relay list',
      { smtpd_relay_restrictions: 'check_client_access hash:TABLES/access, reject' },
      {},
    ],
    [
      'a client named in a table of the recipient list, where the relay list is empty',
      { smtpd_recipient_restrictions: 'check_client_access hash:TABLES/access, reject' },
      {},
    ],
    [
      'a login named in a table',
      { smtpd_relay_restrictions: 'check_sasl_access hash:TABLES/access, reject' },
      { login: 'maomao', ip: '192.0.2.1' },
    ],
    [
      'anyone, to a recipient that the operator named',
      { smtpd_relay_restrictions: 'check_recipient_access hash:TABLES/access, reject' },
      { ip: '192.0.2.1' },
    ],
    [
      'a trusted client in a class selected by its sender',
      {
        smtpd_relay_restrictions: 'check_sender_access hash:TABLES/access, reject',
        smtpd_restriction_classes: 'own',
        own: 'permit_mynetworks, reject',
      },
      { ip: '127.0.1.1' },
    ],
  ])('%s', async (_name, parameters, shape) => {
    const house = await open(parameters, 'maomao OK\n127.0.1.77 OK\nvictim@other.example OK\na@qq.com own\n');
    expect(await rcpt(house, ELSEWHERE, shape)).toBe('OK');
  });
});

describe('reported rules by which strangers relay, as in Postfix', () => {
  const line = (text: string): string =>
    `main.cf:1: smtpd_relay_restrictions: lets these relay besides mynetworks and logged-in clients: ${text}`;
  const after = ', reject_unauth_destination';
  it.each<readonly [string, string]>([
    ['check_client_access inline:{127.0.1.77=OK}', 'check_client_access inline:{127.0.1.77=OK} (127.0.1.77)'],
    [
      'check_client_access inline:{127.0.1.77=RELAY,a=1,b=OK,c=OK}',
      'check_client_access inline:{127.0.1.77=RELAY,a=1,b=OK,c=OK} (127.0.1.77, a, b and 1 more)',
    ],
    [
      'check_client_access cidr:{{127.0.1.0/24 OK}}',
      'check_client_access cidr:{{127.0.1.0/24 OK}} (clients that one pattern of the table permits)',
    ],
    [
      'check_recipient_access inline:{other.example=OK}',
      'check_recipient_access inline:{other.example=OK} (other.example)',
    ],
    ['inline:{other.example=OK}', 'check_recipient_access inline:{other.example=OK} (other.example)'],
    [
      'check_sender_access inline:{baidu.com=OK}',
      'check_sender_access inline:{baidu.com=OK} (baidu.com; anyone can use such a sender address)',
    ],
    [
      'check_helo_access inline:{127.0.1.1=OK}',
      'check_helo_access inline:{127.0.1.1=OK} (127.0.1.1; anyone can send such a HELO name)',
    ],
    [
      'check_sender_access inline:{baidu.com=friends}',
      'check_sender_access inline:{baidu.com=friends} (baidu.com; anyone can use such a sender address)',
    ],
    ['own', 'own (check_client_access inline:{127.0.1.77=OK}: 127.0.1.77)'],
  ])('%s', async (rule, text) => {
    const house = await open({
      smtpd_relay_restrictions: `${rule}${after}`,
      smtpd_restriction_classes: 'own friends',
      own: 'check_client_access inline:{127.0.1.77=OK}, reject',
      friends: 'permit',
    });
    expect(told(house)).toEqual([line(text)]);
    expect(await outcome(house, ELSEWHERE, LIAR)).toBe('relayed');
  });

  it('a table that currently permits no one is reported too, since it may change; an inline one is not', async () => {
    const rule = 'check_recipient_access hash:TABLES/access';
    expect(told(await open({ smtpd_relay_restrictions: `${rule}${after}` }, 'other.example REJECT\n'))).toEqual([
      'main.cf:1: smtpd_relay_restrictions: check_recipient_access hash:/access would let strangers relay: clients that an OK in the table names, before anything refuses them; nobody at present',
    ]);
    expect(
      told(await open({ smtpd_relay_restrictions: `check_recipient_access inline:{other.example=REJECT}${after}` })),
    ).toEqual([]);
    expect(told(await open({ smtpd_relay_restrictions: `check_sasl_access static:OK${after}` }))).toEqual([]);
  });
});

describe('a configuration that refuses no stranger is a fault', () => {
  const cure = 'smtpd_relay_restrictions = permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination';
  const everybody =
    /^main\.cf:1: smtpd_\w+_restrictions: ".*" lets everybody relay, and .*; write instead: smtpd_relay_restrictions = /;
  const nothing =
    /^main\.cf:1: smtpd_relay_restrictions or smtpd_recipient_restrictions: specify at least one working instance of: reject_unauth_destination, /;
  it.each<readonly [string, string, RegExp]>([
    ['permit', '', everybody],
    ['permit, reject_unauth_destination', '', everybody],
    ['permit_mynetworks, check_client_access static:OK', '', everybody],
    ['check_client_access static:OK, reject_unauth_destination', '', everybody],
    ['check_client_access cidr:{{0.0.0.0/0 OK}}, reject', '', everybody],
    ['check_recipient_access regexp:{{/@/ OK}}, reject', '', everybody],
    ['check_sender_access static:friends, reject', '', everybody],
    ['reject_unknown_client_hostname, PERMIT, reject', '', everybody],
    ['friends, reject_unauth_destination', '', everybody],
    ['warn_if_reject strict, reject', '', everybody],
    ['', 'permit', everybody],
    ['permit_mynetworks', 'permit', everybody],
    ['permit_mynetworks, check_recipient_access inline:{other.example=OK}', '', nothing],
    ['permit_mynetworks', 'permit_sasl_authenticated', nothing],
    ['', '', nothing],
    ['warn_if_reject reject_unauth_destination', '', nothing],
    ['warn_if_reject defer_if_permit, defer_if_reject', '', nothing],
    ['check_client_access static:REJECT', '', nothing],
  ])('relay list "%s", recipient list "%s"', async (relay, recipients, text) => {
    const house = await open({
      smtpd_relay_restrictions: relay,
      smtpd_recipient_restrictions: recipients,
      smtpd_restriction_classes: 'friends strict',
      friends: 'permit',
      strict: 'reject_unauth_destination, permit',
    });
    const faults = check(house).faults.map(formatFault);
    expect(faults).toEqual([expect.stringMatching(text)]);
    expect(faults[0]).toContain(cure);
    // It would not relay even if it did start.
    expect(await outcome(house, ELSEWHERE, LIAR)).not.toBe('relayed');
  });

  it.each([
    ['warn_if_reject reject_unauth_destination, reject_unauth_destination', ''],
    ['defer_if_permit, permit', ''],
    ['permit_mynetworks, own', ''],
    ['PERMIT_MYNETWORKS, REJECT_UNAUTH_DESTINATION', ''],
    ['permit', 'permit_mynetworks, reject'],
    ['permit_mynetworks, check_relay_domains', ''],
  ])('relay list "%s" with recipient list "%s" is accepted', async (relay, recipients) => {
    const house = await open({
      smtpd_relay_restrictions: relay,
      smtpd_recipient_restrictions: recipients,
      smtpd_restriction_classes: 'own',
      own: 'reject_unauth_destination',
    });
    expect(check(house).faults).toEqual([]);
    expect(await outcome(house, ELSEWHERE, LIAR)).not.toBe('relayed');
  });
});
