/**
 * A SASL exchange (RFC 4422) over a line protocol in base64: SMTP AUTH (RFC 4954), IMAP AUTHENTICATE (RFC 9051 section
 * 6.2.2), POP3 AUTH (RFC 5034). The caller sends the challenges in its protocol's syntax.
 */
import type { ExternalStep } from '../../protocol/sasl/external.ts';
import {
  type ChallengeStep,
  decodeResponse,
  type SaslMechanism,
  type SaslStep,
} from '../../protocol/sasl/mechanism.ts';

/** How an exchange ends without the last step of its mechanism. */
type Stopped =
  | { readonly kind: 'not-base64'; readonly reason: string }
  /** The client sent `*`. */
  | { readonly kind: 'cancelled' }
  /** The client disconnected. */
  | { readonly kind: 'gone' };

/**
 * `initial`: the initial response sent with the command, or null. `ask` sends a challenge (in base64) and returns the
 * response line, or null if there is none.
 */
export async function runExchange<Step extends SaslStep | ExternalStep>(
  mechanism: SaslMechanism<Step>,
  initial: string | null,
  ask: (challenge: string) => Promise<string | null>,
): Promise<Exclude<Step, ChallengeStep> | Stopped> {
  const exchange = mechanism.begin();
  let response: Buffer | null = null;
  if (initial !== null) {
    response = decodeResponse(initial);
    if (response === null) return { kind: 'not-base64', reason: 'Invalid base64 data in initial response' };
  }
  for (;;) {
    const step = exchange.next(response);
    if (step.kind !== 'challenge') return step as Exclude<Step, ChallengeStep>;
    const line = await ask(step.data.toString('base64'));
    if (line === null) return { kind: 'gone' };
    if (line === '*') return { kind: 'cancelled' };
    response = decodeResponse(line);
    if (response === null) return { kind: 'not-base64', reason: 'Invalid base64 data in continued response' };
  }
}
