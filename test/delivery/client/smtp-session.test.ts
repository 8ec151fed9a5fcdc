/**
 * One session at a time, with servers that send invalid replies. test/interop/postfix-client.test.ts compares with
 * Postfix.
 */
import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import {
  type CommandTimeouts,
  type ForwardingCommand,
  SmtpSession,
} from '../../../src/delivery/client/smtp-session.ts';
import { SessionFault } from '../../../src/delivery/client/smtp-session-fault.ts';
import type { Fate } from '../../../src/delivery/client/smtp-session-transaction.ts';
import { replyText } from '../../../src/protocol/smtp/reply-reader.ts';
import { type LineServer, openLineServer } from './sink.ts';

const servers: LineServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

/**
 * The reply to a line with this prefix; null disconnects. Replies of a list are used once each, the last one for ever.
 */
type Answers = Readonly<Record<string, string | null | readonly string[]>>;
const GOOD: Answers = {
  EHLO: '250-there\r\n250 8BITMIME\r\n',
  LHLO: '250 there\r\n',
  MAIL: '250 ok\r\n',
  RCPT: '250 ok\r\n',
  DATA: '354 go\r\n',
  '.': '250 taken\r\n',
  RSET: '250 ok\r\n',
};

async function open(
  answers: Answers = {},
  options: { readonly lmtp?: boolean; readonly timeout?: number } = {},
): Promise<{ session: SmtpSession; server: LineServer }> {
  const all = { ...GOOD, ...answers };
  const said = new Map<string, number>();
  const server = await openLineServer((line, socket) => {
    const verb = Object.keys(all).find((name) => line === name || line.startsWith(`${name} `));
    if (verb === undefined) return;
    const times = said.get(verb) ?? 0;
    said.set(verb, times + 1);
    const answer = all[verb];
    const words = Array.isArray(answer) ? answer[Math.min(times, answer.length - 1)] : answer;
    if (typeof words !== 'string') socket.destroy();
    else socket.write(words, 'latin1');
  });
  servers.push(server);
  const ms = options.timeout ?? 10_000;
  const timeouts: CommandTimeouts = {
    EHLO: ms,
    STARTTLS: ms,
    XFORWARD: ms,
    MAIL: ms,
    RCPT: ms,
    DATA: ms,
    XFER: ms,
    BODY: ms,
    RSET: ms,
    QUIT: ms,
  };
  const session = await SmtpSession.open({
    listener: null,
    socket: connect(server.port, '127.0.0.1'),
    peerWords: 'there[127.0.0.1]',
    heloName: 'here',
    hello: options.lmtp === true ? 'LHLO' : 'EHLO',
    deadline: null,
    waitsForQuit: false,
    replyFilter: null,
    starttls: 'ignore',
    tls: () => ({}),
    faultOf: () => null,
    timeouts,
    ignoredKeywords: new Set(),
    warn: (message) => warnings.push(message),
  });
  return { session, server };
}

async function* body(text = 'Subject: x\r\n\r\nx\r\n'): AsyncGenerator<readonly Uint8Array[]> {
  yield [Buffer.from(text)];
}
const send = (
  session: SmtpSession,
  recipients: readonly string[] = ['a'],
  octets = body(),
  before: readonly ForwardingCommand[] = [],
): Promise<readonly Fate[]> =>
  session.send({
    before,
    mail: 'MAIL FROM:<x@y>',
    recipients: recipients.map((name) => `RCPT TO:<${name}@z>`),
    body: octets,
  });

const words = (fate: Fate): string =>
  'sent' in fate
    ? `sent ${replyText(fate.sent)}`
    : 'refused' in fate
      ? `${fate.stage} ${replyText(fate.refused)}`
      : `${fate.fault.stage} ${fate.fault.cause.kind}`;

const warnings: string[] = [];

