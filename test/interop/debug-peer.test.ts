/** debug_peer_list beside a real Postfix: the dialog of the clients in the list, and of nobody else, is in the log (P22). */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Sides, startSides } from './differential/sides.ts';

let sides: Sides;
beforeAll(async () => {
  sides = await startSides({
    name: 'debug peers',
    main: ['debug_peer_list = 127.0.0.3, 127.0.7.0/24', 'debug_peer_level = 2'],
    services: { smtp: [] },
  });
});
afterAll(() => sides.stop());

/** `< unknown[127.0.0.3]: EHLO x`, `> …`; what differs by nature is replaced. */
const dialogOf = (log: string): readonly string[] =>
  log
    .split('\n')
    .map((line) => line.replace(/^.*?\[\d+\]: /, ''))
    .filter((line) => /^[<>] /.test(line))
    .map((line) => line.replace(/queued as \S+/, 'queued as ID').replace(/(ESMTP) .*/, '$1'));

it('P22: the dialog is logged as Postfix logs it', async () => {
  for (const client of ['127.0.0.3', '127.0.0.4', '127.0.7.9'])
    await sides.play({
      service: 'smtp',
      client,
      says: [
        'HELO debugged.test',
        'MAIL FROM:<a@b.test>',
        'RCPT TO:<xixi@ours.test>',
        'RCPT TO:<x@far.test>',
        'RSET',
        'QUIT',
      ],
    });
  await expect
    .poll(() => {
      const { ours, theirs } = sides.logs();
      return [ours, theirs].every((log) => log.includes(': disconnect from unknown[127.0.7.9]'));
    })
    .toBe(true);
  const { ours, theirs } = sides.logs();
  expect(dialogOf(theirs).length).toBeGreaterThan(20);
  expect(dialogOf(ours)).toEqual(dialogOf(theirs));
});
