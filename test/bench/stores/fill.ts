/** Puts accounts and the large mailbox into a store before its server starts: much faster than through the server. */
import type { Store } from '../../../src/store/store.ts';
import { corpus, READER, RECEIVERS } from '../peers/corpus.ts';
import { passwordHash } from '../peers/password.ts';

/** Messages on their way at the same time. */
const TOGETHER = 200;

/** Each of the messages is another one. */
export async function fillStore(store: Store, messages: number): Promise<void> {
  for (const address of RECEIVERS) await store.directory.create({ address, passwordHash: passwordHash() });
  const { id } = await store.directory.create({ address: READER, passwordHash: passwordHash() });
  const texts = corpus(messages);
  let serial = 0;
  const put = async (): Promise<void> => {
    for (let next = texts.next(); next.done !== true; next = texts.next()) {
      serial += 1;
      await store.accept({
        queueId: `fill${serial}`,
        arrivedAt: Date.now(),
        envelope: { reversePath: 'sender@example.org', ret: '', envid: '', smtputf8: false, body: '8BITMIME' },
        content: { kind: 'inline', bytes: Buffer.from(next.value, 'latin1') },
        index: null,
        deliveries: [{ account: id, mailbox: { name: 'INBOX' }, prefix: '', flags: [], internalDate: Date.now() }],
        queued: [],
      });
    }
  };
  await Promise.all(Array.from({ length: TOGETHER }, put));
}
