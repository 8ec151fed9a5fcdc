import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../../src/authoring/test-server.ts';
import { removeFolder, temporaryFolder } from '../../test/kit/folder.ts';
import { type MmdbValue, makeMmdb } from '../../test/kit/mmdb.ts';
import { Database } from './database.ts';
import { placeIn, placeWords } from './place.ts';

const folder = temporaryFolder('geo');
const countries = join(folder, 'country.mmdb');
const networks = join(folder, 'asn.mmdb');
const write = (path: string, records: Readonly<Record<string, MmdbValue>>): void =>
  writeFileSync(path, makeMmdb(records));
const country = (iso_code: string): MmdbValue => ({ country: { iso_code, names: { en: iso_code } } });
const COUNTRIES = {
  '203.0.113.0/24': country('CN'),
  '198.51.100.0/25': country('DE'),
  '2001:db8::/32': country('FR'),
};

let server: TestServer;
afterEach(() => server?.close());
afterAll(() => removeFolder(folder));

async function start(
  config: object = {},
  plugins: readonly string[] = [],
  more: Record<string, object> = {},
): Promise<void> {
  write(countries, COUNTRIES);
  write(networks, { '203.0.113.0/24': { autonomous_system_number: 4134, autonomous_system_organization: 'CHINANET' } });
  server = await startTestServer({
    plugins: [import.meta.dirname, ...plugins],
    config: { geo: { databases: [countries, networks], ...config }, ...more },
    worker: false,
  });
}
const send = (ip: string, more: { user?: string; header?: Record<string, string> } = {}): Promise<string> =>
  server.send({ from: more.user ?? 'a@example.org', to: 'user@example.test', ip, ...more });
const QUEUED = /^250 2\.0\.0 Ok: queued as /;
const newest = async (): Promise<(string | null)[]> => {
  const header = (await server.messages('user@example.test')).at(-1)?.header;
  return ['X-Client-Geo', 'X-Geo-Tag'].map((name) => header?.get(name) ?? null);
};

it('G18: refuses clients by country, network and as unknown, but not those who have logged in or are excepted', async () => {
  await start({ deny: ['de', 'AS4134', 'unknown'], except: ['198.51.100.9'] });
  expect(await send('203.0.113.9')).toBe(
    '554 5.7.1 <unknown[203.0.113.9]>: Client host rejected: Mail from your network is not accepted',
  );
  expect((await server.logged(/refused/)).msg).toBe('unknown[203.0.113.9] is of CN AS4134 (CHINANET): refused');
  expect(await send('198.51.100.7')).toMatch(/^554 5\.7\.1 /);
  expect(await send('198.51.100.200')).toMatch(/^554 5\.7\.1 /);
  expect(await send('198.51.100.9')).toMatch(QUEUED);
  expect(await send('192.0.2.1')).toMatch(QUEUED);
  expect(await send('203.0.113.9', { user: 'user@example.test' })).toMatch(QUEUED);
  expect(await send('2001:db8::1')).toMatch(QUEUED);
  const counted = (of: string) => server.metric('posthorn_plugin_geo_clients_total', { country: of });
  expect(await Promise.all(['CN', 'DE', 'FR', 'unknown'].map(counted))).toEqual([2, 2, 1, 2]);
  expect(await server.metric('posthorn_plugin_geo_decisions_total', { list: 'deny' })).toBe(3);
});

it('marks mail, and says where it is from; a mark of the sender is removed, and users are not located', async () => {
  await start({ tag: ['CN'], header: true });
  const forged = { 'X-Client-Geo': 'US', 'X-Geo-Tag': 'US', Subject: 'x' };
  await send('203.0.113.9', { header: forged });
  expect(await newest()).toEqual(['CN AS4134 (CHINANET)', 'CN AS4134 (CHINANET)']);
  await send('198.51.100.7', { header: forged });
  expect(await newest()).toEqual(['DE', null]);
  await send('203.0.113.9', { user: 'user@example.test', header: forged });
  expect(await newest()).toEqual([null, null]);
});

