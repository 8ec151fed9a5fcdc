/**
 * Reloads of changed plugins under load. POSTHORN_TEST_RELOADS="1000 50" runs it with so many sessions at a time and so
 * many reloads, and prints its figures.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { callServer } from '../../src/admin/socket.ts';
import { LineClient } from '../../src/lab/line-client.ts';
import { freeOffset } from '../kit/ports.ts';
import { startServer, type TestServer } from '../kit/server.ts';

const given = process.env['POSTHORN_TEST_RELOADS'];
const [SESSIONS = 0, RELOADS = 0] = (given ?? '60 6').split(' ').map(Number);

/** Each hook says its version from a file of its own: a mixture of two versions shows. */
const INDEX = (name: string): string => `import { definePlugin, deny, NEXT, reply } from 'posthorn/plugin';
import { first } from './first.ts';
import { last } from './last.ts';
export default definePlugin({
  name: '${name}',
  register(server) {
    const own = Number(server.config['version']);
    let isClosed = false;
    server.onClose(() => { isClosed = true; });
    server.on('mail', ({ connection }) => {
      connection.notes.set('${name}', [own, first].join('/') + (isClosed ? ' closed' : ''));
      return NEXT;
    });
    server.on('rcpt', ({ connection, recipient }) => {
      const said = ['${name}', connection.notes.get('${name}'), [own, last].join('/') + (isClosed ? ' closed' : '')].join(' ');
      return recipient.original.startsWith('${name}@') ? deny(reply(550, '5.7.1', said)) : NEXT;
    });
  },
});
`;
const PLUGINS = { threaded: { worker: true }, inside: { worker: false } };

let server: TestServer;
let offset: number;
let version = 0;

function write(path: string, text: string): void {
  mkdirSync(join(server.folders.config, path, '..'), { recursive: true });
  writeFileSync(join(server.folders.config, path), text);
}

async function reload(): Promise<void> {
  const next = version + 1;
  for (const [name, settings] of Object.entries(PLUGINS)) {
    write(`plugins.d/${name}/index.ts`, INDEX(name));
    write(`plugins.d/${name}/first.ts`, `export const first = ${next};\n`);
    write(`plugins.d/${name}/last.ts`, `export const last = ${next};\n`);
    write(`plugins.d/${name}.json`, JSON.stringify({ ...settings, version: next }));
  }
  await callServer(server.folders.data, 'server.reload', {}, { silence: 120_000 });
  version = next;
}

beforeAll(async () => {
  offset = await freeOffset();
  server = await startServer({
    files: {
      'main.cf':
        'compatibility_level = 3.6\nmyhostname = mail.example.test\nmyorigin = $mydomain\nmydestination = $mydomain\ninet_interfaces = 127.0.0.1\nmynetworks = 127.0.0.1/32\nalias_maps =\nsmtpd_client_connection_count_limit = 0\nsmtpd_peername_lookup = no\nsmtpd_timeout = 3600s\n',
      'master.cf': 'smtp inet n - n - 0 smtpd\n',
      plugins: 'restrictions\nrewriting\n',
    },
    portOffset: offset,
    accounts: { 'maomao@example.test': 'maomao' },
  });
  write('plugins', `restrictions\nrewriting\n${Object.keys(PLUGINS).join('\n')}\n`);
  await reload();
});
afterAll(() => server.stop());

const memory = async (): Promise<number> => {
  const { memory: octets } = (await callServer(server.folders.data, 'server.status', {})) as { memory: number };
  return Math.round(octets / 2 ** 20);
};

it('G15: sessions go on through reloads, and each is judged by one version of a plugin, read as a whole', async () => {
  const replies: string[] = [];
  let sessions = 0;
  let isOver = false;
  const connect = (): Promise<LineClient> =>
    LineClient.connect({ host: '127.0.0.1', port: 25 + offset, timeoutMs: 120_000 });
  const expected = async (smtp: LineClient, command: string | undefined, code: string): Promise<string> => {
    const reply = await smtp.smtp(command);
    if (!reply.startsWith(code)) throw new Error(`${command}: ${reply}`);
    return reply;
  };
  const transaction = async (smtp: LineClient, while_: () => Promise<void>): Promise<void> => {
    await expected(smtp, 'MAIL FROM:<a@example.org>', '250');
    await while_();
    for (const name of Object.keys(PLUGINS))
      replies.push(await expected(smtp, `RCPT TO:<${name}@example.test>`, '550'));
    await expected(smtp, 'RCPT TO:<maomao@example.test>', '250');
    await expected(smtp, 'RSET', '250');
  };
  /** Waits until there were so many more reloads. */
  const reloaded = async (more: number): Promise<void> => {
    const until = version + more;
    while (version < until && !isOver) await new Promise((resolve) => setTimeout(resolve, 20));
  };
  const client = async (number: number): Promise<void> => {
    while (!isOver) {
      const smtp = await connect();
      await expected(smtp, undefined, '220');
      await expected(smtp, 'EHLO client.example', '250');
      await transaction(smtp, () => reloaded(number % 3));
      if (number % 3 === 0) await reloaded(1);
      await transaction(smtp, () => reloaded(1));
      await expected(smtp, 'QUIT', '221');
      smtp.close();
      sessions += 1;
    }
  };
  /** It outlives what is kept, and is served by the current version then. */
  const lasting = await connect();
  await expected(lasting, undefined, '220');
  await expected(lasting, 'EHLO client.example', '250');
  const before = await memory();
  const load = Promise.all(Array.from({ length: SESSIONS }, (_, i) => client(i)));
  const began = performance.now();
  const peaks: number[] = [];
  const reloads = async (): Promise<void> => {
    for (let i = 0; i < RELOADS; i += 1) {
      await reload();
      peaks.push(await memory());
    }
    isOver = true;
  };
  await Promise.all([load, reloads()]);
  await transaction(lasting, () => Promise.resolve());
  lasting.close();
  const odd = replies.filter((reply) => !/ (\d+)\/\1 \1\/\1$/.test(reply));
  expect(odd).toEqual([]);
  expect(sessions).toBeGreaterThanOrEqual(SESSIONS);
  if (given === undefined) return;
  const seconds = ((performance.now() - began) / 1000).toFixed(0);
  const versions = new Set(replies.map((reply) => reply.split('/').at(-1))).size;
  console.log(
    `${SESSIONS} at a time, ${RELOADS} reloads in ${seconds} s: ${sessions} sessions, ${replies.length} verdicts of ${versions} versions; ${before} MB before, at most ${Math.max(...peaks)} MB, ${await memory()} MB after`,
  );
}, 600_000);
