/**
 * What a peer sends to an SMTP client, and the message that the client has to send: the table of
 * postfix-client.test.ts. Each case is run with a real Postfix and with ours; both must behave alike.
 */
import { SETTING_CASES, type SettingProfile } from './client-settings.ts';
import type { Script } from './scripted-peer.ts';

/** The settings of both servers; see postfix-client.test.ts. */
export type Profile = 'plain' | 'may' | 'login' | 'clear' | 'fallback' | 'raw' | SettingProfile;

export interface Case {
  readonly name: string;
  readonly profile: Profile;
  readonly script: Script;
  /** Default sender@src.example; '' is the null sender. */
  readonly from?: string;
  /** What follows MAIL FROM:<…>. */
  readonly parameters?: string;
  /** Local parts, as written; default `rcpt`. */
  readonly to?: readonly string[];
  /** False: Postfix closes without QUIT, and ours sends it. */
  readonly quitsWhenDone?: false;
  /** Several sessions at a time. */
  readonly anyOrder?: true;
  /** Header and body, CRLF; default a short text. */
  readonly text?: string;
}

const ehlo = (...keywords: readonly string[]): string =>
  ['peer.example', ...keywords].map((word, i, all) => `250${i === all.length - 1 ? ' ' : '-'}${word}\r\n`).join('');
const utf8 = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');
const PIPELINING = { EHLO: ehlo('PIPELINING', '8BITMIME', 'SIZE 10000000') };
const SEVEN_BIT = { EHLO: ehlo('SIZE 10000000') };
const TLS_OFFERED = { EHLO: ehlo('STARTTLS', '8BITMIME') };
const LONG = `${'x'.repeat(3000)}\r\n`;

const plain = (name: string, script: Script, more: Partial<Case> = {}): Case => ({
  name,
  profile: 'plain',
  script,
  ...more,
});