it('tells the greylist whom to suspect', async () => {
  const greylist = join(import.meta.dirname, '../greylist');
  await start({ greylist: ['CN'] }, [greylist], { greylist: { only_suspects: true } });
  expect(await send('203.0.113.9')).toMatch(/^450 4\.2\.0 .*Greylisted/);
  expect(await send('198.51.100.7')).toMatch(QUEUED);
});

it('reads a changed file; a broken one, and none, never replace a good one', async () => {
  await start({ deny: ['CN'] });
  const replies = async (): Promise<string[]> =>
    (await Promise.all([send('203.0.113.9'), send('198.51.100.7')])).map((text) => text.slice(0, 3));
  expect(await replies()).toEqual(['554', '250']);
  const good = makeMmdb(COUNTRIES);
  for (const broken of [Buffer.from('no database'), good.subarray(0, -20), good.subarray(200), Buffer.alloc(0)]) {
    writeFileSync(countries, broken);
    await server.clock.advance({ seconds: 30 });
    expect(await replies()).toEqual(['554', '250']);
  }
  expect((await server.logged(/keeping the previous version/)).msg).toMatch(
    /country\.mmdb: not a complete database in MaxMind's format \(\.mmdb\): .*: keeping the previous version$/,
  );
  rmSync(countries);
  await server.clock.advance({ seconds: 30 });
  expect(await replies()).toEqual(['554', '250']);
  write(countries, { '198.51.100.0/25': country('CN') });
  await server.clock.advance({ seconds: 30 });
  expect(await replies()).toEqual(['250', '554']);
  await server.logged(/country\.mmdb: reloaded/);
});

it('is refused at the start with a file that is none, without files, and with an unknown word in a list', async () => {
  const bad = join(folder, 'bad.mmdb');
  writeFileSync(bad, 'no database');
  await expect(start({ databases: [bad] })).rejects.toThrow(/bad\.mmdb: not a complete database/);
  await expect(start({ databases: [join(folder, 'none.mmdb')] })).rejects.toThrow(/ENOENT.*none\.mmdb/);
  await expect(start({ databases: [] })).rejects.toThrow(/expected paths of \.mmdb files/);
  await expect(start({ deny: ['China'] })).rejects.toThrow(/geo\.json:\d+: .*deny.*expected a country such as "CN"/);
});

it.each([
  [{ country: { iso_code: 'CN' }, registered_country: { iso_code: 'US' } }, 'CN'],
  [{ registered_country: { iso_code: 'US' } }, 'US'],
  [{ country_code: 'de', asn: 'AS3320', as_name: 'Telekom (DE)\n' }, 'DE AS3320 (Telekom  DE ?)'],
  [{ country: 'FR' }, 'FR'],
  [{ autonomous_system_number: 0 }, 'unknown'],
  [{ asn: 'AS99999999999', country: { iso_code: 'XXX' } }, 'unknown'],
  [null, 'unknown'],
])('%j is %s', (record, words) => expect(placeWords(placeIn([null, record]))).toBe(words));

it('a database of many networks is read as it was written', () => {
  const path = join(folder, 'many.mmdb');
  const records = Array.from({ length: 2_000 }, (_, i) => [
    `10.${i >> 8}.${i & 255}.0/24`,
    { number: i, text: 'x'.repeat(i % 200) },
  ]);
  writeFileSync(path, makeMmdb(Object.fromEntries(records)));
  const database = new Database(path, { info: () => {}, warn: () => {} });
  for (const i of [0, 1, 255, 256, 1_999])
    expect(database.find(`10.${i >> 8}.${i & 255}.7`)).toEqual({ number: i, text: 'x'.repeat(i % 200) });
  expect(database.find('10.7.208.7')).toBeNull();
  expect(database.find('2001:db8::1')).toBeNull();
});
