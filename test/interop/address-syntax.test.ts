/**
 * P8: the arguments of MAIL and RCPT are read as by a real Postfix, forgivingly and with strict_rfc821_envelopes: the
 * replies repeat the address that was understood. P6: the keys that access tables see.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SmtpClient } from '../kit/smtp-client.ts';
import { type Sides, startSides } from './differential/sides.ts';

const LONG = 'x'.repeat(64);

/** After `MAIL FROM` and `RCPT TO`. Not among them: a final dot of the domain, which Postfix shows in its replies. */
const PATHS = [
  ':<a@b.test>',
  ': <a@b.test>',
  ':   <a@b.test>',
  ' :<a@b.test>',
  ' : <a@b.test>',
  '<a@b.test>',
  ' <a@b.test>',
  ':a@b.test',
  ': a@b.test',
  ':a@b.test>',
  ':<a@b.test',
  ':<<a@b.test>>',
  ':<<a@b.test>',
  ':<a@b.test>>',
  ':<a@b@c.test>',
  ':<a@b@c@d.test>',
  ':<a@b.test>x',
  ':<a@b.test> x',
  ':<a@b.test>,<c@d.test>',
  ':<a@b.test,c@d.test>',
  ':<a@b.test c@d.test>',
  ':a@b.test c@d.test',
  ':<a b@c.test>',
  ':<,a@b.test>',
  ':<a@b.test,>',
  ':<;a@b.test>',
  ':<"a b"@c.test>',
  ':<"a\\"b"@c.test>',
  ':<"a\\b"@c.test>',
  ':<"a">@c.test',
  ':<"a"b@c.test>',
  ':<a"b"@c.test>',
  ':<"a@b"@c.test>',
  ':<"ab"@c.test>',
  ':<""@c.test>',
  ':<"a>b"@c.test>',
  ':<"a@c.test>',
  ':<a\\ b@c.test>',
  ':<a\\@b@c.test>',
  ':Joe <a@b.test>',
  ':"Joe X" <a@b.test>',
  ':(remark)<a@b.test>',
  ':<(remark)a@b.test>',
  ':<a@b.test(remark)>',
  ':<a@b.test (remark)>',
  ':<@r1.test,@r2.test:a@b.test>',
  ':<@r1.test:a@b.test>',
  ':@r1.test:a@b.test',
  ':<@r1.test:>',
  ':<@r1.test,a@b.test>',
  ':<a@[1.2.3.4]>',
  ':<a@[1.2.3]>',
  ':<a@[IPv6:::1]>',
  ':<a@[::1]>',
  ':<a@[x]>',
  ':<a@[1.2.3.4>',
  ':<a@1.2.3.4>',
  ':<a@-b.test>',
  ':<a@b-.test>',
  ':<a@b_c.test>',
  ':<a@b..test>',
  ':<a@.b.test>',
  ':<.a@b.test>',
  ':<a.@b.test>',
  ':<a..c@b.test>',
  ':<a@b.test..>',
  ':<a@>',
  ':<@b.test>',
  ':<@>',
  ':@',
  ':<a>',
  ':a',
  ':<a%b.test>',
  ':<a%b@c.test>',
  ':<b.test!a>',
  ':<b!a@c.test>',
  ':<a;b@c.test>',
  ':<a:b@c.test>',
  ':<a,b@c.test>',
  ':group:a@b.test,c@d.test;',
  ':<a@b test>',
  ':<a @b.test>',
  ':<a@ b.test>',
  ':< a@b.test>',
  ':<a@b.test >',
  ':< >',
  ':<A.B@C.Test>',
  ':<a+b=c@d.test>',
  ":<a'b@c.test>",
  ':<a/b@c.test>',
  ':<-a@b.test>',
  ':<a@b.test>\t',
  ':\t<a@b.test>',
  `:<${LONG}@b.test>`,
  `:<${LONG}x@b.test>`,
  `:<a@${'y'.repeat(63)}.test>`,
  `:<a@${'y'.repeat(64)}.test>`,
  `:<a@${`${'y'.repeat(60)}.`.repeat(4)}test>`,
  `:<${'z'.repeat(300)}@b.test>`,
  '::<a@b.test>',
  ':',
  ': ',
  '',
  ':<>',
  ': <>',
  ':<> x',
];

