/** The mechanisms we speak, in the order in which they are offered. A mechanism is a file and a row. */
import { LOGIN } from './login.ts';
import type { SaslMechanism } from './mechanism.ts';
import { PLAIN } from './plain.ts';

export const SASL_MECHANISMS: readonly SaslMechanism[] = [PLAIN, LOGIN];

/** By name in any case. */
export const findMechanism = (name: string): SaslMechanism | undefined =>
  SASL_MECHANISMS.find((m) => m.name === name.toUpperCase());

/**
 * RFC 4422 names of `smtpd_sasl_security_options` that decide what is offered; `noplaintext` is the one that excludes
 * rows.
 */
export const allowedMechanisms = (securityOptions: readonly string[]): readonly SaslMechanism[] =>
  securityOptions.includes('noplaintext') ? SASL_MECHANISMS.filter((m) => !m.plaintext) : SASL_MECHANISMS;
