import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { Hooks } from '../../../src/bus/hook.ts';
import { ANY } from '../../../src/protocol/dns/address-match.ts';
import { decodeMessage, encodeMessage, OPCODE, RCODE } from '../../../src/protocol/dns/message.ts';
import { typeName } from '../../../src/protocol/dns/rr/table.ts';
import type { DnsServer } from '../../../src/server/dns/server.ts';
import { removeFolder, temporaryFolder } from '../../kit/folder.ts';
import { ask, askOverTcp, datagram, lines, portOf, query, served, start, stream, ZONE, zoneOptions } from './house.ts';

const running: DnsServer[] = [];
const run = async (...args: Parameters<typeof start>): Promise<DnsServer> => {
  const server = await start(...args);
  running.push(server);
  return server;
};
afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.close()));
});

const NO_EDNS = null;
const edns = (size: number, version = 0) => ({ size, version, dnssecOk: false });

describe('the name server', () => {
  it('B3: answers over UDP with AA, and gives the same answer again from its cache', async () => {
    const server = await run(served({ 'example.com.': ZONE }));
    const first = await ask(server, query('mail.example.com.', 'A'));
    expect(first).toMatchObject({ id: 4711, qr: true, aa: true, ra: false, rcode: RCODE.NOERROR, edns: NO_EDNS });
    expect(lines(first)).toEqual(['mail.example.com. A 192.0.2.2']);
    expect(await ask(server, query('mail.example.com.', 'A'))).toEqual(first);
  });

  it('B4: returns the question in the case in which it was asked, also from the cache', async () => {
    const server = await run(served({ 'example.com.': ZONE }));
    await ask(server, query('www.example.com.', 'A'));
    const answer = await ask(server, query('wWw.eXAMPLE.com.', 'A', { id: 9, cd: true }));
    expect(answer).toMatchObject({ id: 9, cd: true });
    expect(answer.questions[0]?.name).toBe('wWw.eXAMPLE.com.');
    expect(lines(answer).map((line) => line.toLowerCase())).toEqual([
      'www.example.com. cname web.example.com.',
      'web.example.com. a 192.0.2.80',
    ]);
  });

  it('B5: serves several domains and refuses all others', async () => {
    const server = await run(served({ 'a.test.': ZONE, 'b.test.': ZONE }));
    expect((await ask(server, query('mail.a.test.', 'A'))).rcode).toBe(RCODE.NOERROR);
    expect((await ask(server, query('mail.b.test.', 'A'))).rcode).toBe(RCODE.NOERROR);
    expect((await ask(server, query('mail.c.test.', 'A'))).rcode).toBe(RCODE.REFUSED);
  });

  it('B4: truncates an answer that is too long for UDP, and sends all of it over TCP', async () => {
    const server = await run(served({ 'example.com.': ZONE }));
    for (const size of [0, 512, 1232, 4096]) {
      const message = query('big.example.com.', 'A', size === 0 ? {} : { edns: edns(size) });
      const octets = await datagram(portOf(server), encodeMessage(message));
      expect(octets.length).toBeLessThanOrEqual(Math.min(size || 512, 1232));
      expect((octets[2] ?? 0) & 2).toBe(2);
    }
    const [whole] = await askOverTcp(server, query('big.example.com.', 'A'));
    expect(whole).toMatchObject({ tc: false });
    expect(whole?.answers).toHaveLength(200);
  });

  it('B4: supports EDNS version 0, answers BADVERS to other versions, and sends no OPT to clients without EDNS', async () => {
    const server = await run(served({ 'example.com.': ZONE }));
    expect((await ask(server, query('example.com.', 'MX', { edns: edns(4096) }))).edns).toEqual({
      size: 1232,
      version: 0,
      dnssecOk: false,
    });
    const other = await ask(server, query('example.com.', 'MX', { edns: edns(4096, 1) }));
    expect(other).toMatchObject({ rcode: RCODE.BADVERS, edns: { version: 0 } });
    expect((await ask(server, query('example.com.', 'MX'))).edns).toBeNull();
  });

  it('answers unsupported requests with the error code of the protocol', async () => {
    const server = await run(served({ 'example.com.': ZONE }));
    const code = async (...args: Parameters<typeof query>): Promise<number> =>
      (await ask(server, query(...args))).rcode;
    expect(await code('example.com.', 'SOA', { opcode: OPCODE.UPDATE })).toBe(RCODE.REFUSED);
    expect(await code('other.test.', 'SOA', { opcode: OPCODE.UPDATE })).toBe(RCODE.NOTAUTH);
    expect(await code('example.com.', 'SOA', { opcode: 2 })).toBe(RCODE.NOTIMP);
    expect(await code('other.test.', 'SOA', { opcode: OPCODE.NOTIFY })).toBe(RCODE.NOTAUTH);
    expect(await code('example.com.', 'AXFR')).toBe(RCODE.FORMERR);
    expect(await code('example.com.', 'MAILB')).toBe(RCODE.NOTIMP);
    expect(await code('version.bind.', 'TXT', { questions: [{ name: 'version.bind.', type: 16, class: 3 }] })).toBe(
      RCODE.REFUSED,
    );
    expect(await code('example.com.', 'A', { questions: [] })).toBe(RCODE.FORMERR);
  });

  it.each([1, 2, 3, 4, 5, 6, 15])(
    'opcode %i: RD, CD and AD are not copied into the answer, as in BIND',
    async (opcode) => {
      const server = await run(served({ 'example.com.': ZONE }));
      const answer = await ask(server, query('example.com.', 'SOA', { opcode, rd: true, cd: true, ad: true }));
      expect(answer).toMatchObject({ qr: true, opcode, rd: false, cd: false, ad: false, ra: false });
    },
  );

  it('an error response returns what could be read: the question, RD and CD, and the OPT record', async () => {
    const server = await run(served({ 'example.com.': ZONE }));
    const broken = Buffer.concat([
      encodeMessage(query('example.com.', 'MX', { rd: true, cd: true })),
      Buffer.from([0]),
    ]);
    // The header announces an answer that is missing.
    broken.writeUInt16BE(1, 6);
    expect(decodeMessage(await datagram(portOf(server), broken))).toMatchObject({
      rcode: RCODE.FORMERR,
      rd: true,
      cd: true,
      questions: [{ name: 'example.com.', type: 15, class: 1 }],
    });
    expect(await ask(server, query('example.com.', 'A', { questions: [], edns: edns(4096) }))).toMatchObject({
      rcode: RCODE.FORMERR,
      edns: { version: 0 },
    });
    expect(await ask(server, query('example.com.', 'A', { opcode: 2, edns: edns(4096, 1) }))).toMatchObject({
      rcode: RCODE.BADVERS,
      opcode: 2,
    });
    expect(await ask(server, query('example.com.', 'A', { opcode: 2, edns: edns(4096) }))).toMatchObject({
      rcode: RCODE.NOTIMP,
      edns: { version: 0 },
    });
  });

  it.each([
    [0, RCODE.FORMERR],
    [2, RCODE.NOTIMP],
    [4, RCODE.REFUSED],
    [254, RCODE.FORMERR],
    [255, RCODE.FORMERR],
    [65280, RCODE.NOTIMP],
  ])('class %i is answered with code %i, as in BIND', async (number, rcode) => {
    const server = await run(served({ 'example.com.': ZONE }));
    expect(
      await ask(server, query('example.com.', 'A', { questions: [{ name: 'example.com.', type: 1, class: number }] })),
    ).toMatchObject({ rcode });
  });

  it('octets after the query are ignored, and a record of another class is refused', async () => {
    const server = await run(served({ 'example.com.': ZONE }));
    const octets = Buffer.concat([encodeMessage(query('mail.example.com.', 'A')), Buffer.from([1, 2, 3])]);
    expect(decodeMessage(await datagram(portOf(server), octets))).toMatchObject({ rcode: RCODE.NOERROR });
    const foreign = { name: 'x.', type: 1, class: 3, ttl: 0, rdata: Buffer.from([1, 2, 3, 4]) };
    expect((await ask(server, query('mail.example.com.', 'A', { additionals: [foreign] }))).rcode).toBe(RCODE.FORMERR);
  });

  it('with recursion no, a CNAME or DNAME is never followed into another zone', async () => {
    const zones = {
      'a.test.': `${ZONE}out CNAME mail.b.test.\ndn DNAME b.test.\n`,
      'b.test.': ZONE,
    };
    const open = await run(served(zones));
    const closed = await run(served(zones, { recursion: false }));
    for (const name of ['out.a.test.', 'mail.dn.a.test.']) {
      const ends = async (server: DnsServer, rd: boolean): Promise<string | undefined> =>
        lines(await ask(server, query(name, 'A', { rd }))).at(-1);
      expect(await ends(open, true)).toBe('mail.b.test. A 192.0.2.2');
      for (const rd of [true, false]) expect(await ends(closed, rd)).toMatch(/ CNAME mail\.b\.test\.$/);
    }
    expect(closed.resolve({ name: 'out.a.test.', type: 1, class: 1 })?.answers).toHaveLength(2);
  });

  it('SVCB and HTTPS answers add the addresses at the end of their chain', async () => {
    const zone = `${ZONE}svc HTTPS 1 mail alpn=h2\nself HTTPS 1 . alpn=h2\nself A 192.0.2.9\nalias HTTPS 0 next\nnext CNAME last\nlast HTTPS 1 web\nring HTTPS 0 ring2\nring2 HTTPS 0 ring\n`;
    const server = await run(served({ 'example.com.': zone }));
    const added = async (label: string): Promise<readonly string[]> =>
      (await ask(server, query(`${label}.example.com.`, 'HTTPS', { rd: true }))).additionals.map(
        ({ name, type }) => `${name} ${typeName(type)}`,
      );
    expect(await added('svc')).toEqual(['mail.example.com. A']);
    expect(await added('self')).toEqual(['self.example.com. A']);
    expect(await added('alias')).toEqual(['next.example.com. CNAME', 'last.example.com. HTTPS', 'web.example.com. A']);
    expect(await added('ring')).toEqual(['ring2.example.com. HTTPS']);
  });

  it('ignores responses and packets without a header, and keeps serving', async () => {
    const server = await run(served({ 'example.com.': ZONE }));
    const response = encodeMessage(query('example.com.', 'MX', { qr: true, id: 1 }));
    const sound = encodeMessage(query('example.com.', 'MX', { id: 2 }));
    const messages = await Promise.race([
      datagram(portOf(server), response),
      datagram(portOf(server), Buffer.from('x')),
      datagram(portOf(server), sound),
    ]);
    expect(messages.readUInt16BE(0)).toBe(2);
  });

  it('B4: answers pipelined queries on one TCP connection in order', async () => {
    const server = await run(served({ 'example.com.': ZONE }));
    const answers = await askOverTcp(
      server,
      ...Array.from({ length: 50 }, (_, id) => query(id % 2 ? 'big.example.com.' : 'mail.example.com.', 'A', { id })),
    );
    expect(answers.map(({ id }) => id)).toEqual(Array.from({ length: 50 }, (_, id) => id));
  });

  it('closes a TCP connection that announces a message longer than a query can be', async () => {
    const server = await run(served({ 'example.com.': ZONE }));
    expect(await stream(portOf(server), Buffer.from([0xff, 0xff, 1, 2, 3]), () => false)).toEqual([]);
  });

  it('B4: transfers a zone to permitted clients, SOA first and last, and refuses others', async () => {
    const open = await run(served({ 'example.com.': ZONE }, { allowTransfer: ANY }));
    let records = 0;
    const messages = await stream(
      portOf(open),
      Buffer.concat([Buffer.from([0, 29]), encodeMessage(query('example.com.', 'AXFR'))]),
      (all) => all.flatMap(({ answers }) => answers).filter(({ type }) => type === 6).length === 2,
    );
    for (const { answers } of messages) records += answers.length;
    expect(records).toBe(1 + 206 + 1);
    const closed = await run(served({ 'example.com.': ZONE }));
    const [refused] = await askOverTcp(closed, query('example.com.', 'AXFR'));
    expect(refused).toMatchObject({ rcode: RCODE.REFUSED, answers: [] });
  });

  it('B4: a transfer keeps the case of names as written', async () => {
    const server = await run(
      served({ 'example.com.': `${ZONE}alias CNAME WWW.Example.Com.\n` }, { allowTransfer: ANY }),
    );
    const [message] = await askOverTcp(server, query('example.com.', 'AXFR'));
    expect(lines(message ?? query('.', 'A')).find((line) => line.startsWith('alias'))).toBe(
      'alias.example.com. CNAME WWW.Example.Com.',
    );
  });

  it('B4: a secondary transfers from its primary, keeps a copy, and follows NOTIFY', async () => {
    const folder = temporaryFolder('dns');
    try {
      const primary = await run(served({ 'example.com.': ZONE }, { allowTransfer: ANY }));
      const options = zoneOptions('example.com.', {
        kind: 'secondary',
        file: join(folder, 'copy'),
        primaries: [{ address: '127.0.0.1', port: portOf(primary) }],
      });
      const secondary = await run([{ options, zone: null }]);
      await secondary.refresh();
      expect(lines(await ask(secondary, query('mail.example.com.', 'A')))).toEqual(['mail.example.com. A 192.0.2.2']);
      expect(await readFile(join(folder, 'copy'), 'latin1')).toContain('mail.example.com.\t3600\tIN\tA\t192.0.2.2\n');

      const newer = served(
        { 'example.com.': ZONE.replace('admin 1 ', 'admin 2 ').replace('192.0.2.2', '192.0.2.3') },
        { allowTransfer: ANY },
      );
      await primary.setZones(newer);
      expect((await ask(secondary, query('example.com.', 'SOA', { opcode: OPCODE.NOTIFY }))).rcode).toBe(RCODE.NOERROR);
      await secondary.refresh();
      expect(lines(await ask(secondary, query('mail.example.com.', 'A')))).toEqual(['mail.example.com. A 192.0.2.3']);
    } finally {
      removeFolder(folder);
    }
  });

  it('a zone without content is answered with SERVFAIL, never NXDOMAIN', async () => {
    const server = await run([{ options: zoneOptions('example.com.'), zone: null }]);
    expect((await ask(server, query('mail.example.com.', 'A'))).rcode).toBe(RCODE.SERVFAIL);
  });

  it('after a reload the new zones are served, and a zone that cannot be read keeps its old content', async () => {
    const server = await run(served({ 'example.com.': ZONE }));
    await ask(server, query('mail.example.com.', 'A'));
    await server.setZones(served({ 'example.com.': ZONE.replace('192.0.2.2', '192.0.2.9') }));
    expect(lines(await ask(server, query('mail.example.com.', 'A')))).toEqual(['mail.example.com. A 192.0.2.9']);
    await server.setZones([{ options: zoneOptions('example.com.'), zone: null }]);
    expect(lines(await ask(server, query('mail.example.com.', 'A')))).toEqual(['mail.example.com. A 192.0.2.9']);
    await server.setZones([]);
    expect((await ask(server, query('mail.example.com.', 'A'))).rcode).toBe(RCODE.REFUSED);
  });

  it('answers SERVFAIL when plugins cannot be asked', async () => {
    const server = await run(served({ 'example.com.': ZONE }), {
      hooks: { has: (name) => name === 'dns_query', run: () => Promise.reject(new Error('x')) },
    });
    expect((await ask(server, query('www.example.com.', 'A'))).rcode).toBe(RCODE.SERVFAIL);
  });

  it('asks plugins before its zones if a plugin listens', async () => {
    const asked: string[] = [];
    const hooks: Hooks = {
      has: (name) => name === 'dns_query',
      run: async (_name, argument) => {
        if (!('question' in argument)) return { code: 'NEXT' };
        asked.push(argument.question.name);
        return { code: argument.question.name.startsWith('www') ? 'DENY' : 'NEXT' };
      },
    };
    const server = await run(served({ 'example.com.': ZONE }), { hooks });
    expect((await ask(server, query('www.example.com.', 'A'))).rcode).toBe(RCODE.REFUSED);
    expect((await ask(server, query('mail.example.com.', 'A'))).rcode).toBe(RCODE.NOERROR);
    expect(asked).toEqual(['www.example.com.', 'mail.example.com.']);
  });

  it('refuses a zone to clients that may not query it, even if the answer is cached for others', async () => {
    const zones = served({ 'example.com.': ZONE }, { allowQuery: [] });
    const server = await run(zones);
    expect((await ask(server, query('mail.example.com.', 'A'))).rcode).toBe(RCODE.REFUSED);
  });

  it('closes while a client is connected', async () => {
    const server = await start(served({ 'example.com.': ZONE }));
    const socket = connect(portOf(server), '127.0.0.1');
    const gone = new Promise((resolve) => socket.once('close', resolve).on('error', () => {}));
    await new Promise((resolve) => socket.once('connect', resolve));
    await server.close();
    await gone;
  });
});
