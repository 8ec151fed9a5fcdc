/** What another server's answer, or its silence, means for a recipient, in the words of Postfix's log. Pure. */
import { type Reply, reply } from '../mail/status.ts';
import type { QueueItem } from '../store/queue.ts';
import type { Host } from './mx.ts';
import type { Nexthop } from './nexthop.ts';
import type { Outcome } from './outcome.ts';
import type { SessionFault } from './smtp-session.ts';

/** Which host is spoken to, and how it is named in logs and notifications. */
export interface Peer extends Host {
  readonly port: number;
  readonly nexthop: Nexthop;
  readonly destination: string;
}

export const peerWords = (peer: Pick<Peer, 'name' | 'ip'>): string => `${peer.name}[${peer.ip}]`;

export function outcomeOf(item: QueueItem, status: Outcome['status'], answer: Reply, peer: Peer | null): Outcome {
  const relay = peer === null ? 'none' : `${peerWords(peer)}:${peer.port}`;
  const spoke = status === 'sent' && peer !== null;
  return {
    item,
    status,
    reply: answer.code === 250 && spoke ? { ...answer, text: sentWords(answer) } : answer,
    relay,
    diagnostic: spoke ? sentWords(answer) : '',
    remoteHost: spoke ? peer.name : '',
    notifies: false,
  };
}

/** As Postfix logs a success: the peer's whole reply. */
const sentWords = (answer: Reply): string => `${answer.code}${answer.enhanced === '' ? '' : ` ${answer.enhanced}`} ${answer.text}`;

export function refusedReply(answer: Reply, stage: string, peer: Peer): Reply {
  const enhanced = answer.enhanced === '' ? `${answer.code >= 500 ? 5 : 4}.0.0` : answer.enhanced;
  const text = stage.includes('greeting')
    ? `host ${peerWords(peer)} refused to talk to me: ${sentWords(answer)}`
    : `host ${peerWords(peer)} said: ${sentWords(answer)} (in reply to ${stage} command)`;
  return { code: answer.code, enhanced, text };
}

/** 5xx is for good; 4xx, and whatever is no SMTP reply at all, is for now. */
export function refusedOutcome(item: QueueItem, answer: Reply, stage: string, peer: Peer): Outcome {
  const bounced = answer.code >= 500 && answer.code < 600;
  const words = refusedReply(answer, stage, peer);
  const outcome = outcomeOf(item, bounced ? 'bounced' : 'deferred', bounced ? words : transient(words), peer);
  return { ...outcome, diagnostic: sentWords(answer), remoteHost: peer.name };
}

export const transient = (answer: Reply): Reply =>
  answer.code >= 400 && answer.code < 500
    ? answer
    : { code: 450, enhanced: `4${(answer.enhanced === '' ? '5.0.0' : answer.enhanced).slice(1)}`, text: answer.text };

export function connectFailure(peer: Peer, fault: SessionFault): Reply {
  if (fault.stage === 'connect') return reply(451, '4.4.1', `connect to ${peerWords(peer)}:${peer.port}: ${fault.message}`);
  if (fault.kind === 'tls') return reply(451, '4.7.5', `${fault.message}`);
  if (fault.kind === 'timeout') return reply(451, '4.4.2', `conversation with ${peerWords(peer)} timed out while ${doing(fault.stage)}`);
  return reply(451, '4.4.2', `lost connection with ${peerWords(peer)} while ${doing(fault.stage)}`);
}

/** Postfix's words for a place in the dialog. */
const DOING: Readonly<Record<string, string>> = {
  EHLO: 'performing the EHLO handshake',
  HELO: 'performing the HELO handshake',
  LHLO: 'performing the LHLO handshake',
  AUTH: 'performing the SASL authentication',
  DATA: 'sending message body',
  'end of data': 'sending end of data -- message may be sent more than once',
};
export const doing = (stage: string): string => DOING[stage] ?? (stage.startsWith('receiving') ? stage : `sending ${stage}`);