/** A reply that is not valid at its place in the dialog. */
const REPLIES: readonly Case[] = [
  plain('all goes well', {}),
  plain('all goes well, pipelined', PIPELINING),
  plain('greeting 354', { greeting: '354 what\r\n' }),
  plain('greeting 554', { greeting: '554 5.3.2 go away\r\n' }),
  plain('greeting 421', { greeting: '421 4.3.2 closing\r\n' }),
  plain('greeting 199', { greeting: '199 odd\r\n' }),
  plain('greeting of several lines with other codes', { greeting: '554-first\r\n220 last ESMTP\r\n' }),
  plain('greeting preceded by lines without a code', {
    greeting: 'hello\r\nwho are you\r\n220 peer.example ESMTP\r\n',
  }),
  plain('greeting without a code, then silence', { greeting: 'HTTP/1.1 400 Bad Request\r\n' }),
  plain('greeting without a code, then the end', { greeting: { say: 'HTTP/1.1 400 Bad Request\r\n', next: 'close' } }),
  plain('no greeting', { greeting: null }),
  plain('EHLO 500, HELO', { EHLO: '500 5.5.1 what\r\n' }),
  plain('EHLO 354, HELO', { EHLO: '354 what\r\n' }),
  plain('EHLO 421', { EHLO: '421 4.3.2 not now\r\n' }),
  plain('EHLO and HELO 550', { EHLO: '550 5.7.1 no\r\n', HELO: '550 5.7.1 no\r\n' }),
  plain('HELO 354', { EHLO: '502 5.5.1 no\r\n', HELO: '354 odd\r\n' }),
  plain('EHLO: lost', { EHLO: null }),
  plain('MAIL 354', { MAIL: '354 go on\r\n' }),
  plain('MAIL 100', { MAIL: '100 hm\r\n' }),
  plain('MAIL 999', { MAIL: '999 hm\r\n' }),
  plain('MAIL 550', { MAIL: '550 5.7.1 no\r\n' }),
  plain('MAIL 450 with an enhanced code of another class', { MAIL: '450 5.7.1 no\r\n' }),
  plain('MAIL 550, pipelined', {
    ...PIPELINING,
    MAIL: '550 5.7.1 no\r\n',
    RCPT: '503 5.5.1 need MAIL\r\n',
    DATA: '503 5.5.1 need RCPT\r\n',
  }),
  plain('MAIL 550 and DATA 354, pipelined', {
    ...PIPELINING,
    MAIL: '550 5.7.1 no\r\n',
    RCPT: '503 5.5.1 need MAIL\r\n',
  }),
  plain('RCPT 354', { RCPT: '354 go on\r\n' }),
  plain('RCPT 251', { RCPT: '251 2.1.5 will forward\r\n' }),
  plain(
    'RCPT: one taken, one refused, one put off',
    { RCPT: ['250 2.1.5 ok\r\n', '550 5.1.1 who\r\n', '451 4.2.1 later\r\n'] },
    { to: ['a', 'b', 'c'] },
  ),
  plain('RCPT: all refused', { RCPT: ['550 5.1.1 who\r\n', '554 no\r\n'] }, { to: ['a', 'b'] }),
  plain('RCPT: all refused and DATA 354, pipelined', { ...PIPELINING, RCPT: '550 5.1.1 who\r\n' }, { to: ['a', 'b'] }),
  plain(
    'RCPT: all refused and DATA 503, pipelined',
    { ...PIPELINING, RCPT: '550 5.1.1 who\r\n', DATA: '503 5.5.1 no\r\n' },
    { to: ['a', 'b'] },
  ),
  plain('RCPT: several lines', { RCPT: '550-5.1.1 first\r\n550-5.1.1 second\r\n550 5.1.1 third\r\n' }),
  plain('RCPT: several lines with different codes', { RCPT: '250-ok\r\n550 5.1.1 no\r\n' }),
  plain('RCPT: several lines, the first refuses', { RCPT: '550-5.1.1 no\r\n250 2.1.5 ok\r\n' }),
  plain('RCPT: a code of four digits, then one of three', { RCPT: '2500 what\r\n550 5.1.1 no\r\n' }),
  plain('RCPT: no blank behind the code', { RCPT: '250ok\r\n451 4.2.1 later\r\n' }),
  plain('RCPT: a code alone', { RCPT: '550\r\n' }),
  plain('RCPT: LF alone, several CR', { RCPT: ['250 ok\n', '550 5.1.1 no\r\r\n'] }, { to: ['a', 'b'] }),
  plain('RCPT: NUL and controls', { RCPT: '550 5.1.1 a\x01b\tc\x7fd\x00e\r\n' }),
  plain('RCPT: UTF-8 and what is none', { RCPT: `550 5.1.1 ${utf8('Grüße')} \xff.\r\n` }),
  plain('RCPT: an over-long line', { RCPT: `550 5.1.1 ${'y'.repeat(2500)}\r\n` }),
  plain('RCPT: two hundred lines', { RCPT: `${'550-5.1.1 a line of many\r\n'.repeat(200)}550 5.1.1 end\r\n` }),
  plain('RCPT: an enhanced code too long', { RCPT: '550 5.1.1234 odd\r\n' }),
  plain('RCPT: lost', { RCPT: null }),
  plain('DATA 250', { DATA: '250 sure\r\n' }),
  plain('DATA 250, pipelined', { ...PIPELINING, DATA: '250 sure\r\n' }),
  plain('DATA 220 with 354 in a further line', { DATA: '354-one\r\n250 two\r\n' }),
  plain('DATA 451', { DATA: '451 4.3.0 full\r\n' }),
  plain('DATA 554', { DATA: '554 5.5.1 no valid recipients\r\n' }),
  plain('DATA: lost', { DATA: null }),
  plain('end of data 354', { end: '354 more\r\n' }),
  plain('end of data 552', { end: '552 5.3.4 too big\r\n' }),
  plain('end of data 451', { end: '451 4.3.0 disk\r\n' }),
  plain('end of data without a code, then 250', { end: 'thank you\r\n250 2.0.0 taken\r\n' }),
  plain('end of data: lost', { end: null }),
  plain('two replies to MAIL', { MAIL: '250 2.1.0 ok\r\n250 2.1.0 ok\r\n' }),
  plain('two replies to EHLO', { EHLO: `${ehlo('8BITMIME')}250 again\r\n` }),
  plain('a refusal before the body was sent', { DATA: '354 go\r\n554 5.7.1 no\r\n', end: '554 5.7.1 no\r\n' }),
  plain('RSET 550', { DATA: '451 4.3.0 full\r\n', RSET: '550 no\r\n' }),
  plain('RSET: lost', { DATA: '451 4.3.0 full\r\n', RSET: null }),
  plain('QUIT 550', { QUIT: { say: '550 no\r\n', next: 'close' } }),
  plain('QUIT: lost', { QUIT: null }),
  { ...plain('SIZE too small', { EHLO: ehlo('SIZE 100') }), quitsWhenDone: false },
  plain('SIZE without a number, keywords in lower case and with =', {
    EHLO: ehlo('size', '8bitmime', 'AUTH=PLAIN', 'X-ODD'),
  }),
];

