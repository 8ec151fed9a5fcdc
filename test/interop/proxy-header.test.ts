/** Headers of a proxy, right and wrong, beside the real Postfix and Dovecot: the same octets, the same answers. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestClient } from '../kit/line-client.ts';
import { ip4, ip6, version2 } from '../kit/proxy-header.ts';
import { type Dovecot, startDovecot } from './dovecot.ts';
import { type House, MAIL_HOST, PASSWORD, startInteropHouse } from './house.ts';
import { type Postfix, startPostfix } from './postfix.ts';
import { freePort } from './program.ts';

const SMTP = [
  'smtpd_upstream_proxy_protocol = haproxy',
  'smtpd_upstream_proxy_timeout = 1s',
  'smtpd_peername_lookup = no',
  'inet_protocols = all',
  // The refusal names the client.
  'smtpd_client_restrictions = reject',
];
const MAILBOX = `haproxy_trusted_networks = 127.0.0.0/8
haproxy_timeout = 1s
disable_plaintext_auth = yes
login_trusted_networks = 192.0.2.0/24
`;

let house: House;
let postfix: Postfix;
let dovecot: Dovecot;
/** Dovecot's port behind a proxy. */
let proxied: number;

beforeAll(async () => {
  proxied = await freePort();
  house = await startInteropHouse({
    main: SMTP,
    files: {
      'dovecot.conf': `protocols = imap\n${MAILBOX}service imap-login {\n  inet_listener imap {\n    haproxy = yes\n  }\n}\n`,
    },
  });
  postfix = await startPostfix({ main: [...SMTP, `myhostname = ${MAIL_HOST}`, 'inet_interfaces = 127.0.0.1'] });
  dovecot = await startDovecot(
    PASSWORD,
    `${MAILBOX}service imap-login {\n  inet_listener proxied {\n    port = ${proxied}\n    haproxy = yes\n  }\n}\n`,
  );
}, 60_000);
afterAll(async () => {
  await dovecot?.stop();
  await postfix?.stop();
  await house?.stop();
});

const text = (line: string): Buffer => Buffer.from(line, 'latin1');
const BODY4 = ip4('192.0.2.7', '198.51.100.1', 51234, 25);
const BODY6 = ip6('2001:db8::7', '2001:db8::1', 51234, 25);
const MAPPED = ip6('::ffff:192.0.2.7', '::ffff:198.51.100.1', 51234, 25);

/** Octets that come in one piece or more, and whether the connection ends after them. */
interface Sent {
  readonly pieces: readonly (Buffer | string)[];
  readonly ends?: true;
}
const sent = (...pieces: readonly (Buffer | string)[]): Sent => ({ pieces });

const GOOD: Readonly<Record<string, Sent>> = {
  'IPv4 in text': sent('PROXY TCP4 192.0.2.7 198.51.100.1 51234 25\r\n'),
  'another client': sent('PROXY TCP4 203.0.113.7 198.51.100.1 51234 25\r\n'),
  'IPv6 in text': sent('PROXY TCP6 2001:DB8:0:0::7 2001:db8::1 51234 25\r\n'),
  'IPv4 in octets': sent(version2(1, 0x11, BODY4)),
  'IPv6 in octets': sent(version2(1, 0x21, BODY6)),
  'IPv4 in IPv6 octets': sent(version2(1, 0x21, MAPPED)),
  'more values': sent(version2(1, 0x11, Buffer.concat([BODY4, text('\x04\0\x03abc')]))),
  'the proxy itself': sent(version2(0, 0x00, Buffer.alloc(0))),
  'the proxy itself, with addresses': sent(version2(0, 0x11, BODY4)),
  'this machine': sent('PROXY TCP4 127.0.0.1 127.0.0.1 51234 25\r\n'),
};

