/**
 * A SASL exchange (RFC 4422) over a line protocol in base64: SMTP AUTH (RFC 4954), IMAP AUTHENTICATE (RFC 9051 section
 * 6.2.2), POP3 AUTH (RFC 5034). The caller sends the challenges in its protocol's syntax.
 */
import {
  type ChallengeStep,
  decodeResponse,
  type ExchangeContext,
  type SaslMechanism,
  type SaslStep,
  type SecretScheme,
  type SecretStep,
} from '../../protocol/sasl/mechanism.ts';
import type { Authenticator, Candidate, LoginResult, Secret } from './authenticator.ts';

/** How an exchange ends without the last step of its mechanism. */
export type Stopped =
  /** The response sent with the command, or a later one. */
  | { readonly kind: 'not-base64'; readonly which: 'initial' | 'continued' }
  /** The client sent `*`. */
  | { readonly kind: 'cancelled' }
  /** The client disconnected. */
  | { readonly kind: 'gone' };
/** What is stored of the login cannot be looked up now. */
interface Unavailable {
  readonly kind: 'unavailable';
}

type LastStep = Exclude<SaslStep, ChallengeStep | SecretStep>;
type Claim = Exclude<LastStep, { kind: 'malformed' }>;

/** What a client claims to be, and by what. */
export type SaslClaim = Claim & {
  /** In capitals. */
  readonly mechanism: string;
  /** What the proof was checked against; null where nothing was looked up. */
  readonly secret: Secret | null;
  /**
   * What the mechanism says after the decision: the server's own proof, or why a token is refused. Call it once; null
   * if the client has not stopped meanwhile. `configuration`: where clients find who
   * gives tokens; '' for nowhere.
   */
  conclude(accepted: boolean, configuration: string): Promise<Stopped | null>;
};

export type SaslOutcome = SaslClaim | Extract<LastStep, { kind: 'malformed' }> | Stopped | Unavailable;

export interface ExchangeOptions {
  readonly context: ExchangeContext;
  /** The initial response sent with the command, or null. */
  readonly initial: string | null;
  /** Sends a challenge (in base64) and returns the response line, or null if there is none. */
  ask(challenge: string): Promise<string | null>;
  /** Looks up what is stored for a login. */
  secretOf(login: string, scheme: SecretScheme): Promise<Secret | null>;
}

export async function runExchange(
  mechanism: SaslMechanism,
  { context, initial, ask, secretOf }: ExchangeOptions,
): Promise<SaslOutcome> {
  const asked = async (data: Buffer): Promise<Buffer | Stopped> => {
    const line = await ask(data.toString('base64'));
    if (line === null) return { kind: 'gone' };
    if (line === '*') return { kind: 'cancelled' };
    return decodeResponse(line) ?? { kind: 'not-base64', which: 'continued' };
  };
  const exchange = mechanism.begin(context);
  let response: Buffer | null = null;
  let secret: Secret | null = null;
  if (initial !== null) {
    response = decodeResponse(initial);
    if (response === null) return { kind: 'not-base64', which: 'initial' };
  }
  for (;;) {
    let step = exchange.next(response);
    if (step.kind === 'secret') {
      secret = await secretOf(step.login, step.scheme);
      if (secret === null) return { kind: 'unavailable' };
      step = step.resume(secret.stored);
    }
    if (step.kind !== 'challenge') return concludable(step as LastStep, { mechanism: mechanism.name, secret }, asked);
    const answer = await asked(step.data);
    if (!Buffer.isBuffer(answer)) return answer;
    response = answer;
  }
}

/** Of a command that sends a name and a password. */
export const passwordClaim = (login: string, password: Buffer): SaslClaim => ({
  kind: 'password',
  login,
  password,
  mechanism: 'PLAIN',
  secret: null,
  conclude: async () => null,
});

/** What the authenticator says of it. `who`: as whom it counts. */
export function decide(authenticator: Authenticator, claim: SaslClaim, who: Candidate): Promise<LoginResult> {
  switch (claim.kind) {
    case 'password':
      return authenticator.verify({ ...who, password: claim.password });
    case 'proven':
      return authenticator.prove(who, { secret: claim.secret, holds: claim.holds });
    case 'token':
      return authenticator.judgeToken(who, claim.token);
    case 'external':
      return authenticator.identify(who);
  }
}

function concludable(
  step: LastStep,
  used: Pick<SaslClaim, 'mechanism' | 'secret'>,
  asked: (data: Buffer) => Promise<Buffer | Stopped>,
): SaslOutcome {
  if (step.kind === 'malformed') return step;
  return {
    ...step,
    ...used,
    async conclude(accepted, configuration) {
      const data = lastWords(step, accepted, configuration);
      const answer = data === null ? null : await asked(data);
      return answer === null || Buffer.isBuffer(answer) ? null : answer;
    },
  };
}

function lastWords(step: Claim, accepted: boolean, configuration: string): Buffer | null {
  if (step.kind === 'proven') return accepted ? step.final : null;
  return step.kind === 'token' && !accepted ? step.refusal(configuration) : null;
}
