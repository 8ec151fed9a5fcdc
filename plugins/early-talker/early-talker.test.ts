import { afterEach, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../../src/authoring/test-server.ts';
import { LineClient } from '../../src/lab/line-client.ts';
import { type HouseOptions, openHouse, connect as shape, words } from '../../test/bus/house.ts';
import { freeOffset } from '../../test/kit/ports.ts';
import * as real from '../../test/kit/server.ts';

let server: TestServer | undefined;
let process: real.TestServer | undefined;
afterEach(async () => {
  await server?.close();
  await process?.stop();
  [server, process] = [undefined, undefined];
});

const open = (config: object, more: Partial<HouseOptions> = {}) =>
  openHouse({ plugins: ['early-talker'], files: { 'plugins.d/early-talker.json': JSON.stringify(config) }, ...more });
type House = Awaited<ReturnType<typeof open>>;

/** Connects as one who has said something after so many looks; returns the answer and how often it was looked. */
async function ask(house: House, { after = Number.POSITIVE_INFINITY, ip = '127.0.1.77', service = 'smtp' } = {}) {
  let looks = 0;
  const connection = {
    ...shape(house, { ip }),
    service,
    get hasInput() {
      looks += 1;
      return looks > after;
    },
  };
  return { answer: words(await house.bus.run('connect', { connection })), looks };
}

const REFUSED = '521 5.5.1 Protocol error: wait for the greeting';

it('who speaks before the greeting is refused, at a real server', async () => {
  process = await real.startServer({
    portOffset: await freeOffset(),
    files: {
      'main.cf':
        'compatibility_level = 3.6\nmyhostname = mail.example.test\nmydestination = example.test\ninet_interfaces = 127.0.0.1\nmynetworks = 127.0.0.9\nalias_maps =\n',
      plugins: 'restrictions\nearly-talker\n',
      'plugins.d/early-talker.json': '{ "wait": 5 }',
    },
  });
  const at = { host: '127.0.0.1', port: process.port(25) };
  const hasty = await LineClient.connect(at);
  expect(await hasty.smtp('EHLO client.example')).toBe(REFUSED);
  await expect(hasty.line()).rejects.toThrow('closed');
  const patient = await LineClient.connect(at);
  expect(await patient.smtp()).toMatch(/^220 /);
  expect(await patient.smtp('QUIT')).toMatch(/^221 /);
  patient.close();
}, 60_000);

it('who has spoken later is refused too, and waits again the next time', async () => {
  const house = await open({ wait: 10 });
  for (let i = 0; i < 2; i += 1) expect((await ask(house, { after: 2 })).answer).toBe(REFUSED);
});

it('who has waited does not wait again, for a day', async () => {
  let now = 0;
  const house = await open({ wait: 0.1 }, { clock: () => now });
  const looked = async () => (await ask(house)).looks > 0;
  expect([await looked(), await looked()]).toEqual([true, false]);
  now += 86_400_000;
  expect([await looked(), await looked()]).toEqual([true, false]);
});

it('mynetworks, listed clients and other services do not wait', async () => {
  const house = await open({ wait: 20, clients: ['127.0.2.0/24'] });
  for (const one of [{ ip: '127.0.1.1' }, { ip: '127.0.2.9' }, { service: 'submission' }])
    expect(await ask(house, { ...one, after: 0 })).toEqual({ answer: 'NEXT', looks: 0 });
});

it('only so many wait at once', async () => {
  const house = await open({ wait: 0.1, most: 2 });
  const three = await Promise.all([1, 2, 3].map((host) => ask(house, { ip: `127.0.3.${host}` })));
  expect(three.map(({ answer, looks }) => [answer, looks > 0])).toEqual([
    ['NEXT', true],
    ['NEXT', true],
    ['NEXT', false],
  ]);
});

it('what came with the header of the PROXY protocol is not the client speaking', async () => {
  server = await startTestServer({
    plugins: [import.meta.dirname],
    config: { 'early-talker': { wait: 0.2 } },
    worker: false,
  });
  expect(await server.send({ from: 'a@example.org', to: 'user@example.test' })).toMatch(/^250 2\.0\.0 Ok/);
  expect(await server.metric('posthorn_plugin_early_talker_clients_total', { result: 'patient' })).toBeGreaterThan(0);
});

it('it says that it cannot run in a worker', () =>
  expect(
    startTestServer({ plugins: [import.meta.dirname], config: { 'early-talker': {} }, worker: true }),
  ).rejects.toThrow(/remove "worker"/));
