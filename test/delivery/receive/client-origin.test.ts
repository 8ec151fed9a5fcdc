/** Who the client of a message was, as the queue keeps it: only for transports that tell it on. */
import { afterEach, describe, expect, it } from 'vitest';
import { originOf } from '../../../src/delivery/receive/client-origin.ts';
import { createTransports, type Transport } from '../../../src/lookup/transports.ts';
import { parseClientAttributes, XFORWARD } from '../../../src/protocol/smtp/client-attributes.ts';
import { parametersOf } from '../../kit/parameters.ts';
import { connectionOf, openHouse, type TestHouse, tablesOf } from '../house.ts';

const forwarded = (...words: string[]) => {
  const attributes = parseClientAttributes('XFORWARD', words, XFORWARD);
  if ('code' in attributes) throw new Error(attributes.text);
  return attributes;
};
const OPTIONS = { isLocal: false, queueId: 'Q1' };

describe('P9: the client of a message', () => {
  it('is who connected, as far as it is known', () => {
    expect(originOf(connectionOf(), OPTIONS)).toEqual({
      name: 'client.example',
      address: '127.0.1.77',
      port: '40000',
      helo: 'helo.example',
      protocol: 'ESMTP',
      ident: 'Q1',
      source: 'REMOTE',
    });
    const remote = { ip: 'unknown', port: 0, name: 'unknown', reverseName: 'unknown', nameStatus: 'notfound' } as const;
    expect(originOf(connectionOf({ remote, helo: null }), { isLocal: true, queueId: '' })).toEqual({
      protocol: 'ESMTP',
      source: 'LOCAL',
    });
  });

  it('is what XFORWARD said, and nothing of who connected', () => {
    const said = forwarded('NAME=far.test', 'HELO=[UNAVAILABLE]');
    expect(originOf(connectionOf(), { ...OPTIONS, forwarded: said })).toEqual({
      name: 'far.test',
      ident: 'Q1',
      source: 'REMOTE',
    });
    expect(originOf(connectionOf(), { ...OPTIONS, forwarded: forwarded('IDENT=A') })).toMatchObject({
      name: 'client.example',
      ident: 'A',
    });
  });

  it('has an IPv6 address as RFC 5321 writes it', () => {
    const remote = { ...connectionOf().remote, ip: '2001:db8::2' };
    expect(originOf(connectionOf({ remote }), OPTIONS).address).toBe('IPv6:2001:db8::2');
    const said = forwarded('ADDR=IPV6:2001:DB8::1');
    expect(originOf(connectionOf(), { ...OPTIONS, forwarded: said }).address).toBe('IPv6:2001:db8::1');
  });

  it('whatever it says in HELO, is one line of printable characters', () => {
    expect(originOf(connectionOf({ helo: 'a\0b\r\nc\x7f' }), OPTIONS).helo).toBe('a?b??c?');
    expect(originOf(connectionOf({ helo: 'h'.repeat(5000) }), OPTIONS).helo).toHaveLength(255);
  });

  it('cannot name a sender by AUTH without a login', () => {
    const account = {
      id: 1,
      address: 'xixi@baidu.com',
      passwordHash: '',
      disabled: false,
      quota: 0,
      forwarding: null,
      createdAt: 0,
    };
    const user = { login: 'xixi', mechanism: 'PLAIN', account };
    const options = { ...OPTIONS, saslSender: 'a+2Bb' };
    expect(originOf(connectionOf({ user }), options)).toMatchObject({
      saslMethod: 'PLAIN',
      saslUsername: 'xixi',
      saslSender: 'a+2Bb',
    });
    expect(originOf(connectionOf(), options)).not.toHaveProperty('saslSender');
  });
});

describe('P9: the queue', () => {
  let house: TestHouse;
  afterEach(() => house.stop());

  it('keeps the client for a transport that tells it on, and for no other', async () => {
    const parameters = parametersOf();
    const row = (name: string, program: 'smtp' | 'lmtp', settings: Readonly<Record<string, string>>): Transport => ({
      name,
      program,
      limit: 1,
      parameters: parametersOf(settings),
      command: null,
    });
    const rows = [
      row('tell', 'smtp', { smtp_send_xforward_command: 'yes' }),
      row('mute', 'smtp', { lmtp_send_xforward_command: 'yes' }),
      row('late', 'lmtp', { lmtp_send_xforward_command: 'yes' }),
    ];
    house = await openHouse({
      settings: { transport_maps: 'hash:/t' },
      tables: tablesOf({ 'hash:/t': { 'tell.test': 'tell:x', 'mute.test': 'mute:x', 'late.test': 'late:x' } }),
      transports: createTransports({ parameters, rows }),
    });
    const to = ['a@tell.test', 'a@mute.test', 'a@late.test', 'a@else.test'];
    await house.submit({ to }, 'x\r\n', { connection: connectionOf() });
    await house.submit({ to: ['b@tell.test'] }, 'x\r\n');
    const kept = (await house.queue()).map(({ recipient, client }) => [recipient, client?.name, client?.source]);
    expect(kept.sort()).toEqual([
      ['a@else.test', undefined, undefined],
      ['a@late.test', 'client.example', 'REMOTE'],
      ['a@mute.test', undefined, undefined],
      ['a@tell.test', 'client.example', 'REMOTE'],
      ['b@tell.test', undefined, 'LOCAL'],
    ]);
  });
});
