/**
 * How SMTP sessions end, and what Postfix 3.7 logs; test/interop/postfix-input.test.ts compares with a real Postfix.
 */
import { SmtpClient } from '../../kit/smtp-client.ts';

/** Octets to send before waiting for the next reply; `unanswered` is sent without waiting. */
type Step = string | { readonly unanswered: string };

export interface Ending {
  readonly name: string;
  readonly steps: readonly Step[];
  /** The last lines of the log, without `from unknown[127.0.0.1]`. */
  readonly log: readonly string[];
}

export const RECIPIENT = 'maomao@baidu.com';
const MAIL = 'MAIL FROM:<a@qq.com>\r\n';
const RCPT = `RCPT TO:<${RECIPIENT}>\r\n`;
const START = ['EHLO x\r\n', MAIL, RCPT] as const;
const BODY = 'Subject: x\r\n\r\nhello\r\n';
const SENT = [...START, 'DATA\r\n', `${BODY}.\r\n`] as const;

export const ENDINGS: readonly Ending[] = [
  { name: 'immediately', steps: [], log: ['lost connection after CONNECT', 'disconnect commands=0/0'] },
  {
    name: 'half a command',
    steps: [{ unanswered: 'EHL' }],
    log: ['lost connection after CONNECT', 'disconnect commands=0/0'],
  },
  { name: 'after EHLO', steps: ['EHLO x\r\n'], log: ['lost connection after EHLO', 'disconnect ehlo=1 commands=1'] },
  {
    name: 'after RCPT',
    steps: START,
    log: ['lost connection after RCPT', 'disconnect ehlo=1 mail=1 rcpt=1 commands=3'],
  },
  {
    name: 'after a refused DATA',
    steps: ['EHLO x\r\n', MAIL, 'DATA\r\n'],
    log: ['lost connection after DATA', 'disconnect ehlo=1 mail=1 data=0/1 commands=2/3'],
  },
  {
    name: 'after DATA',
    steps: [...START, 'DATA\r\n'],
    log: ['lost connection after DATA (0 bytes)', 'disconnect ehlo=1 mail=1 rcpt=1 data=0/1 commands=3/4'],
  },
  {
    name: 'within a message',
    steps: [...START, 'DATA\r\n', { unanswered: BODY }],
    log: ['lost connection after DATA (21 bytes)', 'disconnect ehlo=1 mail=1 rcpt=1 data=0/1 commands=3/4'],
  },
  {
    name: 'within a line of a message',
    steps: [...START, 'DATA\r\n', { unanswered: `${BODY}..\r\nhalf` }],
    log: ['lost connection after DATA (24 bytes)', 'disconnect ehlo=1 mail=1 rcpt=1 data=0/1 commands=3/4'],
  },
  { name: 'after a message', steps: SENT, log: ['disconnect ehlo=1 mail=1 rcpt=1 data=1 commands=4'] },
  {
    name: 'after a message without waiting for its reply',
    steps: [...START, 'DATA\r\n', { unanswered: `${BODY}.\r\n` }],
    log: ['disconnect ehlo=1 mail=1 rcpt=1 data=1 commands=4'],
  },
  { name: 'by QUIT', steps: [...SENT, 'QUIT\r\n'], log: ['disconnect ehlo=1 mail=1 rcpt=1 data=1 quit=1 commands=5'] },
  {
    name: 'after MAIL of a second message',
    steps: [...SENT, MAIL],
    log: ['lost connection after MAIL', 'disconnect ehlo=1 mail=2 rcpt=1 data=1 commands=5'],
  },
  {
    name: 'within a second message',
    steps: [...SENT, MAIL, RCPT, 'DATA\r\n', { unanswered: BODY }],
    log: ['lost connection after DATA (21 bytes)', 'disconnect ehlo=1 mail=2 rcpt=2 data=1/2 commands=6/7'],
  },
  {
    name: 'after RSET',
    steps: [...SENT, 'RSET\r\n'],
    log: ['lost connection after RSET', 'disconnect ehlo=1 mail=1 rcpt=1 data=1 rset=1 commands=5'],
  },
  {
    name: 'QUIT as a line of a message',
    steps: [...START, 'DATA\r\n', { unanswered: 'QUIT\r\n' }],
    log: ['lost connection after DATA (6 bytes)', 'disconnect ehlo=1 mail=1 rcpt=1 data=0/1 commands=3/4'],
  },
  {
    name: 'after a message that is too large',
    steps: [...START, 'DATA\r\n', `${'x'.repeat(70)}\r\n`.repeat(1000).concat('.\r\n')],
    log: ['disconnect ehlo=1 mail=1 rcpt=1 data=0/1 commands=3/4'],
  },
  {
    name: 'within a chunk',
    steps: [...START, { unanswered: `BDAT 100\r\n${BODY}` }],
    log: ['lost connection after BDAT (21 bytes)', 'disconnect ehlo=1 mail=1 rcpt=1 bdat=0/1 commands=3/4'],
  },
  {
    name: 'after a chunk',
    steps: [...START, `BDAT 21\r\n${BODY}`],
    log: ['lost connection after BDAT (21 bytes)', 'disconnect ehlo=1 mail=1 rcpt=1 bdat=1 commands=4'],
  },
  {
    name: 'after the last chunk',
    steps: [...START, `BDAT 21\r\n${BODY}`, 'BDAT 0 LAST\r\n'],
    log: ['disconnect ehlo=1 mail=1 rcpt=1 bdat=2 commands=5'],
  },
  {
    name: 'an unknown command',
    steps: ['FOO\r\n'],
    log: ['lost connection after UNKNOWN', 'disconnect unknown=0/1 commands=0/1'],
  },
];

/** Runs one on a server whose log so far `said` returns; resolves with the lines logged at its end. */
export async function playEnding(port: number, { steps }: Ending, said: () => readonly string[]): Promise<string[]> {
  const before = said().length;
  const client = await SmtpClient.open(port);
  await client.reply();
  for (const step of steps) {
    client.send(typeof step === 'string' ? step : step.unanswered);
    if (typeof step === 'string') await client.reply();
  }
  client.hangUp();
  for (;;) {
    const lines = said().slice(before);
    if (lines.some((line) => line.includes('disconnect from'))) {
      return lines
        .flatMap((line) => /(?:lost connection after|timeout after|disconnect) .*/.exec(line)?.slice(0, 1) ?? [])
        .map((line) => line.replace(/ from unknown\[127\.0\.0\.1\]/, ''));
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
}
