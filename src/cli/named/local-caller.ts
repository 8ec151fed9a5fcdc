/**
 * Refuses what main.cf does not let the user of a command do, in the words of Postfix's.
 *
 * That guards nothing by itself: the server refuses submissions as well, by who owns their files; and the queue is safe
 * because only the server's user and root reach its admin socket.
 */
import { messageOf } from '../../errors.ts';
import { type LocalUsers, maySendAs, unauthorized } from '../../lookup/local-users.ts';
import { findUser } from '../../lookup/system-users.ts';
import { type Call, Fatal } from './command.ts';
import { commandTables } from './lookup.ts';

const uidOf = (): number => process.getuid?.() ?? 0;

/** Null where this user may not read main.cf: the server decides alone. */
function usersOf({ name, where }: Call): LocalUsers | null {
  try {
    const tables = commandTables(name, where.config, { aliases: false, checks: false });
    return { parameters: tables.parameters, tables };
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EACCES') return null;
    throw error;
  }
}

/** What a table says, or Fatal where it cannot be asked. */
async function asked<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    throw new Fatal(messageOf(error));
  }
}

export async function requireSubmitter(call: Call): Promise<void> {
  const users = usersOf(call);
  const name = users === null ? null : await asked(unauthorized('authorized_submit_users', uidOf(), users));
  if (name !== null) throw new Fatal(`User ${name}(${uidOf()}) is not allowed to submit mail`);
}

export async function requireSender(call: Call, sender: string): Promise<void> {
  const users = usersOf(call);
  if (users === null || (await asked(maySendAs(sender, uidOf(), users)))) return;
  throw new Fatal(`${sender}(${uidOf()}): not authorized to use sender='${sender}'`);
}

const ABOUT_THE_QUEUE = { authorized_mailq_users: 'view', authorized_flush_users: 'flush' } as const;
/** Exit code of sysexits.h: what is needed is not there. */
const EX_UNAVAILABLE = 69;

/** Root and mail_owner always may. */
export async function requireQueueUser(call: Call, list: keyof typeof ABOUT_THE_QUEUE): Promise<void> {
  const users = usersOf(call);
  const uid = uidOf();
  if (users === null || uid === 0 || findUser(users.parameters.string('mail_owner'))?.uid === uid) return;
  const name = await asked(unauthorized(list, uid, users));
  if (name === null) return;
  const message = `User ${name}(${uid}) is not allowed to ${ABOUT_THE_QUEUE[list]} the mail queue`;
  throw new Fatal(message, { program: 'postqueue', code: EX_UNAVAILABLE });
}
