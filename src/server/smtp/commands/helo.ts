/** HELO and EHLO (RFC 5321 section 4.1.1.1). Either one starts over: an open transaction is gone. */
import { type Reply, reply } from '../../../mail/status.ts';
import { offeredKeywords } from '../extensions.ts';
import type { Answer, SmtpSession } from '../session.ts';

/** RFC 5321 section 4.5.3.1.2, with room for what is no domain. */
const MAX_NAME = 300;

export const helo = (session: SmtpSession, argument: string): Answer | Promise<Answer> => greet(session, 'HELO', argument);
export const ehlo = (session: SmtpSession, argument: string): Answer | Promise<Answer> => greet(session, 'EHLO', argument);

function greet(session: SmtpSession, verb: 'HELO' | 'EHLO', argument: string): Answer | Promise<Answer> {
  // Postfix takes any words; controls and angle brackets would spoil logs and Received: lines.
  const name = argument
    .trim()
    .replace(/\s+/g, ' ')
    .replace(/[\x00-\x1f\x7f-\x9f<>()\\";]/g, '?');
  if (name === '' || name.length > MAX_NAME) return reply(501, '', `Syntax: ${verb} hostname`);
  session.resetTransaction();
  session.connection.helo = name;
  session.connection.protocol = verb === 'EHLO' ? 'ESMTP' : 'SMTP';
  return session.service.hooks.has('helo') ? askPlugins(session, verb, name) : welcome(session, verb);
}

async function askPlugins(session: SmtpSession, verb: 'HELO' | 'EHLO', name: string): Promise<Answer> {
  await session.nameKnown();
  const refusal = await session.refused('helo', { connection: session.connection, name }, verb, name);
  if (refusal === undefined) return welcome(session, verb);
  session.connection.helo = null;
  return refusal;
}

function welcome(session: SmtpSession, verb: 'HELO' | 'EHLO'): Reply {
  const { host } = session.settings;
  return reply(250, '', verb === 'HELO' ? host : [host, ...offeredKeywords(session)].join('\n'));
}
