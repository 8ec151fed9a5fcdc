/** The supported mechanisms, in the order in which they are offered. A mechanism is a file and a row. */
import { LOGIN } from './login.ts';
import type { SaslMechanism } from './mechanism.ts';
import { PLAIN } from './plain.ts';

export const SASL_MECHANISMS: readonly SaslMechanism[] = [PLAIN, LOGIN];

/**
 * Filters by `smtpd_sasl_security_options`; of its values only `noplaintext` excludes rows.
 */
export const allowedMechanisms = (securityOptions: readonly string[]): readonly SaslMechanism[] =>
  securityOptions.includes('noplaintext') ? SASL_MECHANISMS.filter((m) => !m.plaintext) : SASL_MECHANISMS;
