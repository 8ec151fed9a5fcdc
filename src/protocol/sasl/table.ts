/** The supported mechanisms. A mechanism is a file and a row. */
import { CRAM_MD5 } from './cram-md5.ts';
import { EXTERNAL } from './external.ts';
import { LOGIN } from './login.ts';
import type { SaslMechanism, SecurityFlag } from './mechanism.ts';
import { OAUTHBEARER, XOAUTH2 } from './oauth.ts';
import { PLAIN } from './plain.ts';
import { SCRAM } from './scram.ts';

const SASL_MECHANISMS: readonly SaslMechanism[] = [PLAIN, LOGIN, ...SCRAM, CRAM_MD5, XOAUTH2, OAUTHBEARER, EXTERNAL];

/** For messages. */
export const MECHANISM_NAMES: readonly string[] = SASL_MECHANISMS.map(({ name }) => name);

/** Those that are offered where no `auth_mechanisms` says otherwise. */
export const USUAL_MECHANISMS: readonly SaslMechanism[] = [PLAIN, LOGIN];

/** By its name in any case. */
export const findMechanism = (
  name: string,
  among: readonly SaslMechanism[] = SASL_MECHANISMS,
): SaslMechanism | undefined => among.find((mechanism) => mechanism.name === name.toUpperCase());

/** Words of `smtpd_sasl_security_options` that exclude what has a flag. */
const FORBIDDING: Readonly<Record<string, SecurityFlag>> = {
  noplaintext: 'plaintext',
  nodictionary: 'dictionary',
  noactive: 'active',
};

/**
 * Filters by `smtpd_sasl_security_options`, as Postfix does by what Dovecot tells: `mutual_auth` asks for SCRAM,
 * `forward_secrecy` for what no mechanism has; none is anonymous.
 */
export const allowedMechanisms = (
  among: readonly SaslMechanism[],
  securityOptions: readonly string[],
): readonly SaslMechanism[] =>
  among.filter(
    ({ flags }) =>
      !securityOptions.includes('forward_secrecy') &&
      (!securityOptions.includes('mutual_auth') || flags.includes('mutual-auth')) &&
      !Object.entries(FORBIDDING).some(([word, flag]) => securityOptions.includes(word) && flags.includes(flag)),
  );
