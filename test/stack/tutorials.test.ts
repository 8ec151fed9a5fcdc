/** docs/tutorials.md: what it says is what the program does (rows P2, P4, D2 and S2). What needs other programs is in test/interop. */
import { appendFileSync, cpSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { checkConfiguration } from '../../src/app/check.ts';
import { formatFault } from '../../src/config/fault.ts';
import { LineClient } from '../../src/lab/line-client.ts';
import { removeFolder } from '../kit/folder.ts';
import { freeOffset } from '../kit/ports.ts';
import { type Folders, startServer, type TestServer } from '../kit/server.ts';
import { dialogsOf, linkedCommands, pattern, perform, rowsOf, tutorialFolders } from '../kit/tutorials.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

const USERS = ['xixi', 'maomao', 'haha', 'redhat'];

let folders: Folders;
let server: TestServer;
let path: string;
let queueId: string;
beforeAll(async () => {
  folders = tutorialFolders('127.0.0.1');
  server = await startServer({
    files: {},
    folders,
    portOffset: await freeOffset(),
    accounts: Object.fromEntries(USERS.map((user) => [user, user])),
  });
  path = `${await linkedCommands(folders)}:${process.env['PATH']}`;
  await send('xixi@baidu.com');
  queueId = await send('friend@elsewhere.test');
});
afterAll(async () => {
  await server.stop({ keep: true });
  removeFolder(folders.root);
});

const connect = (port: number): Promise<LineClient> =>
  LineClient.connect({ host: '127.0.0.1', port: server.port(port), timeoutMs: 10_000 });

/** Returns the queue ID. */
async function send(to: string): Promise<string> {
  const smtp = await connect(25);
  await smtp.smtp();
  for (const line of ['EHLO client.test', 'MAIL FROM:<xixi@baidu.com>', `RCPT TO:<${to}>`, 'DATA'])
    await smtp.smtp(line);
  smtp.send('Subject: for the queue\r\n\r\nhello');
  const id = /queued as (\w+)/.exec(await smtp.smtp('.'))?.[1] ?? '';
  smtp.close();
  return id;
}

describe('docs/tutorials.md', () => {
  it('S2: the dialogs are as they are written there', async () => {
    const dialogs = dialogsOf();
    expect(dialogs.length).toBeGreaterThan(0);
    for (const { port, steps } of dialogs) {
      const client = await connect(port);
      for (const { said, text } of steps) {
        if (said === 'client') client.send(text);
        else expect(await client.line()).toMatch(new RegExp(`^${pattern(text).source}$`));
      }
      client.close();
    }
  });

  it.each(["Postfix's commands", "The system's commands"])('P4: %s show what the page says', async (heading) => {
    const faults: string[] = [];
    // In the order of the page: later rows see what earlier ones did.
    for (const row of rowsOf(heading)) {
      const fault = await perform(row, {
        path,
        folder: folders.root,
        written: (command) => command.replace(/\bID\b/, queueId),
      });
      if (fault !== null) faults.push(fault);
    }
    expect(faults).toEqual([]);
  });

  it('P2: each setting of main.cf works or is told as the page says', async () => {
    const faults: string[] = [];
    const { config, data, root } = tutorialFolders('127.0.0.1');
    for (const { line, cells } of rowsOf('main.cf')) {
      const [setting, result] = cells;
      const copy = join(root, `line-${line}`);
      cpSync(config, copy, { recursive: true });
      appendFileSync(join(copy, 'main.cf'), `${setting?.words.join('\n')}\n`);
      const checked = await checkConfiguration(copy, data);
      const said = [...checked.faults.map(formatFault), ...checked.notes].join('\n');
      const missing = (result?.words ?? []).filter((words) => !pattern(words).test(said));
      if (checked.refused !== /\brefused\b/.test(result?.text ?? '') || missing.length > 0)
        faults.push(`line ${line}: ${setting?.text}: not told: ${missing.join(', ')}; but:\n${said}`);
    }
    removeFolder(root);
    expect(faults).toEqual([]);
  });
});
