/** Settings of the SMTP client that decide which server is asked, over real sockets. */

import type { AddressInfo } from 'node:net';
import { createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { LookupTable } from '../../../src/lookup/table.ts';
import type { DnsRecords } from '../../kit/resolver.ts';
import { openHouse, type TestHouse, tablesOf } from '../house.ts';
import { openSink, type Sink } from './sink.ts';

let house: TestHouse | null = null;
const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  await house?.stop();
  for (const close of closers.splice(0)) await close();
});

const QQ: DnsRecords = { 'mx qq.com': ['10 mail.qq.com'], 'a mail.qq.com': ['127.0.0.1'] };

interface Given {
  readonly settings: Readonly<Record<string, string>>;
  readonly dns?: DnsRecords;
  readonly tables?: Readonly<Record<string, LookupTable['get']>>;
  readonly to?: string;
}

/** Sends one message; returns its outcome, as `sent` or `4.4.4 text`. */
async function send({ settings, dns = QQ, tables = {}, to = 'lisi@qq.com' }: Given): Promise<string> {
  const sink: Sink = await openSink();
  closers.push(() => sink.close());
  house = await openHouse({ dns, settings, tables: tablesOf(tables), smtpPort: sink.port });
  house.runner.start();
  await house.submit({ reversePath: 'maomao@baidu.com', to: [to] }, 'Subject: s\r\n\r\nbody\r\n');
  await house.runner.idle();
  const line = house.lines.find((one) => one.includes(`to=<${to}>`)) ?? '';
  const [, dsn = '', status = '', words = ''] = /dsn=([\d.]+), status=(\w+) \((.*)\)$/.exec(line) ?? [];
  return status === 'sent' ? status : `${status} ${dsn} ${words}`;
}

const NO_ADDRESS: DnsRecords = { 'mx qq.com': ['10 mail.qq.com'] };
const SERVICE_ERROR = 'Host or domain name not found. Name service error for';

describe('finding a server', () => {
  it.each<[string, Given, string]>([
    [
      'no MX host has an address: bounced',
      { settings: {}, dns: NO_ADDRESS },
      `bounced 5.4.4 ${SERVICE_ERROR} name=mail.qq.com type=A: Host not found`,
    ],
    [
      'or deferred with smtp_defer_if_no_mx_address_found',
      { settings: { smtp_defer_if_no_mx_address_found: 'yes' }, dns: NO_ADDRESS },
      `deferred 4.4.4 ${SERVICE_ERROR} name=mail.qq.com type=A: Host not found`,
    ],
    [
      'an MX that is not known now: deferred',
      { settings: {}, dns: { 'mx qq.com': 'tempfail', 'a qq.com': ['127.0.0.1'] } },
      `deferred 4.4.3 ${SERVICE_ERROR} name=qq.com type=MX: Host not found, try again`,
    ],
    [
      'or the host of the name with ignore_mx_lookup_error',
      { settings: { ignore_mx_lookup_error: 'yes' }, dns: { 'mx qq.com': 'tempfail', 'a qq.com': ['127.0.0.1'] } },
      'sent',
    ],
    [
      'smtp_host_lookup = native reads what the system knows',
      { settings: { smtp_host_lookup: 'native' }, dns: { 'mx qq.com': ['10 localhost'] } },
      'sent',
    ],
    [
      'smtp_dns_support_level = disabled asks no DNS',
      {
        settings: { smtp_dns_support_level: 'disabled', relayhost: 'localhost' },
        dns: { 'mx localhost': ['10 away.example'] },
      },
      'sent',
    ],
    [
      'smtp_dns_reply_filter leaves out records',
      {
        settings: { smtp_dns_reply_filter: 'x:filter' },
        dns: { ...QQ, 'mx qq.com': ['5 bad.qq.com', '10 mail.qq.com'], 'a bad.qq.com': ['127.0.0.9'] },
        tables: { 'x:filter': (key) => (key === 'qq.com. 0 IN MX 5 bad.qq.com.' ? 'IGNORE' : undefined) },
      },
      'sent',
    ],
    [
      'mail waits if it leaves none',
      { settings: { smtp_dns_reply_filter: 'x:filter' }, tables: { 'x:filter': () => 'ignore' } },
      'deferred 4.7.0 Error looking up name=qq.com type=MX: DNS reply filter drops all results',
    ],
  ])('P17: %s', async (_name, given, expected) => {
    expect(await send({ ...given, settings: { mydestination: '', ...given.settings } })).toBe(expected);
  });

  it.each([
    ['by its own name', {}, 'mail.qq.com'],
    [
      'by the name at the end of its CNAME records',
      { smtp_cname_overrides_servername: 'yes' },
      'host.provider.example',
    ],
  ])('P17: a server is known %s', async (_name, settings, name) => {
    const dns = {
      'mx qq.com': ['10 mail.qq.com'],
      'a mail.qq.com': ['127.0.0.1'],
      'cname mail.qq.com': ['alias.provider.example'],
      'cname alias.provider.example': ['host.provider.example'],
    };
    expect(await send({ settings, dns })).toBe('sent');
    expect(house?.lines.join('\n')).toContain(`relay=${name}[127.0.0.1]`);
  });

  it.each<[string, DnsRecords]>([
    ['a loop of CNAME records', { 'cname mail.qq.com': ['b.qq.com'], 'cname b.qq.com': ['mail.qq.com'] }],
    ['no answer', { 'cname mail.qq.com': 'tempfail' }],
  ])('P17: mail waits for its name: %s', async (_name, more) => {
    const settings = { smtp_cname_overrides_servername: 'yes' };
    expect(await send({ settings, dns: { ...QQ, ...more } })).toBe(
      `deferred 4.4.3 ${SERVICE_ERROR} name=mail.qq.com type=A: Host not found, try again`,
    );
  });

  it('P17: smtp_tcp_port is the port where a next hop names none', async () => {
    const sink = await openSink();
    closers.push(() => sink.close());
    expect(await send({ settings: { smtp_tcp_port: String(sink.port) } })).toBe('sent');
    expect(sink.received).toHaveLength(1);
  });
});

