/** While a plugin's worker is in trouble, SMTP, IMAP and DNS answer: the figures are printed. */
import { createSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import { freemem } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { LineClient } from '../../src/lab/line-client.ts';
import { freeOffset } from '../kit/ports.ts';
import { startServer, type TestServer } from '../kit/server.ts';

/** Octets: 2 GB, where the machine has them. */
const HUGE = Math.min(2e9, Math.floor(freemem() / 2));
/** Its trouble by the recipient's name. */
const PLUGIN = `import { definePlugin, NEXT } from 'posthorn/plugin';
const kept = [];
const TROUBLE = {
  hang: () => new Promise(() => {}),
  loop: () => { for (;;); },
  crash: () => process.exit(1),
  heap: () => { for (;;) kept.push({ a: [1, 2, 3], b: 'x'.repeat(10) + kept.length }); },
  buffers: () => { for (let i = 0; i < 205; i += 1) kept.push(Buffer.alloc(1e7, 1)); return new Promise(() => {}); },
  fill: () => kept.push(new Array(1e8).fill(0)),
  clone: () => kept.push(structuredClone(Array.from({ length: 10 }, (_, i) => String(i).repeat(1e8)))),
  huge: () => { kept.push(new Uint8Array(${HUGE}).fill(1)); return new Promise(() => {}); },
};
export default definePlugin({
  name: 'faulty',
  register(server) {
    server.on('rcpt', ({ recipient }) => TROUBLE[recipient.original.split('@')[0]]?.() ?? NEXT);
  },
});
`;
const FAULTS = ['hang', 'loop', 'crash', 'heap', 'buffers', 'huge', 'fill', 'clone'] as const;
/** More memory of the server than this would be the plugin's, MB. */
const MORE_MEMORY = 200;
/** The plugin's deadline, and so long the others are spoken to, ms. */
const DEADLINE = 1_500;
const WATCHED = 4_000;

let server: TestServer;
// A new one each time: a worker that falls again and again is started after longer and longer pauses.
beforeEach(async () => {
  server = await startServer({
    portOffset: await freeOffset(),
    accounts: { 'xixi@example.test': 'sesame' },
    files: {
      'main.cf':
        'compatibility_level = 3.6\nmyhostname = mail.example.test\nmydomain = example.test\nmydestination = $mydomain\ninet_interfaces = 127.0.0.1\n',
      'dovecot.conf': 'protocols = imap\nssl = no\ndisable_plaintext_auth = no\n',
      'named.conf':
        'options { directory "."; listen-on { 127.0.0.1; }; };\nzone "example.test" { type master; file "zone"; };\n',
      zone: '$TTL 60\n@ SOA ns.invalid. h.invalid. 1 3600 600 86400 60\n@ NS ns.invalid.\nwww A 192.0.2.1\n',
      plugins: 'restrictions\nrewriting\nfaulty\n',
      'plugins.d/faulty/index.ts': PLUGIN,
      'plugins.d/faulty.json': `{ "deadline": ${DEADLINE / 1000}, "onError": "defer" }`,
    },
  });
});
afterEach(() => server?.stop());

const smtp = async (to: string): Promise<string> => {
  const client = await LineClient.connect({ host: '127.0.0.1', port: server.port(25), timeoutMs: 60_000 });
  await client.smtp();
  for (const line of ['EHLO c', 'MAIL FROM:<a@elsewhere.test>']) await client.smtp(line);
  const answer = await client.smtp(`RCPT TO:<${to}@example.test>`);
  client.close();
  return answer;
};

/** Answers, and the longest wait for one, ms. */
interface Figures {
  answers: number;
  longest: number;
}

async function keepAsking(until: () => boolean, ask: () => Promise<void>): Promise<Figures> {
  const figures = { answers: 0, longest: 0 };
  while (!until()) {
    const began = performance.now();
    await ask();
    figures.answers += 1;
    figures.longest = Math.max(figures.longest, performance.now() - began);
  }
  return figures;
}

/** RFC 1035: an A question for www.example.test. */
const QUESTION = Buffer.concat([
  Buffer.from('123401000001000000000000', 'hex'),
  ...['www', 'example', 'test'].map((label) => Buffer.from(`${String.fromCharCode(label.length)}${label}`)),
  Buffer.from('0000010001', 'hex'),
]);

async function lookUp(): Promise<void> {
  const socket = createSocket('udp4');
  const answered = new Promise<Buffer>((resolve, reject) => socket.once('message', resolve).once('error', reject));
  socket.send(QUESTION, server.port(53), '127.0.0.1');
  const answer = await answered;
  socket.close();
  if (answer.readUInt16BE(6) !== 1) throw new Error('no answer in the answer');
}

const memoryOf = (pid: number): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;

it.each(FAULTS)(
  'G6: a worker with the fault %s holds up nobody else',
  async (fault) => {
    const imap = await LineClient.connect({ host: '127.0.0.1', port: server.port(143), timeoutMs: 60_000 });
    await imap.line();
    const say = async (command: string): Promise<void> => {
      imap.send(`a ${command}`);
      while (!(await imap.line()).startsWith('a OK'));
    };
    await say('LOGIN xixi@example.test sesame');
    await say('SELECT INBOX');
    await say('APPEND INBOX {12+}\r\nSubject: x\r\n');
    const before = memoryOf(server.pid);
    let most = before;
    const began = performance.now();
    let isOver = false;
    const faulty = smtp(fault).then((answer) => ({ answer, after: performance.now() - began }));
    const until = (): boolean => isOver;
    const asked = Promise.all([
      keepAsking(until, async () => {
        const client = await LineClient.connect({ host: '127.0.0.1', port: server.port(25), timeoutMs: 60_000 });
        await client.smtp();
        for (const line of ['EHLO c', 'NOOP', 'MAIL FROM:<a@elsewhere.test>', 'RSET', 'QUIT']) await client.smtp(line);
        client.close();
      }),
      keepAsking(until, () => say('FETCH 1 BODY.PEEK[]')),
      keepAsking(until, lookUp),
    ]);
    for (let waited = 0; waited < WATCHED; waited += 100) {
      await delay(100);
      most = Math.max(most, memoryOf(server.pid));
    }
    isOver = true;
    const [session, fetch, query] = await asked;
    const { answer, after } = await faulty;
    imap.close();
    const words = ({ answers, longest }: Figures): string => `${answers} (longest ${longest.toFixed(0)} ms)`;
    console.log(
      `${fault}: "${answer}" after ${after.toFixed(0)} ms; meanwhile ${WATCHED / 1000} s: SMTP sessions ${words(session)}, IMAP FETCH ${words(fetch)}, DNS ${words(query)}; memory ${before.toFixed(0)} MB, at most ${most.toFixed(0)} MB`,
    );
    expect(answer).toMatch(/^451 4\.3\.0 /);
    for (const { answers } of [session, fetch, query]) expect(answers).toBeGreaterThan(10);
    expect(most - before).toBeLessThan(MORE_MEMORY);
    // The next thread answers: nothing has to be started by hand.
    await expect.poll(() => smtp('xixi'), { timeout: 60_000, interval: 500 }).toMatch(/^250 /);
  },
  120_000,
);
