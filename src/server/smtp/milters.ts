/**
 * When the milters of a session are asked (smtpd_milters), and what their word means to the client. They are asked last,
 * after plugins and restrictions. A session that is refused at its connection or name hears so at MAIL, as in Postfix.
 */
import type { Judgement } from '../../delivery/milter/judgement.ts';
import type { MilterAddress } from '../../delivery/milter/session.ts';
import { domainOf } from '../../mail/address.ts';
import { formatReply, type Reply, reply } from '../../mail/status.ts';
import type { MailTransaction } from './connection.ts';
import { milterLine } from './maillog.ts';
import type { SmtpSession } from './session.ts';

/** What is said instead of the greeting, or before the connection ends; undefined: the usual greeting. */
export async function meetMilters(session: SmtpSession): Promise<Reply | undefined> {
  const { service, connection, settings } = session;
  if (service.milters === null) return undefined;
  await session.nameKnown();
  session.milters = await service.milters.forClient(connection);
  if (session.milters === null) return undefined;
  const { name, ip, port } = connection.remote;
  const judgement = await session.milters.connect(name === 'unknown' ? `[${ip}]` : name, ip, port);
  const refused = obey(session, judgement, 'CONNECT');
  if (refused === undefined || (refused.code < 500 && refused.code !== 421)) return undefined;
  return refused.code === 421
    ? reply(421, '', `${settings.host} Service unavailable - try again later`)
    : reply(554, '', `${settings.host} ESMTP not accepting connections`);
}

/** A refusal of the name ends the session at once only with 421. */
export async function tellHelo(
  session: SmtpSession,
  verb: string,
  name: string,
  again: boolean,
): Promise<Reply | undefined> {
  if (session.milters === null) return undefined;
  const refused = obey(session, await session.milters.helo(name), verb);
  if (again) session.milters.abort();
  return refused?.code === 421 ? refused : undefined;
}

/** `rest`: the ESMTP parameters as the client gave them. */
export async function tellMail(session: SmtpSession, address: string, rest: string): Promise<Reply | undefined> {
  if (session.milters === null) return undefined;
  return obey(session, await session.milters.mail(await addressOf(session, address, rest), ''), 'MAIL');
}

export async function tellRcpt(
  session: SmtpSession,
  transaction: MailTransaction,
  recipient: { readonly address: string; readonly original: string; readonly rest: string },
): Promise<Reply | undefined> {
  if (session.milters === null) return undefined;
  const said = await addressOf(session, recipient.address, recipient.rest, recipient.original);
  return obey(session, await session.milters.rcpt(said, queueIdOf(transaction)), 'RCPT', recipient.original);
}

/** For milters that want to know of recipients that are refused anyway. */
export async function tellRejected(
  session: SmtpSession,
  transaction: MailTransaction,
  recipient: { readonly original: string; readonly rest: string },
  refusal: Reply,
): Promise<void> {
  const address = refusal.text.replace(/^<[^>]*>: /, '').replaceAll('\n', ' ');
  const macro = { address, mailer: { name: 'error', host: refusal.enhanced } };
  const words = [`<${recipient.original}>`, ...argumentsOf(recipient.rest)];
  await session.milters?.rejected({ words, macro }, queueIdOf(transaction));
}

/** `verb`: DATA, or BDAT. */
export async function tellData(session: SmtpSession, verb: string, queueId: string): Promise<Reply | undefined> {
  return session.milters === null ? undefined : obey(session, await session.milters.data(queueId), verb);
}

export async function tellUnknown(session: SmtpSession, verb: string): Promise<Reply | undefined> {
  return session.milters === null ? undefined : obey(session, await session.milters.unknown(verb), 'UNKNOWN');
}

/** The queue ID is told from the first accepted recipient on, as in Postfix. */
const queueIdOf = ({ recipients, queueId }: MailTransaction): string => (recipients.length > 0 ? queueId : '');

const argumentsOf = (rest: string): readonly string[] => rest.trim().split(/\s+/).filter(Boolean);

/** Postfix's transport of each class of domains. */
const MAILERS = {
  local: 'local',
  virtual_alias: 'error',
  virtual_mailbox: 'virtual',
  relay: 'relay',
  default: 'smtp',
} as const;

async function addressOf(session: SmtpSession, address: string, rest: string, given = address): Promise<MilterAddress> {
  const { domains, parameters } = session.service;
  const domain = domainOf(address) || parameters.string('myorigin').toLowerCase();
  // The null sender has no domain: a relayhost takes it.
  const goesOut = address === '' && parameters.string('relayhost') !== '';
  const addressClass = goesOut ? 'default' : await domains.classify(domain);
  const isElsewhere = addressClass === 'default' || addressClass === 'relay';
  const host =
    addressClass === 'local'
      ? parameters.string('myhostname')
      : (isElsewhere && parameters.string('relayhost')) || domain;
  return {
    words: [`<${given}>`, ...argumentsOf(rest)],
    macro: { address, mailer: { name: MAILERS[addressClass], host } },
  };
}

/** The refusal; what only marks the message is noted. Both are logged. */
function obey(session: SmtpSession, judgement: Judgement | null, stage: string, recipient = ''): Reply | undefined {
  if (judgement === null) return undefined;
  const { connection } = session;
  const { transaction } = connection;
  const say = (action: string, words: string): void =>
    session.info(milterLine(connection, action, stage, words, recipient));
  switch (judgement.kind) {
    case 'refuse':
      say('milter-reject', formatReply(judgement.reply));
      return judgement.reply;
    case 'hold':
      say('milter-hold', 'milter triggers HOLD action');
      if (transaction !== null) transaction.hold ??= 'milter triggers HOLD action';
      return undefined;
    case 'discard':
      say('milter-discard', 'milter triggers DISCARD action');
      if (transaction !== null) transaction.discard = 'milter triggers DISCARD action';
      return undefined;
  }
}
