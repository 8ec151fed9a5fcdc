/**
 * RCPT (RFC 5321 section 4.1.1.3): accepts one recipient.
 *
 * Plugins are asked first. Whatever they answer, the core decides in the end: only clients permitted by relay.ts may
 * send to foreign domains (never an open relay); a recipient in our own domains must exist.
 */

import { NEXT, type Verdict } from '../../../bus/hook.ts';
import { messageOf } from '../../../errors.ts';
import { isRouted } from '../../../lookup/address-resolving.ts';
import { domainOf, unquoted } from '../../../mail/address.ts';
import type { Recipient } from '../../../mail/envelope.ts';
import { isReply, type Reply, reply } from '../../../mail/status.ts';
import { parseRecipientParameters } from '../../../protocol/smtp/esmtp-parameters.ts';
import { parsePath } from '../../../protocol/smtp/path.ts';
import * as say from '../../../protocol/smtp/replies.ts';
import { StoreUnavailableError } from '../../../store/store.ts';
import type { MailTransaction } from '../connection.ts';
import { takesSmtputf8 } from '../extensions.ts';
import { clientLine } from '../maillog.ts';
import { tellRcpt, tellRejected } from '../milters.ts';
import { mayRelay } from '../relay.ts';
import type { SmtpService } from '../service.ts';
import type { Answer, SmtpSession } from '../session.ts';
import { refuseUndeclared } from './unicode.ts';

const TO = /^\s*to:/i;
const USAGE = say.syntax('RCPT TO:<address>');
/** The table in which a recipient of each class was not found, as Postfix words it. */
const TABLES = {
  local: 'local recipient table',
  virtual_alias: 'virtual alias table',
  virtual_mailbox: 'virtual mailbox table',
  relay: 'relay recipient table',
} as const;

export function rcpt(session: SmtpSession, argument: string): Answer | Promise<Answer> {
  const { settings, connection, service } = session;
  const { transaction } = connection;
  if (transaction === null) return say.NEED_MAIL;
  if (session.bdat !== 'none') return say.afterBdat('RCPT');
  const keyword = TO.exec(argument);
  const text = keyword === null ? '' : argument.slice(keyword[0].length);
  if (text.trim() === '') return USAGE;
  const path = parsePath(text, settings.paths);
  if (path === null || path.address === '') return say.BAD_RECIPIENT;
  const undeclared = refuseUndeclared(path, transaction.smtputf8, settings.strictSmtputf8, say.BAD_RECIPIENT);
  if (undeclared !== undefined) return undeclared;
  const parameters = parseRecipientParameters(path.rest, {
    dsn: !session.discardedKeywords.has('DSN'),
    smtputf8: takesSmtputf8(session),
  });
  if (isReply(parameters)) return parameters;
  if (settings.recipientLimit > 0 && transaction.recipients.length >= settings.recipientLimit)
    return tooMany(session, transaction);
  if (!service.limits.allows(connection.remote.ip, 'recipients'))
    return reply(450, '4.7.1', `Error: too many recipients from ${connection.remote.ip}`);
  const address = settings.rewrite(path.address);
  const base = settings.verifySender.baseOf(address, service.clock());
  const recipient = {
    address: base ?? address,
    original: base ?? path.address,
    notify: parameters.notify,
    orcpt: parameters.orcpt,
  };
  const given = { line: `RCPT ${argument}`, rest: path.rest, isVerifySender: base !== null };
  return decideAndTell(session, transaction, recipient, given);
}

/** RFC 5321 section 4.5.3.1.10: a client may rightly continue after this reply, up to a point. */
function tooMany(session: SmtpSession, transaction: MailTransaction): Reply {
  transaction.overshoot += 1;
  if (transaction.overshoot <= session.settings.recipientOvershootLimit) session.patience.forgive();
  return say.TOO_MANY_RECIPIENTS;
}

interface Asked {
  readonly recipient: Recipient;
  /**
   * Nothing but the relay rules is asked about the sender of our own probes: two servers that probe each other's senders
   * would refuse each other's probes, and remember it.
   */
  readonly isVerifySender: boolean;
}

interface Given extends Pick<Asked, 'isVerifySender'> {
  /** The command's line, and its parameters. */
  readonly line: string;
  readonly rest: string;
}

/** Some milters want to know of refused recipients too. */
async function decideAndTell(
  session: SmtpSession,
  transaction: MailTransaction,
  recipient: Recipient,
  { line, rest, isVerifySender }: Given,
): Promise<Answer> {
  let isOver = false;
  const answer = await decideOrDefer(session, transaction, { recipient, isVerifySender }, async () => {
    isOver = true;
    return (await tellRcpt(session, transaction, { ...recipient, rest })) ?? session.filtered?.recipient(line);
  });
  if (answer !== null && answer.code >= 400 && !isOver)
    await tellRejected(session, transaction, { ...recipient, rest }, answer);
  return answer;
}

