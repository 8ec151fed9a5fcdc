import { describe, expect, it } from 'vitest';
import { openHouse, rcpt, type Shape, type TestHouse } from '../../test/bus/house.ts';

/** A server with a list in smtpd_recipient_restrictions, its parameters and tables. */
const houseWith = (
  list: string,
  parameters: Record<string, string> = {},
  more: Partial<Parameters<typeof openHouse>[0]> = {},
): Promise<TestHouse> =>
  openHouse({
    plugins: ['restrictions', 'dns-lists'],
    parameters: { smtpd_recipient_restrictions: list, ...parameters },
    accounts: ['u', 'xixi'],
    ...more,
  });

type Case = readonly [list: string, shape: Shape, to: string, answer: string, parameters?: Record<string, string>];

const u = 'u@baidu.com';
const CASES: readonly Case[] = [
  ['reject', {}, u, '554 5.7.1 <u@baidu.com>: Recipient address rejected: Access denied'],
  ['reject', {}, u, '450 4.7.1 <u@baidu.com>: Recipient address rejected: Access denied', { reject_code: '450' }],
  ['defer', {}, u, '450 4.3.2 <u@baidu.com>: Recipient address rejected: Try again later'],
  ['defer_if_permit', {}, u, '450 4.7.0 <u@baidu.com>: Recipient address rejected: defer_if_permit requested'],
  ['defer_if_permit, reject', {}, u, '554 5.7.1 <u@baidu.com>: Recipient address rejected: Access denied'],
  ['defer_if_reject, reject', {}, u, '450 4.7.0 <u@baidu.com>: Recipient address rejected: defer_if_reject requested'],
  ['warn_if_reject reject, defer', {}, u, '450 4.3.2 <u@baidu.com>: Recipient address rejected: Try again later'],
  ['foo_bar', {}, u, '451 4.3.5 Server configuration error'],
  ['check_sender_access', {}, u, '451 4.3.5 Server configuration error'],
  ['reject_unauth_destination', {}, 'x@other.example', '554 5.7.1 <x@other.example>: Relay access denied'],
  [
    'reject_unauth_destination',
    {},
    'x%other.example@baidu.com',
    '554 5.7.1 <x%other.example@baidu.com>: Relay access denied',
  ],
  [
    'reject_unauth_destination',
    {},
    'other.example!x@baidu.com',
    '554 5.7.1 <other.example!x@baidu.com>: Relay access denied',
  ],
  [
    'reject_unauth_destination',
    {},
    'x@other.example@baidu.com',
    '554 5.7.1 <x@other.example@baidu.com>: Relay access denied',
  ],
  [
    'reject_unauth_destination',
    {},
    'x',
    '550 5.1.1 <x>: Recipient address rejected: User unknown in local recipient table',
  ],
  ['defer_unauth_destination', {}, 'x@other.example', '454 4.7.1 <x@other.example>: Relay access denied'],
  [
    'check_relay_domains',
    {},
    'x@other.example',
    '554 5.7.1 <x@other.example>: Recipient address rejected: Relay access denied',
  ],
  ['permit_auth_destination, reject', {}, u, 'NEXT'],
  [
    'permit_auth_destination, reject',
    {},
    'x@other.example',
    '554 5.7.1 <x@other.example>: Recipient address rejected: Access denied',
  ],
  ['permit_mynetworks, reject', { ip: '127.0.1.3' }, 'x@other.example', 'OK'],
  [
    'permit_mynetworks, reject',
    {},
    'x@other.example',
    '554 5.7.1 <x@other.example>: Recipient address rejected: Access denied',
  ],
  ['permit_sasl_authenticated, reject', { login: 'u' }, 'x@other.example', 'OK'],
  ['permit_inet_interfaces, reject', { ip: '127.0.1.134' }, 'x@other.example', 'OK'],
  ['reject_plaintext_session', {}, u, '450 4.7.1 Session encryption is required'],
  ['reject_plaintext_session', { tls: true }, u, 'NEXT'],
  [
    'reject_unauth_pipelining',
    { pipelined: true },
    u,
    '503 5.5.0 <u@baidu.com>: Recipient address rejected: Improper use of SMTP command pipelining',
  ],
  [
    'reject_multi_recipient_bounce',
    { sender: '', recipients: [u] },
    u,
    '550 5.5.3 <u@baidu.com>: Recipient address rejected: Multi-recipient bounce',
  ],
  ['reject_multi_recipient_bounce', { sender: '' }, u, 'NEXT'],
  ['reject_unknown_client_hostname', {}, u, '450 4.7.25 Client host rejected: cannot find your hostname, [127.0.1.77]'],
  [
    'reject_unknown_client',
    {},
    u,
    '550 5.7.25 Client host rejected: cannot find your hostname, [127.0.1.77]',
    { unknown_client_reject_code: '550' },
  ],
  [
    'reject_unknown_client',
    { nameStatus: 'tempfail' },
    u,
    '450 4.7.25 Client host rejected: cannot find your hostname, [127.0.1.77]',
    { unknown_client_reject_code: '550' },
  ],
  [
    'reject_unknown_reverse_client_hostname',
    {},
    u,
    '450 4.7.1 Client host rejected: cannot find your reverse hostname, [127.0.1.77]',
  ],
  ['reject_unknown_reverse_client_hostname', { reverseName: 'pc.example' }, u, 'NEXT'],
  [
    'reject_invalid_helo_hostname',
    { helo: 'foo_bar!' },
    u,
    '501 5.5.2 <foo_bar!>: Helo command rejected: Invalid name',
  ],
  ['reject_invalid_hostname', { helo: 'x..y' }, u, '501 5.5.2 <x..y>: Helo command rejected: Invalid name'],
  ['reject_invalid_helo_hostname', { helo: '-x.y' }, u, '501 5.5.2 <-x.y>: Helo command rejected: Invalid name'],
  [
    'reject_invalid_helo_hostname',
    { helo: '1.2.3.456' },
    u,
    '501 5.5.2 <1.2.3.456>: Helo command rejected: Invalid name',
  ],
  [
    'reject_invalid_helo_hostname',
    { helo: '[1.2]' },
    u,
    '501 5.5.2 <[1.2]>: Helo command rejected: invalid ip address',
  ],
  [
    'reject_invalid_helo_hostname',
    { helo: '[IPv6:zz]' },
    u,
    '501 5.5.2 <[IPv6:zz]>: Helo command rejected: invalid ip address',
  ],
  ['reject_invalid_helo_hostname', { helo: '1.2.3.4' }, u, 'NEXT'],
  ['reject_invalid_helo_hostname', { helo: '1.2.3.4.' }, u, 'NEXT'],
  ['reject_invalid_helo_hostname', { helo: 'fe80::1' }, u, 'NEXT'],
  [
    'reject_invalid_helo_hostname',
    { helo: 'h\u00f6f.test' },
    u,
    '501 5.5.2 <h\u00f6f.test>: Helo command rejected: Invalid name',
  ],
  [
    'reject_invalid_helo_hostname',
    { helo: '\u200b.test' },
    u,
    '501 5.5.2 <\u200b.test>: Helo command rejected: Invalid name',
  ],
  ['reject_invalid_helo_hostname', { helo: 'xn--hf-fka.test' }, u, 'NEXT'],
  [
    'reject_invalid_helo_hostname',
    { helo: 'fe80::1%eth0' },
    u,
    '501 5.5.2 <fe80::1%eth0>: Helo command rejected: Invalid name',
  ],
  [
    'reject_invalid_helo_hostname',
    { helo: '1.2.3.4%eth0' },
    u,
    '501 5.5.2 <1.2.3.4%eth0>: Helo command rejected: Invalid name',
  ],
  [
    'reject_invalid_helo_hostname',
    { helo: '[IPv6:fe80::1%eth0]' },
    u,
    '501 5.5.2 <[IPv6:fe80::1%eth0]>: Helo command rejected: invalid ip address',
  ],
  [
    'reject_invalid_helo_hostname',
    { helo: '[1.2.3.4%1]' },
    u,
    '501 5.5.2 <[1.2.3.4%1]>: Helo command rejected: invalid ip address',
  ],
  ['reject_invalid_helo_hostname', { helo: '[IPv6:fe80::1]' }, u, 'NEXT'],
  [
    'reject_non_fqdn_helo_hostname',
    { helo: 'h\u00f6f.test' },
    u,
    '504 5.5.2 <h\u00f6f.test>: Helo command rejected: need fully-qualified hostname',
  ],
  ['reject_invalid_helo_hostname', { helo: '[1.2.3.4]' }, u, 'NEXT'],
  ['reject_invalid_helo_hostname', { helo: 'foo_bar' }, u, 'NEXT'],
  ['reject_invalid_helo_hostname', { helo: null }, u, 'NEXT'],
  [
    'reject_non_fqdn_helo_hostname',
    { helo: 'foo' },
    u,
    '504 5.5.2 <foo>: Helo command rejected: need fully-qualified hostname',
  ],
  [
    'reject_non_fqdn_hostname',
    { helo: '1.2.3.4' },
    u,
    '504 5.5.2 <1.2.3.4>: Helo command rejected: need fully-qualified hostname',
  ],
  ['reject_non_fqdn_helo_hostname', { helo: 'a.b.' }, u, 'NEXT'],
  ['reject_non_fqdn_helo_hostname', { helo: '[127.0.0.1]' }, u, 'NEXT'],
  [
    'reject_unknown_helo_hostname',
    { helo: 'nx.invalid' },
    u,
    '450 4.7.1 <nx.invalid>: Helo command rejected: Host not found',
  ],
  ['reject_unknown_helo_hostname', { helo: 'mail.qq.com' }, u, 'NEXT'],
  [
    'reject_unknown_helo_hostname',
    { helo: 'slow.example' },
    u,
    '450 4.7.1 <slow.example>: Helo command rejected: Host not found',
  ],
  [
    'reject_non_fqdn_sender',
    { sender: 'foo' },
    u,
    '504 5.5.2 <foo>: Sender address rejected: need fully-qualified address',
  ],
  [
    'reject_non_fqdn_sender',
    { sender: 'foo@bar' },
    u,
    '504 5.5.2 <foo@bar>: Sender address rejected: need fully-qualified address',
  ],
  ['reject_non_fqdn_sender', { sender: 'foo@[1.2.3.4]' }, u, 'NEXT'],
  ['reject_non_fqdn_sender', { sender: '' }, u, 'NEXT'],
  ['reject_non_fqdn_recipient', {}, 'u', '504 5.5.2 <u>: Recipient address rejected: need fully-qualified address'],
  ['reject_non_fqdn_recipient', {}, 'u@b', '504 5.5.2 <u@b>: Recipient address rejected: need fully-qualified address'],
  ['reject_non_fqdn_recipient, reject', {}, 'postmaster', 'NEXT'],
  [
    'reject_unknown_sender_domain',
    { sender: 'foo@nx.invalid' },
    u,
    '450 4.1.8 <foo@nx.invalid>: Sender address rejected: Domain not found',
  ],
  [
    'reject_unknown_sender_domain',
    { sender: 'foo@nx.invalid' },
    u,
    '550 5.1.8 <foo@nx.invalid>: Sender address rejected: Domain not found',
    { unknown_address_reject_code: '550' },
  ],
  [
    'reject_unknown_sender_domain, reject',
    { sender: 'foo@slow.example' },
    u,
    '554 5.7.1 <u@baidu.com>: Recipient address rejected: Access denied',
  ],
  [
    'reject_unknown_sender_domain',
    { sender: 'foo@slow.example' },
    u,
    '450 4.1.8 <foo@slow.example>: Sender address rejected: Domain not found',
  ],
  [
    'reject_unknown_sender_domain, reject',
    { sender: 'foo@slow.example' },
    u,
    '450 4.1.8 <foo@slow.example>: Sender address rejected: Domain not found',
    { unknown_address_tempfail_action: 'defer' },
  ],
  [
    'reject_unknown_sender_domain',
    { sender: 'a@nomail.example' },
    u,
    '550 5.7.27 <a@nomail.example>: Sender address rejected: Domain nomail.example does not accept mail (nullMX)',
  ],
  ['reject_unknown_sender_domain', { sender: 'a@qq.com' }, u, 'NEXT'],
  ['reject_unknown_sender_domain', { sender: 'a@onlya.example' }, u, 'NEXT'],
  ['reject_unknown_sender_domain', { sender: 'a@baidu.com' }, u, 'NEXT'],
  [
    'reject_unknown_recipient_domain',
    {},
    'x@nx.invalid',
    '450 4.1.2 <x@nx.invalid>: Recipient address rejected: Domain not found',
  ],
  [
    'reject_unknown_recipient_domain',
    {},
    'x@nomail.example',
    '556 5.1.10 <x@nomail.example>: Recipient address rejected: Domain nomail.example does not accept mail (nullMX)',
  ],
  [
    'reject_unlisted_sender',
    { sender: 'nobody9@baidu.com' },
    u,
    '550 5.1.0 <nobody9@baidu.com>: Sender address rejected: User unknown in local recipient table',
  ],
  [
    'reject_unlisted_sender',
    { sender: 'nobody9@valias.example' },
    u,
    '550 5.1.7 <nobody9@valias.example>: Sender address rejected: User unknown in virtual alias table',
  ],
  [
    'reject_unlisted_sender',
    { sender: 'moved@baidu.com' },
    u,
    '550 5.1.7 <moved@baidu.com>: Sender address rejected: User has moved to new@place.example',
  ],
  [
    '',
    { sender: 'q@vmbox.example' },
    u,
    '550 5.1.0 <q@vmbox.example>: Sender address rejected: User unknown in virtual mailbox table',
    { smtpd_reject_unlisted_sender: 'yes' },
  ],
  [
    '',
    {},
    'nobody9@valias.example',
    '550 5.1.1 <nobody9@valias.example>: Recipient address rejected: User unknown in virtual alias table',
  ],
  [
    '',
    {},
    'n@vmbox.example',
    '550 5.1.1 <n@vmbox.example>: Recipient address rejected: User unknown in virtual mailbox table',
  ],
  [
    '',
    {},
    'n@relay.example',
    '550 5.1.1 <n@relay.example>: Recipient address rejected: User unknown in relay recipient table',
  ],
  [
    '',
    {},
    'moved@baidu.com',
    '550 5.1.6 <moved@baidu.com>: Recipient address rejected: User has moved to new@place.example',
  ],
  // An alias for it counts first.
  ['', {}, 'movedalias@valias.example', 'NEXT'],
  [
    '',
    {},
    'n@valias.example',
    '550 5.1.1 <n@valias.example>: Recipient address rejected: User unknown',
    { show_user_unknown_table_name: 'no' },
  ],
  [
    'permit',
    {},
    'nobody9@baidu.com',
    '550 5.1.1 <nobody9@baidu.com>: Recipient address rejected: User unknown in local recipient table',
  ],
  [
    'permit',
    {},
    'nobody9@baidu.com',
    '550 5.1.1 <nobody9@baidu.com>: Recipient address rejected: User unknown',
    { show_user_unknown_table_name: 'no' },
  ],
  ['', {}, 'nobody9@baidu.com', 'NEXT', { smtpd_reject_unlisted_recipient: 'no' }],
  [
    'reject_unlisted_recipient, reject',
    {},
    'nobody9@baidu.com',
    '451 4.1.1 <nobody9@baidu.com>: Recipient address rejected: User unknown in local recipient table',
    { unknown_local_recipient_reject_code: '451' },
  ],
  ['reject_sender_login_mismatch', { sender: u }, u, '553 5.7.1 <u@baidu.com>: Sender address rejected: not logged in'],
  [
    'reject_sender_login_mismatch',
    { sender: u, login: 'xixi' },
    u,
    '553 5.7.1 <u@baidu.com>: Sender address rejected: not owned by user xixi',
  ],
  ['reject_sender_login_mismatch', { sender: u, login: 'u' }, u, 'NEXT'],
  ['reject_sender_login_mismatch', { sender: u, login: 'u@baidu.com', account: u }, u, 'NEXT'],
  ['reject_sender_login_mismatch', { sender: 'shared@baidu.com', login: 'xixi' }, u, 'NEXT'],
  [
    'reject_sender_login_mismatch',
    { sender: 'free@qq.com', login: 'u' },
    u,
    '553 5.7.1 <free@qq.com>: Sender address rejected: not owned by user u',
  ],
  ['reject_sender_login_mismatch', { sender: 'free@qq.com' }, u, 'NEXT'],
  ['reject_known_sender_login_mismatch', { sender: 'free@qq.com', login: 'u' }, u, 'NEXT'],
  [
    'reject_known_sender_login_mismatch',
    { sender: u, login: 'xixi' },
    u,
    '553 5.7.1 <u@baidu.com>: Sender address rejected: not owned by user xixi',
  ],
  ['reject_authenticated_sender_login_mismatch', { sender: u }, u, 'NEXT'],
  [
    'reject_unauthenticated_sender_login_mismatch',
    { sender: u },
    u,
    '553 5.7.1 <u@baidu.com>: Sender address rejected: not logged in',
  ],
  ['reject_unauthenticated_sender_login_mismatch', { sender: u, login: 'xixi' }, u, 'NEXT'],
];

