import { expect, test } from 'vitest';
import { strandedAccounts } from '../../src/app/stranded-accounts.ts';
import type { AddressClass } from '../../src/lookup/domains.ts';
import { accountOf } from '../kit/directory.ts';

const said = (addresses: readonly string[], classes: Readonly<Record<string, AddressClass>>): Promise<string[]> =>
  strandedAccounts(
    { list: async () => addresses.map(accountOf) },
    {
      classify: async (domain) => {
        if (domain === 'broken.example') throw new Error('the table does not answer');
        return classes[domain] ?? 'default';
      },
      resolve: (address) => address,
      undeliverable: async () => null,
      recipientExists: async () => true,
    },
  );

test('accounts of a served domain, or of one whose table cannot answer now, are not reported', async () => {
  expect(
    await said(['a@one.example', 'b@two.example', 'c@broken.example'], {
      'one.example': 'local',
      'two.example': 'virtual_mailbox',
    }),
  ).toEqual([]);
});

test('accounts that get no mail are counted, up to five are named, with what to do', async () => {
  expect(await said(['a@one.example', 'b@old.example'], { 'one.example': 'local' })).toEqual([
    '1 account is of a domain that is not served here, and gets no mail: b@old.example; "posthorn domain add old.example" serves it, ' +
      '"posthorn domain rename old.example NEW" moves its accounts to another',
  ]);
  const many = ['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((name) => `${name}@old.example`);
  expect(await said([...many, 'h@older.example'], {})).toEqual([
    '8 accounts are of domains that are not served here, and get no mail: a@old.example, b@old.example, c@old.example, d@old.example, e@old.example and 3 more; ' +
      '"posthorn domain add DOMAIN" serves one, "posthorn domain rename DOMAIN NEW" moves its accounts to another (DOMAIN: old.example, older.example)',
  ]);
});