const tls = (name: string, profile: Profile, script: Script, more: Partial<Case> = {}): Case => ({
  name,
  profile,
  script,
  ...more,
});
const AUTH_OK = { AUTH: '235 2.7.0 Authentication successful\r\n' };

/** STARTTLS and AUTH. */
const SECRETS: readonly Case[] = [
  tls('may: STARTTLS', 'may', {
    EHLO: [ehlo('STARTTLS', 'DSN', 'SMTPUTF8', 'AUTH PLAIN', 'PIPELINING'), ehlo('8BITMIME')],
    STARTTLS: { say: '220 go\r\n', next: 'tls' },
  }),
  tls('may: STARTTLS refused', 'may', { ...TLS_OFFERED, STARTTLS: '454 4.7.0 not now\r\n' }),
  tls('may: STARTTLS 502', 'may', { ...TLS_OFFERED, STARTTLS: '502 5.5.1 what\r\n' }),
  tls('may: STARTTLS 354', 'may', { ...TLS_OFFERED, STARTTLS: '354 what\r\n' }),
  tls('may: a handshake of rubbish', 'may', { ...TLS_OFFERED, STARTTLS: { say: '220 go\r\n', next: 'rubbish' } }),
  tls('may: closed instead of a handshake', 'may', { ...TLS_OFFERED, STARTTLS: { say: '220 go\r\n', next: 'close' } }),
  tls('may: octets behind the answer to STARTTLS', 'may', {
    ...TLS_OFFERED,
    STARTTLS: { say: '220 go\r\n250 injected\r\n', next: 'tls' },
  }),
  tls('may: STARTTLS: lost', 'may', { ...TLS_OFFERED, STARTTLS: null }),
  tls('fallback: a handshake of rubbish', 'fallback', {
    ...TLS_OFFERED,
    STARTTLS: { say: '220 go\r\n', next: 'rubbish' },
  }),
  tls('fallback: lost after the handshake', 'fallback', {
    EHLO: [ehlo('STARTTLS'), null],
    STARTTLS: { say: '220 go\r\n', next: 'tls' },
  }),
  tls('login: AUTH PLAIN under TLS alone', 'login', {
    EHLO: [ehlo('STARTTLS', 'AUTH PLAIN'), ehlo('AUTH PLAIN')],
    STARTTLS: { say: '220 go\r\n', next: 'tls' },
    ...AUTH_OK,
  }),
  tls('login: a handshake of rubbish', 'login', {
    EHLO: ehlo('STARTTLS', 'AUTH PLAIN LOGIN'),
    STARTTLS: { say: '220 go\r\n', next: 'rubbish' },
    ...AUTH_OK,
  }),
  tls('login: closed instead of a handshake', 'login', {
    EHLO: ehlo('STARTTLS', 'AUTH PLAIN LOGIN'),
    STARTTLS: { say: '220 go\r\n', next: 'close' },
    ...AUTH_OK,
  }),
  tls('login: STARTTLS stripped', 'login', { EHLO: ehlo('AUTH PLAIN LOGIN'), ...AUTH_OK }),
  tls('login: STARTTLS refused', 'login', {
    EHLO: ehlo('STARTTLS', 'AUTH PLAIN LOGIN'),
    STARTTLS: '454 4.7.0 no\r\n',
    ...AUTH_OK,
  }),
  tls('clear: STARTTLS stripped', 'clear', { EHLO: ehlo('AUTH PLAIN LOGIN'), ...AUTH_OK }),
  tls('clear: a handshake of rubbish', 'clear', {
    EHLO: ehlo('STARTTLS', 'AUTH PLAIN LOGIN'),
    STARTTLS: { say: '220 go\r\n', next: 'rubbish' },
    ...AUTH_OK,
  }),
  tls('clear: AUTH LOGIN', 'clear', {
    EHLO: ehlo('AUTH LOGIN'),
    AUTH: '334 VXNlcm5hbWU6\r\n',
    BWU: '334 UGFzc3dvcmQ6\r\n',
    C: '235 2.7.0 ok\r\n',
  }),
  tls('clear: AUTH PLAIN and CRAM-MD5', 'clear', {
    EHLO: ehlo('AUTH LOGIN PLAIN CRAM-MD5'),
    AUTH: '334 PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+\r\n',
    BWUGNZMZYME: '535 5.7.8 no\r\n',
  }),
  tls('clear: AUTH LOGIN PLAIN', 'clear', { EHLO: ehlo('AUTH LOGIN PLAIN'), ...AUTH_OK }),
  tls('clear: AUTH LOGIN refused at the user name', 'clear', { EHLO: ehlo('AUTH LOGIN'), AUTH: '535 5.7.8 no\r\n' }),
  tls('login: no AUTH at all', 'login', { EHLO: ehlo('8BITMIME') }),
  tls('login: AUTH without mechanisms', 'login', { EHLO: ehlo('AUTH') }),
  tls('login: AUTH with an unknown mechanism', 'login', { EHLO: ehlo('AUTH XODD') }),
  tls('login: AUTH CRAM-MD5 in clear text', 'login', {
    EHLO: ehlo('AUTH PLAIN CRAM-MD5'),
    AUTH: '334 PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+\r\n',
    BWUGNZMZYME: '235 2.7.0 ok\r\n',
  }),
  ...['535 5.7.8 wrong', '454 4.7.0 later', '354 odd', '199 odd'].map((words) =>
    tls(`login: AUTH answered ${words}`, 'login', {
      EHLO: [ehlo('STARTTLS'), ehlo('AUTH PLAIN')],
      STARTTLS: { say: '220 go\r\n', next: 'tls' },
      AUTH: `${words}\r\n`,
    }),
  ),
];

