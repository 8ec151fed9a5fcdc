/** Signatures of ours verified by OpenDKIM and by dkimpy, and those of a server by dkimpy at its receiver. */
import { execFileSync, spawnSync } from 'node:child_process';
import { Resolver } from 'node:dns/promises';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LineClient } from '../../src/lab/line-client.ts';
import { keyName, keyRecord, makeKey } from '../../src/protocol/dkim/key.ts';
import { type SigningKey, signatures } from '../../src/protocol/dkim/sign.ts';
import { openSink, type Sink } from '../delivery/client/sink.ts';
import { removeFolder, temporaryFolder } from '../kit/folder.ts';
import { generatedMessage } from '../kit/generated-messages.ts';
import { freeOffset } from '../kit/ports.ts';
import { startServer, type TestServer } from '../kit/server.ts';

const MESSAGES = 500;
const SENDER = 'a@example.test';
/** Reads {"records": {name: text}, "files": [path]}; prints for each file whether each of its signatures verifies. */
const DKIMPY = `
import dkim, json, sys
asked = json.load(sys.stdin)
records = {name.encode(): text.encode() for name, text in asked['records'].items()}
find = lambda name, timeout=5: records.get(name.rstrip(b'.'))
for path in asked['files']:
    message = open(path, 'rb').read()
    count = len(dkim.DKIM(message).headers) and message.split(b'\\r\\n\\r\\n')[0].count(b'DKIM-Signature:')
    print(*[dkim.DKIM(message).verify(idx=at, dnsfunc=find) for at in range(count)])
`;

let folder: string;
let keys: readonly SigningKey[];
beforeAll(async () => {
  folder = temporaryFolder('dkim');
  keys = [
    { domain: 'example.test', selector: 'r', key: await makeKey('rsa') },
    { domain: 'example.test', selector: 'e', key: await makeKey('ed25519') },
  ];
});
afterAll(() => removeFolder(folder));

async function* all(octets: Buffer): AsyncGenerator<Buffer> {
  yield octets;
}

async function signed(message: Buffer, by: readonly SigningKey[]): Promise<Buffer> {
  const fields = await signatures(all(message), by, Math.floor(Date.now() / 1000));
  return Buffer.concat([Buffer.from(`${fields.join('\r\n')}\r\n`), message]);
}

function dkimpy(files: readonly string[], records: Readonly<Record<string, string>>): readonly string[] {
  const input = JSON.stringify({ records, files });
  return execFileSync('/usr/bin/python3', ['-c', DKIMPY], { input, encoding: 'utf8' }).trimEnd().split('\n');
}

/** What a name server says. */
function textAt(name: string, port: number): Promise<string> {
  const resolver = new Resolver();
  resolver.setServers([`127.0.0.1:${port}`]);
  return resolver.resolveTxt(name).then((records) => records.flat().join(''));
}

const recordsOf = (by: readonly SigningKey[]): Record<string, string> =>
  Object.fromEntries(by.map(({ domain, selector, key }) => [keyName(domain, selector), keyRecord(key)]));

describe('S9: signatures beside other programs', () => {
  it(`dkimpy verifies both signatures of ${MESSAGES} odd messages`, async () => {
    const files: string[] = [];
    for (let seed = 0; seed < MESSAGES; seed += 1) {
      files.push(join(folder, `both-${seed}`));
      writeFileSync(files.at(-1) ?? '', await signed(generatedMessage(seed + 1_000, SENDER), keys));
    }
    const results = dkimpy(files, recordsOf(keys));
    expect(results.filter((result) => result !== 'True True')).toEqual([]);
    expect(results).toHaveLength(MESSAGES);
  });

  it('OpenDKIM verifies each signature of odd messages', async () => {
    const [published, configuration] = [join(folder, 'published'), join(folder, 'opendkim.conf')];
    const records = Object.entries(recordsOf(keys));
    writeFileSync(published, records.map(([name, text]) => `${name} ${text}\n`).join(''));
    writeFileSync(configuration, `TestPublicKeys ${published}\nMode v\nSyslog no\n`);
    const files: string[] = [];
    for (let seed = 0; seed < 100; seed += 1)
      for (const key of keys) {
        files.push(join(folder, `one-${seed}-${key.selector}`));
        writeFileSync(files.at(-1) ?? '', await signed(generatedMessage(seed + 2_000, SENDER), [key]));
      }
    const { stdout } = spawnSync('/usr/sbin/opendkim', ['-x', configuration, '-v', '-t', files.join(',')], {
      encoding: 'utf8',
    });
    expect(stdout.match(/succeeded$/gm)).toHaveLength(200);
  });
});

