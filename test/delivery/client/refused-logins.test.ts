/** Logins that another server refused are not tried again (smtp_sasl_auth_cache_name), over real sockets. */
import { afterEach, describe, expect, it } from 'vitest';
import { type LoopbackServer, openLoopback } from '../../kit/loopback.ts';
import { openHouse, type TestHouse, tablesOf } from '../house.ts';

let house: TestHouse | null = null;
let server: LoopbackServer | null = null;
afterEach(async () => {
  await house?.stop();
  await server?.close();
});

/** Each AUTH gets the next of these answers; the user and password of each are in `logins`. */
async function openServer(answers: readonly string[]): Promise<{ readonly port: number; readonly logins: string[] }> {
  const logins: string[] = [];
  server = await openLoopback((socket) => {
    socket.on('error', () => {});
    socket.write('220 other ESMTP\r\n');
    socket.on('data', (piece) => {
      for (const line of piece.toString('latin1').split('\r\n').filter(Boolean)) {
        const [, login] = /^AUTH PLAIN (.*)$/.exec(line) ?? [];
        if (login !== undefined) {
          socket.write(`${answers[logins.length] ?? '235 2.7.0 ok'}\r\n`);
          logins.push(Buffer.from(login, 'base64').toString().slice(1).replace('\0', ':'));
        } else if (/^EHLO/.test(line)) socket.write('250-other\r\n250 AUTH PLAIN\r\n');
        else if (line === 'DATA') socket.write('354 go\r\n');
        else if (line === 'QUIT') socket.end('221 bye\r\n');
        else if (/^(?:MAIL|RCPT|\.$)/.test(line)) socket.write('250 2.0.0 ok\r\n');
      }
    });
  });
  return { port: server.port, logins };
}

const REFUSED = '535 5.7.8 wrong';
const DAY = 86_400_000;
const said = (words: string): string => `SASL ${words} said: ${REFUSED}`;
const HEARD = said('authentication failed; server mail.qq.com[127.0.0.1]');
const CACHED = said('[CACHED] authentication failed; server mail.qq.com');

interface Given {
  readonly answers: readonly string[];
  readonly settings?: Readonly<Record<string, string>>;
  /** The password and the time (days) of each message. */
  readonly messages: readonly (readonly [password: string, day: number])[];
}

/** What becomes of each message, and the logins that the server saw. */
async function play({ answers, settings, messages }: Given): Promise<readonly [string[], string[]]> {
  const { port, logins } = await openServer(answers);
  let password = '';
  const at = await openHouse({
    dns: { 'mx qq.com': ['10 mail.qq.com'], 'a mail.qq.com': ['127.0.0.1'] },
    settings: {
      smtp_sasl_auth_enable: 'yes',
      smtp_sasl_password_maps: 'passwords',
      smtp_sasl_security_options: 'noanonymous',
      smtp_sasl_auth_cache_name: 'proxy:btree:/var/lib/postfix/sasl_auth_cache',
      smtp_sasl_auth_soft_bounce: 'no',
      smtp_connection_cache_on_demand: 'no',
      ...settings,
    },
    tables: tablesOf({ passwords: (key) => (key === 'mail.qq.com' ? `me:${password}` : undefined) }),
    smtpPort: port,
  });
  house = at;
  at.runner.start();
  const began = at.time.now;
  const outcomes: string[] = [];
  for (const [i, [given, day]] of messages.entries()) {
    password = given;
    at.time.now = began + day * DAY;
    await at.submit({ reversePath: '', to: [`m${i}@qq.com`] }, 'Subject: s\r\n\r\nbody\r\n');
    await at.runner.idle();
    const line = at.lines.find((one) => one.includes(`to=<m${i}@qq.com>`)) ?? '';
    outcomes.push(/dsn=([\d.]+, status=\w+ \(.*)\)$/.exec(line)?.[1]?.replace(/sent \(.*/, 'sent') ?? line);
  }
  expect(at.lines.join('\n')).not.toContain('secret');
  return [outcomes, logins];
}

const bounced = (words: string): string => `5.7.8, status=bounced (${words}`;
const SENT = '2.0.0, status=sent';

describe('P17: smtp_sasl_auth_cache_name', () => {
  it.each<readonly [string, Given, string[], string[]]>([
    [
      'a refused login is not tried again, until its time is over',
      {
        answers: [REFUSED],
        messages: [
          ['secret', 0],
          ['secret', 1],
          ['secret', 89],
          ['secret', 91],
        ],
      },
      [bounced(HEARD), bounced(CACHED), bounced(CACHED), SENT],
      ['me:secret', 'me:secret'],
    ],
    [
      'another password is tried',
      {
        answers: [REFUSED],
        messages: [
          ['secret', 0],
          ['secret2', 0],
          ['secret', 0],
        ],
      },
      [bounced(HEARD), SENT, bounced(CACHED)],
      ['me:secret', 'me:secret2'],
    ],
    [
      'only 535 is final',
      {
        answers: ['534 5.7.9 too weak', '454 4.7.0 later'],
        settings: { smtp_sasl_auth_soft_bounce: 'no', minimal_backoff_time: '30d', maximal_backoff_time: '90d' },
        messages: [
          ['secret', 0],
          ['secret', 1],
          ['secret', 2],
        ],
      },
      [
        '5.7.9, status=bounced (SASL authentication failed; server mail.qq.com[127.0.0.1] said: 534 5.7.9 too weak',
        '4.7.0, status=deferred (SASL authentication failed; server mail.qq.com[127.0.0.1] said: 454 4.7.0 later',
        SENT,
      ],
      ['me:secret', 'me:secret', 'me:secret'],
    ],
    [
      'without a name nothing is remembered',
      {
        answers: [REFUSED, REFUSED],
        settings: { smtp_sasl_auth_cache_name: '' },
        messages: [
          ['secret', 0],
          ['secret', 1],
        ],
      },
      [bounced(HEARD), bounced(HEARD)],
      ['me:secret', 'me:secret'],
    ],
    [
      'mail waits with smtp_sasl_auth_soft_bounce',
      {
        answers: [REFUSED, REFUSED],
        settings: { smtp_sasl_auth_soft_bounce: 'yes', minimal_backoff_time: '30d', maximal_backoff_time: '90d' },
        messages: [
          ['secret', 0],
          ['secret', 1],
        ],
      },
      [`4.7.8, status=deferred (${HEARD}`, `4.7.8, status=deferred (${CACHED}`],
      ['me:secret'],
    ],
  ])('%s', async (_name, given, outcomes, logins) => {
    expect(await play(given)).toEqual([outcomes, logins]);
  });
});
