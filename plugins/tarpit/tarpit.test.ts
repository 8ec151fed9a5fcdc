import { afterEach, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../../src/authoring/test-server.ts';
import { pluginFamilies } from '../../src/bus/lent/metrics.ts';
import type { Connection, Verdict } from '../../src/bus/plugin.ts';
import { openHouse, recipient, connect as shape } from '../../test/bus/house.ts';

let server: TestServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

async function open(config: object) {
  let now = 0;
  const house = await openHouse({
    plugins: ['tarpit'],
    files: { 'plugins.d/tarpit.json': JSON.stringify({ step: 0.01, refusals: 2, ...config }) },
    clock: () => now,
  });
  const client = (ip = '127.0.1.77', login?: string): Connection =>
    shape(house, { ip, ...(login === undefined ? {} : { login }) });
  const rcpt = (connection: Connection): Promise<Verdict> =>
    house.bus.run('rcpt', { connection, recipient: recipient('xixi@baidu.com') });
  return {
    house,
    client,
    rcpt,
    pass: (ms: number) => {
      now += ms;
    },
    async refuse(connection: Connection, times: number, verdict: Verdict = { code: 'DENY' }) {
      for (let i = 0; i < times; i += 1)
        await house.bus.run('deny', { connection, hook: 'rcpt', plugin: 'restrictions', verdict });
    },
    /** Whether the next reply has to wait. */
    async isSlow(connection: Connection): Promise<boolean> {
      const before = counted('delayed');
      expect((await rcpt(connection)).code).toBe('NEXT');
      return counted('delayed') > before;
    },
  };
}

/** Of this process, as all metrics. */
const counted = (result: string): number =>
  pluginFamilies()
    .find(({ name }) => name === 'posthorn_plugin_tarpit_replies_total')
    ?.samples.find(({ labels }) => labels['result'] === result)?.value ?? 0;

it('who was refused often waits for the replies that follow, until it is forgotten', async () => {
  const tarpit = await open({ forget: 60 });
  const client = tarpit.client();
  await tarpit.refuse(client, 1);
  expect(await tarpit.isSlow(client)).toBe(false);
  await tarpit.refuse(client, 1);
  expect(await tarpit.isSlow(client)).toBe(true);
  // A new connection is the same client.
  expect(await tarpit.isSlow(tarpit.client())).toBe(true);
  expect(await tarpit.isSlow(tarpit.client('127.0.1.78'))).toBe(false);
  expect(tarpit.house.lines.join('\n')).toContain('127.0.1.77 was refused 2 times: its replies are slow now');
  tarpit.pass(60_000);
  expect(await tarpit.isSlow(client)).toBe(false);
});

it('who is asked to come again has not been refused', async () => {
  const tarpit = await open({});
  const reply = { code: 450, enhanced: '4.2.0', text: 'later' };
  await tarpit.refuse(tarpit.client(), 9, { code: 'DENYSOFT' });
  await tarpit.refuse(tarpit.client(), 9, { code: 'DENY', reply });
  expect(await tarpit.isSlow(tarpit.client())).toBe(false);
});

it('who has logged in, mynetworks and listed clients never wait', async () => {
  const tarpit = await open({ clients: ['127.0.2.0/24'] });
  for (const client of [tarpit.client('127.0.1.1'), tarpit.client('127.0.2.1'), tarpit.client('127.0.3.1', 'xixi')]) {
    await tarpit.refuse(client, 9);
    expect(await tarpit.isSlow(client)).toBe(false);
  }
});

it('only so many wait at once', async () => {
  const tarpit = await open({ most: 1 });
  const clients = [tarpit.client('127.0.3.1'), tarpit.client('127.0.3.2')];
  for (const client of clients) await tarpit.refuse(client, 2);
  const before = [counted('delayed'), counted('not_delayed')];
  await Promise.all(clients.map(tarpit.rcpt));
  expect([counted('delayed'), counted('not_delayed')]).toEqual(before.map((count) => count + 1));
});

it('in a session: what the restrictions refuse is counted, and mail still comes through', async () => {
  server = await startTestServer({
    plugins: [import.meta.dirname],
    config: { tarpit: { refusals: 2, step: 0.01 } },
    mainCf: { smtpd_recipient_restrictions: 'reject_non_fqdn_helo_hostname, reject_unauth_destination' },
    worker: false,
  });
  const letter = { from: 'a@example.org', to: 'user@example.test' };
  for (let i = 0; i < 2; i += 1) expect(await server.send({ ...letter, helo: 'nodots' })).toMatch(/^504 /);
  expect(await server.send(letter)).toMatch(/^250 2\.0\.0 Ok/);
  expect(await server.metric('posthorn_plugin_tarpit_replies_total', { result: 'delayed' })).toBeGreaterThan(0);
});
