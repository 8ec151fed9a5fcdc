/** LMTP: the same dialog with a real Dovecot, and a real Postfix that delivers its mail to us. */
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LineClient } from '../../src/lab/line-client.ts';
import { type Dovecot, startDovecot } from './dovecot.ts';
import { account, DOMAIN, type House, PASSWORD, startInteropHouse } from './house.ts';
import { type Postfix, startPostfix } from './postfix.ts';
import { freePort, ran, until } from './program.ts';

const PORT = 1224;
let house: House;
let dovecot: Dovecot;
let dovecotPort: number;
let postfix: Postfix;
let socket: string;

beforeAll(async () => {
  dovecotPort = await freePort();
  dovecot = await startDovecot(
    PASSWORD,
    `protocols = imap lmtp
service lmtp {
  inet_listener lmtp {
    port = ${dovecotPort}
  }
}
`,
  );
  house = await startInteropHouse();
  // Postfix's client runs as the user postfix: it must have access to the folder of the socket.
  const folder = join(house.folders.root, 'sockets');
  mkdirSync(folder);
  chmodSync(house.folders.root, 0o755);
  socket = join(folder, 'lmtp');
  writeFileSync(
    join(house.folders.config, 'dovecot.conf'),
    `protocols = imap lmtp
service lmtp {
  inet_listener lmtp {
    address = 127.0.0.1
    port = ${PORT}
  }
  unix_listener ${socket} {
    mode = 0666
  }
}
`,
  );
  await house.command(['reload']);
  postfix = await startPostfix({
    main: [
      `virtual_mailbox_domains = ${DOMAIN}, unix.example`,
      `transport_maps = inline:{{${DOMAIN} = lmtp:inet:[127.0.0.1]:${house.port(PORT)}}, {unix.example = lmtp:unix:${socket}}}`,
      'lmtp_destination_recipient_limit = 10',
    ],
    services: ['lmtp unix - - n - - lmtp'],
  });
}, 60_000);
afterAll(async () => {
  await postfix?.stop();
  await house?.stop();
  await dovecot?.stop();
});

/** The recipients that exist on each server: all of them in Dovecot's static table. */
const DIALOG: readonly string[] = [
  'EHLO client.test',
  'LHLO client.test',
  'MAIL FROM:<a@far.test>',
  'MAIL FROM:<a@far.test>',
  'DATA',
  `RCPT TO:<${account('xixi')}>`,
  `RCPT TO:<${account('haha')}>`,
  'DATA',
  'Subject: hello\r\n\r\nhello\r\n.',
  'NOOP',
  'RSET',
  'DATA',
  'XYZZY',
  'QUIT',
];

/** The code of each reply; the end of DATA has one per recipient. */
async function codes(port: number): Promise<string[]> {
  const client = await LineClient.connect({ host: '127.0.0.1', port });
  const reply = async (): Promise<string> => (await client.linesUntil((line) => /^\d{3} /.test(line))).at(-1) ?? '';
  const found = [(await reply()).slice(0, 3)];
  for (const line of DIALOG) {
    client.send(line);
    const answers = line.endsWith('\r\n.') ? 2 : 1;
    for (let i = 0; i < answers; i += 1) found.push(`${line.slice(0, 10)}: ${(await reply()).slice(0, 3)}`);
  }
  client.close();
  return found;
}

async function inbox(name: string): Promise<string> {
  const client = await LineClient.connect({ host: '127.0.0.1', port: house.port(143) });
  await client.line();
  await client.imap('a', `LOGIN ${account(name)} "${PASSWORD}"`);
  await client.imap('b', 'SELECT INBOX');
  const lines = await client.imap('c', 'FETCH 1:* BODY.PEEK[HEADER.FIELDS (SUBJECT RECEIVED)]');
  client.close();
  return lines.join('\n');
}

describe('D4: LMTP', () => {
  it('replies with the codes of Dovecot', async () => {
    expect(await codes(house.port(PORT))).toEqual(await codes(dovecotPort));
  });

  it('accepts the mail of a Postfix on a port; Postfix bounces a recipient that is unknown here', async () => {
    const to = ['xixi', 'haha', 'nobody'].map(account);
    await ran('swaks', [
      ...['--server', '127.0.0.1', '--port', String(postfix.port), '--helo', 'client.test'],
      ...['--from', 'a@far.test', '--to', to.join(','), '--header', 'Subject: by a port'],
    ]);
    await until('Postfix to hand it over', async () => (await inbox('haha')).includes('Subject: by a port'));
    expect(await inbox('xixi')).toContain('Subject: by a port');
    await until('Postfix to note the refusal', async () => /to=<nobody@.*status=bounced/.test(postfix.said()));
    expect(postfix.said()).toMatch(/to=<xixi@.*status=sent \(250 2\.0\.0 <xixi@interop\.example> \w+ Saved\)/);
    expect(postfix.said()).toMatch(/to=<nobody@.*dsn=5\.1\.1.*said: 550 5\.1\.1 <nobody@.*User doesn't exist/);
  });

  it('accepts it on a UNIX socket too', async () => {
    await ran('swaks', [
      ...['--socket', socket, '--protocol', 'LMTP', '--helo', 'client.test'],
      ...['--from', 'a@far.test', '--to', account('xixi'), '--header', 'Subject: by a socket of swaks'],
    ]);
    expect(await inbox('xixi')).toMatch(/Subject: by a socket of swaks/);
    await ran('swaks', [
      ...['--server', '127.0.0.1', '--port', String(postfix.port), '--helo', 'client.test'],
      ...['--from', 'a@far.test', '--to', 'anybody@unix.example'],
    ]);
    await until('Postfix to ask at the socket', async () =>
      /to=<anybody@unix\.example>.*said: 550 5\.1\.1/.test(postfix.said()),
    );
  });

  it('the trace lines show LMTP', async () => {
    expect(await inbox('xixi')).toMatch(/with LMTP id \w+/);
  });
});
