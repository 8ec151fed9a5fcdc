/** Scripts for a milter, and what a client says meanwhile; played with a real Postfix and with ours. */
import { ALL_ACTIONS, type Answer, type MilterScript, uint32 } from '../kit/scripted-milter.ts';

export interface MilterCase {
  readonly name: string;
  readonly script: MilterScript;
  readonly says: readonly string[];
}

const MAIL = 'MAIL FROM:<a@x.test> BODY=8BITMIME';
const TO = 'RCPT TO:<b@else.test>';
const TO_TWO = 'RCPT TO:<c@else.test> NOTIFY=NEVER';
const TEXT =
  'Subject: hi\r\nX-A:  two\r\n\tfolded\r\nX-B:none\r\nX-T:\ttab\r\nX-Same: 1\r\nX-Same: 2\r\n\r\nbody\r\n..dot\r\n.';
const MESSAGE = [MAIL, TO, TO_TWO, 'DATA', TEXT];
const WHOLE = ['EHLO c.test', ...MESSAGE, 'QUIT'];

const at = (letter: string, ...answers: readonly Answer[]): MilterScript => ({ answers: { [letter]: answers } });

const change = (name: string, ...changes: readonly string[]): MilterCase => ({
  name,
  script: at('E', ...changes, 'c'),
  says: WHOLE,
});

const CHANGES: readonly MilterCase[] = [
  change('adds fields', 'hX-Add\0v\0', 'hX-Add\0 v\n\tmore\0'),
  change(
    'inserts fields',
    `i${uint32(0)}X-I\0a\0`,
    `i${uint32(1)}X-I\0b\0`,
    `i${uint32(3)}X-I\0c\0`,
    `i${uint32(99)}X-I\0d\0`,
  ),
  change(
    'changes fields',
    `m${uint32(1)}Subject\0new\0`,
    `m${uint32(0)}x-a\0z\0`,
    `m${uint32(2)}X-Same\0b\0`,
    `m${uint32(3)}X-Same\0c\0`,
  ),
  change(
    'deletes fields',
    `m${uint32(1)}X-Same\0\0`,
    `m${uint32(1)}X-Same\0\0`,
    `m${uint32(1)}X-None\0\0`,
    `m${uint32(1)}Received\0\0`,
  ),
  change('replaces the body', 'bnew\r\nbo', 'bdy\r\n'),
  change('adds recipients', '+<d@else.test>\0', '+e@else.test\0', '2<f@else.test>\0NOTIFY=NEVER\0'),
  change('deletes a recipient', '-<b@else.test>\0'),
  change('changes the sender', 'e<new@x.test>\0'),
  change('changes the sender to none', 'e<>\0'),
  change('says that it lives', 'p', 'p'),
  change(
    'changes all at once',
    'bx\r\n',
    'hX-Add\0v\0',
    '-<b@else.test>\0',
    '+<d@else.test>\0',
    'e<n@x.test>\0',
    `m${uint32(1)}Subject\0new\0`,
  ),
];

const VERDICTS: readonly (readonly [string, Answer])[] = [
  ['rejects', 'r'],
  ['tempfails', 't'],
  ['accepts', 'a'],
  ['discards', 'd'],
  ['says 550', 'y550 5.7.9 my text\0'],
  ['says 450', 'y450 4.2.2 my text\0'],
  ['says two lines', 'y550-5.7.9 one\r\n550 5.7.9 100%% two\0'],
  ['says 421', 'y421 4.3.2 go away\0'],
  ['says nonsense', 'ynonsense\0'],
  ['is odd', 'z'],
  ['changes too early', 'hA\0b\0'],
  ['fails the connection', 'f'],
  ['closes', 'close'],
  ['sends rubbish', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
  ['announces 1 GB', Buffer.from([0x40, 0, 0, 0, 0x63])],
];

const STEPS = 'CHMRTUNE';
const judged = (step: string): readonly string[] => (step === 'U' ? ['EHLO c.test', 'FOO bar', 'QUIT'] : WHOLE);

export const CASES: readonly MilterCase[] = [
  {
    name: 'is told everything',
    script: {},
    says: [
      'EHLO c.test',
      ...MESSAGE,
      'FOO bar',
      'RSET',
      'MAIL FROM:<>',
      TO,
      'RSET',
      'HELO again',
      'MAIL FROM:<q@x.test>',
      'QUIT',
    ],
  },
  { name: 'two messages', script: {}, says: ['EHLO c.test', ...MESSAGE, ...MESSAGE, 'QUIT'] },
  {
    name: 'leading space, refused recipients, macros of its own',
    script: {
      protocol: 0x10_0000 | 0x800,
      symbols: `${uint32(0)}j {client_addr} {client_name} {client_ptr} {client_resolve} {client_connections} {nonsense}\0${uint32(3)}i {rcpt_addr} {rcpt_host} {rcpt_mailer}\0${uint32(5)}i {mail_addr} {client_addr} {rcpt_addr}\0`,
      answers: { E: ['hX-Add\0 v\0', 'hX-Add\0w\0', 'c'] },
    },
    says: ['EHLO c.test', MAIL, 'RCPT TO:<nobody@ours.test>', TO, 'RCPT TO:<nobody@ours.test>', 'DATA', TEXT, 'QUIT'],
  },
  { name: 'answers nothing', script: { protocol: 0xf_f080 }, says: WHOLE },
  { name: 'wants nothing', script: { protocol: 0x37f }, says: WHOLE },
  { name: 'skips the body', script: { protocol: 0x400, answers: { B: ['s'] } }, says: WHOLE },
  { name: 'an old milter', script: { version: 2, actions: 0x3f }, says: WHOLE },
  { name: 'a milter of version 4', script: { version: 4, actions: 0x3f }, says: WHOLE },
  { name: 'only some actions', script: { actions: ALL_ACTIONS & ~0x40 }, says: WHOLE },
  ...CHANGES,
  ...VERDICTS.flatMap(([name, answer]) =>
    [...STEPS]
      // After `accept` at an unknown command, Postfix 3.7 panics at MAIL; after `discard` at MAIL and RCPT it asks nobody.
      .filter((step) => !(step === 'U' && answer === 'a') && !(step === 'E' && answer === 'hA\0b\0'))
      .map((step) => ({ name: `${name} at ${step}`, script: at(step, answer), says: judged(step) })),
  ),
];
