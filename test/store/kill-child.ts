/**
 * A process that accepts mail until it is killed: `node kill-child.ts <directory> <round>`; prints each acknowledged
 * message on a line.
 */
import { writeSync } from 'node:fs';
import { openSqliteStore } from '../../src/store/backend/sqlite/open.ts';
import { CHUNK_SIZE } from '../../src/store/content.ts';
import { quietLog } from '../kit/log.ts';
import { queuedFor, sampleAcceptance, toInbox } from './samples.ts';

const [directory = '', round = '0'] = process.argv.slice(2);
const store = await openSqliteStore({ directory, log: quietLog });
const account =
  (await store.directory.find('xixi@baidu.com')) ??
  (await store.directory.create({ address: 'xixi@baidu.com', passwordHash: '' }));
const inbox = (await store.mailboxes.find(account.id, 'INBOX'))?.id ?? 0;
store.expunged.keepFor(1e12);
const trash = (await store.mailboxes.find(account.id, 'Trash'))?.id ?? 0;
// Synchronous: what is printed was printed before the kill.
const say = (line: string): void => {
  for (;;) {
    try {
      writeSync(1, `${line}\n`);
      return;
    } catch (error) {
      // The pipe is full: the test has not read it yet.
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
    }
  }
};

const loop = async (name: number): Promise<never> => {
  for (let i = 0; ; i += 1) {
    const queueId = `K${round}-${name}-${i}`;
    const target = { deliveries: [toInbox(account.id)], queued: [queuedFor('w@qq.com')] };
    if (name > 0) await store.accept(sampleAcceptance(queueId, { ...target, bytes: Buffer.alloc(3000, queueId) }));
    else {
      const spool = store.content.spool();
      await spool.write(Buffer.alloc(CHUNK_SIZE * 2 + 5, queueId));
      await store.accept({ ...sampleAcceptance(queueId, target), content: await spool.finish() });
    }
    say(`accepted ${queueId}`);
    if (i % 5 === 2) await store.mailboxes.expunge(inbox, [[1, 20 * i]], { force: true });
    if (i % 5 === 4)
      for await (const kept of store.expunged.list(account.id))
        await store.expunged.restore(
          kept.map(({ id }) => id),
          inbox,
        );
    if (i % 7 === 3) {
      const { pairs } = await store.mailboxes.move(inbox, [[name + 1, name + 1]], trash);
      for (const [from, to] of pairs) say(`moved ${from} ${to}`);
    }
  }
};
await Promise.all(Array.from({ length: 8 }, (_, name) => loop(name)));
