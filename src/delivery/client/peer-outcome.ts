/** Maps another server's reply, or its silence, to an outcome for a recipient, worded as in Postfix's log. Pure. */
import { type Reply, reply } from '../../mail/status.ts';
import { type PeerReply, replyText } from '../../protocol/smtp/reply-reader.ts';
import type { QueueItem } from '../../store/queue.ts';
import type { Outcome } from '../outcome.ts';
import type { Nexthop } from '../route/nexthop.ts';
import type { Host } from './mx.ts';
import { commandWords, doing, type SessionFault, type Stage } from './smtp-session-fault.ts';

/** The host of a session, and its name in logs and notifications. */
export interface Peer extends Host {
  readonly port: number;
  readonly nexthop: Nexthop;
  readonly destination: string;
}

/** `mail.qq.com[127.0.1.128]:25`; a UNIX socket has no port. */
export const peerPlace = (peer: Peer): string =>
  peer.nexthop.socket === null ? `${peerWords(peer)}:${peer.port}` : peerWords(peer);

export const peerWords = (peer: Pick<Peer, 'name' | 'ip'>): string => `${peer.name}[${peer.ip}]`;

/** Which 5xx refusals are treated as temporary: smtp_skip_5xx_greeting, smtp_sasl_auth_soft_bounce. */
export interface Leniency {
  readonly greeting: boolean;
  readonly login: boolean;
}

export function outcomeOf(item: QueueItem, status: Outcome['status'], answer: Reply, peer: Peer | null): Outcome {
  const relay = peer === null ? 'none' : peerPlace(peer);
  return { item, status, reply: answer, relay, diagnostic: '', remoteHost: '', notifies: false };
}

/** Accepted. As Postfix logs a success: the peer's whole reply. */
export function sentOutcome(item: QueueItem, answer: PeerReply, peer: Peer, notifies: boolean): Outcome {
  const words = replyText(answer);
  return {
    ...outcomeOf(item, 'sent', reply(answer.code, answer.enhanced, words), peer),
    diagnostic: words,
    remoteHost: peer.name,
    notifies,
  };
}

/**
 * 5.x.x is permanent, 4.x.x temporary; a reply not allowed at this stage is a protocol error, and permanent (Postfix:
 * smtp_trouble(3)).
 */
export function refusedOutcome(
  item: QueueItem,
  answer: PeerReply,
  stage: Stage,
  peer: Peer,
  lenient: Leniency,
): Outcome {
  const words = refusedReply(answer, stage, peer, lenient);
  return {
    ...outcomeOf(item, words.code >= 500 ? 'bounced' : 'deferred', words, peer),
    diagnostic: replyText(answer),
    remoteHost: peer.name,
  };
}

function refusedReply(answer: PeerReply, stage: Stage, peer: Peer, lenient: Leniency): Reply {
  const expected = answer.enhanced.startsWith('2');
  const soft =
    (stage === 'greeting' && lenient.greeting) || ((stage === 'AUTH' || stage === 'remembered') && lenient.login);
  const permanent = answer.code >= 500 && answer.code < 600;
  const enhanced = expected ? '5.5.0' : soft && permanent ? `4${answer.enhanced.slice(1)}` : answer.enhanced;
  return withCode(
    enhanced,
    `${expected ? 'Protocol error: ' : ''}${refusal(stage, peer, replyText(answer))}`,
    answer.code,
  );
}

function refusal(stage: Stage, peer: Peer, said: string): string {
  const host = peerWords(peer);
  switch (stage) {
    case 'greeting':
    case 'EHLO':
    case 'HELO':
    case 'LHLO':
      return `host ${host} refused to talk to me: ${said}`;
    case 'STARTTLS':
      return `TLS is required, but host ${host} refused to start TLS: ${said}`;
    case 'AUTH':
      return `SASL authentication failed; server ${host} said: ${said}`;
    case 'remembered':
      return `SASL [CACHED] authentication failed; server ${peer.name} said: ${said}`;
    default:
      return `host ${host} said: ${said} (in reply to ${commandWords(stage)})`;
  }
}

/** A code in the class of `enhanced`: the peer's own if it is in that class. */
function withCode(enhanced: string, text: string, code = 0): Reply {
  const kind = enhanced.startsWith('5') ? 5 : 4;
  return reply(Math.floor(code / 100) === kind ? code : kind === 5 ? 550 : 450, enhanced, text);
}

/** The outcome of a fault for an affected recipient. */
export function faultOutcome(item: QueueItem, fault: SessionFault, peer: Peer, lenient: Leniency): Outcome {
  const { cause } = fault;
  if (cause.kind === 'refused') return refusedOutcome(item, cause.reply, fault.stage, peer, lenient);
  const answer = faultReply(fault, peer, lenient);
  return outcomeOf(item, answer.code >= 500 ? 'bounced' : 'deferred', answer, fault.stage === 'connect' ? null : peer);
}

export function faultReply(fault: SessionFault, peer: Peer, lenient: Leniency): Reply {
  const { cause, stage } = fault;
  const host = peerWords(peer);
  switch (cause.kind) {
    case 'connect':
      return reply(451, '4.4.1', `connect to ${peerPlace(peer)}: ${fault.message}`);
    case 'lost':
      return reply(451, '4.4.2', `lost connection with ${host} while ${doing(stage)}`);
    case 'timeout':
      return reply(451, '4.4.2', `conversation with ${host} timed out while ${doing(stage)}`);
    case 'flood':
      return reply(451, '4.5.0', `host ${host} sent an endless reply while ${doing(stage)}`);
    case 'tls':
      return reply(451, '4.7.5', cause.words);
    case 'policy':
      return withCode(cause.enhanced, cause.words);
    case 'content':
      return reply(451, '4.3.0', `local data error while talking to ${host}`);
    case 'refused':
      return refusedReply(cause.reply, stage, peer, lenient);
  }
}
