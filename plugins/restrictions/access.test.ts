import { describe, expect, it } from 'vitest';
import { accessKeys, hostKeys, ipKeys } from '../../src/lookup/address-keys.ts';
import { connect, openHouse, rcpt, recipient, type Shape, type TestHouse, words } from '../../test/bus/house.ts';
import { dividedAt } from '../../test/kit/parameters.ts';

const u = 'u@baidu.com';

/** Result of `action` as the table value for the sender a@qq.com. */
const bySender = (action: string, parameters: Record<string, string> = {}): Promise<TestHouse> =>
  openHouse({
    plugins: ['restrictions'],
    accounts: ['u'],
    files: { access: `a@qq.com ${action}\n` },
    parameters: { smtpd_recipient_restrictions: 'check_sender_access hash:TABLES/access', ...parameters },
  });

describe('P6: actions', () => {
  it.each([
    ['REJECT', '554 5.7.1 <a@qq.com>: Sender address rejected: Access denied'],
    ['reject get lost', '554 5.7.1 <a@qq.com>: Sender address rejected: get lost'],
    ['REJECT 5.7.9 custom', '554 5.7.9 <a@qq.com>: Sender address rejected: custom'],
    ['REJECT 4.7.1 temp', '554 5.7.1 <a@qq.com>: Sender address rejected: temp'],
    ['DEFER', '450 4.7.1 <a@qq.com>: Sender address rejected: Access denied'],
    ['DEFER later 4.1.1', '450 4.7.1 <a@qq.com>: Sender address rejected: later 4.1.1'],
    ['DEFER_IF_PERMIT', '450 4.7.1 <a@qq.com>: Sender address rejected: Service unavailable'],
    ['DEFER_IF_PERMIT maybe', '450 4.7.1 <a@qq.com>: Sender address rejected: maybe'],
    ['DEFER_IF_REJECT', 'NEXT'],
    ['450 wait', '450 4.7.1 <a@qq.com>: Sender address rejected: wait'],
    ['550 no', '550 5.7.1 <a@qq.com>: Sender address rejected: no'],
    ['521 go away', '521 5.7.1 <a@qq.com>: Sender address rejected: go away'],
    ['421 bye', '421 4.7.1 <a@qq.com>: Sender address rejected: bye'],
    ['550 5.1.1 nope', '550 5.1.7 <a@qq.com>: Sender address rejected: nope'],
    ['550 4.1.1 x', '550 5.1.7 <a@qq.com>: Sender address rejected: x'],
    ['550 5.1.2 x', '550 5.1.8 <a@qq.com>: Sender address rejected: x'],
    ['550 5.1.10 x', '550 5.1.0 <a@qq.com>: Sender address rejected: x'],
    ['550', 'OK'],
    ['OK', 'OK'],
    ['relay', 'OK'],
    ['1234', 'OK'],
    ['DUNNO', 'NEXT'],
    ['nonsense', '451 4.3.5 Server configuration error'],
    ['45 x', '451 4.3.5 Server configuration error'],
    ['hash:/tmp/x', '451 4.3.5 Server configuration error'],
    ['reject_unknown_client_hostname', '450 4.7.25 Client host rejected: cannot find your hostname, [127.0.1.77]'],
    ['permit_mynetworks, reject', '554 5.7.1 <a@qq.com>: Sender address rejected: Access denied'],
    ['strict', '554 5.7.1 <a@qq.com>: Sender address rejected: Access denied'],
  ])('%s: %s', async (action, answer) => {
    const classes = { smtpd_restriction_classes: 'strict', strict: 'permit_sasl_authenticated, reject' };
    expect(await rcpt(await bySender(action, classes), u)).toBe(answer);
  });

  it('DEFER_IF_REJECT makes a later refusal temporary, with its own reason', async () => {
    const house = await bySender('DEFER_IF_REJECT', {
      smtpd_recipient_restrictions: 'check_sender_access hash:TABLES/access, reject',
    });
    expect(await rcpt(house, u)).toBe('450 4.7.1 <a@qq.com>: Sender address rejected: Service unavailable');
  });

  it('access_map_reject_code overrides the class of the enhanced code', async () => {
    expect(await rcpt(await bySender('REJECT 5.7.9 x', { access_map_reject_code: '451' }), u)).toBe(
      '451 4.7.9 <a@qq.com>: Sender address rejected: x',
    );
  });

  it.each([
    [
      'HOLD',
      { hold: 'HOLD action' },
      'hold: RCPT from unknown[127.0.1.77]: <a@qq.com>: Sender address triggers HOLD action',
    ],
    [
      'HOLD look at it',
      { hold: 'look at it' },
      'hold: RCPT from unknown[127.0.1.77]: <a@qq.com>: Sender address look at it',
    ],
    [
      'DISCARD',
      { discard: 'DISCARD action' },
      'discard: RCPT from unknown[127.0.1.77]: <a@qq.com>: Sender address triggers DISCARD action',
    ],
    ['FILTER smtp:[127.0.0.1]:10025', { filter: 'smtp:[127.0.0.1]:10025' }, 'filter: RCPT from'],
    ['REDIRECT boss@baidu.com', { redirect: 'boss@baidu.com' }, 'redirect: RCPT from'],
    ['BCC audit@baidu.com', { bcc: ['audit@baidu.com'] }, 'bcc: RCPT from'],
    ['PREPEND X-Seen: yes', { prepend: ['X-Seen: yes'] }, 'prepend: RCPT from'],
    [
      'INFO noted',
      {},
      'info: RCPT from unknown[127.0.1.77]: <a@qq.com>: Sender address: noted; from=<a@qq.com> to=<u@baidu.com> proto=SMTP helo=<client.example>',
    ],
    ['WARN careful', {}, 'warn: RCPT from'],
  ])('%s changes the transaction and is logged', async (action, change, logged) => {
    const house = await bySender(action);
    const connection = connect(house);
    const verdict = await house.bus.run('rcpt', { connection, recipient: recipient(u) });
    expect(words(verdict)).toBe(action === 'DISCARD' ? 'OK' : 'NEXT');
    expect(connection.transaction).toMatchObject(change);
    expect(house.lines).toEqual([expect.stringContaining(`NOQUEUE: ${logged}`)]);
  });

  it.each([
    ['FILTER', 'has FILTER without a value'],
    ['FILTER nocolon', 'requires transport:destination'],
    ['REDIRECT x', 'requires a user@domain target'],
    ['BCC', 'has BCC without a value'],
    ['PREPEND', 'has PREPEND without a value'],
    ['PREPEND no header', 'requires header: text'],
  ])('%s is ignored with a warning', async (action, warning) => {
    const house = await bySender(action);
    expect(await rcpt(house, u)).toBe('NEXT');
    expect(house.lines).toEqual([`warn: access table hash:${house.folder}/access entry "a@qq.com" ${warning}`]);
  });
});

