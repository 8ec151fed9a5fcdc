/** What users do in their mailboxes, as the test of a plugin does it by IMAP. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../../src/authoring/test-server.ts';
import { LineClient } from '../../src/lab/line-client.ts';
import { removeFolder, temporaryFolder } from '../kit/folder.ts';

const folder = temporaryFolder('authoring-imap');
/** The test runner resolves modules itself. */
const FACE = new URL('../../src/bus/plugin.ts', import.meta.url).pathname;
const PLUGIN = `import { definePlugin, NEXT } from ${JSON.stringify(FACE)};
export default definePlugin({
  name: 'news',
  register(server) {
    server.on('message_moved', ({ account, mailbox, from, uids }) => {
      server.log.info({}, account.address + ' moved ' + uids + ' from ' + from.name + ' to ' + mailbox.name);
      return NEXT;
    });
  },
});
`;

let server: TestServer;
const user = 'user@example.test';
const send = (subject: string) => server.send({ from: 'a@example.org', to: user, header: { Subject: subject } });

beforeAll(async () => {
  mkdirSync(join(folder, 'news'));
  writeFileSync(join(folder, 'news/index.ts'), PLUGIN);
  server = await startTestServer({
    plugins: [join(folder, 'news')],
    worker: false,
    accounts: [user, 'b@example.test'],
  });
});
afterAll(async () => {
  await server.close();
  removeFolder(folder);
});

describe('a test server', () => {
  it('moves a message by its subject or UID, which plugins are told of', async () => {
    await send('one');
    await send('=?utf-8?B?5Lqk5LmF?=');
    await server.move(user, '交久', 'INBOX', 'Junk');
    await server.logged(/^user@example\.test moved 1 from INBOX to Junk$/);
    expect(await server.imap(user, 'CREATE "M&AOQ-rz"')).toEqual(['a1 OK Create completed.']);
    await server.move(user, 1, 'INBOX', 'März');
    await server.logged(/^user@example\.test moved 1 from INBOX to März$/);
    expect((await server.messages(user, 'März')).map(({ header }) => header.get('Subject'))).toEqual(['one']);
  });

  it('sends IMAP commands and shows the lines of their answers', async () => {
    await send('flags');
    const lines = await server.imap(user, 'SELECT INBOX', 'STORE 1 +FLAGS (\\Flagged)', 'NONSENSE');
    expect(lines).toContain('* 1 EXISTS');
    expect(lines.at(-2)).toMatch(/^a2 OK /);
    expect(lines.at(-1)).toMatch(/^a3 BAD /);
    expect((await server.messages(user)).at(-1)?.flags).toContain('\\Flagged');
    await expect(server.imap('nobody@example.test', 'NOOP')).rejects.toThrow(
      'the IMAP login of nobody@example.test was refused: a0 NO',
    );
  });

  it('says why a message was not moved', async () => {
    await expect(server.move(user, 'none', 'INBOX', 'Junk')).rejects.toThrow(
      /^0 of the \d messages of INBOX have the subject "none", expected one$/,
    );
    await expect(server.move(user, 9, 'Nowhere', 'Junk')).rejects.toThrow('have the UID 9, expected one');
    await expect(server.move(user, 'flags', 'INBOX', 'Nowhere')).rejects.toThrow(
      'the move from INBOX to Nowhere was refused: a2 NO [TRYCREATE]',
    );
  });

  it('names the port of its IMAP server for a client of the test', async () => {
    const client = await LineClient.connect({ host: '127.0.0.1', port: server.imapPort });
    expect(await client.line()).toMatch(/^\* OK /);
    client.close();
  });
});
