import { describe, expect, it } from 'vitest';
import { type Kind, Traffic } from '../../src/traffic/traffic.ts';

const NOON = Date.parse('2026-11-27T12:00:00.000Z');
const line = (fields: object, minute = 1): string =>
  JSON.stringify({ level: 'info', time: new Date(NOON + minute * 60_000).toISOString(), ...fields });
const about = (queueId: string, words: string, minute = 1): string =>
  line({ queueId, msg: `${queueId}: ${words}` }, minute);
const refused = (reject: object): string =>
  line({ session: 's', reject, msg: 'NOQUEUE: reject: RCPT from x[1.2.3.4]: …' });

/** A message of xixi with two recipients, one of them deferred and then bounced. */
const XIXI = [
  about('A1', 'client=pc.example[192.0.2.7], sasl_method=PLAIN, sasl_username=xixi, orig_queue_id=Q'),
  about('A1', 'message-id=<a@b>'),
  about('A1', 'from=<xixi@Ours.test>, size=1000, nrcpt=2 (queue active)'),
  about(
    'A1',
    'to=<maomao@ours.test>, relay=local, delay=0, delays=0/0/0/0, dsn=2.0.0, status=sent (delivered to mailbox)',
  ),
  about(
    'A1',
    'to=<x@far.test>, orig_to=<x@alias.test>, relay=none, delay=1, delays=0/0/1/0, dsn=4.4.1, status=deferred (no)',
  ),
  about('A1', 'from=<xixi@Ours.test>, size=1000, nrcpt=1 (queue active)'),
  about(
    'A1',
    'to=<x@far.test>, relay=far[192.0.2.9]:25, delay=1, delays=0/0/1/0, dsn=5.1.1, status=bounced (host said: status=sent (no))',
  ),
  about('A1', 'removed'),
];
/** A stranger's, and the notification about it. */
const OTHERS = [
  about('B1', 'client=unknown[2001:db8::1]'),
  about('B1', 'message-id=<b@b>'),
  about('B1', 'from=<a@far.test>, size=500, nrcpt=1 (queue active)'),
  about(
    'B1',
    'to=<maomao@ours.test>, relay=local, delay=0, delays=0/0/0/0, dsn=2.0.0, status=sent (delivered to mailbox)',
  ),
  about('B1', 'removed'),
  about('C1', 'message-id=<c@b>'),
  about('C1', 'from=<>, size=300, nrcpt=1 (queue active)'),
  about('D1', 'uid=1000 from=<root>'),
  about('D1', 'message-id=<d@b>'),
  about('D1', 'from=<root@ours.test>, size=200, nrcpt=1 (queue active)'),
  refused({ client: '203.0.113.5', user: '', sender: 'Spam@bad.test', recipient: 'nobody@ours.test' }),
  refused({ client: '203.0.113.5', user: '', sender: 'spam@bad.test', recipient: 'none@ours.test' }),
  refused({ client: '192.0.2.7', user: 'xixi', sender: 'xixi@ours.test', recipient: 'x@far.test' }),
];

function count(kind: Kind, lines: readonly string[], since = NOON): Record<string, readonly number[]> {
  const traffic = new Traffic(kind, since);
  for (const one of lines) traffic.read(one);
  return Object.fromEntries(
    traffic.rows.map(({ key, messages, recipients, octets, sent, deferred, bounced, rejected }) => [
      key,
      [messages, recipients, octets, sent, deferred, bounced, rejected],
    ]),
  );
}

describe('who sent how much', () => {
  it.each<[Kind, Record<string, readonly number[]>]>([
    ['user', { xixi: [1, 2, 1000, 1, 1, 1, 1], '-': [2, 2, 800, 1, 0, 0, 2], 'uid=1000': [1, 1, 200, 0, 0, 0, 0] }],
    [
      'client',
      {
        '192.0.2.7': [1, 2, 1000, 1, 1, 1, 1],
        '-': [2, 2, 500, 0, 0, 0, 0],
        '2001:db8::1': [1, 1, 500, 1, 0, 0, 0],
        '203.0.113.5': [0, 0, 0, 0, 0, 0, 2],
      },
    ],
    [
      'sender',
      {
        'xixi@ours.test': [1, 2, 1000, 1, 1, 1, 1],
        '<>': [1, 1, 300, 0, 0, 0, 0],
        'a@far.test': [1, 1, 500, 1, 0, 0, 0],
        'root@ours.test': [1, 1, 200, 0, 0, 0, 0],
        'spam@bad.test': [0, 0, 0, 0, 0, 0, 2],
      },
    ],
    [
      'domain',
      {
        'ours.test': [2, 3, 1200, 1, 1, 1, 1],
        '-': [1, 1, 300, 0, 0, 0, 0],
        'far.test': [1, 1, 500, 1, 0, 0, 0],
        'bad.test': [0, 0, 0, 0, 0, 0, 2],
      },
    ],
    ['recipient-domain', { 'ours.test': [2, 2, 1500, 2, 0, 0, 2], 'far.test': [1, 1, 1000, 0, 1, 1, 1] }],
  ])('G11: by %s', (kind, expected) => {
    expect(count(kind, [...XIXI, ...OTHERS])).toEqual(expected);
  });

  it('has those who sent to the most recipients first', () => {
    const traffic = new Traffic('user', NOON);
    for (const one of [...OTHERS, ...XIXI]) traffic.read(one);
    expect(traffic.rows.map(({ key }) => key)).toEqual(['-', 'xixi', 'uid=1000']);
  });

  it('counts nothing that was before, and a message that becomes active again only by its results', () => {
    expect(count('user', XIXI, NOON + 120_000)).toEqual({});
    const again = XIXI.slice(5);
    expect(count('sender', again)).toEqual({ 'xixi@ours.test': [0, 0, 0, 0, 0, 1, 0] });
  });

  it('passes over what is no line of the log, and is not misled by what clients chose', () => {
    const strange = [
      '',
      '{',
      '{"msg":1}',
      'null "reject":',
      line({ reject: { client: 1 }, msg: 'x' }),
      'x status=sent (',
    ];
    expect(count('user', strange)).toEqual({});
    const helo = about(
      'NOQUEUE',
      'reject: RCPT from x[1.2.3.4]: 550 no; from=<a@b> proto=ESMTP helo=<, status=sent (>',
    );
    expect(count('user', [helo])).toEqual({});
  });

  it('keeps a bounded number of keys and messages', () => {
    const traffic = new Traffic('client', NOON);
    for (let i = 0; i < 100_010; i += 1)
      traffic.read(refused({ client: String(i), user: '', sender: '', recipient: '' }));
    const { rows } = traffic;
    expect(rows).toHaveLength(100_001);
    expect(rows.find(({ key }) => key === '(others)')?.rejected).toBe(10);
  });
});
