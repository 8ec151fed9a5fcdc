/** The destinations of mail for a site, as postqueue -s and ETRN name it. */
import { afterEach, expect, it } from 'vitest';
import { createTransports } from '../../../src/lookup/transports.ts';
import { parametersOf } from '../../kit/parameters.ts';
import { openHouse, type TestHouse, tablesOf } from '../house.ts';

let house: TestHouse | null = null;
afterEach(() => house?.stop());

it('P15: a site stands for its mail by every transport, and for where tables and relayhost send it', async () => {
  const settings = { transport_maps: 'x:t', relayhost: '[mail.isp.example]:587', auto_create_accounts: 'yes' };
  house = await openHouse({
    settings,
    tables: tablesOf({ 'x:t': { 'b.example': 'relay:[127.0.0.1]:2525', 'c.example': 'error:5.1.1 gone' } }),
    transports: createTransports({ parameters: parametersOf() }),
  });
  const { router } = house;
  const named = (site: string): string[] => [site, `relay:${site}`, `lmtp:${site}`];
  expect(await router.destinationsOf('a.example')).toEqual([...named('a.example'), '[mail.isp.example]:587']);
  expect(await router.destinationsOf('b.example')).toEqual([...named('b.example'), 'relay:[127.0.0.1]:2525']);
  expect(await router.destinationsOf('c.example')).toEqual(named('c.example'));
  expect(await router.destinationsOf('[127.0.0.1]:25')).toEqual(named('[127.0.0.1]:25'));
  // Asking makes no account.
  expect(await router.destinationsOf('baidu.com')).toEqual(named('baidu.com'));
  expect(await house.store.directory.find('postmaster@baidu.com')).toBeNull();
});
