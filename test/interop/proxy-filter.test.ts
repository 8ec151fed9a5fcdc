/**
 * A filter before the queue (smtpd_proxy_filter) that follows a script, behind a real Postfix and behind ours: the
 * client hears the same, the filter is told the same and gets the same message, the log says the same.
 */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LineClient } from '../../src/lab/line-client.ts';
import { sayAll } from './conversation.ts';
import { EHLO, MAIL, MESSAGE, RCPT } from './differential/cases.ts';
import { type Sides, startSides } from './differential/sides.ts';
import { until } from './program.ts';
import { openPeer, type Peer, type Script } from './scripted-peer.ts';

const TWO = 'RCPT TO:<maomao@ours.test> NOTIFY=NEVER';
const SAYS = [
  EHLO,
  'MAIL FROM:<a@sender.test> SIZE=100 BODY=8BITMIME',
  RCPT,
  'RCPT TO:<nobody@ours.test>',
  TWO,
  'DATA',
  MESSAGE,
  'NOOP',
  'QUIT',
];
const FORWARDING = '250-filter\r\n250-XFORWARD NAME ADDR PORT PROTO HELO IDENT SOURCE\r\n250 8BITMIME\r\n';

interface Case {
  readonly script: Script;
  readonly says?: readonly string[];
  readonly services?: readonly string[];
}

const CASES: Readonly<Record<string, Case>> = {
  'takes it': { script: {} },
  'wants to know of the client': { script: { EHLO: FORWARDING, XFORWARD: '250 2.0.0 Ok\r\n' } },
  'wants to know a little of the client': {
    script: { EHLO: '250-filter\r\n250 XFORWARD NAME ADDR\r\n', XFORWARD: '250 2.0.0 Ok\r\n' },
  },
  'is told what the client forwards': {
    script: { EHLO: FORWARDING, XFORWARD: '250 2.0.0 Ok\r\n' },
    says: [EHLO, 'XFORWARD NAME=c.test ADDR=192.0.2.1 HELO=a+20b', ...SAYS.slice(1)],
  },
  'refuses XFORWARD': { script: { EHLO: FORWARDING, XFORWARD: '550 no\r\n' } },
  'refuses at once': { script: { greeting: '554 no way\r\n' } },
  'refuses EHLO': { script: { EHLO: '500 no\r\n' } },
  'refuses the sender': { script: { MAIL: '550 5.7.1 no\r\n' } },
  'answers MAIL oddly': { script: { MAIL: '354 odd\r\n' } },
  'refuses recipients': { script: { RCPT: '450 4.7.1 later\r\n' } },
  'refuses one recipient': { script: { RCPT: ['550-5.1.1 no\r\n550 5.1.1 never\r\n', '250 2.1.5 Ok\r\n'] } },
  'takes a recipient with 251': { script: { RCPT: '251 elsewhere\r\n' } },
  'refuses DATA': { script: { DATA: '550 no data\r\n' } },
  'answers DATA oddly': { script: { DATA: '250 odd\r\n' } },
  'refuses the message': { script: { end: '554-5.7.1 spam\r\n554 5.7.1 more\r\n' } },
  'defers the message': { script: { end: '451 later\r\n' } },
  'answers 250 without enhanced code': { script: { end: '250 fine\r\n' } },
  'closes at once': { script: { greeting: null } },
  'closes at MAIL': { script: { MAIL: null } },
  'closes at RCPT': { script: { RCPT: null } },
  'closes at DATA': { script: { DATA: null } },
  'closes at the end': { script: { end: null } },
  'hangs at once': { script: { greeting: '' }, services: ['short'] },
  'hangs at RCPT': { script: { RCPT: '' }, services: ['short'] },
  'hangs at the end': { script: { end: '' }, services: ['short'] },
  'gets chunks': {
    script: {},
    says: [EHLO, MAIL, RCPT, 'BDAT 9\r\nSubject: ', 'BDAT 10 LAST\r\ns\r\n\r\n..x\r\n', 'QUIT'],
  },
  'gets two messages': {
    script: {},
    says: [...SAYS.slice(0, -1), MAIL, RCPT, 'RSET', MAIL, TWO, 'DATA', MESSAGE, 'QUIT'],
  },
  'gets dots and long lines': {
    script: {},
    says: [EHLO, MAIL, RCPT, 'DATA', `Subject: s\r\n\r\n...\r\n..x\r\n${'y'.repeat(5000)}\r\n.`, 'QUIT'],
  },
  'gets what access tables leave': {
    script: {},
    says: ['hold', 'discard', 'filter', 'redirect', 'prepend', 'bcc'].flatMap((action, i) => [
      ...(i === 0 ? [EHLO] : []),
      `MAIL FROM:<${action}@access.test>`,
      RCPT,
      'DATA',
      MESSAGE,
    ]),
  },
  'is not told of what is refused at the end of the message': {
    script: {},
    says: [EHLO, MAIL, RCPT, 'DATA', MESSAGE, 'QUIT'],
    services: ['judged', 'judgedLate'],
  },
};

