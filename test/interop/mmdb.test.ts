/** Databases that the tests of plugins/geo make are those of libmaxminddb: Debian's mmdblookup reads them as the plugin does. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { Database } from '../../plugins/geo/database.ts';
import { removeFolder, temporaryFolder } from '../kit/folder.ts';
import { makeMmdb } from '../kit/mmdb.ts';
import { run } from './program.ts';

const folder = temporaryFolder('mmdb');
const path = join(folder, 'test.mmdb');
afterAll(() => removeFolder(folder));

writeFileSync(
  path,
  makeMmdb({
    '203.0.113.0/24': { country: { iso_code: 'CN' } },
    '198.51.100.128/25': { country: { iso_code: 'DE' } },
    '198.51.100.0/26': { country: { iso_code: 'FR' } },
    '2001:db8::/32': { country: { iso_code: 'US' } },
  }),
);

it.each([
  '203.0.113.9',
  '203.0.114.0',
  '198.51.100.127',
  '198.51.100.128',
  '198.51.100.63',
  '198.51.100.64',
  '2001:db8:ffff::1',
  '2001:db9::1',
])('%s', async (ip) => {
  const { out } = await run('mmdblookup', ['--file', path, '--ip', ip, 'country', 'iso_code']);
  const found = new Database(path, { info: () => {}, warn: () => {} }).find(ip);
  expect(found).toEqual(out.trim() === '' ? null : { country: { iso_code: /"(..)"/.exec(out)?.[1] } });
});