const BAD: Readonly<Record<string, Sent>> = {
  'another protocol': sent('EHLO client.example\r\n'),
  nothing: sent(),
  'the end': { pieces: [], ends: true },
  'the beginning of a header, and the end': { pieces: ['PROXY TCP4 192.0.2.7'], ends: true },
  'lower case': sent('proxy TCP4 192.0.2.7 198.51.100.1 51234 25\r\n'),
  'another family': sent('PROXY UDP4 192.0.2.7 198.51.100.1 51234 25\r\n'),
  'a missing port': sent('PROXY TCP4 192.0.2.7 198.51.100.1 51234\r\n'),
  'a port that is too high': sent('PROXY TCP4 192.0.2.7 198.51.100.1 65536 25\r\n'),
  'IPv6 as IPv4': sent('PROXY TCP4 2001:db8::7 2001:db8::1 51234 25\r\n'),
  'a zone': sent('PROXY TCP6 fe80::1%eth0 2001:db8::1 51234 25\r\n'),
  'too few octets': sent(version2(1, 0x11, BODY4.subarray(0, 11))),
  'version 1 in octets': sent(version2(1, 0x11, BODY4, 1)),
  'version 3': sent(version2(1, 0x11, BODY4, 3)),
  'an unknown command': sent(version2(2, 0x11, BODY4)),
  UDP: sent(version2(1, 0x12, BODY4)),
  'no transport': sent(version2(1, 0x10, BODY4)),
  'an unknown family': sent(version2(1, 0x41, BODY4)),
  'an unknown client in octets': sent(version2(1, 0x00, Buffer.alloc(0))),
};

/** Where one of them and Posthorn differ, which does what the specification says. */
const POSTFIX_REFUSES: Readonly<Record<string, Sent>> = {
  'a header in two pieces': sent('PROXY TCP4 192.0.2.7', ' 198.51.100.1 51234 25\r\n'),
  'a long header': sent(version2(1, 0x11, Buffer.concat([BODY4, Buffer.alloc(2_000)]))),
};
const POSTFIX_TAKES: Readonly<Record<string, Sent>> = {
  'a line that ends without CR': sent('PROXY TCP4 192.0.2.7 198.51.100.1 51234 25\n'),
  'two blanks': sent('PROXY TCP4  192.0.2.7 198.51.100.1 51234 25\r\n'),
  'a field too many': sent('PROXY TCP4 192.0.2.7 198.51.100.1 51234 25 x\r\n'),
  'a family in lower case': sent('PROXY tcp4 192.0.2.7 198.51.100.1 51234 25\r\n'),
};
const DOVECOT_REFUSES: Readonly<Record<string, Sent>> = {
  'a client without a port': sent('PROXY TCP4 192.0.2.7 198.51.100.1 0 25\r\n'),
  'a header in two pieces': sent('PROXY TCP4 192.0.2.7', ' 198.51.100.1 51234 25\r\n'),
  'broken values': sent(version2(1, 0x11, Buffer.concat([BODY4, text('\x04\xff')]))),
};
const DOVECOT_TAKES: Readonly<Record<string, Sent>> = {
  'a short address': sent('PROXY TCP4 192.7 198.51.100.1 51234 25\r\n'),
  'a UNIX socket': sent(version2(1, 0x31, Buffer.alloc(216))),
};

async function dial(port: number, { pieces, ends }: Sent): Promise<TestClient> {
  const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true, noDelay: true });
  await once(socket, 'connect');
  const client = new TestClient(socket);
  for (const [i, piece] of pieces.entries()) {
    // Long enough for the other one to have read the piece before.
    if (i > 0) await new Promise((resolve) => setTimeout(resolve, 100));
    client.send(piece);
  }
  if (ends === true) client.end();
  return client;
}

/** The replies of an SMTP server, to the end. */
async function smtp(port: number, octets: Sent): Promise<string[]> {
  const client = await dial(port, octets);
  const replies: string[] = [];
  for (const command of ['HELO client.example', 'MAIL FROM:<a@example.org>', 'RCPT TO:<b@example.org>', 'QUIT', '']) {
    const reply = await client.take(/[^\n]*\n/);
    if (reply === null) break;
    replies.push(reply.trimEnd().replace(/ ESMTP .*/, ''));
    if (reply.startsWith('421')) break;
    client.send(`${command}\r\n`);
  }
  client.destroy();
  return replies;
}