/** `accepted`: what milters say of a recipient that everybody else accepts. */
async function decideOrDefer(
  session: SmtpSession,
  transaction: MailTransaction,
  asked: Asked,
  accepted: () => Promise<Reply | undefined>,
): Promise<Answer> {
  const { recipient } = asked;
  try {
    return await decide(session, transaction, asked, accepted);
  } catch (error) {
    if (!(error instanceof StoreUnavailableError)) throw error;
    const deferred = say.lookupFailure(recipient.original);
    session.logReject('RCPT', deferred, recipient.original);
    return deferred;
  }
}

async function decide(
  session: SmtpSession,
  transaction: MailTransaction,
  { recipient, isVerifySender }: Asked,
  accepted: () => Promise<Reply | undefined>,
): Promise<Answer> {
  const { connection, service } = session;
  await session.nameKnown();
  if (service.lmtp && !(await isOurs(service, await service.domains.resolve(recipient.address)))) {
    const unknown = say.noSuchUser(recipient.original);
    session.logReject('RCPT', unknown, recipient.original);
    return unknown;
  }
  const resolved = { ...recipient, address: await service.domains.resolve(recipient.address) };
  if (resolved.address.endsWith('@')) return say.BAD_RECIPIENT;
  const verdict = isVerifySender ? NEXT : await session.ask('rcpt', { connection, recipient: resolved });
  const refusal = session.refuses('rcpt', verdict, 'RCPT', recipient.original);
  if (refusal !== undefined) return refusal;
  // An LMTP recipient is known to be ours by now.
  const refused = service.lmtp
    ? undefined
    : await judge(session, resolved.address, recipient.original, verdict, isVerifySender);
  if (refused !== undefined) {
    session.logReject('RCPT', refused, recipient.original);
    return refused;
  }
  const unwanted = await accepted();
  if (unwanted !== undefined) return unwanted;
  const last = service.hooks.has('rcpt_ok')
    ? await session.refused('rcpt_ok', { connection, recipient: resolved }, 'RCPT', recipient.original)
    : undefined;
  if (last !== undefined) return last;
  // The client may have disconnected, or the transaction ended, while we waited.
  if (connection.transaction !== transaction) return say.NEED_MAIL;
  if (transaction.recipients.length === 0 && session.filtered === null) {
    service.log.info(
      { session: session.id, queueId: transaction.queueId },
      clientLine(connection, transaction.queueId, session.forwarded, transaction.parameters.auth),
    );
  }
  transaction.recipients.push(recipient);
  service.log.debug({ session: session.id, queueId: transaction.queueId }, `recipient ${recipient.address} accepted`);
  return verdict.code === 'OK' && verdict.reply !== undefined && verdict.reply.code === 250
    ? verdict.reply
    : say.RECIPIENT_OK;
}

/**
 * The core's own decision: the refusal, or undefined. `given` is the address as the client wrote it; one of ours that
 * `isListed` is not looked for.
 */
export async function judge(
  session: SmtpSession,
  address: string,
  given: string,
  verdict: Verdict,
  isListed = false,
): Promise<Reply | undefined> {
  const { settings, service, connection } = session;
  // A discarded message reaches nobody (access(5), DISCARD).
  if (connection.transaction?.discard != null) return undefined;
  const addressClass = await service.domains.classify(domainOf(address));
  const routed = !settings.allowsRouting && isRouted(address);
  if (addressClass === 'default' || routed) return judgeRelay(session, given, verdict);
  if (isListed || !settings.rejectUnlisted || (await service.domains.recipientExists(address, service.parameters)))
    return undefined;
  const code = settings.unknownCodes[addressClass];
  return reply(
    code,
    code < 500 ? '4.1.1' : '5.1.1',
    `<${unquoted(given)}>: Recipient address rejected: User unknown in ${TABLES[addressClass]}`,
  );
}

/** LMTP hands over mail for our own users, and for nobody else. */
async function isOurs({ domains, parameters }: SmtpService, address: string): Promise<boolean> {
  const addressClass = await domains.classify(domainOf(address));
  return addressClass !== 'default' && addressClass !== 'relay' && (await domains.recipientExists(address, parameters));
}

async function judgeRelay(session: SmtpSession, given: string, verdict: Verdict): Promise<Reply | undefined> {
  const { settings, service, connection } = session;
  try {
    if (await mayRelay(connection, verdict, service.relay)) return undefined;
  } catch (error) {
    service.log.warn({ session: session.id, err: error }, `mynetworks: ${messageOf(error)}`);
    return say.lookupFailure(given);
  }
  if (verdict.code === 'OK') {
    const named = Object.entries(verdict.relay ?? {}).map(([list, rule]) => `${list}: ${rule}`);
    const who = named.length === 0 ? 'a plugin answered OK' : named.join(', ');
    service.log.warn(
      { session: session.id },
      `${who}: this does not permit relaying, because it is not among the relaying rules printed when the server started; to permit it, put the rule itself before reject_unauth_destination in main.cf`,
    );
  }
  return say.relayDenied(settings.relayRejectCode, given);
}