describe('P6: keys', () => {
  const TABLE = `d.example REJECT domain
user@ REJECT userat
<> REJECT null
foo REJECT foohelo
192.0.2 REJECT net
198.51.100.7 REJECT ip
pc.example REJECT byname
2001:db8:0:0:0:0:0:9 REJECT v6
2001:db8 REJECT v6net
baidu.com DUNNO
maomao REJECT login
ns.evil.example REJECT ns
mx.evil.example REJECT mx
203.0.113.9 REJECT address
ok.example OK
`;
  const DNS = {
    'mx evil.example': ['mx.evil.example'],
    'ns evil.example': ['ns.evil.example'],
    'mx far.example': ['mx.far.example'],
    'a mx.far.example': ['203.0.113.9'],
    'a a.example': ['203.0.113.9'],
    'mx slow.example': 'tempfail',
    'mx ok.example': ['ok.example'],
  } as const;
  const cases: readonly (readonly [string, Shape, string])[] = [
    [
      'check_sender_access',
      { sender: 'x@sub.d.example' },
      '554 5.7.1 <x@sub.d.example>: Sender address rejected: domain',
    ],
    ['check_sender_access', { sender: 'user@q.test' }, '554 5.7.1 <user@q.test>: Sender address rejected: userat'],
    ['check_sender_access', { sender: '' }, '554 5.7.1 <>: Sender address rejected: null'],
    ['check_helo_access', { helo: 'foo' }, '554 5.7.1 <foo>: Helo command rejected: foohelo'],
    ['check_helo_access', { helo: 'A.D.Example' }, '554 5.7.1 <A.D.Example>: Helo command rejected: domain'],
    ['check_client_access', { ip: '192.0.2.33' }, '554 5.7.1 <unknown[192.0.2.33]>: Client host rejected: net'],
    [
      'check_client_access',
      { ip: '198.51.100.7', name: 'pc.example' },
      '554 5.7.1 <pc.example[198.51.100.7]>: Client host rejected: byname',
    ],
    ['check_client_access', { ip: '2001:db8::7' }, '554 5.7.1 <unknown[2001:db8::7]>: Client host rejected: v6net'],
    [
      'check_reverse_client_hostname_access',
      { reverseName: 'pc.example' },
      '554 5.7.1 <pc.example>: Unverified Client host rejected: byname',
    ],
    ['check_reverse_client_hostname_access', { reverseName: 'ok.example' }, '451 4.3.5 Server configuration error'],
    ['check_sasl_access', { login: 'maomao' }, '554 5.7.1 <maomao>: SASL login name rejected: login'],
    ['check_sasl_access', {}, 'NEXT'],
    ['check_ccert_access', {}, 'NEXT'],
    ['check_sender_mx_access', { sender: 'a@evil.example' }, '554 5.7.1 <a@evil.example>: Sender address rejected: mx'],
    [
      'check_sender_mx_access',
      { sender: 'a@far.example' },
      '554 5.7.1 <a@far.example>: Sender address rejected: address',
    ],
    ['check_sender_mx_access', { sender: 'a@a.example' }, '554 5.7.1 <a@a.example>: Sender address rejected: address'],
    [
      'check_sender_mx_access',
      { sender: 'a@[198.51.100.7]' },
      '554 5.7.1 <a@[198.51.100.7]>: Sender address rejected: ip',
    ],
    ['check_sender_mx_access', { sender: 'a@slow.example' }, 'NEXT'],
    ['check_sender_mx_access', { sender: 'a@ok.example' }, '451 4.3.5 Server configuration error'],
    [
      'check_sender_ns_access',
      { sender: 'a@deep.sub.evil.example' },
      '554 5.7.1 <a@deep.sub.evil.example>: Sender address rejected: ns',
    ],
    ['check_helo_a_access', { helo: 'a.example' }, '554 5.7.1 <a.example>: Helo command rejected: address'],
    [
      'check_client_mx_access',
      { name: 'evil.example' },
      '554 5.7.1 <evil.example[127.0.1.77]>: Client host rejected: mx',
    ],
    ['check_client_mx_access', {}, 'NEXT'],
  ];
  it.each(cases.map((row) => ({ row, name: `${row[0]} ${JSON.stringify(row[1])}: ${row[2]}` })))(
    '$name',
    async ({ row: [restriction, shape, answer] }) => {
      const parameters = { smtpd_recipient_restrictions: `${restriction} hash:TABLES/access` };
      const house = await openHouse({
        plugins: ['restrictions'],
        accounts: ['u'],
        files: { access: TABLE },
        dns: DNS,
        parameters,
      });
      expect(await rcpt(house, u, shape)).toBe(answer);
    },
  );

  it('without parent_domain_matches_subdomains, subdomains need .domain', () => {
    expect(hostKeys('a.b.example.', true)).toEqual(['a.b.example', 'b.example', 'example']);
    expect(hostKeys('a.b.example', false)).toEqual(['a.b.example', '.b.example', '.example']);
  });

  it('shortens addresses octet by octet with a bounded number of lookups', () => {
    expect(ipKeys('::ffff:192.0.2.1')).toEqual(['192.0.2.1', '192.0.2', '192.0', '192']);
    expect(ipKeys('2001:db8::1')).toEqual(['2001:db8::1', '2001:db8', '2001']);
    expect(hostKeys('a.'.repeat(5000), true).length).toBeLessThan(70);
  });

  it('looks an address up with and without its extension', () => {
    expect(accessKeys('U+x@Sub.example', true, dividedAt('+'))).toEqual([
      'u+x@sub.example',
      'u@sub.example',
      'sub.example',
      'example',
      'u+x@',
      'u@',
    ]);
  });

  it('a table that cannot be opened gives a temporary refusal', async () => {
    const house = await openHouse({
      plugins: ['restrictions'],
      accounts: ['u'],
      parameters: { smtpd_recipient_restrictions: 'check_sender_access wrong:table' },
    });
    expect(await rcpt(house, u)).toBe('451 4.3.5 <a@qq.com>: Sender address rejected: Server configuration error');
    expect(house.lines[0]).toContain('wrong:table: cannot be opened');
  });
});
