/** `postfix` and `postlog` by name on a server of their own, on the real ports of an address of loopback (root). */
import { chmodSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { removeFolder } from '../kit/folder.ts';
import { BINARY } from '../kit/launch.ts';
import { makeFolders } from '../kit/server.ts';
import { type Ran, run } from './program.ts';

const MAIN =
  'compatibility_level = 3.6\nmyhostname = mail.example.com\ninet_interfaces = 127.0.83.1\ninet_protocols = ipv4\n';

let folders: ReturnType<typeof makeFolders>;
let main: string;
const mailLog = (): string => join(folders.root, 'maillog');
beforeAll(async () => {
  folders = makeFolders({ 'main.cf': MAIN });
  main = `${MAIN}maillog_file_prefixes = ${folders.root}\nmaillog_file = ${mailLog()}\n`;
  writeFileSync(join(folders.config, 'main.cf'), main);
  await run(process.execPath, [BINARY, 'install-links', bin(), '--config', folders.config, '--data', folders.data]);
});
afterAll(async () => {
  await postfix('stop');
  removeFolder(folders.root);
});

const bin = (name = ''): string => join(folders.root, 'bin', name);
const postfix = (...words: string[]): Promise<Ran> => run(bin('postfix'), words);
const told = (text: string): string => `postfix/postfix-script: ${text}\n`;

it('P4: postfix starts, shows, reloads, rotates the log and stops, with the exit codes of Postfix', async () => {
  expect(await postfix('status')).toEqual({ code: 1, out: '', err: told('the Postfix mail system is not running') });
  expect(await postfix('stop')).toMatchObject({ code: 1 });
  expect(await postfix('check')).toMatchObject({ code: 0 });
  expect(existsSync(folders.data)).toBe(false);
  const started = await postfix('start');
  expect(started).toMatchObject({ code: 0, err: told('starting the Postfix mail system') });
  expect(started.out).toContain('Its password, shown only once: ');
  expect(await postfix('start')).toMatchObject({
    code: 1,
    err: told('fatal: the Postfix mail system is already running'),
  });
  expect((await postfix('status')).err).toMatch(/is running: PID: \d+\n$/);
  expect(await postfix('reload')).toMatchObject({ code: 0 });
  expect(await run(bin('postlog'), ['-t', 'backup', '-p', 'warn', 'disk', 'full'])).toEqual({
    code: 0,
    out: '',
    err: '',
  });
  const log = join(folders.data, 'log', 'mail.jsonl');
  expect(JSON.parse(readFileSync(log, 'utf8').trimEnd().split('\n').at(-1) ?? '')).toMatchObject({
    process: 'backup',
    msg: 'warning: disk full',
  });
  expect(await postfix('logrotate')).toMatchObject({ code: 0 });
  expect(readdirSync(join(folders.data, 'log')).sort()).toEqual([
    'mail.jsonl',
    expect.stringMatching(/^mail\.jsonl\.\d{8}-\d{6}\.gz$/),
  ]);
  expect(readFileSync(log, 'utf8')).not.toContain('disk full');
  const [old = ''] = readdirSync(folders.root).filter((name) => /^maillog\.\d{8}-\d{6}\.gz$/.test(name));
  const before = gunzipSync(readFileSync(join(folders.root, old))).toString();
  expect(before).toMatch(/^\w{3} [ \d]\d \d\d:\d\d:\d\d mail posthorn\[\d+\]: started, configuration /m);
  expect(before).toMatch(/ backup\[\d+\]: warning: disk full\n$/);
  expect(statSync(mailLog()).mode & 0o777).toBe(0o600);
  expect(await postfix('flush')).toMatchObject({ code: 0 });
  writeFileSync(join(folders.config, 'main.cf'), `${main}message_size_limit = 10M\n`);
  expect(await postfix('check')).toMatchObject({
    code: 1,
    err: expect.stringContaining('main.cf:7: message_size_limit: "10M": expected a whole number'),
  });
  expect(await postfix('stop')).toMatchObject({ code: 0, err: told('stopping the Postfix mail system') });
  expect(await postfix('status')).toMatchObject({ code: 1 });
  expect(await postfix('start')).toMatchObject({ code: 1, err: expect.stringContaining('startup failed') });
});

it('another user may not use the log', async () => {
  chmodSync(folders.root, 0o755);
  const refused = await run('runuser', ['-u', 'nobody', '--', bin('postlog'), 'x']);
  expect(refused).toMatchObject({ code: 1, err: expect.stringMatching(/^postlog: fatal: .*permission denied/) });
});
