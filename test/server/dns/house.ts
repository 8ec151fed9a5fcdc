/** A name server on loopback with zones from text, and the ways to ask it. */
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import type { Hooks } from '../../../src/bus/hook.ts';
import { type AddressMatch, ANY, NONE } from '../../../src/protocol/dns/address-match.ts';
import { decodeMessage, encodeMessage, type Message, makeQuery } from '../../../src/protocol/dns/message.ts';
import { printRdata } from '../../../src/protocol/dns/rr/rdata.ts';
import { typeName, typeNumber } from '../../../src/protocol/dns/rr/table.ts';
import { frame } from '../../../src/protocol/dns/transfer.ts';
import { loadZones } from '../../../src/server/dns/load-zones.ts';
import { type DnsServer, type DnsServerOptions, openDnsServer } from '../../../src/server/dns/server.ts';
import type { ServedZone, ZoneOptions } from '../../../src/server/dns/zones.ts';
import { quietLog } from '../../kit/log.ts';

const noHooks: Hooks = { has: () => false, run: async () => ({ code: 'NEXT' }) };

export const ZONE = `$TTL 1H
@ IN SOA ns admin 1 1D 1H 1W 10M
@ NS ns
@ MX 10 mail
ns A 192.0.2.1
mail A 192.0.2.2
www CNAME web
web A 192.0.2.80
$GENERATE 1-200 big A 10.0.0.$
`;

export const zoneOptions = (name: string, change: Partial<ZoneOptions> = {}): ZoneOptions => ({
  name,
  kind: 'primary',
  file: name,
  primaries: [],
  allowTransfer: NONE as AddressMatch,
  allowQuery: ANY,
  alsoNotify: [],
  notify: true,
  recursion: true,
  ...change,
});

export function served(
  texts: Readonly<Record<string, string>>,
  change: Partial<ZoneOptions> = {},
): readonly ServedZone[] {
  const loaded = loadZones(
    Object.keys(texts).map((name) => zoneOptions(name, change)),
    { read: (file) => texts[file] ?? '', find: (included) => included },
  );
  if (loaded.faults.length > 0) throw new Error(JSON.stringify(loaded.faults));
  return loaded.zones;
}

export const start = (zones: readonly ServedZone[], change: Partial<DnsServerOptions> = {}): Promise<DnsServer> =>
  openDnsServer({
    listen: [{ address: '127.0.0.1', port: 0, named: true }],
    zones,
    version: null,
    hooks: noHooks,
    log: quietLog,
    clock: Date.now,
    ...change,
  });

export const portOf = (server: DnsServer): number => server.addresses[0]?.port ?? 0;

export const query = (name: string, type: string, change: Partial<Message> = {}): Message => ({
  ...makeQuery(4711, { name, type: typeNumber(type) ?? 0, class: 1 }),
  ...change,
});

/** Sends octets and returns the octets of the answer. */
export function datagram(port: number, octets: Uint8Array): Promise<Buffer> {
  const socket = createSocket('udp4');
  return new Promise<Buffer>((resolve, reject) => {
    socket.once('message', resolve).once('error', reject);
    socket.send(octets, port, '127.0.0.1');
  }).finally(() => socket.close());
}

export const ask = async (server: DnsServer, message: Message): Promise<Message> =>
  decodeMessage(await datagram(portOf(server), encodeMessage(message)));

/** Sends octets over TCP and collects messages until `done` returns true or the server closes. */
export function stream(
  port: number,
  octets: Uint8Array,
  done: (messages: readonly Message[]) => boolean,
): Promise<readonly Message[]> {
  const socket = connect(port, '127.0.0.1');
  const messages: Message[] = [];
  let held: Buffer = Buffer.alloc(0);
  return new Promise((resolve, reject) => {
    socket.once('error', reject).once('close', () => resolve(messages));
    socket.on('data', (chunk) => {
      held = Buffer.concat([held, chunk]);
      while (held.length >= 2 && held.length >= held.readUInt16BE(0) + 2) {
        messages.push(decodeMessage(held.subarray(2, held.readUInt16BE(0) + 2)));
        held = held.subarray(held.readUInt16BE(0) + 2);
      }
      if (done(messages)) socket.destroy();
    });
    socket.write(octets);
  });
}

export const askOverTcp = async (server: DnsServer, ...queries: readonly Message[]): Promise<readonly Message[]> =>
  stream(
    portOf(server),
    Buffer.concat(queries.map((one) => frame(encodeMessage(one)))),
    (messages) => messages.length >= queries.length,
  );

export const lines = (message: Message): readonly string[] =>
  message.answers.map(({ name, type, rdata }) => `${name} ${typeName(type)} ${printRdata(type, rdata)}`);
