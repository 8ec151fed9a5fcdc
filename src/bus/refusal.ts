/**
 * Interprets refusing verdicts. Only this file knows what the DENY codes have in common; each protocol words the
 * refusal itself.
 */
import type { Reply } from '../mail/status.ts';
import type { Verdict } from './hook.ts';

export interface Refusal {
  /** `silent`: the connection ends without a reply. */
  readonly kind: 'permanent' | 'temporary' | 'silent';
  /** The plugin's own reply. */
  readonly reply: Reply | undefined;
  readonly disconnect: boolean;
}

const MEANINGS: Readonly<Record<Verdict['code'], Omit<Refusal, 'reply'> | null>> = {
  NEXT: null,
  OK: null,
  DENY: { kind: 'permanent', disconnect: false },
  DENYSOFT: { kind: 'temporary', disconnect: false },
  DENYDISCONNECT: { kind: 'permanent', disconnect: true },
  DENYSOFTDISCONNECT: { kind: 'temporary', disconnect: true },
  DISCONNECT: { kind: 'silent', disconnect: true },
};

/** Null if the verdict does not refuse. */
export function readRefusal(verdict: Verdict): Refusal | null {
  const meaning = MEANINGS[verdict.code];
  return meaning === null ? null : { ...meaning, reply: 'reply' in verdict ? verdict.reply : undefined };
}

export interface DefaultReplies {
  readonly permanent: Reply;
  /** Also used for DISCONNECT if there is no connection to close. */
  readonly temporary: Reply;
}

/**
 * The plugin's reply, or a default if it gave none; null if the verdict does not refuse. For callers without a
 * connection to close.
 */
export function refusalReply(verdict: Verdict, defaults: DefaultReplies): Reply | null {
  const refusal = readRefusal(verdict);
  return refusal === null
    ? null
    : (refusal.reply ?? (refusal.kind === 'permanent' ? defaults.permanent : defaults.temporary));
}
