/**
 * The table of main.cf parameters: name, type, default, documentation.
 *
 * A new parameter is a row in a file of `parameters/`; validation, `postconf` and ParameterReader use it. Names and
 * defaults are Postfix 3.7's, except where safety requires others: `inet_interfaces` is loopback-only until it is set,
 * `mynetworks_style` is host at every compatibility level, a message from a trusted client without recipient fields
 * gets a `To:` (`undisclosed_recipients_header`), and `smtpd_forbid_bare_newline` is normalize as in later Postfix.
 */
import { addressesParameters } from './parameters/addresses.ts';
import { elsewhereParameters } from './parameters/elsewhere.ts';
import { lmtpParameters, transportParameter, transportParameters } from './parameters/families.ts';
import { guardParameters } from './parameters/guards.ts';
import { identityParameters } from './parameters/identity.ts';
import { localParameters } from './parameters/local.ts';
import { milterParameters } from './parameters/milters.ts';
import { posthornParameters } from './parameters/posthorn.ts';
import { queueParameters } from './parameters/queue.ts';
import { restrictionsParameters } from './parameters/restrictions.ts';
import type { Row } from './parameters/row.ts';
import { saslParameters } from './parameters/sasl.ts';
import { smtpParameters } from './parameters/smtp.ts';
import { smtpdParameters } from './parameters/smtpd.ts';
import { tlsParameters } from './parameters/tls.ts';
import { virtualParameters } from './parameters/virtual.ts';

/** Every parameter by name, in the order of `postconf`. */
export const parameterTable: ReadonlyMap<string, Row> = new Map(
  Object.entries({
    ...identityParameters,
    ...addressesParameters,
    ...virtualParameters,
    ...localParameters,
    ...queueParameters,
    ...smtpdParameters,
    ...milterParameters,
    ...restrictionsParameters,
    ...saslParameters,
    ...tlsParameters,
    ...smtpParameters,
    ...lmtpParameters(smtpParameters),
    ...elsewhereParameters,
    ...guardParameters,
    ...posthornParameters,
    ...transportParameters,
  }).sort(([a], [b]) => (a < b ? -1 : 1)),
);

/** The row of a parameter, including those of named transports; undefined for unknown names. */
export function parameterRow(name: string): Row | undefined {
  return parameterTable.get(name) ?? transportParameter(name);
}