const MAIL_PARAMETERS = [
  'SIZE=1',
  'SIZE',
  'SIZE=',
  'SIZE=x',
  'SIZE=-1',
  'size=5',
  'BODY=8BITMIME',
  'BODY=7bit',
  'BODY=x',
  'BODY',
  'AUTH=<>',
  'AUTH=a@b.test',
  'AUTH=a b',
  'RET=FULL',
  'RET=hdrs',
  'RET=x',
  'RET=FULL RET=HDRS',
  'ENVID=abc',
  'ENVID=',
  'ENVID=a+2Bb',
  'ENVID=a+b',
  `ENVID=${'e'.repeat(101)}`,
  'SMTPUTF8',
  'SMTPUTF8=x',
  'FOO',
  'FOO=bar',
  ' SIZE=1  BODY=7BIT ',
];

const RCPT_PARAMETERS = [
  'NOTIFY=NEVER',
  'NOTIFY=never,success',
  'NOTIFY=SUCCESS,FAILURE,DELAY',
  'NOTIFY=SUCCESS,SUCCESS',
  'NOTIFY=',
  'NOTIFY',
  'NOTIFY=x',
  'NOTIFY=NEVER NOTIFY=NEVER',
  'ORCPT=rfc822;a@b.test',
  'ORCPT=rfc822;',
  'ORCPT=RFC822;a+40b.test',
  'ORCPT=rfc822;a+b',
  'ORCPT=;a@b.test',
  'ORCPT=a@b.test',
  'ORCPT=',
  'ORCPT',
  'ORCPT=x;y',
  'ORCPT=utf-8;a@b.test',
  'ORCPT=rfc822;a;b',
  `ORCPT=rfc822;${'o'.repeat(500)}`,
  'ORCPT=rfc822;a ORCPT=rfc822;b',
  'FOO=bar',
  'SIZE=1',
];

const SEES = 'REJECT saw <$$1>';
const tableThatSees = `pcre:{{/^(.*)$$/ ${SEES}}}`;
const SERVICES = {
  sender: ['smtpd_delay_reject = no', 'smtpd_sender_restrictions = reject'],
  strictSender: ['strict_rfc821_envelopes = yes', 'smtpd_delay_reject = no', 'smtpd_sender_restrictions = reject'],
  recipient: ['smtpd_recipient_restrictions = reject'],
  strictRecipient: ['strict_rfc821_envelopes = yes', 'smtpd_recipient_restrictions = reject'],
  senderKey: [`smtpd_sender_restrictions = check_sender_access ${tableThatSees}`],
  recipientKey: [`smtpd_recipient_restrictions = check_recipient_access ${tableThatSees}, reject`],
  heloKey: [`smtpd_helo_restrictions = check_helo_access ${tableThatSees}`],
  clientKey: [`smtpd_client_restrictions = check_client_access ${tableThatSees}`],
  senderParts: [
    'smtpd_sender_restrictions = check_sender_access inline:{ {user@sub.b.test=REJECT whole}, {b.test=REJECT domain}, {.c.test=REJECT below}, {user@=REJECT local}, {<>=REJECT null}, {"a b"@d.test=REJECT quoted}, {plus@e.test=REJECT bare}, {plus+x@f.test=REJECT extended}, {test=REJECT top}, {interop.example=REJECT origin} }',
  ],
} as const;
type Service = keyof typeof SERVICES;

const MAIN = [
  'myhostname = mail.interop.example',
  'mydomain = interop.example',
  'myorigin = interop.example',
  'mydestination = interop.example',
  'mynetworks = 127.0.0.99/32',
  'smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination',
  'smtpd_hard_error_limit = 100000',
  'smtpd_reject_unlisted_recipient = no',
  'recipient_delimiter = +',
];

let sides: Sides;
beforeAll(async () => {
  sides = await startSides({ name: 'addresses', accounts: [], main: MAIN, services: SERVICES });
});
afterAll(() => sides?.stop());

