/**
 * APPEND (RFC 9051 section 6.3.12) with APPENDUID (RFC 4315). The message goes from the connection into the store's
 * spool while its index is built; OK is sent once it is durable.
 */
import { parseDateTime } from '../../../protocol/imap/date.ts';
import { parseFlagList } from '../../../protocol/imap/flags.ts';
import { parseMailbox } from '../../../protocol/imap/mailbox-name.ts';
import type { Scanner } from '../../../protocol/imap/scanner.ts';
import { ImapSyntaxError } from '../../../protocol/imap/syntax-error.ts';
import { AppendIntake } from '../append-intake.ts';
import type { Command } from '../command.ts';
import { bad, type Completion, no, noMailbox, ok } from '../completion.ts';
import type { Session } from '../session.ts';
import type { Authenticated, Selected } from '../state.ts';

/** The literal is the message if the mailbox name, which can be a literal too, is already complete. */
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

/** The message, and the rest of its line; null if the peer disconnected. */
async function receive({
  input,
  services,
}: Session): Promise<{ readonly intake: AppendIntake; readonly rest: string } | null> {
  const intake = new AppendIntake(services.store.content);
  try {
    for await (const piece of input.readLiteral()) await intake.write(piece);
    const rest = input.complete ? await input.readLine(services.limits.command) : null;
    if (rest !== null) return { intake, rest };
  } catch (error) {
    await intake.discard();
    throw error;
  }
  await intake.discard();
  return null;
}

async function append(
  session: Session,
  { account }: Authenticated | Selected,
  { mailbox: name, flags, internalDate }: AppendArguments,
): Promise<Completion> {
  const { services } = session;
  const { store, limits } = services;
  const message = session.input.announced;
  if (message === null) return bad('APPEND needs a message.');
  if (message.size > limits.message) return no(`The message is larger than ${limits.message} octets.`, 'TOOBIG');
  if (message.size === 0) return no("Can't save a zero byte message.");
  const mailbox = await store.mailboxes.find(account.id, name);
  if (mailbox === null) return noMailbox(name, 'TRYCREATE');
  if (message.sync) session.askForLiteral();
  const received = await receive(session);
  if (received === null) return no('The message was incomplete.');
  const { intake, rest } = received;
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
      deliveries: [
        {
          account: account.id,
          mailbox: { id: mailbox.id },
          prefix: '',
          flags,
          internalDate: internalDate ?? arrivedAt,
        },
      ],
      queued: [],
    });
    const [appended] = accepted.appended;
    if (appended === undefined) return ok('Append completed.');
    services.events.appended(account, mailbox, appended.uid);
    if (session.state.kind === 'selected' && session.state.mailbox.id === mailbox.id)
      await session.state.mailbox.catchUp(store.mailboxes, appended.uid);
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
