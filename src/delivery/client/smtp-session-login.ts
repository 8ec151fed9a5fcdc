/**
 * Login to another server (RFC 4954; Postfix: SASL_README, client).
 *
 * Guarantee: a mechanism is used only if it meets smtp_sasl_security_options for this kind of connection, and a
 * password is never sent in clear text to a server that offered TLS but failed to start it.
 */
import { createHmac } from 'node:crypto';
import { type PeerReply, replyText } from '../../protocol/smtp/reply-reader.ts';
import type { DomainList } from '../route/domain-list.ts';
import type { SmtpSession } from './smtp-session.ts';
import { SessionFault } from './smtp-session-fault.ts';

export interface Credentials {
  readonly user: string;
  readonly password: string;
}

/** `user:password` as in smtp_sasl_password_maps. */
export function parseCredentials(entry: string): Credentials {
  const colon = entry.indexOf(':');
  return colon < 0 ? { user: entry, password: '' } : { user: entry.slice(0, colon), password: entry.slice(colon + 1) };
}

/** Properties required of a mechanism (smtp_sasl_security_options and related), without and with TLS. */
export interface LoginDemands {
  readonly clear: ReadonlySet<string>;
  readonly tls: ReadonlySet<string>;
  /** TLS with a verified certificate. */
  readonly verified: ReadonlySet<string>;
}

export interface LoginSettings {
  readonly demands: LoginDemands;
  /** smtp_sasl_mechanism_filter */
  readonly mechanisms: DomainList;
}

/** Of this login, what its server said the last time. */
export interface RememberedLogin {
  /** A refusal that still stands; null for none. */
  find(): PeerReply | null;
  heard(reply: PeerReply): void;
}

/** The values of smtp_sasl_security_options. */
export const SECURITY_OPTIONS: readonly string[] = [
  'noplaintext',
  'noactive',
  'nodictionary',
  'noanonymous',
  'forward_secrecy',
  'mutual_auth',
];

interface Mechanism {
  readonly name: string;
  /** The security options that it meets. */
  readonly has: ReadonlySet<string>;
  /** The initial response, if the client starts the exchange. */
  readonly initial: ((credentials: Credentials) => string) | null;
  /** Answers to the server's challenges, in turn. */
  readonly answers: readonly ((credentials: Credentials, challenge: Buffer) => string)[];
}

const base64 = (text: string): string => Buffer.from(text, 'utf8').toString('base64');

/** Strongest first, as Cyrus SASL chooses. */
const MECHANISMS: readonly Mechanism[] = [
  {
    name: 'CRAM-MD5',
    has: new Set(['noplaintext', 'noanonymous']),
    initial: null,
    answers: [
      ({ user, password }, challenge) =>
        base64(`${user} ${createHmac('md5', password).update(challenge).digest('hex')}`),
    ],
  },
  {
    name: 'PLAIN',
    has: new Set(['noanonymous']),
    initial: ({ user, password }) => base64(`\0${user}\0${password}`),
    answers: [],
  },
  {
    name: 'LOGIN',
    has: new Set(['noanonymous']),
    initial: null,
    answers: [({ user }) => base64(user), ({ password }) => base64(password)],
  },
];

const HIDDEN = '[credentials]';

/** Does nothing if the server does not offer AUTH. Rejects with SessionFault. */
export async function logIn(
  session: SmtpSession,
  credentials: Credentials,
  { demands, mechanisms: usable }: LoginSettings,
  verified: boolean,
  remembered: RememberedLogin,
): Promise<void> {
  if (!session.offers('AUTH')) return;
  const before = remembered.find();
  if (before !== null) throw new SessionFault('remembered', { kind: 'refused', reply: before });
  const offered: string[] = [];
  for (const name of session.mechanisms) if (await usable.matches(name.toLowerCase())) offered.push(name);
  const cannot = (why: string): SessionFault =>
    new SessionFault('AUTH', {
      kind: 'policy',
      enhanced: '4.7.0',
      words: `SASL authentication failed; cannot authenticate to server ${session.peerWords}: ${why}`,
    });
  if (offered.length === 0) {
    const words = `SASL authentication failed: server ${session.peerWords} offered no compatible authentication mechanisms for this type of connection security`;
    throw new SessionFault('AUTH', { kind: 'policy', enhanced: '4.7.0', words });
  }
  const demanded = session.secure === null ? demands.clear : verified ? demands.verified : demands.tls;
  const wanted = session.startTlsRefused ? new Set([...demanded, 'noplaintext']) : demanded;
  const mechanism = MECHANISMS.find(
    ({ name, has }) => offered.includes(name) && [...wanted].every((option) => has.has(option)),
  );
  if (mechanism === undefined) throw cannot('no mechanism available');
  const { name, initial, answers } = mechanism;
  let answer = await session.ask(
    'AUTH',
    initial === null ? `AUTH ${name}` : `AUTH ${name} ${initial(credentials)}`,
    `AUTH ${name} ${HIDDEN}`,
  );
  for (const next of answers) {
    if (!isChallenge(answer)) break;
    const challenge = Buffer.from(replyText(answer).slice('334 '.length), 'base64');
    answer = await session.ask('AUTH', next(credentials, challenge), HIDDEN);
  }
  if (isChallenge(answer)) throw cannot('another step is needed in authentication');
  remembered.heard(answer);
  if (Math.floor(answer.code / 100) !== 2) throw new SessionFault('AUTH', { kind: 'refused', reply: answer });
}

const isChallenge = (answer: PeerReply): boolean => Math.floor(answer.code / 100) === 3;
