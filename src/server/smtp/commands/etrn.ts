/** ETRN (RFC 1985): a site that was offline requests its queued mail. */
import { type Reply, reply } from '../../../mail/status.ts';
import { parseDomain } from '../../../protocol/smtp/mailbox.ts';
import * as say from '../../../protocol/smtp/replies.ts';
import type { Answer, SmtpSession } from '../session.ts';

const USAGE = reply(500, '', 'Syntax: ETRN domain');
const BAD_PARAMETER = reply(501, '', 'Error: invalid parameter syntax');
const HELO_FIRST = reply(503, '', 'Error: send HELO/EHLO first');
const IN_TRANSACTION = reply(503, '', 'Error: MAIL transaction in progress');

export function etrn(session: SmtpSession, argument: string): Answer | Promise<Answer> {
  const { settings, connection } = session;
  if (settings.heloRequired && connection.helo === null) return HELO_FIRST;
  if (connection.transaction !== null) return IN_TRANSACTION;
  const [given = '', ...more] = argument.trim().split(/\s+/);
  if (given === '' || more.length > 0) return USAGE;
  // `@domain` and `#queue` are sendmail's forms.
  const domain = given.endsWith('.') ? null : parseDomain(given.replace(/^[@#]/, ''), false);
  return domain === null ? BAD_PARAMETER : flush(session, domain.toLowerCase());
}

const unavailable = (domain: string): Reply => reply(459, '', `<${domain}>: service unavailable`);

async function flush(session: SmtpSession, domain: string): Promise<Answer> {
  const { connection, service } = session;
  await session.nameKnown();
  const refusal = await session.refused('etrn', { connection, domain }, 'ETRN', domain);
  if (refusal !== undefined) return refusal;
  // Anyone may send ETRN, so it only triggers work for some domains (fast_flush_domains).
  return (await service.flushDestination(domain)) ? say.QUEUING_STARTED : unavailable(domain);
}
