/**
 * APPEND (RFC 9051 section 6.3.12) with APPENDUID (RFC 4315): a message goes from the connection into
 * the store's spool while its index is made; OK comes after it is durable.
 */
import { parseDateTime } from '../../../protocol/imap/date.ts';
import { parseFlagList } from '../../../protocol/imap/flags.ts';
import { parseMailbox } from '../../../protocol/imap/mailbox-name.ts';
import type { Scanner } from '../../../protocol/imap/scanner.ts';
import { ImapSyntaxError } from '../../../protocol/imap/syntax-error.ts';
import type { Command } from '../command.ts';
import { bad, type Completion, no, noMailbox, ok } from '../completion.ts';
import { MessageIntake } from '../message-intake.ts';
import type { PendingMessage, Session } from '../session.ts';
import type { Authenticated, Selected } from '../state.ts';

/** The literal is the message once the mailbox's name, which can be one too, is complete. */
export function takesMessage(scanner: Scanner): boolean {
  try {
    scanner.space();
    scanner.astring();
    return scanner.sees(' ');
  } catch (error) {
    if (error instanceof ImapSyntaxError) return false;
    throw error;
  }
}

interface AppendArguments {
  readonly mailbox: string;
  readonly flags: readonly string[];
  /** Null: now. */
  readonly internalDate: number | null;
}

function parse(scanner: Scanner): AppendArguments {
  scanner.space();
  const mailbox = parseMailbox(scanner);
  scanner.space();
  let flags: readonly string[] = [];
  if (scanner.sees('(')) {
    flags = parseFlagList(scanner);
    scanner.space();
  }
  let internalDate: number | null = null;
  if (scanner.sees('"')) {
    internalDate = parseDateTime(scanner);
    scanner.space();
  }
  scanner.expect('{');
  scanner.number(Number.POSITIVE_INFINITY);
  scanner.accept('+');
  scanner.expect('}');
  scanner.end();
  return { mailbox, flags, internalDate };
}

/** Null where the peer went away. */
async function receive(session: Session, pending: PendingMessage): Promise<MessageIntake | null> {
  const { connection, services } = session;
  const intake = new MessageIntake(services.store.content);
  pending.taken = true;
  if (pending.sync) session.write('+ OK\r\n');
  let left = pending.size;
  try {
    for await (const piece of connection.readBytes(pending.size)) {
      left -= piece.length;
      await intake.write(piece);
    }
  } catch (error) {
    await intake.discard();
    throw error;
  }
  if (left === 0) return intake;
  await intake.discard();
  return null;
}

/** What follows the message on its line; null where the peer went away. */
async function lineAfter(session: Session, intake: MessageIntake): Promise<Buffer | null> {
  try {
    return await session.connection.readLine(session.services.limits.command);
  } catch (error) {
    await intake.discard();
    throw error;
  }
}

async function append(session: Session, { account }: Authenticated | Selected, { mailbox: name, flags, internalDate }: AppendArguments): Promise<Completion> {
  const { services, pendingMessage: pending } = session;
  const { store, limits } = services;
  if (pending === null) return bad('APPEND needs a message.');
  if (pending.size > limits.message) return no(`The message is larger than ${limits.message} octets.`, 'TOOBIG');
  if (pending.size === 0) return no("Can't save a zero byte message.");
  const mailbox = await store.mailboxes.find(account.id, name);
  if (mailbox === null) return noMailbox(name, 'TRYCREATE');
  const intake = await receive(session, pending);
  const rest = intake === null ? null : await lineAfter(session, intake);
  if (intake === null || rest === null) {
    await intake?.discard();
    return no('The message did not come to its end.');
  }
  if (rest.length > 0) {
    await intake.discard();
    return bad('Nothing may follow the message.');
  }
  const arrivedAt = services.clock();
  try {
    const { content, index } = await intake.finish();
    const accepted = await store.accept({
      queueId: services.newQueueId(),
      arrivedAt,
      envelope: { reversePath: '', ret: '', envid: '', smtputf8: false, body: '8BITMIME' },
      content,
      index,
      deliveries: [{ account: account.id, mailbox: { id: mailbox.id }, prefix: '', flags, internalDate: internalDate ?? arrivedAt }],
      queued: [],
    });
    const [appended] = accepted.appended;
    if (appended === undefined) return ok('Append completed.');
    if (session.state.kind === 'selected' && session.state.mailbox.id === mailbox.id) await session.state.mailbox.catchUp(store.mailboxes, appended.uid);
    return ok('Append completed.', `APPENDUID ${appended.uidValidity} ${appended.uid}`);
  } catch (error) {
    await intake.discard();
    throw error;
  }
}

export const appendCommand: Command<Authenticated | Selected> = (scanner) => {
  const args = parse(scanner);
  return (session, state) => append(session, state, args);
};