const SURROUNDINGS = {
  parameters: {
    virtual_alias_domains: 'valias.example',
    virtual_alias_maps: 'hash:TABLES/virtual',
    virtual_mailbox_domains: 'vmbox.example',
    relay_domains: 'relay.example',
    relay_recipient_maps: 'hash:TABLES/relayed',
    relocated_maps: 'hash:TABLES/relocated',
    smtpd_sender_login_maps: 'hash:TABLES/owners',
    smtpd_sasl_auth_enable: 'yes',
  },
  files: {
    virtual: 'known@valias.example u\nmovedalias@valias.example u\n',
    relayed: 'known@relay.example x\n',
    relocated: 'moved@baidu.com new@place.example\nmovedalias@valias.example elsewhere.example\n',
    owners: 'u@baidu.com u\nshared@baidu.com u, xixi\n',
  },
  dns: {
    'mx qq.com': ['mail.qq.com'],
    'a mail.qq.com': ['127.0.1.128'],
    'mx nomail.example': ['.'],
    'a onlya.example': ['192.0.2.1'],
    'mx slow.example': 'tempfail',
  },
} as const;

describe('P7: each restriction answers with the code and text of Postfix', () => {
  it.each(CASES.map((row) => ({ row, name: `${row[0]}, ${JSON.stringify(row[1])}, to ${row[2]}: ${row[3]}` })))(
    '$name',
    async ({ row }) => {
      const [list, shape, to, answer, parameters] = row;
      const house = await houseWith(
        list,
        { ...SURROUNDINGS.parameters, ...parameters },
        { files: SURROUNDINGS.files, dns: SURROUNDINGS.dns },
      );
      expect(await rcpt(house, to, shape)).toBe(answer);
    },
  );
});

