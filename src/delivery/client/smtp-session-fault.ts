/**
 * How a session with another server, or a transaction in it, failed, and Postfix's wording for the stage of the dialog.
 */
import type { PeerReply } from '../../protocol/smtp/reply-reader.ts';

/** `doing`: if the peer did not reply; `command`: if it replied. */
const STAGES = {
  connect: { doing: 'connecting', command: '' },
  greeting: { doing: 'receiving the initial server greeting', command: '' },
  EHLO: { doing: 'performing the EHLO handshake', command: 'EHLO command' },
  HELO: { doing: 'performing the HELO handshake', command: 'HELO command' },
  LHLO: { doing: 'performing the LHLO handshake', command: 'LHLO command' },
  STARTTLS: { doing: 'receiving the STARTTLS response', command: 'STARTTLS command' },
  AUTH: { doing: 'performing the SASL authentication', command: 'AUTH command' },
  'XFORWARD name': { doing: 'sending XFORWARD name/address', command: 'XFORWARD name/address command' },
  'XFORWARD helo': { doing: 'sending XFORWARD helo/protocol', command: 'XFORWARD helo/protocol command' },
  /** Not said again: the answer is the one of the last time. */
  remembered: { doing: 'performing the SASL authentication', command: 'AUTH command' },
  MAIL: { doing: 'sending MAIL FROM', command: 'MAIL FROM command' },
  RCPT: { doing: 'sending RCPT TO', command: 'RCPT TO command' },
  DATA: { doing: 'sending DATA command', command: 'DATA command' },
  body: { doing: 'sending message body', command: 'end of DATA command' },
  end: { doing: 'sending end of data -- message may be sent more than once', command: 'end of DATA command' },
  RSET: { doing: 'sending RSET probe', command: 'RSET probe' },
  QUIT: { doing: 'sending QUIT', command: 'QUIT command' },
} as const;

export type Stage = keyof typeof STAGES;
/** Of what a server may refuse without harm to the message. */
export type ForwardingStage = 'XFORWARD name' | 'XFORWARD helo';

export const doing = (stage: Stage): string => STAGES[stage].doing;
export const commandWords = (stage: Stage): string => STAGES[stage].command;

export type FaultCause =
  /** The connection failed or was lost; the peer did not reply in time; it sent more than any reply needs. */
  | { readonly kind: 'connect' | 'lost' | 'timeout' | 'flood' }
  /** The peer replied, but not with what is needed to go on. */
  | { readonly kind: 'refused'; readonly reply: PeerReply }
  /** TLS could not be started, or the certificate was not accepted. `message` says why. */
  | { readonly kind: 'tls'; readonly words: string }
  /** Our own decision, with its enhanced status code (RFC 3463). */
  | { readonly kind: 'policy'; readonly enhanced: string; readonly words: string }
  /** Our own store could not read the message: its error. */
  | { readonly kind: 'content'; readonly error: unknown };

export class SessionFault extends Error {
  override readonly name = 'SessionFault';
  readonly stage: Stage;
  override readonly cause: FaultCause;
  /** It happened within TLS. */
  underTls = false;
  /** The dialog, if the peer's reply violated the protocol; '' otherwise. */
  transcript = '';
  constructor(stage: Stage, cause: FaultCause, message = '') {
    super(message);
    this.stage = stage;
    this.cause = cause;
  }
}
