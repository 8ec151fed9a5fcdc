/** P4: as Postfix 3.7 decided about the same users, lists and senders. */
import { describe, expect, it } from 'vitest';
import { maySendAs, unauthorized } from '../../src/lookup/local-users.ts';
import { tablesOf } from '../delivery/house.ts';
import { parametersOf } from '../kit/parameters.ts';

const ROOT = 0;
/** No user has it. */
const STRANGER = 4_242_424;

describe('P4: authorized_submit_users', () => {
  const tables = tablesOf({ 'static:anyone': () => 'x', 'x:users': { root: '' } });
  it.each([
    ['static:anyone', ROOT, null],
    ['', ROOT, 'root'],
    ['other', ROOT, 'root'],
    ['other, Root', ROOT, null],
    ['!root, static:anyone', ROOT, 'root'],
    ['x:users', ROOT, null],
    ['!x:users, static:anyone', ROOT, 'root'],
    ['root', STRANGER, 'unknown'],
    ['root, unknown', STRANGER, null],
  ])('%s of %i', async (list, uid, refused) => {
    const parameters = parametersOf({ authorized_submit_users: list });
    expect(await unauthorized('authorized_submit_users', uid, { parameters, tables })).toBe(refused);
  });
});

describe('P4: local_login_sender_maps', () => {
  const tables = tablesOf({
    'x:none': {},
    'x:a': { root: 'u1@ours.test, @sub.test' },
    'x:b': { root: 'u1 a+b@c.test @', [`uid:${STRANGER}`]: '*' },
    'x:c': { root: '"q q"@x.test <>' },
  });
  it.each([
    ['x:a', 'u1', false],
    ['x:a', 'U1@Ours.test', true],
    ['x:a', 'u1+x@ours.test', true],
    ['x:a', 'x@sub.test', true],
    ['x:a', 'x@a.sub.test', false],
    ['x:a', 'other@ours.test', false],
    ['x:a', '', false],
    ['x:b', 'U1+x', true],
    ['x:b', 'u1@ours.test', false],
    ['x:b', 'a@c.test', false],
    ['x:b', 'a+b@c.test', false],
    ['x:c', '"q q"@x.test', true],
    ['x:c', '', true],
    ['x:none x:a', 'x@sub.test', true],
    ['x:none', 'root', false],
  ])('%s of root <%s>', async (maps, sender, may) => {
    const parameters = parametersOf({ local_login_sender_maps: maps, recipient_delimiter: '+' });
    expect(await maySendAs(sender, ROOT, { parameters, tables })).toBe(may);
  });

  it('a user without a name is looked for by uid:NUMBER', async () => {
    const parameters = parametersOf({ local_login_sender_maps: 'x:b' });
    expect(await maySendAs('z@q.test', STRANGER, { parameters, tables })).toBe(true);
  });
});