describe('P7: smtpd_dns_reply_filter leaves out records of DNS answers', () => {
  const filter =
    '/ MX 66 / IGNORE\n/^only-bad\\.example\\. 0 IN A / ignore\n/ TXT /\tIGNORE\n/ A 127\\.0\\.0\\.9$/ IGNORE\n/broken/ REJECT\n';
  const dns = {
    'mx some.example': ['66 bad.example', '10 good.example'],
    'mx only-bad.example': ['66 bad.example'],
    'a only-bad.example': ['192.0.2.1'],
    'mx by-address.example': ['66 bad.example'],
    'a by-address.example': ['192.0.2.1'],
    'mx broken.example': ['10 good.example'],
    'a bad.example': ['192.0.2.66'],
    'a 77.1.0.127.zone.example': ['127.0.0.9'],
    'a 77.1.0.127.other.example': ['127.0.0.9', '127.0.0.2'],
    'txt 77.1.0.127.other.example': ['why'],
  };
  it.each<readonly [string, string, string, string]>([
    ['reject_unknown_sender_domain', 'a@some.example', 'NEXT', ''],
    // As Postfix: nobody is refused for what the filter did.
    ['reject_unknown_sender_domain', 'a@only-bad.example', 'NEXT', ''],
    ['reject_unknown_sender_domain', 'a@by-address.example', 'NEXT', ''],
    [
      'reject_unknown_sender_domain',
      'a@absent.example',
      '450 4.1.8 <a@absent.example>: Sender address rejected: Domain not found',
      '',
    ],
    [
      'reject_unknown_sender_domain',
      'a@broken.example',
      '450 4.1.8 <a@broken.example>: Sender address rejected: Domain not found',
      '',
    ],
    ['check_sender_mx_access hash:TABLES/mx', 'a@some.example', 'NEXT', ''],
    [
      'check_sender_mx_access hash:TABLES/mx',
      'a@some.example',
      '554 5.7.1 <a@some.example>: Sender address rejected: Access denied',
      'without the filter',
    ],
    ['reject_rbl_client zone.example', 'a@some.example', 'NEXT', ''],
    [
      'reject_rbl_client other.example',
      'a@some.example',
      '554 5.7.1 Service unavailable; Client host [127.0.1.77] blocked using other.example',
      '',
    ],
  ])('%s, %s: %s %s', async (list, sender, answer, without) => {
    const house = await houseWith(list, without === '' ? { smtpd_dns_reply_filter: 'regexp:TABLES/filter' } : {}, {
      dns,
      files: { filter, mx: 'bad.example REJECT\n' },
    });
    expect(await rcpt(house, u, { sender })).toBe(answer);
  });
});
