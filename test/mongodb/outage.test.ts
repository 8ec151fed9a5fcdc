import { expect, test } from 'vitest';
import { Outage } from '../../src/store/backend/mongodb/database/outage.ts';
import { MailboxError } from '../../src/store/mailboxes.ts';
import { StoreUnavailableError } from '../../src/store/store.ts';
import { recordLog } from '../kit/log.ts';

function observe() {
  const { log, lines } = recordLog();
  const time = { now: 0 };
  const outage = new Outage({ log, where: 'posthorn at db1:27017', clock: () => time.now });
  let overs = 0;
  outage.onOver(() => {
    overs += 1;
  });
  /** Seconds go by, with a heartbeat in each. */
  const beat = (seconds: number): void => {
    for (let i = 0; i < seconds; i += 1) {
      time.now += 1000;
      outage.works();
    }
  };
  return { outage, lines, time, beat, overs: () => overs };
}

/** As the driver's. */
const thrown = (code: number, message: string): Error => Object.assign(new Error(message), { code });
const away = thrown(10_107, 'no primary');

test('an outage has one line at its beginning and one at its end', () => {
  const { outage, lines, time, beat, overs } = observe();
  beat(3);
  expect(lines).toEqual([]);
  for (let i = 0; i < 30; i += 1) {
    time.now += 1000;
    expect(outage.failed(away)).toBe(true);
  }
  beat(5);
  expect(lines).toEqual([
    'error: the database cannot be reached: no primary; posthorn at db1:27017: until it is back, mail and logins get temporary errors',
  ]);
  expect(overs()).toBe(0);
  beat(10);
  expect(lines.slice(1)).toEqual([
    expect.stringMatching(
      /^info: the database is back after 30 s, since \d{4}-\d\d-\d\dT[^ ]+; posthorn at db1:27017$/,
    ),
  ]);
  expect(overs()).toBe(1);
});

test('it lasts as long as something fails, though heartbeats are written', () => {
  const { outage, lines, beat } = observe();
  for (let i = 0; i < 10; i += 1) {
    outage.failed(thrown(13, 'not authorized'));
    beat(3);
  }
  expect(lines).toHaveLength(1);
  beat(6);
  expect(lines).toHaveLength(2);
});

test('a full disk is one, a refusal of a mailbox and an error of ours are none', () => {
  const { outage, lines } = observe();
  expect(outage.failed(new MailboxError('overquota', 'full'))).toBe(false);
  expect(outage.failed(new Error('a bug'))).toBe(false);
  expect(outage.failed(new StoreUnavailableError('of the store itself'))).toBe(false);
  expect(lines).toEqual([]);
  expect(outage.failed(thrown(14_031, 'no space'))).toBe(true);
  expect(lines).toHaveLength(1);
});