const HEADER =
  'From: <sender@src.example>\r\nTo: <you@src.example>\r\nDate: Mon, 1 Jan 2024 00:00:00 +0000\r\nMessage-ID: <1@src.example>\r\n';
const mime = (type: string, encoding: string, body: string): string =>
  `${HEADER}MIME-Version: 1.0\r\n${type === '' ? '' : `Content-Type: ${type}\r\n`}${encoding === '' ? '' : `Content-Transfer-Encoding: ${encoding}\r\n`}Subject: s\r\n\r\n${body}`;
const GREETING = `${utf8('Grüße')}, = \t and a long line ${'0123456789'.repeat(12)} end \r\n.dot\r\n--\r\n${utf8('ü')}\t\r\n\r\nlast`;
const EIGHT = 'BODY=8BITMIME';

const PARTS = [
  'prologue',
  '--b1',
  'Content-Type: text/plain; charset=utf-8',
  'Content-Transfer-Encoding: 8bit',
  '',
  utf8('ä = ö'),
  '--b1',
  'Content-Transfer-Encoding: BASE64',
  'Content-Type: application/octet-stream',
  '',
  'AAEC',
  '--b1',
  'Content-Type: multipart/alternative;',
  '\tboundary="b2 x"',
  'Content-Transfer-Encoding: 8bit',
  '',
  '--b2 x',
  '',
  utf8('no header, eight bits: ü'),
  '--b2 x',
  'content-transfer-encoding : binary',
  'X-Folded: a',
  '  b',
  '',
  'a=b',
  '--b2 x-- trailing',
  utf8('epilogue ü'),
  '--b1',
  'Content-Type: message/rfc822',
  'Content-Transfer-Encoding: 8bit',
  '',
  'Subject: inner',
  'Content-Transfer-Encoding: 8bit',
  '',
  utf8('inner ü'),
  '--b1--',
  'end',
].join('\r\n');