/** The replies to the commands, in one session; RSET stands between two cases. */
async function replies(port: number, cases: readonly (readonly string[])[]): Promise<Record<string, string>> {
  const client = await SmtpClient.open(port);
  await client.reply();
  await client.run('EHLO client.example');
  const found: Record<string, string> = {};
  for (const commands of cases) {
    for (const command of commands) {
      client.send(`${command}\r\n`);
      found[command] = await client.reply();
    }
    client.send('RSET\r\n');
    await client.reply();
  }
  client.destroy();
  return found;
}

async function same(service: Service, cases: readonly (readonly string[])[]): Promise<void> {
  const { ours, theirs } = sides.ports(service);
  const [mine, real] = await Promise.all([replies(ours, cases), replies(theirs, cases)]);
  expect(mine).toEqual(real);
}

const FIRST = 'MAIL FROM:<first@far.test>';

describe('P8: MAIL and RCPT as in Postfix', () => {
  test.each(['sender', 'strictSender'] as const)('MAIL, %s', async (service) => {
    await same(service, [
      ...PATHS.map((path) => [`MAIL FROM${path}`]),
      ...MAIL_PARAMETERS.map((parameters) => [`MAIL FROM:<a@b.test> ${parameters}`]),
      ['MAIL FROM:a@b.test SIZE=1'],
      ['MAIL FROM:<a@b.test>SIZE=1'],
      ['MAIL TO:<a@b.test>'],
      ['mail From:<a@b.test>'],
      ['MAIL'],
    ]);
  });

  test.each(['recipient', 'strictRecipient'] as const)('RCPT, %s', async (service) => {
    await same(service, [
      ...PATHS.map((path) => [FIRST, `RCPT TO${path}`]),
      ...RCPT_PARAMETERS.map((parameters) => [FIRST, `RCPT TO:<a@b.test> ${parameters}`]),
      [FIRST, 'RCPT FROM:<a@b.test>'],
      [FIRST, 'rcpt to:<postmaster>'],
      [FIRST, 'RCPT'],
      ['RCPT TO:<c@b.test>'],
    ]);
  });
});

describe('P6: keys of access tables as in Postfix', () => {
  /** Each in a session of its own. */
  async function sameEach(service: Service, sessions: readonly (readonly string[])[]): Promise<void> {
    const ports = sides.ports(service);
    const ours: unknown[] = [];
    const theirs: unknown[] = [];
    for (const commands of sessions) {
      ours.push([commands, await replies(ports.ours, [commands])]);
      theirs.push([commands, await replies(ports.theirs, [commands])]);
    }
    expect(ours).toEqual(theirs);
  }
  const TO = 'RCPT TO:<x@far.test>';
  const SEEN = [
    '<User+X@Sub.B.Test>',
    '<"A b"@c.test>',
    '<"ab"@c.test>',
    '<User>',
    '<>',
    '<@r.test:A@b.test>',
    '<a%b@c.test>',
    '<a@[127.0.0.1]>',
    '<É@c.test> SMTPUTF8',
  ];

  test('patterns see the sender', async () => {
    await sameEach(
      'senderKey',
      SEEN.map((path) => [`MAIL FROM:${path}`, TO]),
    );
  });

  test('patterns see the recipient', async () => {
    const paths = SEEN.filter((path) => path !== '<>' && !path.includes('UTF8'));
    await sameEach(
      'recipientKey',
      paths.map((path) => [FIRST, `RCPT TO:${path}`]),
    );
  });

  test('patterns see the name of HELO and the client', async () => {
    const names = ['Client.Example', '[127.0.0.1]', 'client.example.', 'A_b'];
    await sameEach(
      'heloKey',
      names.map((name) => [`HELO ${name}`, FIRST, TO]),
    );
    await sameEach('clientKey', [[FIRST, TO]]);
  });

  test('other tables are asked for parts of the address', async () => {
    const senders = [
      'User@Sub.B.Test',
      'x@sub.b.test',
      'x@b.test',
      'x@y.c.test',
      'x@c.test',
      'USER@elsewhere.example',
      '',
      '"a b"@d.test',
      '"A b"@d.test',
      '"plus+y"@e.test',
      'plus+y@e.test',
      'plus+X@f.test',
      'plus@f.test',
      'x@g.test',
      'x@interop.example',
      'bare',
    ];
    await sameEach(
      'senderParts',
      senders.map((sender) => [`MAIL FROM:<${sender}>`, TO]),
    );
  });
});
