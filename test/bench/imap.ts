/** What an IMAP client waits for: the metadata of 10,000 messages, and the notification of a new one. */
import { connect } from 'node:net';
import { startServer } from '../kit/server.ts';
import { BENCH_ACCOUNT, BENCH_PASSWORD, benchOptions } from './configuration.ts';
import { openImap, type RawImap } from './imap-client.ts';
import { type Measurement, median, type Row } from './row.ts';

const MESSAGES = 10_000;
const REPEATS = 7;

async function login(port: number): Promise<RawImap> {
  const client = await openImap(port);
  await client.command('a1', `LOGIN ${BENCH_ACCOUNT} ${BENCH_PASSWORD}`);
  await client.command('a2', 'SELECT INBOX');
  return client;
}

/** Appends multipart messages, like ordinary mail, with LITERAL+ and many in flight at once. */
async function fill(client: RawImap, count: number): Promise<void> {
  for (let done = 0; done < count; ) {
    const batch = Math.min(200, count - done);
    let text = '';
    for (let i = 0; i < batch; i += 1) {
      const message = sample(done + i);
      text += `b${i} APPEND INBOX (\\Seen) {${message.length}+}\r\n${message}\r\n`;
    }
    const answered = client.until(`\r\nb${batch - 1} OK`);
    client.socket.write(text, 'latin1');
    await answered;
    done += batch;
  }
}

function sample(number: number): string {
  return [
    `From: "Sender ${number}" <sender${number % 97}@example.org>`,
    `To: "Mao Mao" <${BENCH_ACCOUNT}>, other${number % 13}@example.com`,
    `Subject: =?UTF-8?Q?Message_n=C2=B0_${number}?= of many`,
    `Date: Fri, 20 Nov 2026 10:${String(number % 60).padStart(2, '0')}:00 +0000`,
    `Message-ID: <${number}.bench@example.org>`,
    'MIME-Version: 1.0',
    'Content-Type: multipart/alternative; boundary="b1"',
    '',
    '--b1',
    'Content-Type: text/plain; charset=utf-8',
    '',
    `Message ${number}. ${'A line of plain text. '.repeat(20)}`,
    '--b1',
    'Content-Type: text/html; charset=utf-8',
    'Content-Transfer-Encoding: quoted-printable',
    '',
    `<p>Message ${number}.</p>`,
    '--b1--',
    '',
  ].join('\r\n');
}

async function measureFetch(say: (text: string) => void): Promise<readonly Measurement[]> {
  const server = await startServer(benchOptions);
  try {
    const client = await login(server.port(143));
    const started = performance.now();
    await fill(client, MESSAGES);
    const appendRate = MESSAGES / ((performance.now() - started) / 1000);
    say(`${MESSAGES} messages appended, ${Math.round(appendRate)}/s`);
    const times: number[] = [];
    let octets = 0;
    for (let round = 0; round < REPEATS; round += 1) {
      const begun = performance.now();
      octets = (
        await client.command(`f${round}`, 'FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE)')
      ).length;
      times.push(performance.now() - begun);
      say(`${Math.round(times.at(-1) ?? 0)} ms, ${octets} octets`);
    }
    client.socket.destroy();
    return [
      { name: 'imap-append', value: Math.round(appendRate), unit: 'messages/s', better: 'more' },
      { name: 'imap-fetch-10000', value: Number((median(times) / 1000).toFixed(3)), unit: 's', better: 'less' },
    ];
  } finally {
    await server.stop();
  }
}

/** From the last octet of DATA to the EXISTS in an idling session. */
async function measureIdle(say: (text: string) => void): Promise<readonly Measurement[]> {
  const server = await startServer(benchOptions);
  try {
    const client = await login(server.port(143));
    client.socket.write('a3 IDLE\r\n');
    await client.until('+ ');
    const smtp = connect({ host: '127.0.0.1', port: server.port(25) });
    smtp.setNoDelay(true);
    const reply = (): Promise<void> => new Promise((resolve) => smtp.once('data', () => resolve()));
    await reply();
    const send = async (line: string): Promise<void> => {
      const answer = reply();
      smtp.write(line);
      await answer;
    };
    await send('EHLO bench\r\n');
    const times: number[] = [];
    for (let round = 0; round < 50; round += 1) {
      await send('MAIL FROM:<sender@example.org>\r\n');
      await send(`RCPT TO:<${BENCH_ACCOUNT}>\r\n`);
      await send('DATA\r\n');
      const told = client.until('EXISTS\r\n');
      const begun = performance.now();
      smtp.write('Subject: news\r\n\r\nnews\r\n.\r\n');
      await Promise.all([told.then(() => times.push(performance.now() - begun)), reply()]);
    }
    smtp.destroy();
    client.socket.destroy();
    say(`${times.length} messages, slowest ${Math.max(...times).toFixed(1)} ms`);
    return [{ name: 'imap-idle', value: Number(median(times).toFixed(2)), unit: 'ms', better: 'less' }];
  } finally {
    await server.stop();
  }
}

export const imapRows: readonly Row[] = [
  { name: 'imap-fetch-10000', about: `FETCH of the metadata of ${MESSAGES} messages`, measure: measureFetch },
  { name: 'imap-idle', about: 'from the end of DATA to EXISTS in a session that idles', measure: measureIdle },
];
