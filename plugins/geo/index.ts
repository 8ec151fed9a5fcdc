/** Country and network of clients by local databases: for other plugins, and for lists of its own (README.md). */
import { type Connection, definePlugin, deny, NEXT, noteKey, reply, setting } from '../../src/bus/plugin.ts';
import { messageOf } from '../../src/errors.ts';
import { parseAddress } from '../../src/lookup/network.ts';
import { trustedClients } from '../../src/lookup/trusted-clients.ts';
import { Database } from './database.ts';
import { NOWHERE, type Place, placeIn, placeWords } from './place.ts';

/** Of a connection: where its client is. */
export const PLACE = noteKey<Place>('geo.place');
/** Of a connection: a hint for greylisting. */
const GREYLISTED = noteKey<boolean>('greylist.suspect');

const FIELDS = { place: 'X-Client-Geo', tag: 'X-Geo-Tag' } as const;
const RELOAD_EVERY = 30;

const places = () =>
  setting.list(
    setting.text({
      pattern: /^(?:[A-Z]{2}|AS[1-9]\d{0,9}|unknown)$/i,
      expected: 'a country such as "CN", a network such as "AS4134", or "unknown"',
    }),
    { default: [], most: 10_000 },
  );

export default definePlugin({
  name: 'geo',
  stateless: true,
  // Without a place, nobody is on a list.
  onError: 'pass',
  before: ['greylist'],
  config: {
    databases: setting.list(setting.text(), { most: 10 }),
    deny: places(),
    tag: places(),
    greylist: places(),
    except: setting.list(setting.text(), { default: [] }),
    header: setting.boolean({ default: false }),
    text: setting.text({ default: 'Mail from your network is not accepted' }),
  },
  register(server) {
    const { config, log } = server;
    if (config.databases.length === 0) throw new Error('databases: is empty, expected paths of .mmdb files');
    const databases = config.databases.map((path) => new Database(server.resolvePath(path), log));
    const lists = { deny: listOf(config.deny), tag: listOf(config.tag), greylist: listOf(config.greylist) };
    const isExempt = trustedClients(server, config.except);
    const clients = server.metrics.counter('clients_total', 'Clients by country.', ['country']);
    const decided = server.metrics.counter('decisions_total', 'What clients on a list got.', ['list']);

    server.jobs.every(RELOAD_EVERY, 'read changed databases', async () => {
      for (const database of databases) await database.refresh();
    });

    function find(ip: string): Place {
      const address = parseAddress(ip)?.toString();
      if (address === undefined) return NOWHERE;
      try {
        return placeIn(databases.map((database) => database.find(address)));
      } catch (error) {
        log.warn({ ip }, `${ip}: its place cannot be looked up: ${messageOf(error)}`);
        return NOWHERE;
      }
    }
    /** The place of a client on a list, if the list is for it. */
    async function on(list: keyof typeof lists, connection: Connection): Promise<Place | null> {
      const place = connection.notes.get(PLACE);
      if (place === undefined || !lists[list](place) || (await isExempt(connection))) return null;
      decided.count(list);
      return place;
    }

    server.on('connect', ({ connection }) => {
      const place = find(connection.remote.ip);
      connection.notes.set(PLACE, place);
      clients.count(place.country ?? 'unknown');
      if (lists.greylist(place)) connection.notes.set(GREYLISTED, true);
      return NEXT;
    });
    // By then a client has logged in, if it ever does.
    server.on('mail', async ({ connection }) => {
      const place = await on('deny', connection);
      if (place === null) return NEXT;
      const { ip, name } = connection.remote;
      log.info({ session: connection.id }, `${name}[${ip}] is of ${placeWords(place)}: refused`);
      return deny(reply(554, '5.7.1', `<${name}[${ip}]>: Client host rejected: ${config.text}`));
    });
    server.on(
      'data_post',
      async ({ connection, transaction, change }) => {
        // A mark that the sender has set says nothing.
        for (const field of Object.values(FIELDS))
          if (transaction.header.get(field) !== null) change.removeHeader(field);
        if (connection === null) return NEXT;
        const tagged = await on('tag', connection);
        if (tagged !== null) change.addHeader(FIELDS.tag, placeWords(tagged));
        // Where our own users are is nobody's business.
        const place = connection.notes.get(PLACE);
        if (config.header && place !== undefined && !(await isExempt(connection)))
          change.addHeader(FIELDS.place, placeWords(place));
        return NEXT;
      },
      { when: (connection) => connection !== null },
    );
  },
});

/** Whether a place is named. */
function listOf(names: readonly string[]): (place: Place) => boolean {
  const named = new Set(names.map((name) => name.toUpperCase()));
  return ({ country, asn }) => named.has(country ?? 'UNKNOWN') || (asn !== null && named.has(`AS${asn}`));
}
