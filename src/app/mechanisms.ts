import type { Dovecot } from '../config/dovecot/dovecot-conf.ts';
import type { SaslMechanism } from '../protocol/sasl/mechanism.ts';
import { USUAL_MECHANISMS } from '../protocol/sasl/table.ts';

/** Of SASL, as SMTP offers them. */
export const smtpMechanisms = (dovecot: Dovecot | null): readonly SaslMechanism[] =>
  dovecot?.auth.smtpMechanisms ?? USUAL_MECHANISMS;
