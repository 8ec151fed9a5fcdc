/** Accounts that are made with their first message. */
import { afterEach, describe, expect, it } from 'vitest';
import { type HouseOptions, openHouse, type TestHouse, tablesOf } from '../house.ts';

let house: TestHouse;
const open = async (settings: HouseOptions['settings']): Promise<void> => {
  const users: Readonly<Record<string, string>> = { 'lisi@qq.com': 'lisi/', '@qq.com': 'all/', wang: 'x' };
  house = await openHouse({
    settings: {
      recipient_delimiter: '+',
      virtual_mailbox_domains: 'qq.com',
      virtual_mailbox_maps: 'users',
      local_recipient_maps: 'users patterns',
      ...settings,
    },
    tables: {
      open: (name) =>
        name === 'patterns' ? { name, wholeKeyOnly: true, get: () => 'anyone' } : tablesOf({ users }).open(name),
    },
  });
};
afterEach(() => house.stop());

const MESSAGE = 'Subject: hi\r\n\r\nbody\r\n';

describe('P10: auto_create_accounts', () => {
  it('P10: the first message makes the account of a user that a table names', async () => {
    await open({ auto_create_accounts: 'yes' });
    await house.submit({ to: ['lisi+shop@qq.com', 'Wang@baidu.com'] }, MESSAGE);
    expect(await house.inbox('lisi@qq.com')).toHaveLength(1);
    expect(await house.inbox('wang@baidu.com')).toHaveLength(1);
    expect((await house.store.directory.find('lisi@qq.com'))?.passwordHash).toBe('');
  });

  it('P10: a row for a domain and a table of patterns make none', async () => {
    await open({ auto_create_accounts: 'yes' });
    await house.submit({ to: ['stranger@qq.com', 'stranger@baidu.com'] }, MESSAGE);
    for (const address of ['stranger@qq.com', 'stranger@baidu.com'])
      expect(await house.store.directory.find(address)).toBeNull();
  });

  it('P10: none is made where it is off', async () => {
    await open({});
    await house.submit({ to: ['lisi@qq.com'] }, MESSAGE);
    expect(await house.store.directory.find('lisi@qq.com')).toBeNull();
  });
});