describe('a transaction', () => {
  it('P17: whose XFORWARD is refused goes on; the log says so', async () => {
    for (const keyword of ['PIPELINING', 'HELP']) {
      const { session, server } = await open({ EHLO: `250-there\r\n250 ${keyword}\r\n`, XFORWARD: '501 5.5.4 no\r\n' });
      const before: readonly ForwardingCommand[] = [
        ['XFORWARD name', 'XFORWARD NAME=n'],
        ['XFORWARD helo', 'XFORWARD HELO=h'],
      ];
      const fates = await send(session, ['a', 'b'], body(), before);
      expect(fates.map(words)).toEqual(Array(2).fill(expect.stringMatching(/^sent /)));
      expect(server.lines.slice(1, 6).map((line) => line.slice(0, 12))).toEqual([
        'XFORWARD NAM',
        'XFORWARD HEL',
        'MAIL FROM:<x',
        'RCPT TO:<a@z',
        'RCPT TO:<b@z',
      ]);
      expect(warnings.splice(0)).toEqual([
        'host there[127.0.0.1] said: 501 5.5.4 no (in reply to XFORWARD name/address command)',
        'host there[127.0.0.1] said: 501 5.5.4 no (in reply to XFORWARD helo/protocol command)',
      ]);
      expect(session.protocolError).toBe(false);
      session.quit();
    }
  });

  it('is sent as one group of commands to a server with PIPELINING, and step by step otherwise', async () => {
    for (const keyword of ['PIPELINING', 'HELP']) {
      const { session, server } = await open({ EHLO: `250-there\r\n250 ${keyword}\r\n` });
      expect((await send(session, ['a', 'b'])).map(words)).toEqual(['sent 250 taken', 'sent 250 taken']);
      expect(server.lines).toEqual([
        'EHLO here',
        'MAIL FROM:<x@y>',
        'RCPT TO:<a@z>',
        'RCPT TO:<b@z>',
        'DATA',
        'Subject: x',
        '',
        'x',
        '.',
      ]);
      expect(session.usable).toBe(true);
    }
  });

  it('with thousands of recipients is sent in groups that fit into a buffer', async () => {
    const { session } = await open({ EHLO: '250-there\r\n250 PIPELINING\r\n' });
    const names = Array.from({ length: 3000 }, (_, i) => `recipient-${i}`);
    expect(new Set((await send(session, names)).map(words))).toEqual(new Set(['sent 250 taken']));
  });

  it('is ended with RSET if only its own commands were refused, and the session can be reused', async () => {
    const { session, server } = await open({ RCPT: ['550 5.1.1 who\r\n', '250 ok\r\n'] });
    expect((await send(session)).map(words)).toEqual(['RCPT 550 5.1.1 who']);
    expect(server.lines.at(-1)).toBe('RSET');
    expect(session.usable).toBe(true);
    expect((await send(session)).map(words)).toEqual(['sent 250 taken']);
  });

  it.each([
    ['DATA', '250 sure\r\n', 'DATA 250 sure'],
    ['MAIL', '354 go\r\n', 'MAIL 354 go'],
    ['RCPT', '354 go\r\n', 'RCPT 354 go'],
    ['MAIL', 'what\r\n450 no\r\n', 'MAIL what 450 no'],
  ])('sends no content if %s was answered with %j, and the session is not reused', async (verb, answer, expected) => {
    const { session, server } = await open({ [verb]: answer });
    expect((await send(session)).map(words)).toEqual([expected]);
    expect(server.lines).not.toContain('Subject: x');
    expect(server.lines.at(-1)).toBe('RSET');
    expect([session.usable, session.protocolError]).toEqual([false, true]);
    expect(session.transcript).toContain(` In:  ${answer.split('\r\n')[0]}`);
  });

  it('is not ended after a server has accepted it too early: it is unknown what the server took', async () => {
    const { session, server } = await open({ DATA: '354 go\r\n250 thank you\r\n' });
    const [fate] = await send(session);
    expect(fate !== undefined && 'fault' in fate ? fate.fault.cause : null).toEqual({
      kind: 'policy',
      enhanced: '4.5.0',
      words: 'Protocol error: host there[127.0.0.1] said before the end of the message: 250 thank you',
    });
    expect(server.lines).not.toContain('.');
  });

  it('whose content fails halfway is not ended', async () => {
    const { session, server } = await open();
    async function* broken(): AsyncGenerator<readonly Uint8Array[]> {
      yield [Buffer.from('Subject: x\r\n')];
      throw new Error('the disk is gone');
    }
    expect((await send(session, ['a'], broken())).map(words)).toEqual(['body content']);
    expect(server.lines).not.toContain('.');
  });

  it('over LMTP gets one reply per accepted recipient', async () => {
    const { session } = await open(
      { RCPT: ['250 ok\r\n', '550 5.1.1 who\r\n', '250 ok\r\n'], '.': '250 one\r\n452 4.2.2 full\r\n' },
      { lmtp: true },
    );
    expect((await send(session, ['a', 'b', 'c'])).map(words)).toEqual([
      'sent 250 one',
      'RCPT 550 5.1.1 who',
      'end 452 4.2.2 full',
    ]);
  });
});

describe('a session', () => {
  const faultOf = async (answers: Answers, options = {}): Promise<string> =>
    open(answers, options).then(
      () => 'none',
      (fault: unknown) => (fault instanceof SessionFault ? `${fault.stage} ${fault.cause.kind}` : String(fault)),
    );

  it('ends if neither EHLO nor HELO is accepted, if the server does not answer, and if the reply is endless', async () => {
    expect(await faultOf({ EHLO: '502 no\r\n', HELO: '550 no\r\n' })).toBe('HELO refused');
    expect(await faultOf({ EHLO: null })).toBe('EHLO lost');
    expect(await faultOf({ EHLO: '250-and so on\r\n' }, { timeout: 50 })).toBe('EHLO timeout');
    expect(await faultOf({ EHLO: '250-and so on\r\n'.repeat(100_000) })).toBe('EHLO flood');
  });

  it('that was kept is checked before it is reused', async () => {
    const good = await open();
    expect(await good.session.probe()).toBe(true);
    for (const RSET of ['421 timeout\r\n', '250 ok\r\n250 more\r\n', null]) {
      const { session } = await open({ RSET });
      expect(await session.probe()).toBe(false);
    }
  });

  it('that is aborted fails its transaction', async () => {
    const { session, server } = await open({ DATA: '' });
    const sent = send(session);
    while (!server.lines.includes('DATA')) await new Promise((resolve) => setImmediate(resolve));
    session.destroy();
    expect((await sent).map(words)).toEqual(['DATA lost']);
  });
});
