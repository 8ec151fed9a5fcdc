import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../../src/authoring/test-server.ts';
import { LineClient } from '../../src/lab/line-client.ts';
import { openHouse } from '../../test/bus/house.ts';
import { openSink, type Sink } from '../../test/delivery/client/sink.ts';
import { removeFolder, temporaryFolder } from '../../test/kit/folder.ts';
import { freeOffset } from '../../test/kit/ports.ts';
import { makeFolders, startServer, type TestServer as WholeServer } from '../../test/kit/server.ts';
import { isTagged, tag, untag } from './tag.ts';

const NOW = Date.UTC(2026, 10, 28);
const DAY = 86_400_000;

describe('tags', () => {
  const made = tag('User@Example.org', 'secret', NOW, 7);

  it('have the form prvs=KDDDSSSSSS=address, and count for seven days, in any case', () => {
    expect(made).toMatch(/^prvs=\d792[0-9a-f]{6}=User@Example\.org$/);
    expect(untag(made, ['new', 'secret'], NOW + 7 * DAY, 7)).toEqual({ address: 'User@Example.org' });
    expect(untag(made.toUpperCase(), ['secret'], NOW, 7)).toEqual({ address: 'USER@EXAMPLE.ORG' });
    expect(untag(made, ['secret'], NOW + 8 * DAY, 7)).toEqual({ fault: 'expired' });
  });

  it('go on over the turn of the three digits', () => {
    const before = Date.UTC(1970, 0, 1) + 20_998 * DAY;
    const late = tag('a@b.example', 'secret', before, 7);
    expect(late).toMatch(/^prvs=\d005/);
    expect(untag(late, ['secret'], before + 5 * DAY, 7)).toEqual({ address: 'a@b.example' });
    expect(untag(late, ['secret'], before + 8 * DAY, 7)).toEqual({ fault: 'expired' });
  });

  it.each([
    made.replace('User', 'Other'),
    made.replace(/792/, '799'),
    made.replace(/^prvs=\d/, (start) => `prvs=${(Number(start.slice(-1)) + 1) % 10}`),
    'prvs=@x.example',
    'prvs=0792aaaaa=a@b.example',
  ])('%s is forged', (address) => expect(untag(address, ['secret'], NOW, 7)).toEqual({ fault: 'forged' }));

  it('are known by their beginning', () => expect(['PRVS=x', 'xprvs='].map(isTagged)).toEqual([true, false]));
});

describe('bounces', () => {
  const folder = temporaryFolder('batv');
  const secretFile = join(folder, 'secret');
  let server: TestServer;
  beforeAll(() => writeFileSync(secretFile, 'secret\n', { mode: 0o600 }));
  afterAll(() => removeFolder(folder));
  afterEach(() => server?.close());
  const start = async (config: object = {}): Promise<void> => {
    server = await startTestServer({
      ...{ plugins: [import.meta.dirname], worker: false, now: '2026-11-28T00:00:00Z' },
      mainCf: { virtual_alias_maps: 'inline:{{ sales@example.test = user@example.test }}' },
      config: { batv: { secret_file: secretFile, ...config } },
    });
  };
  const bounce = (to: string, more: { ip?: string; header?: Record<string, string> } = {}): Promise<string> =>
    server.send({ from: '', to, ...more });
  const marks = async (): Promise<(string | null)[]> =>
    (await server.messages('user@example.test')).map(({ header }) => header.get('X-BATV-Status'));
  const tagged = (address: string, secret = 'secret'): string => tag(address, secret, NOW, 7);
  const QUEUED = /^250 2\.0\.0 Ok: queued as /;

  it('to a tagged address come to the user, whatever their case; other mail does too', async () => {
    await start({ untagged: 'reject' });
    expect(await bounce(tagged('user@example.test').toLowerCase())).toMatch(QUEUED);
    expect(await bounce(tagged('sales@example.test'))).toMatch(QUEUED);
    expect(await server.send({ from: 'a@example.org', to: tagged('user@example.test') })).toMatch(QUEUED);
    expect(await server.send({ from: 'a@example.org', to: 'user@example.test' })).toMatch(QUEUED);
    expect(await marks()).toEqual([null, null, null, null]);
  });

  it('to a forged, an expired and an unknown tagged address are refused', async () => {
    await start();
    expect(await bounce(tagged('user@example.test', 'other'))).toMatch(
      /^550 5\.1\.1 <prvs=.*>: Recipient address rejected: This address was not tagged here, or is damaged/,
    );
    expect(await bounce(tagged('nobody@example.test'))).toMatch(/^550 5\.1\.1 .*User unknown/);
    await server.clock.advance({ days: 8 });
    expect(await bounce(tagged('user@example.test'))).toMatch(/^550 5\.1\.1 .*The tag of this address has expired$/);
    expect(await server.metric('posthorn_plugin_batv_addresses_total', { result: 'expired' })).toBe(1);
  });

  it('to an address without a tag get a mark, which nobody else can set', async () => {
    await start();
    expect(await bounce('user@example.test')).toMatch(QUEUED);
    const header = { 'X-BATV-Status': 'untagged', Subject: 'x' };
    expect(await bounce(tagged('user@example.test'), { header })).toMatch(QUEUED);
    expect(await marks()).toEqual(['untagged', null]);
  });

  it('or are refused, but for exceptions of addresses, clients and domains', async () => {
    await start({ untagged: 'reject', except: ['sales@'], clients: ['198.51.100.0/24'] });
    expect(await bounce('user@example.test')).toMatch(/^550 5\.7\.1 .*sends no mail without a tag/);
    expect(await bounce('sales@example.test')).toMatch(QUEUED);
    expect(await bounce('user@example.test', { ip: '198.51.100.7' })).toMatch(QUEUED);
    expect(await bounce('user@example.test', { ip: '192.0.2.7' })).toMatch(QUEUED);
    await server.reload({ batv: { secret_file: secretFile, untagged: 'reject', sender_domains: ['other.example'] } });
    expect(await bounce('user@example.test')).toMatch(QUEUED);
    expect(await marks()).toEqual([null, null, null, null]);
  });
});

