import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LineClient } from '../../src/lab/line-client.ts';
import { SecretFile } from '../../src/lookup/secret-file.ts';
import { openHouse } from '../../test/bus/house.ts';
import { openSink, type Sink } from '../../test/delivery/client/sink.ts';
import { removeFolder, temporaryFolder } from '../../test/kit/folder.ts';
import { freeOffset } from '../../test/kit/ports.ts';
import { makeFolders, startServer, type TestServer } from '../../test/kit/server.ts';
import { decode, encode, isSrs } from './address.ts';

const RULES = { domain: 'fwd.example', hashLength: 4, days: 21 };
const NOW = Date.UTC(2026, 10, 28);
const DAY = 86_400_000;

describe('addresses', () => {
  it('lead back to the sender for 21 days, in any case, by an old secret too, and by no other', () => {
    const made = encode('user+x@Example.org', 'secret', NOW, RULES) ?? '';
    expect(made).toMatch(/^SRS0=[\w+/]{4}=JR=Example\.org=user\+x@fwd\.example$/);
    expect(decode(made, ['new', 'secret'], NOW + 21 * DAY, RULES)).toEqual({ address: 'user+x@Example.org' });
    expect(decode(made.toLowerCase(), ['secret'], NOW, RULES)).toEqual({ address: 'user+x@example.org' });
    expect(decode(made, ['secret'], NOW + 22 * DAY, RULES)).toEqual({ fault: 'expired' });
    expect(decode(made, ['secret'], NOW - DAY, RULES)).toEqual({ fault: 'expired' });
    expect(decode(made, ['other'], NOW, RULES)).toEqual({ fault: 'forged' });
    expect(decode(made, [], NOW, RULES)).toEqual({ fault: 'forged' });
    expect(decode(made.replace('=user', '=other'), ['secret'], NOW, RULES)).toEqual({ fault: 'forged' });
  });

  it('of other servers lead back to the first one, and grow no more', () => {
    const once = encode('SRS0=AbCd=XY=a.example=bob@b.example', 'secret', NOW, RULES) ?? '';
    expect(once).toMatch(/^SRS1=[\w+/]{4}=b\.example==AbCd=XY=a\.example=bob@fwd\.example$/);
    expect(decode(once, ['secret'], NOW, RULES)).toEqual({ address: 'SRS0=AbCd=XY=a.example=bob@b.example' });
    const twice = encode(once.replace('fwd.example', 'c.example'), 'secret', NOW, RULES);
    expect(twice).toBe(once);
    const plus = encode('SRS0+AbCd=XY=a.example=bob@b.example', 'secret', NOW, RULES) ?? '';
    expect(decode(plus, ['secret'], NOW, RULES)).toEqual({ address: 'SRS0+AbCd=XY=a.example=bob@b.example' });
  });

  it.each(['SRS0=@x.example', 'SRS0====@x.example', 'SRS1=a=b@x.example', 'SRS0=abcd=00=a=b@x.example', 'SRS1'])(
    '%s is forged',
    (address) => expect(decode(address, ['secret'], NOW, RULES)).toEqual({ fault: 'forged' }),
  );

  it.each(['"a b"@x.example', 'nobody', 'a@[192.0.2.1]', 'a@b=c.example'])('%s cannot be rewritten', (sender) =>
    expect(encode(sender, 'secret', NOW, RULES)).toBeNull(),
  );

  it('are known by their beginning', () =>
    expect(['srs0=x@y', 'SRS1+x@y', 'SRS0x@y', 'srs@y'].map(isSrs)).toEqual([true, true, false, false]));
});

