/** Maildrop commands that send no message: STAT LIST UIDL DELE RSET NOOP QUIT (RFC 1939 sections 5, 6, 7). */
import { parseMessageNumber } from '../../protocol/pop3/command.ts';
import { StoreUnavailableError } from '../../store/store.ts';
import type { Maildrop } from './maildrop.ts';
import { type Session, UNAVAILABLE } from './session.ts';

/** Lines of a long list written before waiting for the client to read. */
const LINES_AT_ONCE = 1000;

/** The maildrop of a logged-in session: commands that need it are only in the table of that state. */
export function maildropOf(session: Session): Maildrop {
  if (session.state.kind !== 'transaction') throw new Error('unreachable: no maildrop before login');
  return session.state.maildrop;
}

/** A message that exists and is not marked as deleted, or null after an error reply. */
export function chooseMessage(session: Session, message: number): number | null {
  const maildrop = maildropOf(session);
  if (message < 1 || message > maildrop.total) {
    session.err(`There's no message ${message}.`);
    return null;
  }
  if (maildrop.isDeleted(message)) {
    session.err('Message is deleted.');
    return null;
  }
  return message;
}

export function parseMessage(session: Session, argument: string): number | null {
  const parsed = parseMessageNumber(argument);
  if (typeof parsed === 'number') return chooseMessage(session, parsed);
  session.err(parsed);
  return null;
}

export function stat(session: Session): void {
  const maildrop = maildropOf(session);
  session.ok(`${maildrop.count} ${maildrop.size}`);
}

export function list(session: Session, argument: string): void | Promise<void> {
  const maildrop = maildropOf(session);
  return listing(
    session,
    argument,
    `${maildrop.count} messages:`,
    (message) => `${message} ${maildrop.sizeOf(message)}`,
  );
}

export function uidl(session: Session, argument: string): void | Promise<void> {
  const maildrop = maildropOf(session);
  return listing(session, argument, '', (message) => `${message} ${maildrop.uniqueId(message)}`);
}

/** One line for the requested message, or one for each. */
function listing(
  session: Session,
  argument: string,
  heading: string,
  line: (message: number) => string,
): void | Promise<void> {
  if (argument.trim() === '') return listAll(session, heading, line);
  const message = parseMessage(session, argument);
  if (message !== null) session.ok(line(message));
}

async function listAll(session: Session, heading: string, line: (message: number) => string): Promise<void> {
  session.ok(heading);
  let lines = 0;
  for (const message of maildropOf(session).messages()) {
    session.connection.write(`${line(message)}\r\n`);
    lines += 1;
    if (lines % LINES_AT_ONCE === 0) await session.connection.drained();
  }
  session.connection.write('.\r\n');
}

export function dele(session: Session, argument: string): void {
  const message = parseMessage(session, argument);
  if (message === null) return;
  maildropOf(session).markDeleted(message);
  session.ok('Marked to be deleted.');
}

export function rset(session: Session): void {
  maildropOf(session).reset();
  session.ok();
}

export function noop(session: Session): void {
  session.ok();
}

/** After a login this is the UPDATE state: marked messages are removed durably before the reply. */
export async function quit(session: Session): Promise<void> {
  if (session.state.kind === 'authorization') {
    session.ok('Logging out');
    session.end('Logged out');
    return;
  }
  const { maildrop } = session.state;
  const { services, connection, login } = session;
  try {
    services.events.deleted(maildrop.account, maildrop.mailbox, await maildrop.update());
  } catch (error) {
    const away = error instanceof StoreUnavailableError;
    if (!away)
      services.log.error({ session: connection.id, user: login.user, err: error }, 'messages could not be removed');
    session.err(away ? UNAVAILABLE : '[SYS/TEMP] Messages could not be removed, none of them was.');
    session.end('Messages could not be removed');
    return;
  }
  session.ok(maildrop.deletedCount === 0 ? 'Logging out.' : 'Logging out, messages deleted.');
  session.end('Logged out', maildrop.deletedCount);
}
