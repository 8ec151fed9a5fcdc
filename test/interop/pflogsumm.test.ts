/** A day of mixed mail through a real Postfix and through ours: pflogsumm and logwatch count the same in both logs. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { temporaryFolder } from '../kit/folder.ts';
import { EHLO, MAIL, mail } from './differential/cases.ts';
import { type Sides, startSides } from './differential/sides.ts';
import { ran, until } from './program.ts';

/** Their notifications go to our own users, who take them on both sides. */
const FROM = 'MAIL FROM:<maomao@ours.test>';
const to = (...addresses: readonly string[]): string[] => addresses.map((address) => `RCPT TO:<${address}>`);

const DIALOGS: readonly (readonly string[])[] = [
  mail({ mail: FROM }),
  mail({ mail: FROM, rcpt: to('xixi@ours.test', 'maomao@ours.test') }),
  mail({ mail: 'MAIL FROM:<>' }),
  mail({ mail: FROM, rcpt: to('late@ours.test') }),
  mail({ mail: FROM, rcpt: to('gone@ours.test', 'xixi@ours.test') }),
  [EHLO, MAIL, ...to('nobody@ours.test', 'xixi@ours.test'), 'RSET', 'QUIT'],
  [EHLO, 'MAIL FROM:<a@bad.test>', ...to('xixi@ours.test'), 'QUIT'],
  ['EHLO bad.helo.test', MAIL, ...to('xixi@ours.test'), 'QUIT'],
  [EHLO, MAIL, ...to('xixi@ours.test'), 'DATA', 'Subject: s\r\nX-Bad: yes\r\n\r\nbody\r\n.', 'QUIT'],
  [EHLO, MAIL, ...to('xixi@ours.test'), 'DATA', 'Subject: s\r\nX-Odd: yes\r\n\r\nbody\r\n.', 'QUIT'],
  ['GET / HTTP/1.0'],
];
const ABROAD = [EHLO, MAIL, ...to('a@far.test'), 'QUIT'];
/** Messages that come to an end: those above, and the notification. */
const REMOVED = 6;

let sides: Sides;
beforeAll(async () => {
  sides = await startSides({
    name: 'pflogsumm',
    main: [
      'virtual_alias_maps = inline:{gone@ours.test=a@error.test, late@ours.test=a@later.test}',
      'transport_maps = inline:{{later.test = retry:4.4.1 not today}, {error.test = error:5.1.2 no such place}}',
      'smtpd_sender_restrictions = check_sender_access inline:{{bad.test = REJECT go away}}',
      'smtpd_helo_restrictions = check_helo_access inline:{{bad.helo.test = 450 later}}',
      'header_checks = regexp:{{/^X-Bad:/ REJECT no}, {/^X-Odd:/ WARN odd}}',
      'smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination',
    ],
    services: { plain: [] },
  });
});
afterAll(() => sides?.stop());

/** What is counted and the reasons; not the octets, which differ by the Received: lines, nor the start of the daemon. */
async function summary(file: string): Promise<string[]> {
  const text = await ran('pflogsumm', ['--problems_first', '--verbose_msg_detail', file]);
  const sections = text.split(/\n(?=Master daemon messages|Senders by message)/);
  return sections
    .filter((_, i) => i === 0 || i === 2)
    .flatMap((section) => section.split('\n').filter((line) => !line.includes('bytes')));
}

/** The same of logwatch's script for Postfix. Our queue ids are those of `enable_long_queue_ids = yes`. */
async function watched(file: string, options: readonly string[]): Promise<string[]> {
  const text = await ran('perl', ['/usr/share/logwatch/scripts/services/postfix', '--detail', '10', ...options, file]);
  const [counted = ''] = text.split('=== Delivery Delays Percentiles');
  return counted.split('\n').filter((line) => !/Bytes|Postfix start|^ *$/.test(line));
}

it('P19: pflogsumm and logwatch count received, delivered, deferred, bounced and rejected mail as of Postfix', async () => {
  for (const says of DIALOGS) await sides.play({ service: 'plain', says });
  await sides.play({ service: 'plain', client: '127.0.0.9', says: ABROAD });
  const done = (log: string): boolean =>
    (log.match(/: removed$/gm)?.length ?? 0) >= REMOVED &&
    (log.match(/: disconnect from /g)?.length ?? 0) > DIALOGS.length &&
    log.includes('status=deferred');
  await until('both logs', async () => done(sides.logs().ours) && done(sides.logs().theirs));
  const logs = sides.logs();
  const folder = temporaryFolder('pflogsumm');
  const [ours, theirs] = [join(folder, 'ours'), join(folder, 'theirs')];
  writeFileSync(ours, logs.ours);
  writeFileSync(theirs, logs.theirs);
  expect(await summary(ours)).toEqual(await summary(theirs));
  const seen = await watched(ours, ['--long_queue_ids']);
  expect(seen).toEqual(await watched(theirs, []));
  expect(seen.some((line) => /^ *7 +Delivered +7 *$/.test(line))).toBe(true);
});
