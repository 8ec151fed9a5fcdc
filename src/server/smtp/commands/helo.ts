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
  const { hooks } = session.service;
  if (!hooks.has('helo') && !hooks.has('capabilities') && session.milters === null) return welcome(session, verb);
  return ask(session, verb, name, { helo: heloBefore, protocol: protocolBefore });
}

type Before = Pick<SmtpSession['connection'], 'helo' | 'protocol'>;

async function ask(session: SmtpSession, verb: Verb, name: string, before: Before): Promise<Answer> {
  let accepted = false;
  try {
    await session.nameKnown();
    const refusal = await session.refused('helo', { connection: session.connection, name }, verb, name);
    accepted = refusal === undefined;
    return (
      refusal ??
      (await tellHelo(session, verb, name, before.helo !== null)) ??
      (await welcomed(session, verb, name, before))
    );
  } finally {
    // Plugins see the name while they are asked; it is kept only if they accept it.
    if (!accepted) Object.assign(session.connection, before);
  }
}

function welcome(session: SmtpSession, verb: Verb, offered = offeredKeywords(session)): Reply {
  session.resetTransaction();
  const { host } = session.settings;
  return reply(250, '', verb === 'HELO' ? host : [host, ...offered].join('\n'));
}

/** Plugins may change what is offered. An extension whose line one has removed is refused from here on. */
async function welcomed(session: SmtpSession, verb: Verb, name: string, before: Before): Promise<Answer> {
  const { connection, service, withdrawn } = session;
  session.withdrawn = NONE;
  if (verb === 'HELO' || !service.hooks.has('capabilities')) return welcome(session, verb);
  const usual = offeredKeywords(session);
  const offered = [...usual];
  const refusal = await session.refused('capabilities', { connection, offered }, verb, name);
  if (refusal !== undefined) {
    session.withdrawn = withdrawn;
    Object.assign(connection, before);
    return refusal;
  }
  const left = new Set(offered.map(keywordOf));
  session.withdrawn = new Set(usual.map(keywordOf).filter((keyword) => !left.has(keyword)));
  return welcome(session, verb, offered);
}

const NONE: ReadonlySet<string> = new Set();

/** `AUTH=` is AUTH for old clients. */
const keywordOf = (line: string): string => (/^[^ =]*/.exec(line)?.[0] ?? '').toUpperCase();
