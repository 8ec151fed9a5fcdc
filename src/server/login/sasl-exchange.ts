/**
 * A SASL exchange (RFC 4422) over a line protocol in base64: SMTP AUTH (RFC 4954), IMAP AUTHENTICATE (RFC 9051 section
 * 6.2.2), POP3 AUTH (RFC 5034). The caller sends the challenges in its protocol's syntax.
 */
import { decodeResponse, type SaslMechanism } from '../../protocol/sasl/mechanism.ts';

export type SaslOutcome =
  /** Credentials to be verified by the authenticator. */
  | { readonly kind: 'password'; readonly login: string; readonly password: Buffer }
  /** The client violated the protocol; the reason can be used in a reply. */
  | { readonly kind: 'malformed'; readonly reason: string }
  | { readonly kind: 'not-base64'; readonly reason: string }
  /** The client sent `*`. */
  | { readonly kind: 'cancelled' }
  /** The client disconnected. */
  | { readonly kind: 'gone' };

/**
 * `initial`: the initial response sent with the command, or null. `ask` sends a challenge (in base64) and returns the
 * response line, or null if there is none.
 */
export async function runExchange(
  mechanism: SaslMechanism,
  initial: string | null,
  ask: (challenge: string) => Promise<string | null>,
): Promise<SaslOutcome> {
  const exchange = mechanism.begin();
  let response: Buffer | null = null;
  if (initial !== null) {
    response = decodeResponse(initial);
    if (response === null) return { kind: 'not-base64', reason: 'Invalid base64 data in initial response' };
  }
  for (;;) {
    const step = exchange.next(response);
    if (step.kind !== 'challenge') return step;
    const line = await ask(step.data.toString('base64'));
    if (line === null) return { kind: 'gone' };
    if (line === '*') return { kind: 'cancelled' };
    response = decodeResponse(line);
    if (response === null) return { kind: 'not-base64', reason: 'Invalid base64 data in continued response' };
  }
}