it('a domain of sender_domains that is not ours is told', async () => {
  const house = await openHouse({
    plugins: ['batv'],
    files: { 'plugins.d/batv.json': '{ "sender_domains": ["elsewhere.example"], "secret_file": "batv.secret" }' },
  });
  const attempt = {
    ...{
      queueId: 'Q',
      sender: 'a@elsewhere.example',
      reversePath: 'a@elsewhere.example',
      recipients: ['c@d.example'],
      originals: [''],
    },
    ...{ transport: 'smtp', nexthop: 'd.example', arrivedAt: 0 },
  };
  await house.bus.run('send_email', attempt);
  expect(attempt.reversePath).toBe('a@elsewhere.example');
  expect(house.lines.join()).toContain('sender_domains: elsewhere.example is none of our domains');
  removeFolder(house.folder);
});

describe('G18: batv', () => {
  let server: WholeServer;
  let sink: Sink;
  let offset: number;
  beforeAll(async () => {
    sink = await openSink({ rcpt: (to) => (to.startsWith('gone@') ? [550, 'gone'] : null) });
    offset = await freeOffset();
    const folders = makeFolders({
      plugins: 'restrictions\nrewriting\nbatv\n',
      'main.cf': `compatibility_level = 3.6
myhostname = mail.example.test
myorigin = example.test
mydestination = example.test
inet_interfaces = 127.0.0.1
mynetworks = 127.0.0.1/32
relayhost = [127.0.0.1]:${sink.port}
alias_maps =
`,
    });
    const accounts = { 'user@example.test': 'secret' };
    server = await startServer({ files: {}, folders, portOffset: offset, accounts });
  });
  afterAll(async () => {
    await server.stop();
    await sink.close();
  });

  it('has a tag if its sender is ours, and its bounce comes back; our own notification too', async () => {
    const send = async (from: string, to: string): Promise<void> => {
      const client = await LineClient.connect({ host: '127.0.0.1', port: 25 + offset });
      await client.smtp();
      for (const line of ['EHLO a.example', `MAIL FROM:<${from}>`, `RCPT TO:<${to}>`, 'DATA']) await client.smtp(line);
      client.send('Subject: x\r\n\r\nHello.');
      expect(await client.smtp('.')).toMatch(/^250 /);
      client.close();
    };
    const long = `${'x'.repeat(50)}@example.test`;
    for (const from of ['user@example.test', 'a@example.org', '', long, 'postmaster@example.test'])
      await send(from, `${from === '' ? 'null' : from.slice(0, 4).replace('@', '-')}@far.example`);
    await expect.poll(() => sink.received.length, { timeout: 15_000 }).toBe(5);
    const sent = new Map(sink.received.map(({ from, to }) => [to[0], from]));
    const from = sent.get('user@far.example') ?? '';
    expect(from).toMatch(/^prvs=\d{4}[0-9a-f]{6}=user@example\.test$/);
    expect(sent.get('a-ex@far.example')).toBe('a@example.org');
    expect([sent.get('null@far.example'), sent.get('xxxx@far.example'), sent.get('post@far.example')]).toEqual([
      '',
      long,
      'postmaster@example.test',
    ]);
    await send('', from);
    await send('user@example.test', 'gone@far.example');
    const subjects = (): string[] => {
      const lines = readFileSync(join(server.folders.data, 'log/mail.jsonl'), 'utf8').split('\n');
      return lines.filter((line) => /to=<user@example\.test>.*status=sent/.test(line));
    };
    await expect.poll(() => subjects().length, { timeout: 15_000 }).toBe(2);
  });
});
