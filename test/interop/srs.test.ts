/** Debian's postsrsd and plugins/srs with one file of secrets: the same addresses, and each reads those of the other. */
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { decode, encode, type SrsRules } from '../../plugins/srs/address.ts';
import { SecretFile } from '../../src/lookup/secret-file.ts';
import { removeFolder, temporaryFolder } from '../kit/folder.ts';
import { type Daemon, freePort, isOpen, startDaemon } from './program.ts';

const folder = temporaryFolder('srs');
const path = join(folder, 'secrets');
const RULES: SrsRules = { domain: 'fwd.example', hashLength: 4, days: 21 };
const daemons: Daemon[] = [];
let forward: number;
let reverse: number;
let secrets: readonly string[];

beforeAll(async () => {
  writeFileSync(path, 'the-new-secret/+=\nan old one\n', { mode: 0o600 });
  secrets = new SecretFile(path).accepted();
  forward = await freePort();
  reverse = await freePort();
  const options = [
    '-s',
    path,
    '-d',
    RULES.domain,
    '-f',
    String(forward),
    '-r',
    String(reverse),
    '-l',
    '127.0.0.1',
    '-4',
  ];
  daemons.push(await startDaemon('postsrsd', options, isOpen(reverse)));
});
afterAll(async () => {
  for (const daemon of daemons) await daemon.stop();
  removeFolder(folder);
});

/** tcp_table(5) */
async function ask(port: number, address: string): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port });
  try {
    socket.write(`get ${address}\n`);
    for await (const line of createInterface({ input: socket })) return line;
    return '';
  } finally {
    socket.destroy();
  }
}

/** The day may change between the two. */
const encoded = (address: string): (string | null)[] =>
  [Date.now(), Date.now() - 60_000].map((now) => encode(address, secrets[0] ?? '', now, RULES));

it.each([
  'user@example.org',
  'User.Name+tag@Sub.Example.ORG',
  "o'neil=x&y@example.org",
  'SRS0=AbCd=XY=a.example=bob@b.example',
  'srs0=AbCd=XY=a.example=bob@b.example',
  'SRS0+AbCd=XY=a.example=bob@b.example',
  'SRS0-AbCd=XY=a.example=bob@b.example',
  'SRS1=zzzz=b.example==AbCd=XY=a.example=bob@c.example',
  'SRS1+zzzz=b.example=+AbCd=XY=a.example=bob@c.example',
  'prvs=1234567890=user@example.org',
])('%s: both make the same address, and both read it', async (address) => {
  const [, made = ''] = (await ask(forward, address)).split(' ');
  expect(encoded(address)).toContain(made);
  for (const one of [made, made.toLowerCase()]) {
    const [code, read] = (await ask(reverse, one)).split(' ');
    expect([code, decode(one, secrets, Date.now(), RULES)]).toEqual(['200', { address: read }]);
  }
});

it.each([0, 20, 21, 22, 500])('one that is %s days old, by an old secret', async (days) => {
  const made = encode('user@example.org', 'an old one', Date.now() - days * 86_400_000, RULES) ?? '';
  const isTaken = (await ask(reverse, made)).startsWith('200');
  expect('address' in decode(made, secrets, Date.now(), RULES)).toBe(isTaken);
  expect(isTaken).toBe(days <= 21);
});

it.each([
  'SRS0=aaaa=JR=example.org=user@fwd.example',
  'SRS0=aaaa=JR=example.org@fwd.example',
  'SRS0=aaaa@fwd.example',
  'SRS1=aaaa=b.example==AbCd=XY=a.example=bob@fwd.example',
  'SRS1=aaaa=b.example@fwd.example',
])('%s is taken by neither', async (address) => {
  expect(await ask(reverse, address)).toMatch(/^500 /);
  expect(decode(address, secrets, Date.now(), RULES)).toHaveProperty('fault');
});
