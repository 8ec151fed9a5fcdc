/** A plugin's next version: beside the one in use, promoted, given up by itself, and taken back by command. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { LineClient } from '../../src/lab/line-client.ts';
import { freeOffset } from '../kit/ports.ts';
import { startServer, type TestServer } from '../kit/server.ts';

const judge = (answer: string): string => `import { definePlugin, deny, NEXT, reply } from 'posthorn/plugin';
export default definePlugin({ name: 'judge', register(server) { server.on('rcpt', () => ${answer}); } });\n`;
const refusing = (word: string): string => judge(`deny(reply(550, '5.7.1', '${word}'))`);

let server: TestServer;
const write = (name: string, text: string): void => {
  mkdirSync(join(server.folders.config, 'plugins.d', name), { recursive: true });
  writeFileSync(join(server.folders.config, 'plugins.d', name, 'index.ts'), text);
};
const versions = (): string[] => readdirSync(join(server.folders.config, 'plugins.d')).sort();

async function rcpt(): Promise<string> {
  const client = await LineClient.connect({ host: '127.0.0.1', port: server.port(25), timeoutMs: 30_000 });
  await client.smtp();
  for (const line of ['EHLO c', 'MAIL FROM:<a@elsewhere.test>']) await client.smtp(line);
  const answer = await client.smtp('RCPT TO:<xixi@example.test>');
  client.close();
  return answer;
}

beforeAll(async () => {
  server = await startServer({
    portOffset: await freeOffset(),
    accounts: { 'xixi@example.test': 'sesame' },
    files: {
      'main.cf':
        'compatibility_level = 3.6\nmyhostname = mail.example.test\nmydomain = example.test\nmydestination = $mydomain\ninet_interfaces = 127.0.0.1\n',
      plugins: 'judge\nrestrictions\nrewriting\n',
      'plugins.d/judge/index.ts': refusing('one'),
      'plugins.d/judge.next/index.ts': refusing('two'),
    },
  });
});
afterAll(() => server?.stop());

it('G17: the next version is seen in the list, promoted by command, and the one before is kept', async () => {
  expect(await rcpt()).toBe('550 5.7.1 one');
  expect(await server.command(['plugin', 'list'])).toContain(
    'plugin judge: its next version ' +
      `${join(server.folders.config, 'plugins.d/judge.next/index.ts')} decides nothing yet: 0 answers the same, 1 different, 0 calls failed, 0 were skipped.`,
  );
  expect(await server.command(['plugin', 'promote', 'judge'])).toContain(
    'The next version is used: judge -> judge.before, judge.next -> judge.\n',
  );
  expect(versions()).toEqual(['judge', 'judge.before']);
  expect(await rcpt()).toBe('550 5.7.1 two');
});

it('G17: a next version that is no program is not promoted, and the folders keep their names', async () => {
  write('judge.next', 'this is no program');
  await expect(server.command(['plugin', 'promote', 'judge'])).rejects.toThrow(/could not be imported/);
  expect(versions()).toEqual(['judge', 'judge.before', 'judge.next']);
  expect(await rcpt()).toBe('550 5.7.1 two');
});

it('G17: a promoted version that fails falls back by itself, over a restart too, and a rollback gives it up', async () => {
  write('judge.next', judge(`{ throw new Error('worse'); }`));
  await server.command(['plugin', 'promote', 'judge']);
  for (let i = 0; i < 10; i += 1) expect(await rcpt()).toMatch(/^451 4\.3\.0/);
  await vi.waitFor(async () => expect(await rcpt()).toBe('550 5.7.1 two'), { timeout: 60_000, interval: 200 });
  expect(await server.command(['status'])).toContain(
    'Problem: plugin judge: its version before (judge.before) is used, because 10 of the latest 10 calls of the promoted one failed',
  );
  expect(
    readFileSync(join(server.folders.data, 'log', 'mail.jsonl'), 'utf8').match(/going back to the version before/g),
  ).toHaveLength(1);
  const { folders } = server;
  await server.stop({ keep: true });
  server = await startServer({ portOffset: await freeOffset(), files: {}, folders });
  expect(await rcpt()).toBe('550 5.7.1 two');
  expect(await server.command(['plugin', 'rollback', 'judge'])).toContain(
    'The version before is used: judge -> judge.next, judge.before -> judge.',
  );
  expect(versions()).toEqual(['judge', 'judge.next']);
  expect(await rcpt()).toBe('550 5.7.1 two');
  expect(await server.command(['status'])).not.toContain('Problem');
});