const NESTED = `${Array.from({ length: 120 }, (_, i) => `--n${i}\r\nContent-Type: multipart/mixed; boundary=n${i + 1}\r\n\r\n`).join('')}x\r\n`;

const content = (name: string, script: Script, text: string, more: Partial<Case> = {}): Case =>
  plain(name, script, { text, ...more });

/** How the message is converted, and how its envelope is sent. */
const CONTENT: readonly Case[] = [
  content('8bit text to a server without 8BITMIME', SEVEN_BIT, mime('text/plain; charset=utf-8', '8bit', GREETING), {
    parameters: EIGHT,
  }),
  content('the same without BODY=8BITMIME', SEVEN_BIT, mime('text/plain; charset=utf-8', '8bit', GREETING)),
  content(
    'eight bits without a Content-Transfer-Encoding',
    SEVEN_BIT,
    mime('text/plain; charset=utf-8', '', GREETING),
    { parameters: EIGHT },
  ),
  content('a body that is 7bit by its header', SEVEN_BIT, mime('text/plain', '7bit', GREETING), { parameters: EIGHT }),
  content('quoted-printable stays', SEVEN_BIT, mime('text/plain', 'quoted-printable', 'Gr=C3=BC=C3=9Fe =3D\r\n'), {
    parameters: EIGHT,
  }),
  content('base64 stays', SEVEN_BIT, mime('application/pdf', 'base64', 'AAECAwQ=\r\n'), { parameters: EIGHT }),
  content(
    'binary data become quoted-printable',
    SEVEN_BIT,
    mime('application/octet-stream', 'binary', 'a\x00b\x01=\xff\x80\r\n'),
    { parameters: EIGHT },
  ),
  content('an encoding in a comment and in capitals', SEVEN_BIT, mime('text/plain', '(old) 8BIT (really)', GREETING), {
    parameters: EIGHT,
  }),
  content('an unknown encoding', SEVEN_BIT, mime('text/plain', 'x-uuencode', GREETING), { parameters: EIGHT }),
  content('multipart, nested, with message/rfc822', SEVEN_BIT, mime('multipart/mixed; boundary=b1', '8bit', PARTS), {
    parameters: EIGHT,
  }),
  content('multipart that says 7bit', SEVEN_BIT, mime('multipart/mixed; boundary="b1"', '', PARTS), {
    parameters: EIGHT,
  }),
  content(
    'multipart/digest',
    SEVEN_BIT,
    mime(
      'multipart/digest; boundary=b1',
      '8bit',
      `--b1\r\n\r\nSubject: in\r\nContent-Transfer-Encoding: 8bit\r\n\r\n${utf8('ü')}\r\n--b1--\r\n`,
    ),
    {
      parameters: EIGHT,
    },
  ),
  content(
    'message/partial',
    SEVEN_BIT,
    mime('message/partial; number=1', '8bit', `Subject: ${utf8('ü')}\r\n\r\n${utf8('ü')}\r\n`),
    { parameters: EIGHT },
  ),
  content(
    'multipart/signed',
    SEVEN_BIT,
    mime(
      'multipart/signed; boundary=b1',
      '',
      `--b1\r\nContent-Type: text/plain\r\n\r\nsigned = text \r\n--b1\r\nContent-Type: application/pgp-signature\r\n\r\nx\r\n--b1--\r\n`,
    ),
    {
      parameters: EIGHT,
    },
  ),
  content(
    'a boundary without its end, and one that begins another',
    SEVEN_BIT,
    mime(
      'multipart/mixed; boundary=b',
      '8bit',
      `--bx\r\nContent-Transfer-Encoding: 8bit\r\n\r\n${utf8('ü')}\r\n--b\r\n\r\n${utf8('ü')}`,
    ),
    {
      parameters: EIGHT,
    },
  ),
  content(
    'a header that ends in a line that is none',
    SEVEN_BIT,
    mime('text/plain', '8bit', GREETING).replace('Subject: s\r\n\r\n', `no header line ${utf8('ü')}\r\n`),
    { parameters: EIGHT },
  ),
  content('8bit to a server with 8BITMIME', {}, mime('text/plain; charset=utf-8', '8bit', GREETING), {
    parameters: EIGHT,
  }),
  content('a label of 7bit is not announced', {}, mime('text/plain', '7bit', 'x\r\n')),
  content('BODY=8BITMIME by the label of the message', {}, mime('text/plain', '8bit', GREETING), {
    parameters: 'BODY=7BIT',
  }),
  content(
    'BODY=8BITMIME by the label of a part',
    {},
    mime('multipart/mixed; boundary=b1', '', PARTS.replace('encoding : binary', 'encoding: binary')),
  ),
  content('no label, no BODY', {}, mime('text/plain', '', GREETING)),
  content('BODY=7BIT and a label of 8bit, converted', SEVEN_BIT, mime('text/plain', '8bit', GREETING), {
    parameters: 'BODY=7BIT',
  }),
  content('no MIME header at all, not converted', SEVEN_BIT, `${HEADER}Subject: s\r\n\r\n${utf8('ü')}\r\n`, {
    parameters: EIGHT,
  }),
  content('multiparts nested too deep', SEVEN_BIT, mime('multipart/mixed; boundary=n0', '8bit', NESTED), {
    parameters: EIGHT,
  }),
  {
    ...content('disable_mime_output_conversion', SEVEN_BIT, mime('text/plain; charset=utf-8', '8bit', GREETING), {
      parameters: EIGHT,
    }),
    profile: 'raw',
  },
  { ...content('smtp_line_length_limit = 0', {}, mime('text/plain', '', `${LONG}.${LONG}`)), profile: 'raw' },
  content(
    'long lines are folded',
    {},
    mime(
      'text/plain',
      '',
      [997, 998, 999, 1994, 1995, 1996, 2048, 2049, 5000]
        .map((n) => `${'abcdefghi.'.repeat(n).slice(0, n)}\r\n`)
        .join(''),
    ),
  ),
  content('a long line of dots', {}, mime('text/plain', '', `${'.'.repeat(3000)}\r\n..\r\n.\x20\r\n`)),
  content(
    'a long 8bit line, converted',
    SEVEN_BIT,
    mime('text/plain', '8bit', `${utf8('ü')}${LONG}${'='.repeat(80)}\r\n${' '.repeat(80)}\r\n`),
    {
      parameters: EIGHT,
    },
  ),
  content(
    'a long header line',
    {},
    mime('text/plain', '', 'x\r\n').replace('Subject: s', `Subject: ${'s '.repeat(700)}end`),
  ),
  plain('SMTPUTF8 asked for, ASCII mail, not offered', {}, { parameters: 'SMTPUTF8' }),
  plain(
    'SMTPUTF8 asked for, eight bits in the body, not offered',
    {},
    { parameters: `${EIGHT} SMTPUTF8`, text: mime('text/plain', '8bit', GREETING) },
  ),
  plain(
    'SMTPUTF8 and a UTF-8 header, not offered',
    {},
    {
      parameters: 'SMTPUTF8',
      text: mime('text/plain', '8bit', 'x\r\n').replace('Subject: s', `Subject: ${utf8('Grüße')}`),
    },
  ),
  plain(
    'SMTPUTF8 and a header in Latin-1, not offered',
    {},
    { parameters: 'SMTPUTF8', text: mime('text/plain', '8bit', 'x\r\n').replace('Subject: s', 'Subject: Gr\xfc\xdfe') },
  ),
  plain(
    'SMTPUTF8 and a UTF-8 header of a part, not offered',
    {},
    {
      parameters: 'SMTPUTF8',
      text: mime(
        'multipart/mixed; boundary=b1',
        '8bit',
        `--b1\r\nContent-Disposition: attachment; filename=${utf8('ü')}\r\n\r\nx\r\n--b1--\r\n`,
      ),
    },
  ),
  plain(
    'SMTPUTF8 and a UTF-8 header of an attached message, not offered',
    {},
    {
      parameters: 'SMTPUTF8',
      text: mime(
        'multipart/mixed; boundary=b1',
        '8bit',
        `--b1\r\nContent-Type: message/rfc822\r\n\r\nSubject: ${utf8('ü')}\r\n\r\nx\r\n--b1--\r\n`,
      ),
    },
  ),
  plain(
    'a UTF-8 header without SMTPUTF8',
    {},
    { text: mime('text/plain', '8bit', 'x\r\n').replace('Subject: s', `Subject: ${utf8('Grüße')}`) },
  ),
  plain('SMTPUTF8 and a UTF-8 recipient, not offered', {}, { parameters: 'SMTPUTF8', to: [utf8('jürgen')] }),
  plain('SMTPUTF8 and a UTF-8 sender, not offered', {}, { parameters: 'SMTPUTF8', from: utf8('jürgen@src.example') }),
  plain('a UTF-8 recipient without SMTPUTF8', {}, { to: [utf8('jürgen')] }),
  plain(
    'SMTPUTF8 offered and asked for',
    { EHLO: ehlo('8BITMIME', 'SMTPUTF8', 'SIZE') },
    { parameters: `${EIGHT} SMTPUTF8`, to: [utf8('jürgen')], text: mime('text/plain', '8bit', GREETING) },
  ),
  plain(
    'SMTPUTF8 offered without 8BITMIME',
    { EHLO: ehlo('SMTPUTF8') },
    { parameters: `${EIGHT} SMTPUTF8`, text: mime('text/plain', '8bit', GREETING) },
  ),
  plain(
    'SMTPUTF8 offered, DSN',
    { EHLO: ehlo('8BITMIME', 'SMTPUTF8', 'DSN') },
    { parameters: 'SMTPUTF8 RET=HDRS ENVID=a+2Bb', to: [utf8('jürgen')] },
  ),
  plain('DSN, a recipient in quotes', { EHLO: ehlo('DSN') }, { parameters: 'RET=FULL', to: ['"a b"', 'c+d'] }),
  plain(
    'local parts that need quotes',
    {},
    { to: ['"\\ "', '".x"', '"<>"', '"a b"', '"a\\"b"', '"a,b:c"', '"a>b"', '"a\\\\b"', '"ab"', '"x..y"'] },
  ),
  plain('a sender that needs quotes', {}, { from: '"a> b"@src.example' }),
  plain('the null sender', {}, { from: '' }),
];

export const CASES: readonly Case[] = [...REPLIES, ...SECRETS, ...CONTENT, ...SETTING_CASES];
