/** Puts a message into the maildrop folder, where the server finds it. */
import { DropFile, dropFolders } from '../../delivery/pickup/maildrop.ts';
import type { Submission } from '../../delivery/pickup/submission.ts';
import { messageOf } from '../../errors.ts';
import { type Call, Fatal } from './command.ts';
import { requireSender } from './local-caller.ts';

/** Resolves when the message is on disk. Rejects with Fatal, and nothing is left of it. */
export async function submit(call: Call, submission: Submission, message: AsyncIterable<Uint8Array>): Promise<void> {
  await requireSender(call, submission.sender);
  const folders = dropFolders(call.where.data);
  const file = await DropFile.make(folders, submission).catch((error: NodeJS.ErrnoException) => {
    const advice = ADVICE[error.code ?? ''] ?? error.message;
    throw new Fatal(`${folders.maildrop}: the message was not kept (${error.code}): ${advice}`);
  });
  try {
    for await (const octets of message) await file.write(octets);
    await file.finish();
  } catch (error) {
    await file.discard();
    throw new Fatal(`the message was not kept: ${messageOf(error)}`);
  }
}

const ADVICE: Readonly<Record<string, string>> = {
  ENOENT: 'a start of the server makes this folder; POSTHORN_DATA or --data names another data folder',
  EACCES:
    'this user may not enter the data folder; "chmod o+x" on it (and on those above it) lets local users send mail',
};
