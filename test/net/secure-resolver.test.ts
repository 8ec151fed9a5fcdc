/** Questions with DNSSEC to a name server that is told what to answer. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { endpointOf, ValidatedAnswers } from '../../src/net/secure-resolver.ts';
import {
  CLASS,
  decodeMessage,
  encodeMessage,
  type Message,
  type ResourceRecord,
} from '../../src/protocol/dns/message.ts';
import { TYPE } from '../../src/protocol/dns/rr/table.ts';
import { frame } from '../../src/protocol/dns/transfer.ts';
import { WireWriter } from '../../src/protocol/dns/wire.ts';
import { type LoopbackServer, openLoopback } from '../kit/loopback.ts';

type Answer = (query: Message, over: 'udp' | 'tcp') => Partial<Message> | null;

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** Null answers nothing. Returns the port. */
async function nameServer(answer: Answer): Promise<number> {
  const octetsFor = (data: Uint8Array, over: 'udp' | 'tcp'): Buffer | null => {
    const query = decodeMessage(data);
    const given = answer(query, over);
    return given === null ? null : encodeMessage({ ...query, qr: true, ra: true, ad: true, edns: null, ...given });
  };
  const tcp: LoopbackServer = await openLoopback((socket) =>
    socket.once('data', (data) => {
      const octets = octetsFor(data.subarray(2), 'tcp');
      if (octets !== null) socket.write(frame(octets));
    }),
  );
  const udp: Socket = createSocket('udp4');
  udp.on('message', (data, from) => {
    const octets = octetsFor(data, 'udp');
    if (octets !== null) udp.send(octets, from.port, from.address);
  });
  udp.bind(tcp.port, '127.0.0.1');
  await once(udp, 'listening');
  closing.push(
    () => tcp.close(),
    () => udp.close(),
  );
  return tcp.port;
}

async function resolverFor(answers: readonly Answer[], isTrusted = true): Promise<ValidatedAnswers> {
  const ports = await Promise.all(answers.map(nameServer));
  const servers = ports.map((port) => ({ address: '127.0.0.1', port }));
  const resolver = new ValidatedAnswers({ servers, isTrusted, waits: [100, 200] });
  closing.push(() => resolver.close());
  return resolver;
}

const record = (name: string, type: number, rdata: Uint8Array): ResourceRecord => ({
  name,
  type,
  class: CLASS.IN,
  ttl: 60,
  rdata,
});
const alias = (name: string, to: string): ResourceRecord => {
  const writer = new WireWriter(300);
  writer.name(to);
  return record(name, TYPE.CNAME, writer.finish());
};
const ADDRESS = Buffer.from([192, 0, 2, 1]);
const found = (name = 'mx.a.example.'): ResourceRecord => record(name, TYPE.A, ADDRESS);

describe('T1: answers that are validated', () => {
  it('by the AD bit, which the question asks for', async () => {
    const asked: Message[] = [];
    const resolver = await resolverFor([
      (query) => {
        asked.push(query);
        return { answers: [found()] };
      },
    ]);
    expect(await resolver.ask('MX.a.example', TYPE.A)).toEqual({
      records: [ADDRESS],
      name: 'mx.a.example',
      isSecure: true,
    });
    expect(asked[0]).toMatchObject({ rd: true, ad: true, cd: false, edns: { size: 1232 } });
  });

  it('not without it, and not where the name server is not believed', async () => {
    const unsigned = await resolverFor([() => ({ answers: [found()], ad: false })]);
    expect(await unsigned.ask('mx.a.example', TYPE.A)).toMatchObject({ isSecure: false });
    const elsewhere = await resolverFor([() => ({ answers: [found()] })], false);
    expect(await elsewhere.ask('mx.a.example', TYPE.A)).toMatchObject({ isSecure: false });
  });

  it('without records, and for names that do not exist', async () => {
    const resolver = await resolverFor([({ questions: [question] }) => ({ rcode: question?.type === TYPE.A ? 3 : 0 })]);
    expect(await resolver.ask('mx.a.example', TYPE.A)).toEqual({ records: [], name: 'mx.a.example', isSecure: true });
    expect(await resolver.ask('.', TYPE.NS)).toMatchObject({ records: [], isSecure: true });
  });

  it('over CNAME records, but not for ever', async () => {
    const resolver = await resolverFor([
      ({ questions: [question] }) => ({
        answers:
          question?.name === 'loop.'
            ? [alias('loop.', 'LOOP.')]
            : [found('c.'), alias('B.', 'c.'), alias('mx.a.example.', 'b.')],
      }),
    ]);
    expect(await resolver.ask('mx.a.example', TYPE.A)).toMatchObject({ records: [ADDRESS], name: 'c' });
    await expect(resolver.ask('loop', TYPE.A)).rejects.toMatchObject({ reason: 'tempfail' });
  });

  it('over TCP where they are long', async () => {
    const many = Array.from({ length: 200 }, () => found());
    const resolver = await resolverFor([(_query, over) => (over === 'udp' ? { tc: true } : { answers: many })]);
    expect((await resolver.ask('mx.a.example', TYPE.A)).records).toHaveLength(200);
  });

  it('of the next name server where one fails, is silent, or answers another question', async () => {
    const good: Answer = () => ({ answers: [found()] });
    const bad: readonly Answer[] = [
      () => ({ rcode: 2 }),
      () => null,
      () => ({ questions: [{ name: 'other.example.', type: TYPE.A, class: CLASS.IN }] }),
      (_query, over) => (over === 'udp' ? { tc: true } : null),
    ];
    for (const answer of bad) {
      const resolver = await resolverFor([answer, good]);
      expect(await resolver.ask('mx.a.example', TYPE.A)).toMatchObject({ records: [ADDRESS] });
      const alone = await resolverFor([answer]);
      await expect(alone.ask('mx.a.example', TYPE.A)).rejects.toMatchObject({ reason: 'tempfail' });
    }
  });

  it('of the servers as Node names them', () => {
    expect(['192.0.2.1', '192.0.2.1:5353', '2001:db8::1', '[2001:db8::1]:54'].map(endpointOf)).toEqual([
      { address: '192.0.2.1', port: 53 },
      { address: '192.0.2.1', port: 5353 },
      { address: '2001:db8::1', port: 53 },
      { address: '2001:db8::1', port: 54 },
    ]);
  });
});
