/** MAIL (RFC 5321 section 4.1.1.2): starts a transaction. */
import { STORE_FULL } from '../../../delivery/receive/mailbox-row.ts';
import { isReply, reply } from '../../../mail/status.ts';
import { parseMailParameters } from '../../../protocol/smtp/esmtp-parameters.ts';
import { type ParsedPath, parsePath } from '../../../protocol/smtp/path.ts';
import * as say from '../../../protocol/smtp/replies.ts';
import { MailTransaction } from '../connection.ts';
import { takesSmtputf8 } from '../extensions.ts';
import { tellMail } from '../milters.ts';
import { FilteredMail } from '../proxy/filtered-mail.ts';
import type { Answer, SmtpSession } from '../session.ts';
import { refuseUndeclared } from './unicode.ts';

const FROM = /^\s*from:/i;
/** Of `user@@domain`: it may be. */
const NO_DOMAIN = /@"@/;
const USAGE = say.syntax('MAIL FROM:<address>');

export function mail(session: SmtpSession, argument: string): Answer | Promise<Answer> {
  const { settings, connection } = session;
  if (settings.heloRequired && connection.helo === null) return say.HELO_FIRST;
  if (connection.transaction !== null) return say.NESTED_MAIL;
  if (session.bdat !== 'none') return say.afterBdat('MAIL');
  const keyword = FROM.exec(argument);
  const text = keyword === null ? '' : argument.slice(keyword[0].length);
  if (text.trim() === '') return USAGE;
  const path = parsePath(text, settings.paths);
  if (path === null) return say.BAD_SENDER;
  return NO_DOMAIN.test(path.address) ? beginUnlessNowhere(session, path, argument) : begin(session, path, argument);
}

/** Once our own domain is taken off, nothing is behind the `@`. */
async function beginUnlessNowhere(session: SmtpSession, path: ParsedPath, argument: string): Promise<Answer> {
  const whole = await session.service.domains.resolve(path.address);
  return whole.endsWith('@') ? say.BAD_SENDER : begin(session, path, argument);
}

function begin(session: SmtpSession, path: ParsedPath, argument: string): Answer | Promise<Answer> {
  const { settings, connection, service } = session;
  const parameters = parseMailParameters(path.rest, {
    dsn: !session.discardedKeywords.has('DSN'),
    smtputf8: takesSmtputf8(session),
    verp: session.rights.verp && !session.discardedKeywords.has('XVERP') ? settings.verp : null,
  });
  if (isReply(parameters)) return parameters;
  if (parameters.verp !== '' && path.address === '') return say.VERP_WITHOUT_SENDER;
  const undeclared = refuseUndeclared(path, parameters.smtputf8, settings.strictSmtputf8, say.BAD_SENDER);
  if (undeclared !== undefined) return undeclared;
  if (settings.messageSizeLimit > 0 && parameters.size > settings.messageSizeLimit) return say.SIZE_EXCEEDED;
  if (settings.freeSpace > 0 && service.freeOctets() <= settings.freeSpace) {
    session.logReject('MAIL', STORE_FULL, '');
    return STORE_FULL;
  }
  if (!service.limits.allows(connection.remote.ip, 'messages'))
    return reply(450, '4.7.1', `Error: too much mail from ${connection.remote.ip}`);
  const { proxy } = service;
  const queueId = proxy === null ? service.newQueueId() : '';
  const transaction = new MailTransaction(queueId, path.address, parameters, settings.rewrite);
  connection.transaction = transaction;
  if (proxy !== null) session.filtered = new FilteredMail(session, proxy, transaction, `MAIL ${argument}`);
  return service.hooks.has('mail') || session.milters !== null ? ask(session, path.address, path.rest) : say.SENDER_OK;
}

async function ask(session: SmtpSession, reversePath: string, rest: string): Promise<Answer> {
  let accepted = false;
  try {
    await session.nameKnown();
    const plugins = await session.refused('mail', { connection: session.connection, reversePath }, 'MAIL', reversePath);
    const refusal = plugins === undefined ? await tellMail(session, reversePath, rest) : plugins;
    accepted = refusal === undefined;
    return refusal === undefined ? say.SENDER_OK : refusal;
  } finally {
    // Plugins see the transaction while they are asked; it is kept only if they accept it.
    if (!accepted) session.resetTransaction();
  }
}
