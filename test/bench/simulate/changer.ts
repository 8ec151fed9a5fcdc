/** A process that changes mailbox documents as deliveries do, until it is told to stop: `changer.ts URI`. */
import { connect } from '../../../src/store/backend/mongodb/database/connect.ts';
import { newMailbox } from '../../../src/store/backend/mongodb/mailboxes/tree.ts';

const MAILBOXES = 200;

const { client, mailboxes } = await connect({
  uri: process.argv[2] ?? '',
  patience: 0,
  progress: () => {},
  observe: undefined,
});
/** Of accounts that nobody has. */
const documents = Array.from({ length: MAILBOXES }, (_, i) =>
  newMailbox(i.toString(16).padStart(24, 'f'), `of ${process.pid}`, '', 1),
);
await mailboxes.insertMany(documents);
process.send?.('ready');
let stopped = false;
process.once('message', () => {
  stopped = true;
});
for (let modseq = 2; !stopped; modseq += 1) {
  await mailboxes.bulkWrite(
    documents.map(({ _id, account }) => ({ updateOne: { filter: { _id, account }, update: { $set: { modseq } } } })),
    { ordered: false },
  );
}
await mailboxes.deleteMany({ _id: { $in: documents.map(({ _id }) => _id) } });
await client.close();
process.disconnect();
