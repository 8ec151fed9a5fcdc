/** Requirements G1 and G10: a process that is killed at work loses nothing that it acknowledged, and stores nothing twice. */
import { type ChildProcess, spawn } from 'node:child_process';
import { truncateSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openSqliteStore } from '../../src/store/backend/sqlite/open.ts';
import { removeFolder, temporaryFolder } from '../kit/folder.ts';
import { quietLog } from '../kit/log.ts';
import { checkFile } from './check-file.ts';
import { collect, listQueue, mailboxId } from './conformance.ts';

let directory: string;
let child: ChildProcess | undefined;

beforeEach(() => {
  directory = temporaryFolder('kill');
});
afterEach(() => {
  child?.kill('SIGKILL');
  removeFolder(directory);
});

/** Runs the child until it has printed this many lines, kills it, and returns all its lines. */
async function runAndKill(round: number, lines: number): Promise<string[]> {
  const running = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', join(import.meta.dirname, 'kill-child.ts'), directory, String(round)],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  child = running;
  const said: string[] = [];
  for await (const line of createInterface({ input: running.stdout })) {
    said.push(line);
    if (said.length === lines) running.kill('SIGKILL');
  }
  return said;
}

it('P13: after kill -9, every acknowledged message is there, once, and the file is consistent', {
  timeout: 60_000,
}, async () => {
  const accepted = new Set<string>();
  for (let round = 0; round < 3; round += 1) {
    for (const line of await runAndKill(round, 300 + round * 211)) {
      const [what, queueId = ''] = line.split(' ');
      if (what === 'accepted') accepted.add(queueId);
    }
  }
  expect(accepted.size).toBeGreaterThan(300);

  const store = await openSqliteStore({ directory, log: quietLog });
  const account = await store.directory.find('xixi@baidu.com');
  const found: string[] = [];
  // What was expunged is among those that are kept, and nowhere else.
  for await (const kept of store.expunged.list(account?.id ?? 0))
    for (const { content } of kept)
      found.push((await store.transfer.contentRecords([content]))[0]?.index.search.subject ?? '');
  for (const name of ['INBOX', 'Trash']) {
    const rows = await collect(store, await mailboxId(store, account?.id ?? 0, name), { search: true });
    expect(new Set(rows.map(({ uid }) => uid)).size).toBe(rows.length);
    for (const row of rows) {
      const queueId = row.search?.subject ?? '';
      found.push(queueId);
      const bytes = await store.content.read(row.content);
      expect(bytes.length + row.prefix.length).toBe(row.size);
      expect(bytes.equals(Buffer.alloc(bytes.length, queueId))).toBe(true);
    }
  }
  expect(new Set(found).size).toBe(found.length);
  expect([...accepted].filter((queueId) => !found.includes(queueId))).toEqual([]);
  // Mailbox row and queue item are written together.
  expect((await listQueue(store)).map(({ queueId }) => queueId).sort()).toEqual(found.sort());
  await store.close();
  checkFile(directory);
});

it('opens with a truncated WAL, with its complete transactions', { timeout: 30_000 }, async () => {
  await runAndKill(0, 200);
  const wal = join(directory, 'store.sqlite-wal');
  const { size } = await stat(wal);
  truncateSync(wal, Math.floor(size / 2) + 1234);
  const store = await openSqliteStore({ directory, log: quietLog });
  const account = await store.directory.find('xixi@baidu.com');
  if (account !== null) await collect(store, await mailboxId(store, account.id, 'INBOX'), { envelope: true });
  await store.close();
  checkFile(directory);
});
