/**
 * HELO and EHLO (RFC 5321 section 4.1.1.1), LHLO (RFC 2033 section 4.1). Each that is accepted resets the session and any
 * open transaction; one that is refused changes nothing.
 */
import { type Reply, reply } from '../../../mail/status.ts';
import { offeredKeywords } from '../extensions.ts';
import { tellHelo } from '../milters.ts';
import type { Answer, SmtpSession } from '../session.ts';

type Verb = keyof typeof PROTOCOLS;

/** The protocol that each verb selects. */
const PROTOCOLS = { HELO: 'SMTP', EHLO: 'ESMTP', LHLO: 'LMTP' } as const;

/** RFC 5321 section 4.5.3.1.2, with room for names that are not domains. */
const MAX_NAME = 300;
const UNPRINTABLE = /[\x00-\x1f\x7f-\x9f\ufffd]/g;
/** They would make logs and Received: lines ambiguous; only what checks a name at once sees them. */
const TROUBLESOME = /[ <>()\\";@]/g;

export const lhlo = (session: SmtpSession, argument: string): Answer | Promise<Answer> =>
  greet(session, 'LHLO', argument);
export const helo = (session: SmtpSession, argument: string): Answer | Promise<Answer> =>
  greet(session, 'HELO', argument);
export const ehlo = (session: SmtpSession, argument: string): Answer | Promise<Answer> =>
  greet(session, 'EHLO', argument);

function greet(session: SmtpSession, verb: Verb, argument: string): Answer | Promise<Answer> {
  // Postfix accepts any words.
  const name = argument.trim().replace(/\s+/g, ' ').replace(UNPRINTABLE, '?');
  if (name === '' || name.length > MAX_NAME) return reply(501, '', `Syntax: ${verb} hostname`);
  const { helo: heloBefore, protocol: protocolBefore } = session.connection;
  session.connection.helo = name.replace(TROUBLESOME, '?');
  session.connection.protocol = PROTOCOLS[verb];
  if (!session.service.hooks.has('helo') && session.milters === null) return welcome(session, verb);
  return ask(session, verb, name, { helo: heloBefore, protocol: protocolBefore });
}

async function ask(
  session: SmtpSession,
  verb: Verb,
  name: string,
  before: Pick<SmtpSession['connection'], 'helo' | 'protocol'>,
): Promise<Answer> {
  let accepted = false;
  try {
    await session.nameKnown();
    const refusal = await session.refused('helo', { connection: session.connection, name }, verb, name);
    accepted = refusal === undefined;
    return refusal ?? (await tellHelo(session, verb, name, before.helo !== null)) ?? welcome(session, verb);
  } finally {
    // Plugins see the name while they are asked; it is kept only if they accept it.
    if (!accepted) Object.assign(session.connection, before);
  }
}

function welcome(session: SmtpSession, verb: Verb): Reply {
  session.resetTransaction();
  const { host } = session.settings;
  return reply(250, '', verb === 'HELO' ? host : [host, ...offeredKeywords(session)].join('\n'));
}