describe('the file of secrets', () => {
  const folder = temporaryFolder('srs');
  afterAll(() => removeFolder(folder));

  it('is made at the first use, for its owner alone, and the same for all who use it', () => {
    const path = join(folder, 'made');
    const [one, other] = [new SecretFile(path), new SecretFile(path)];
    expect(one.accepted()).toEqual([]);
    expect(existsSync(path)).toBe(false);
    expect(one.signing()).toMatch(/^[\w+/]{48}$/);
    expect(other.signing()).toBe(one.signing());
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('is refused where others may read it, or where it has no secret', () => {
    const path = join(folder, 'given');
    writeFileSync(path, 'new\nold\n', { mode: 0o600 });
    expect(new SecretFile(path).accepted()).toEqual(['new', 'old']);
    chmodSync(path, 0o640);
    expect(() => new SecretFile(path)).toThrow(/chmod 600/);
    chmodSync(path, 0o600);
    writeFileSync(path, '\n');
    expect(() => new SecretFile(path)).toThrow(/expected 1 to 100 secrets/);
  });
});

it('rewrites nothing for a domain to which no bounce would come, and says so once', async () => {
  const house = await openHouse({
    plugins: ['srs'],
    files: { 'plugins.d/srs.json': '{ "domain": "elsewhere.example", "secret_file": "srs.secret" }' },
  });
  for (const queueId of ['Q1', 'Q2']) {
    const attempt = {
      ...{
        queueId,
        sender: 'a@b.example',
        reversePath: 'a@b.example',
        recipients: ['c@d.example'],
        originals: ['xixi@baidu.com'],
      },
      ...{ transport: 'smtp', nexthop: 'd.example', arrivedAt: 0 },
    };
    expect((await house.bus.run('send_email', attempt)).code).toBe('NEXT');
    expect(attempt.reversePath).toBe('a@b.example');
  }
  expect(house.lines.filter((line) => line.includes('elsewhere.example is none of our domains'))).toHaveLength(1);
  removeFolder(house.folder);
});

describe('G18: srs', () => {
  let server: TestServer;
  let sink: Sink;
  let offset: number;
  const FORWARDER = `import { definePlugin, NEXT } from 'posthorn/plugin';
export default definePlugin({
  name: 'forwarder',
  register(server) {
    server.on('deliver', (letter) => (letter.account.address.startsWith('hook') && letter.forward.push('hook@far.example'), NEXT));
  },
});`;

  beforeAll(async () => {
    sink = await openSink({ rcpt: (to) => (to.startsWith('gone@') ? [550, 'gone'] : null) });
    offset = await freeOffset();
    const folders = makeFolders({
      plugins: 'restrictions\nrewriting\nsrs\nforwarder\n',
      'plugins.d/srs.json': JSON.stringify({ except: ['excepted.example'] }),
    });
    writeFileSync(
      join(folders.config, 'main.cf'),
      `compatibility_level = 3.6
myhostname = mail.example.test
myorigin = example.test
mydestination = example.test
inet_interfaces = 127.0.0.1
mynetworks = 127.0.0.9/32
relay_domains = backup.example
relayhost = [127.0.0.1]:${sink.port}
alias_maps = inline:{{ away = away@far.example } { gone = gone@far.example } { backend = x@backup.example }}
forward_path = ${folders.config}/$user.forward
`,
    );
    writeFileSync(join(folders.config, 'filed.forward'), 'filed@far.example\n', { mode: 0o600 });
    mkdirSync(join(folders.config, 'plugins.d/forwarder'), { recursive: true });
    writeFileSync(join(folders.config, 'plugins.d/forwarder/index.js'), FORWARDER);
    const accounts = ['user', 'hook', 'filed', 'set'].map((name) => [`${name}@example.test`, 'secret']);
    server = await startServer({ files: {}, folders, portOffset: offset, accounts: Object.fromEntries(accounts) });
    await server.command(['user', 'forward', 'set@example.test', 'set@far.example']);
  });
  afterAll(async () => {
    await server.stop();
    await sink.close();
  });

  async function send(from: string, to: string, ip = '127.0.0.1'): Promise<string> {
    const client = await LineClient.connect({ host: '127.0.0.1', port: 25 + offset, localAddress: ip });
    await client.smtp();
    await client.smtp('EHLO client.example');
    await client.smtp(`MAIL FROM:<${from}>`);
    let answer = await client.smtp(`RCPT TO:<${to}>`);
    if (answer.startsWith('250')) {
      await client.smtp('DATA');
      client.send('Subject: x\r\n\r\nHello.');
      answer = await client.smtp('.');
    }
    client.close();
    return answer;
  }
  /** The sender with which the other server gets mail for an address. */
  async function sentFor(to: string): Promise<string> {
    const found = () => sink.received.find((one) => one.to.includes(to));
    await expect.poll(() => found() !== undefined, { timeout: 15_000, message: to }).toBe(true);
    const from = found()?.from ?? '';
    sink.received.splice(0);
    return from;
  }

  it.each(['away', 'filed', 'set', 'hook'])(
    'rewrites the sender of what %s forwards, and takes its bounce',
    async (name) => {
      expect(await send('stranger@foreign.example', `${name}@example.test`)).toMatch(/^250 /);
      const from = await sentFor(`${name}@far.example`);
      expect(from).toMatch(/^SRS0=[\w+/]{4}=[A-Z2-7]{2}=foreign\.example=stranger@example\.test$/);
      expect(await send('somebody@far.example', from)).toMatch(/^550 5\.7\.1 .*takes bounces only$/);
      expect(await send('', from.replace('stranger', 'other'))).toMatch(
        /^550 5\.1\.1 .*was not made here, or is damaged$/,
      );
      expect(await send('', from)).toMatch(/^250 /);
      expect(await sentFor('stranger@foreign.example')).toBe('');
    },
  );

  it('keeps the sender of our own mail, of a bounce, of an exception, for a backup MX, and of what is sent from here', async () => {
    for (const [from, to, sent, ip] of [
      ['user@example.test', 'away@example.test', 'away@far.example'],
      ['', 'away@example.test', 'away@far.example'],
      ['x@excepted.example', 'away@example.test', 'away@far.example'],
      ['stranger@foreign.example', 'somebody@backup.example', 'somebody@backup.example'],
      ['stranger@foreign.example', 'backend@example.test', 'x@backup.example'],
      ['stranger@foreign.example', 'friend@far.example', 'friend@far.example', '127.0.0.9'],
    ] as const) {
      expect(await send(from, to, ip)).toMatch(/^250 /);
      expect(await sentFor(sent)).toBe(from);
    }
  });

  it('tells the sender itself what could not be forwarded', async () => {
    expect(await send('stranger@foreign.example', 'gone@example.test')).toMatch(/^250 /);
    expect(await sentFor('stranger@foreign.example')).toBe('');
    expect(readFileSync(join(server.folders.data, 'log/mail.jsonl'), 'utf8')).not.toMatch(/from=<SRS0[^"]*size=/);
    expect(statSync(join(server.folders.data, 'srs.secret')).mode & 0o777).toBe(0o600);
  });
});
