/** Where a server does not serve what its files say: `posthorn status` and the log tell it. */
import { appendFileSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { RunningServer } from '../../src/app/running-server.ts';
import { startServer } from '../../src/app/start-server.ts';
import { makeCertificate } from '../../src/net/certificate.ts';
import { removeFolder } from '../kit/folder.ts';
import { freeOffset } from '../kit/ports.ts';
import { type Folders, makeFolders } from '../kit/server.ts';

let folders: Folders;
let server: RunningServer;
let now: number;
const MAIN =
  'myhostname = mail.example.test\ninet_interfaces = 127.0.0.1\nalias_maps = hash:aliases\nalias_database =\ntransport_maps = regexp:transport\n';

beforeEach(async () => {
  now = Date.now();
  folders = makeFolders({
    'main.cf': MAIN,
    'master.cf': 'smtp inet n - n - - smtpd\n',
    aliases: 'team: admin\n',
    transport: '/x/ smtp:\n',
  });
  server = await startServer({
    configDirectory: folders.config,
    dataDirectory: folders.data,
    portOffset: await freeOffset(),
    accounts: [],
    printLog: false,
    clock: () => now,
    onStop: () => {},
  });
});
afterEach(async () => {
  await server.close(1000);
  removeFolder(folders.root);
});

const file = (name: string): string => join(folders.config, name);

async function problems(): Promise<readonly string[]> {
  const answer = await server.answer(JSON.stringify({ name: 'server.status', given: {} }));
  return (answer as { readonly result: { readonly problems: readonly string[] } }).result.problems;
}

const logged = (): string => readFileSync(server.log.file, 'utf8');

it('a refused reload is in the log and in the status, until one succeeds', async () => {
  expect(await problems()).toEqual([]);
  appendFileSync(file('main.cf'), 'queue_run_delay = 5 minutes\n');
  await expect(server.reload()).rejects.toThrow('queue_run_delay');
  const why = `${file('main.cf')}:6: queue_run_delay: "5 minutes": expected a time such as 30s, 5m, 4h, 5d or 2w`;
  expect(await problems()).toEqual([expect.stringMatching(/^the reload at \S+Z was refused: /)]);
  expect((await problems())[0]).toContain(why);
  writeFileSync(file('main.cf'), MAIN);
  await server.reload();
  expect(await problems()).toEqual([]);
  await server.close(1000);
  expect(logged()).toContain(JSON.stringify(`reload refused, the configuration before it stays in use: ${why}`));
});

it('the notes of a reload are in the log, without those that the start has said', async () => {
  const before = new Set(server.notes);
  appendFileSync(file('main.cf'), 'mydomain = other.test\nheck = x\n');
  const notes = await server.reload();
  await server.close(1000);
  expect(notes).toContainEqual(expect.stringContaining('heck: unused parameter'));
  for (const note of notes)
    expect(logged().includes(JSON.stringify(note.replace(/^warning: /, ''))), note).toBe(!before.has(note));
});

it('a table whose file is gone or faulty is in the status, until it can be read again', async () => {
  renameSync(file('aliases'), file('kept'));
  writeFileSync(file('transport'), '/x( smtp:\n');
  now += 2000;
  expect(await problems()).toEqual([
    expect.stringContaining(`${file('transport')}:1: `),
    `${file('aliases')}: there is no such file; keeping the previous version`,
  ]);
  renameSync(file('kept'), file('aliases'));
  rmSync(file('transport'));
  now += 2000;
  expect(await problems()).toEqual([`${file('transport')}: there is no such file; keeping the previous version`]);
});

it('a certificate that expires while the server runs is in the status', async () => {
  const { certificate, key } = await makeCertificate(['mail.example.test']);
  writeFileSync(file('cert.pem'), certificate);
  writeFileSync(file('key.pem'), key);
  appendFileSync(file('main.cf'), 'smtpd_tls_cert_file = cert.pem\nsmtpd_tls_key_file = key.pem\n');
  await server.reload();
  expect(await problems()).toEqual([]);
  now += 400 * 365 * 86_400_000;
  expect(await problems()).toEqual([expect.stringContaining(`${file('cert.pem')}: the certificate expired on `)]);
});
