/** P7: probes for reject_unverified_…: another server is asked over a real socket, and never gets a message. */
import { afterEach, expect, it } from 'vitest';
import { type LineServer, openLineServer } from '../client/sink.ts';
import { openHouse, type TestHouse, tablesOf } from '../house.ts';

let house: TestHouse | null = null;
let server: LineServer | null = null;
afterEach(async () => {
  await house?.stop();
  await server?.close();
});

async function openProber(settings: Readonly<Record<string, string>> = {}): Promise<TestHouse> {
  server = await openLineServer((line, socket) => {
    const verb = line.split(' ')[0] ?? '';
    if (line.startsWith('RCPT TO:<bad@')) socket.write('550 5.1.1 no such user\r\n');
    else if (line.startsWith('RCPT TO:<later@')) socket.write('450 4.2.1 not now\r\n');
    else if (line.startsWith('RCPT TO:<gone@')) socket.destroy();
    else if (verb === 'EHLO') socket.write('250-far.test\r\n250-PIPELINING\r\n250 SIZE 1000\r\n');
    else socket.write(verb === 'DATA' ? '354 go\r\n' : '250 2.0.0 ok\r\n');
  }, '220 far.test ESMTP\r\n');
  house = await openHouse({
    settings: {
      relayhost: '[127.0.0.1]:9',
      address_verify_relayhost: `[127.0.0.1]:${server.port}`,
      auto_create_accounts: 'yes',
      local_recipient_maps: 'x:users',
      ...settings,
    },
    tables: tablesOf({ 'x:users': { listed: 'x' } }),
  });
  return house;
}

const said = (): string[] => server?.lines.filter((line) => /^(?:MAIL|RCPT|DATA|RSET)/.test(line)) ?? [];

it('P7: asks by the way of probes up to RCPT TO, and says what the server said', async () => {
  const { probe, lines, queue } = await openProber();
  expect(await probe('good@far.test')).toEqual({ status: 'deliverable', text: '250 2.0.0 ok' });
  expect(said()).toEqual(['MAIL FROM:<double-bounce@baidu.com>', 'RCPT TO:<good@far.test>', 'RSET']);
  expect(await probe('bad@far.test')).toEqual({
    status: 'undeliverable',
    text: 'host 127.0.0.1[127.0.0.1] said: 550 5.1.1 no such user (in reply to RCPT TO command)',
  });
  expect(await probe('later@far.test')).toMatchObject({ status: 'deferred' });
  expect(await probe('gone@far.test')).toMatchObject({ status: 'deferred' });
  expect(said()).not.toContain('DATA');
  expect(await queue()).toEqual([]);
  expect(lines.some((line) => /^postfix\/smtp: \w+: to=<bad@far\.test>.*status=undeliverable \(host/.test(line))).toBe(
    true,
  );
});

it('P7: after DATA (smtp_address_verify_target) it ends the connection without a message', async () => {
  const { probe } = await openProber({ smtp_address_verify_target: 'data' });
  expect(await probe('good@far.test')).toEqual({ status: 'deliverable', text: '354 go' });
  expect(said()).toEqual(['MAIL FROM:<double-bounce@baidu.com>', 'RCPT TO:<good@far.test>', 'DATA']);
  expect(server?.lines).not.toContain('.');
});

it('P7: answers for addresses here without a network, and makes no account', async () => {
  const { probe, store } = await openProber({ address_verify_sender: '<>' });
  expect(await probe('maomao@baidu.com')).toMatchObject({ status: 'deliverable' });
  expect(await probe('nobody@baidu.com')).toMatchObject({ status: 'undeliverable', text: 'unknown user: "nobody"' });
  expect(await probe('listed@baidu.com')).toMatchObject({ status: 'deliverable' });
  expect(await store.directory.find('listed@baidu.com')).toBeNull();
  expect(await probe('double-bounce@baidu.com')).toMatchObject({ status: 'deliverable' });
  expect(server?.lines).toEqual([]);
});

it('P7: what is sent to the sender of probes is discarded', async () => {
  const { submit, lines } = await openProber();
  // At any local domain, as qmgr(8).
  const to = ['double-bounce@baidu.com', 'Double-Bounce@mail.baidu.com', 'double-bounce@localhost'];
  await submit({ to: [...to, 'double-bounce@elsewhere.example'] }, 'Subject: s\r\n\r\nbody\r\n');
  const discarded = lines.filter((line) => line.includes('undeliverable postmaster notification discarded'));
  expect(discarded).toHaveLength(to.length);
});