describe('sessions', () => {
  it('P17: without smtp_connection_cache_on_demand only those to smtp_connection_cache_destinations are kept', async () => {
    const settings = { smtp_connection_cache_on_demand: 'no', smtp_connection_cache_destinations: '163.com' };
    const sink = await openSink();
    closers.push(() => sink.close());
    house = await openHouse({
      dns: { ...QQ, 'mx 163.com': ['10 mail.163.com'], 'a mail.163.com': ['127.0.0.1'] },
      settings,
      smtpPort: sink.port,
    });
    house.runner.start();
    for (const to of ['a@qq.com', 'b@qq.com', 'a@163.com', 'b@163.com']) {
      await house.submit({ to: [to] }, 'Subject: s\r\n\r\nbody\r\n');
      await house.runner.idle();
    }
    expect(sink.received).toHaveLength(4);
    expect(sink.connections).toBe(3);
  });

  it.each([
    ['begins anew with each line of a reply', {}, 'sent'],
    [
      'covers the whole with smtp_per_request_deadline',
      { smtp_per_request_deadline: 'yes' },
      'deferred 4.4.2 conversation with mail.qq.com[127.0.0.1] timed out while performing the EHLO handshake',
    ],
  ])('P17: a time limit %s', async (_name, more, expected) => {
    const server = await slowServer();
    const settings = {
      smtp_helo_timeout: '1s',
      smtp_tcp_port: String((server.address() as AddressInfo).port),
      ...more,
    };
    expect(await send({ settings })).toBe(expected);
  });
});

/** Answers EHLO with a line each 0.4 s, four in all. */
async function slowServer(): Promise<Server> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.write('220 slow ESMTP\r\n');
    socket.on('data', (piece) => {
      const line = piece.toString('latin1');
      if (/^EHLO/.test(line))
        ['250-slow', '250-ONE', '250-TWO', '250 THREE'].forEach((one, i) => {
          setTimeout(() => socket.write(`${one}\r\n`), i * 400).unref();
        });
      else if (/^DATA/.test(line)) socket.write('354 go\r\n');
      else socket.write('250 2.0.0 ok\r\n');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return server;
}