const ACCESS = [
  'hold@access.test HOLD',
  'discard@access.test DISCARD',
  'filter@access.test FILTER smtp:[127.0.0.1]:9',
  'redirect@access.test REDIRECT other@else.test',
  'prepend@access.test PREPEND X-Before: yes',
  'bcc@access.test BCC other@else.test',
];

let script: Script = {};
let peer: Peer;
let sides: Sides;

beforeAll(async () => {
  peer = await openPeer(() => script, { key: '', cert: '' });
  const filter = `smtpd_proxy_filter = 127.0.0.1:${peer.port}`;
  const late = 'smtpd_proxy_options = speed_adjust';
  const judging = 'smtpd_end_of_data_restrictions = reject';
  sides = await startSides({
    name: 'proxy-filter',
    main: [
      filter,
      'message_size_limit = 10000',
      'smtpd_authorized_xforward_hosts = 127.0.0.1',
      'smtpd_sender_restrictions = check_sender_access texthash:$config_directory/access',
    ],
    files: { access: `${ACCESS.join('\n')}\n` },
    services: {
      direct: [],
      adjusted: [late],
      short: ['smtpd_proxy_timeout = 1s'],
      judged: [judging],
      judgedLate: [late, judging],
      nobody: ['smtpd_proxy_filter = 127.0.0.1:1'],
    },
  });
});
afterAll(async () => {
  await sides?.stop();
  await peer?.close();
});

const common = (text: string): string =>
  text
    .replace(/\w{3}, \d+ \w{3} \d{4} [\d:]+ [-+]\d{4} \(\w+\)/, 'DATE')
    .replace(/PORT=\d+/g, 'PORT=N')
    .replace(/\((?:Postfix|Posthorn)\)/, '(NAME)');

const smtpdSays = (log: string): string[] =>
  log.split('\n').flatMap((line) => {
    const [, said] = /smtpd\[\d+\]: (.*)$/.exec(line) ?? [];
    return said === undefined || /^(?:dis)?connect from|^warning: (?:non-SMTP|access table)/.test(said)
      ? []
      : [common(said)];
  });

async function play(side: 'ours' | 'theirs', service: string, says: readonly string[]) {
  peer.sessions.length = 0;
  const log = (): string => sides.logs()[side];
  const sessions = (): number => log().split('disconnect from').length;
  const [before, over] = [smtpdSays(log()).length, sessions()];
  const client = await LineClient.connect({ host: '127.0.0.1', port: sides.ports(service)[side], timeoutMs: 20_000 });
  const replies: string[] = [];
  try {
    await sayAll(client, says, replies, (answer, line) => (line === EHLO ? answer.slice(0, 3) : answer));
  } catch {
    replies.push('(closed)');
  } finally {
    client.close();
  }
  await until('the sessions to be over', async () => sessions() > over && peer.sessions.every(({ isOver }) => isOver));
  return {
    replies,
    told: peer.sessions.map(({ commands, bodies }) => ({ commands: commands.map(common), bodies: bodies.map(common) })),
    log: smtpdSays(log()).slice(before),
  };
}

async function compare(service: string, says: readonly string[]): Promise<void> {
  const ours = await play('ours', service, says);
  expect(ours).toEqual(await play('theirs', service, says));
}

describe('P9: a filter before the queue, beside Postfix', () => {
  const cases = Object.entries(CASES).flatMap(([name, one]) =>
    (one.services ?? ['direct', 'adjusted']).map((service) => [service, name, one] as const),
  );
  it.each(cases)('%s: one that %s', async (service, _name, one) => {
    script = one.script;
    await compare(service, one.says ?? SAYS);
  });

  it.each(['direct', 'adjusted'])('%s: one that gets no end of a message that is too large', async (service) => {
    script = {};
    const says = [EHLO, MAIL, RCPT, 'DATA', `Subject: s\r\n\r\n${'y'.repeat(20_000)}\r\n.`, 'NOOP', 'QUIT'];
    const ours = await play('ours', service, says);
    expect(ours.told.flatMap(({ commands }) => commands)).not.toContain('.');
    expect(ours.replies).toEqual((await play('theirs', service, says)).replies);
  });

  it('one that answers with rubbish is not believed, nor is its rubbish passed on', async () => {
    script = { RCPT: 'rubbish\r\n250 2.1.5 Ok\r\n' };
    const { replies } = await play('ours', 'direct', [EHLO, MAIL, RCPT, 'QUIT']);
    expect(replies).toContain('451 4.3.0 Error: queue file write error');
    const theirs = await play('theirs', 'direct', [EHLO, MAIL, RCPT, 'QUIT']);
    expect(theirs.replies).not.toContain('250 2.1.5 Ok');
  });

  it('one that is not there', async () => {
    await compare('nobody', SAYS);
  });
});