describe('S9: a site that signs, and one that verifies', () => {
  let sink: Sink;
  let server: TestServer;
  let port: number;
  beforeAll(async () => {
    sink = await openSink();
    const offset = await freeOffset();
    port = 25 + offset;
    server = await startServer({
      portOffset: offset,
      files: {
        'main.cf': [
          ...['compatibility_level = 3.6', 'myhostname = mail.example.test', 'myorigin = example.test'],
          ...[
            'mydestination = example.test',
            'inet_interfaces = 127.0.0.1',
            'mynetworks = 127.0.0.1/32',
            'alias_maps =',
          ],
          `relayhost = [127.0.0.1]:${sink.port}`,
          'remote_header_rewrite_domain =',
          'masquerade_domains = example.test',
          '',
        ].join('\n'),
        plugins: 'restrictions\nrewriting\ndkim-sign\ndisclaimer\n',
        'plugins.d/disclaimer.json': JSON.stringify({ disclaimers: { '*': { text: 'The house.' } } }),
        'named.conf':
          'options { listen-on { 127.0.0.1; }; directory "."; };\nzone "example.test" { type master; file "zone"; };\n',
        zone: '$TTL 60\n@ SOA ns hostmaster 1 3600 600 86400 60\n@ NS ns\nns A 127.0.0.1\n',
      },
    });
  });
  afterAll(async () => {
    await server.stop();
    await sink.close();
  });

  /** Whether it has arrived, signed and as it was signed. */
  async function arrived(to: string): Promise<string> {
    await expect.poll(() => sink.received.some((one) => one.to.includes(to)), { timeout: 20_000 }).toBe(true);
    const text = sink.received.find((one) => one.to.includes(to))?.text ?? '';
    const file = join(folder, `arrived-${to}`);
    writeFileSync(file, text, 'latin1');
    const names = [...text.matchAll(/\bs=([\w-]+);/g)].map(([, selector = '']) => keyName('example.test', selector));
    const published = await Promise.all(names.map((name) => textAt(name, port + 28)));
    const records = Object.fromEntries(names.map((name, at) => [name, published[at] ?? '']));
    return `${text.includes('The house.') ? 'with text ' : ''}${dkimpy([file], records)[0]}`;
  }

  async function send(to: string, lines: readonly string[]): Promise<void> {
    const client = await LineClient.connect({ host: '127.0.0.1', port });
    await client.smtp();
    const commands = ['EHLO mail.example.test', 'MAIL FROM:<u@example.test>', `RCPT TO:<${to}>`, 'DATA'];
    for (const line of commands) await client.smtp(line);
    for (const line of lines) client.send(line);
    expect(await client.smtp('.')).toMatch(/^250 /);
    client.close();
  }

  it('what is rewritten and changed on its way through is signed as it leaves, by keys that the name server tells', async () => {
    await send('a@far.example', [
      'From: u@sub.example.test',
      'To: a@far.example',
      'Subject: x',
      '',
      'Hello.',
      ' \t',
      '',
    ]);
    expect(await arrived('a@far.example')).toBe('with text True True');
    await send('b@far.example', ['From: u@example.test', 'Subject: long', '', ...Array(20_000).fill('x '.repeat(30))]);
    // Longer than what the disclaimer changes.
    expect(await arrived('b@far.example')).toBe('True True');
  });
});
