/**
 * A SASL exchange (RFC 4422) over a line protocol in base64: SMTP AUTH (RFC 4954), IMAP AUTHENTICATE (RFC 9051
 * section 6.2.2), POP3 AUTH (RFC 5034). How a challenge travels is the protocol's matter.
 */
import { decodeResponse, type SaslMechanism } from '../../protocol/sasl/mechanism.ts';

export type SaslOutcome =
  /** The authenticator is to be asked. */
  | { readonly kind: 'password'; readonly login: string; readonly password: Buffer }
  /** The client broke the rules; the reason is fit for a reply. */
  | { readonly kind: 'malformed'; readonly reason: string }
  | { readonly kind: 'not-base64'; readonly reason: string }
  /** The client said `*`. */
  | { readonly kind: 'cancelled' }
  /** The client went away. */
  | { readonly kind: 'gone' };

/**
 * `initial`: the response that came with the command, null where none did. `ask` sends a challenge (in base64) and
 * gives the line that answers it; null where none came.
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
