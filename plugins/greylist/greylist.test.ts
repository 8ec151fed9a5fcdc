import { afterEach, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../../src/authoring/test-server.ts';
import { openHouse, recipient, connect as shape, transactionOf, words } from '../../test/bus/house.ts';
import { memoryStates } from '../../test/kit/states.ts';
import { networkOf, steadySender, tripletKey } from './triplet.ts';

const GREYLISTED = '450 4.2.0 <user@example.test>: Recipient address rejected: Greylisted, try again later';
const QUEUED = /^250 2\.0\.0 Ok: queued as /;

let server: TestServer;
const start = async (config: object = {}, plugins: readonly string[] = []): Promise<void> => {
  server = await startTestServer({
    plugins: [import.meta.dirname, ...plugins],
    config: { greylist: config },
    worker: false,
    zones: { 'example.org': 'mx A 198.51.100.7', '100.51.198.in-addr.arpa': '7 PTR mx.example.org.' },
  });
};
afterEach(() => server?.close());

const send = (from = 'a@example.org', ip = '203.0.113.9'): Promise<string> =>
  server.send({ from, to: 'user@example.test', ip });
const counted = (result: string): Promise<number | undefined> =>
  server.metric('posthorn_plugin_greylist_recipients_total', { result });

it('a stranger waits, comes again in time, and is known from then on', async () => {
  await start();
  expect(await send()).toBe(GREYLISTED);
  await server.clock.advance({ seconds: 299 });
  expect(await send()).toBe(GREYLISTED);
  await server.clock.advance({ seconds: 1 });
  expect(await send('a@example.org', '203.0.113.77')).toMatch(QUEUED);
  expect((await server.logged(/came again/)).msg).toBe(
    'from=<a@example.org>, to=<user@example.test>: came again after 300 s',
  );
  await server.clock.advance({ days: 34 });
  expect(await send()).toMatch(QUEUED);
  await server.clock.advance({ days: 34 });
  expect(await send()).toMatch(QUEUED);
  await server.clock.advance({ days: 36 });
  expect(await send()).toBe(GREYLISTED);
  const results = await Promise.all(['deferred', 'passed', 'known'].map(counted));
  expect(results).toEqual([3, 1, 2]);
});

it('an attempt after the retry window is a first one', async () => {
  await start({ delay: '1 min', retry_window: '1 h' });
  expect(await send()).toBe(GREYLISTED);
  await server.clock.advance({ minutes: 61 });
  expect(await send()).toBe(GREYLISTED);
  await server.clock.advance({ minutes: 1 });
  expect(await send()).toMatch(QUEUED);
});

it('another network, sender or recipient waits for itself', async () => {
  await start();
  await send();
  await server.clock.advance({ minutes: 5 });
  expect(await send('a@example.org', '198.51.100.9')).toBe(GREYLISTED);
  expect(await send('b@example.org')).toBe(GREYLISTED);
  expect(await send()).toMatch(QUEUED);
});

it('a network that came again often enough does not wait any more', async () => {
  await start({ client_after: 2 });
  for (const from of ['a@example.org', 'b@example.org']) await send(from);
  await server.clock.advance({ minutes: 5 });
  for (const from of ['a@example.org', 'a@example.org', 'b@example.org']) expect(await send(from)).toMatch(QUEUED);
  expect(await send('c@example.org', '203.0.113.200')).toMatch(QUEUED);
  expect(await counted('whitelisted')).toBe(1);
});

it('who has logged in, who is in mynetworks and who is listed does not wait', async () => {
  await start({ clients: ['203.0.113.0/25', 'mx.example.org'], recipients: ['free@example.test'] });
  expect(await send('a@example.org', '203.0.113.9')).toMatch(QUEUED);
  expect(await send('a@example.org', '198.51.100.7')).toMatch(QUEUED);
  expect(await send('a@example.org', '192.0.2.1')).toMatch(QUEUED);
  const letter = { from: 'user@example.test', to: 'user@example.test', ip: '203.0.113.200' };
  expect(await server.send({ ...letter, user: 'user@example.test' })).toMatch(QUEUED);
  expect(await send('a@example.org', '203.0.113.200')).toBe(GREYLISTED);
});

it('address verification of others gets its answer; a bounce waits at DATA', async () => {
  await start();
  for (const sender of ['', 'double-bounce@mx.example.org']) {
    const dialog = await server.connect();
    const replies = [];
    for (const line of ['EHLO client.example.org', `MAIL FROM:<${sender}>`, 'RCPT TO:<user@example.test>', 'DATA'])
      replies.push(await dialog.say(line));
    expect(replies.slice(2)).toEqual([
      '250 2.1.5 Ok',
      '450 4.2.0 <DATA>: Data command rejected: Greylisted, try again later',
    ]);
    dialog.close();
  }
  await server.clock.advance({ minutes: 5 });
  expect(await send('')).toMatch(QUEUED);
});

it('what others refuse is not remembered', async () => {
  await start();
  const before = await counted('deferred');
  const reply = await server.send({ from: 'a@example.org', to: 'nobody@example.test' });
  expect(reply).toMatch(/^550 5\.1\.1 /);
  expect(await counted('deferred')).toBe(before);
});

it('it is remembered over a reload, and a faulty configuration is told', async () => {
  await start();
  await send();
  await server.clock.advance({ minutes: 5 });
  await server.reload();
  expect(await send()).toMatch(QUEUED);
  await expect(server.reload({ greylist: { delay: '3 days' } })).rejects.toThrow(/greylist\.json:2: .*delay/);
  await expect(server.reload({ greylist: { delay: '1 h', retry_window: '1 h' } })).rejects.toThrow(/retry_window/);
  await expect(server.reload({ greylist: { clients: ['192.0.2.1/24'] } })).rejects.toThrow(/192\.0\.2\.0\/24/);
});

it('several processes with one store are one', async () => {
  const states = memoryStates();
  let now = 1_000_000_000;
  const open = () => openHouse({ plugins: ['greylist'], states, clock: () => now });
  const houses = [await open(), await open()];
  const ask = async (house: (typeof houses)[number], sender: string): Promise<string> =>
    words(
      await house.bus.run('rcpt_ok', { connection: shape(house, { sender }), recipient: recipient('xixi@baidu.com') }),
    );
  for (const [i, house] of houses.entries()) expect(await ask(house, `s@${i}.example`)).toMatch(/^450 4\.2\.0 /);
  now += 300_000;
  // At the same time in both: it counts once for the client.
  const [first, second] = houses;
  if (first === undefined || second === undefined) throw new Error('unreachable');
  expect(await Promise.all([ask(first, 's@0.example'), ask(second, 's@0.example')])).toEqual(['NEXT', 'NEXT']);
  expect(await states.get({ plugin: 'greylist', key: 'client:127.0.1.0/24' }, now)).toContain('"passed":1');
  expect(await ask(first, 's@1.example')).toBe('NEXT');
});

it('a flood from one network is deferred without filling the store', async () => {
  const states = memoryStates();
  const house = await openHouse({ plugins: ['greylist'], states });
  const connection = shape(house);
  for (let i = 0; i < 1_010; i += 1) {
    const transaction = transactionOf(`${'x'.repeat(i % 9)}${String.fromCharCode(97 + (i % 26))}@d${i}.example`);
    const verdict = await house.bus.run('rcpt_ok', {
      connection: { ...connection, transaction },
      recipient: recipient('xixi@baidu.com'),
    });
    expect(words(verdict)).toMatch(/^450/);
  }
  expect(await states.keys({ plugin: 'greylist', prefix: 'triplet:' }, 2_000, Date.now())).toHaveLength(1_000);
});

it.each([
  ['SRS0=aB3d=XY=example.org=user@fwd.example', 'SRS0=Qq9z=ZZ=example.org=user@fwd.example'],
  [
    'SRS1=aaaa=one.example==HHH=TT=example.org=user@fwd.example',
    'SRS1=bbbb=one.example==JJJ=UU=example.org=user@fwd.example',
  ],
  ['prvs=1234567890=user@example.org', 'prvs=0987654321=user@Example.ORG'],
  ['list+user=example.test@example.org', 'list+other=example.test@example.org'],
  ['bounce-1701-42@example.org', 'bounce-1702-43@example.org'],
  ['0100018c9e3a4f21-8d2c-000000@ses.example', '0100018c9e3a4f99-aaa9-000000@ses.example'.replace('aaa9', '1d2c')],
])('%s and %s are the same sender', (one, other) => expect(steadySender(one)).toBe(steadySender(other)));

it('different people are different senders', () =>
  expect(
    new Set(['a@example.org', 'b@example.org', 'a@b.example', 'SRS0=aB3d=XY=b.org=user@f.example'].map(steadySender))
      .size,
  ).toBe(4));

it.each([
  ['203.0.113.9', '203.0.113.0/24'],
  ['::ffff:203.0.113.9', '203.0.113.0/24'],
  ['2001:db8:1:2:3::4', '2001:0db8:0001:0002:0000:0000:0000:0000/64'],
  ['unknown', 'unknown'],
])('%s is of the network %s', (ip, network) => expect(networkOf(ip, { ipv4: 24, ipv6: 64 })).toBe(network));

it('the key of a triplet is short, however long the addresses are', () =>
  expect(tripletKey('203.0.113.0/24', `${'x'.repeat(900)}@example.org`, 'y@example.test').length).toBeLessThan(60));