/** Whether an IMAP server greets, and then whether it takes a password in clear text. */
async function imap(port: number, octets: Sent): Promise<string> {
  const client = await dial(port, octets);
  const greeting = await client.take(/[^\n]*\n/);
  client.destroy();
  if (greeting === null) return 'nothing';
  return greeting.includes(' AUTH=PLAIN') ? 'a greeting, with passwords' : 'a greeting';
}

const REFUSED = [`421 4.3.0 ${MAIL_HOST} Server local error`];

describe('P21: beside Postfix', () => {
  it.each(Object.entries(GOOD))('the client is the same: %s', async (_what, octets) => {
    const theirs = await smtp(postfix.port, octets);
    expect(theirs[3]).toMatch(/^554 5\.7\.1 <unknown\[[0-9a-f.:]+\]>: Client host rejected/);
    expect(await smtp(house.port(25), octets)).toEqual(theirs);
  });

  it.each(Object.entries({ ...BAD, 'an unknown client in text': sent('PROXY UNKNOWN\r\n') }))(
    'what is no header is answered with the same words: %s',
    async (_what, octets) => {
      expect(await smtp(postfix.port, octets)).toEqual(REFUSED);
      expect(await smtp(house.port(25), octets)).toEqual(REFUSED);
    },
  );

  it('commands in the packet of the header are answered', async () => {
    const octets = sent('PROXY TCP4 192.0.2.7 198.51.100.1 51234 25\r\nHELO client.example\r\nQUIT\r\n');
    const answers = async (port: number): Promise<string> =>
      (await (await dial(port, octets)).rest()).replace(/ ESMTP .*/, '');
    const theirs = await answers(postfix.port);
    expect(theirs).toMatch(/^220 .*\r\n250 .*\r\n221 .*\r\n$/);
    expect(await answers(house.port(25))).toBe(theirs);
  });

  it.each(Object.entries(POSTFIX_REFUSES))(
    'Postfix refuses what the specification allows: %s',
    async (_what, octets) => {
      // It may close with input unread, which can take its reply away.
      expect([[], REFUSED]).toContainEqual(await smtp(postfix.port, octets));
      expect((await smtp(house.port(25), octets))[0]).toMatch(/^220 /);
    },
  );

  it.each(Object.entries(POSTFIX_TAKES))('Postfix takes what is refused here: %s', async (_what, octets) => {
    expect((await smtp(postfix.port, octets))[0]).toMatch(/^220 /);
    expect(await smtp(house.port(25), octets)).toEqual(REFUSED);
  });
});

describe('P21: beside Dovecot', () => {
  it.each(Object.entries({ ...GOOD, 'an unknown client in text': sent('PROXY UNKNOWN\r\n') }))(
    'passwords in clear text are taken from the same clients: %s',
    async (_what, octets) => {
      const theirs = await imap(proxied, octets);
      expect(theirs).toMatch(/^a greeting/);
      // An IPv4 address in IPv6 form is in no IPv4 network there.
      if (octets !== GOOD['IPv4 in IPv6 octets']) expect(await imap(house.port(143), octets)).toBe(theirs);
    },
  );

  it.each(Object.entries(BAD))('what is no header gets no answer: %s', async (_what, octets) => {
    expect(await imap(proxied, octets)).toBe('nothing');
    expect(await imap(house.port(143), octets)).toBe('nothing');
  });

  it.each(Object.entries(DOVECOT_REFUSES))(
    'Dovecot refuses what the specification allows: %s',
    async (_what, octets) => {
      expect(await imap(proxied, octets)).toBe('nothing');
      expect(await imap(house.port(143), octets)).toMatch(/^a greeting/);
    },
  );

  it.each(Object.entries(DOVECOT_TAKES))('Dovecot takes what is refused here: %s', async (_what, octets) => {
    expect(await imap(proxied, octets)).toMatch(/^a greeting/);
    expect(await imap(house.port(143), octets)).toBe('nothing');
  });
});
