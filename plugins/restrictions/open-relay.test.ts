import { describe, expect, it } from 'vitest';
import { openHouse, rcpt, type Shape } from '../../test/bus/house.ts';

const ELSEWHERE = 'victim@other.example';
/** Everything a stranger can merely claim. */
const LIAR: Shape = { sender: 'boss@baidu.com', helo: '127.0.1.1', name: 'pc.baidu.com', reverseName: 'pc.baidu.com' };
const open = (parameters: Record<string, string>, access = '') =>
  openHouse({ plugins: ['restrictions', 'dns-lists'], parameters, files: { access }, dns: { 'a 77.1.0.127.allow.example': ['127.0.0.1'] } });

describe('G3: never an open relay', () => {
  const everything = 'baidu.com OK\nboss@baidu.com OK\n127.0.1.1 OK\n127.0.1 OK\npc.baidu.com OK\n';
  const table = 'hash:TABLES/access';

  it.each<readonly [string, Record<string, string>]>([
    ['no restrictions at all', { smtpd_recipient_restrictions: '', smtpd_relay_restrictions: '' }],
    ['no restrictions at level 3.6', { compatibility_level: '3.6', smtpd_relay_restrictions: '' }],
    ['only permits for clients that are trusted', { smtpd_recipient_restrictions: 'permit_mynetworks, permit_sasl_authenticated' }],
    ['a client table that says OK in the client list', { smtpd_client_restrictions: `check_client_access ${table}` }],
    [
      'permit in the client, HELO and sender lists',
      { smtpd_client_restrictions: 'permit', smtpd_helo_restrictions: 'permit', smtpd_sender_restrictions: 'permit' },
    ],
    ['a sender table that says OK in the recipient list', { smtpd_recipient_restrictions: `check_sender_access ${table}, reject_unauth_destination` }],
    ['a HELO table that says OK in the relay list', { smtpd_relay_restrictions: `check_helo_access ${table}, reject_unauth_destination` }],
    [
      'a class reached by the sender that permits',
      { smtpd_recipient_restrictions: 'check_sender_access hash:TABLES/classes', smtpd_restriction_classes: 'friends', friends: 'permit' },
    ],
    ['permit_naked_ip_address', { smtpd_recipient_restrictions: 'permit_naked_ip_address' }],
    ['permit_mx_backup', { smtpd_recipient_restrictions: 'permit_mx_backup' }],
    ['an allow list', { smtpd_recipient_restrictions: 'permit_dnswl_client allow.example' }],
    ['a bare table in the sender list', { smtpd_sender_restrictions: table }],
    ['permit in the recipient list while the relay list decides', { smtpd_relay_restrictions: 'permit_mynetworks', smtpd_recipient_restrictions: 'permit' }],
    ['warn_if_reject before the guard', { smtpd_recipient_restrictions: 'warn_if_reject reject_unauth_destination' }],
  ])('%s: a stranger is left to the core, never accepted', async (_name, parameters) => {
    const house = await openHouse({
      plugins: ['restrictions', 'dns-lists'],
      parameters,
      files: { access: everything, classes: 'boss@baidu.com friends\n' },
      dns: { 'a 77.1.0.127.allow.example': ['127.0.0.1'] },
    });
    for (const to of [ELSEWHERE, 'victim%other.example@elsewhere.example', '"victim@other.example"@elsewhere.example', 'a@b@other.example']) {
      expect(await rcpt(house, to, LIAR)).toMatch(/^(?:NEXT|[45]\d\d )/);
    }
  });

  it('P7: at level 1 and above, without any setting, a stranger is deferred', async () => {
    expect(await rcpt(await open({ compatibility_level: '2' }), ELSEWHERE, LIAR)).toBe(`454 4.7.1 <${ELSEWHERE}>: Relay access denied`);
  });

  it.each(['victim%other.example@baidu.com', 'other.example!victim@baidu.com', '"victim@other.example"@baidu.com'])('%s is an attempt to relay', async (to) => {
    expect(await rcpt(await open({ smtpd_recipient_restrictions: 'reject_unauth_destination' }), to)).toBe(`554 5.7.1 <${to}>: Relay access denied`);
  });

  it('a broken relay list refuses, it does not pass', async () => {
    expect(await rcpt(await open({ smtpd_relay_restrictions: 'no_such_word' }), ELSEWHERE, { ip: '127.0.1.1' })).toBe('451 4.3.5 Server configuration error');
    const endless = { smtpd_relay_restrictions: 'a', smtpd_restriction_classes: 'a b', a: 'b', b: 'a' };
    expect(await rcpt(await open(endless), ELSEWHERE)).toBe('451 4.3.5 Server configuration error');
  });
});

describe('who may relay', () => {
  const level2 = { compatibility_level: '2' };
  it.each<readonly [string, Record<string, string>, Shape]>([
    ['a client in mynetworks', level2, { ip: '127.0.1.1' }],
    ['a client that logged in', level2, { login: 'maomao' }],
    ['a client named in a table of the relay list', { smtpd_relay_restrictions: 'check_client_access hash:TABLES/access, reject' }, {}],
    [
      'a client named in a table of the recipient list, where the relay list is empty',
      { smtpd_recipient_restrictions: 'check_client_access hash:TABLES/access, reject' },
      {},
    ],
    ['a login named in a table', { smtpd_relay_restrictions: 'check_sasl_access hash:TABLES/access, reject' }, { login: 'maomao', ip: '192.0.2.1' }],
    ['anyone, to a recipient that the operator named', { smtpd_relay_restrictions: 'check_recipient_access hash:TABLES/access, reject' }, { ip: '192.0.2.1' }],
    [
      'a trusted client in a class that its sender led to',
      { smtpd_relay_restrictions: 'check_sender_access hash:TABLES/access, reject', smtpd_restriction_classes: 'own', own: 'permit_mynetworks, reject' },
      { ip: '127.0.1.1' },
    ],
  ])('%s', async (_name, parameters, shape) => {
    const house = await open(parameters, 'maomao OK\n127.0.1.77 OK\nvictim@other.example OK\na@qq.com own\n');
    expect(await rcpt(house, ELSEWHERE, shape)).toBe('OK');
  });
});
