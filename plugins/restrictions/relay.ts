/**
 * Restrictions that keep unknown clients from relaying. One row each.
 *
 * None of them permits relaying: the core decides again whether a destination is ours. A local part that routes through
 * us (`x%elsewhere@ours`, `elsewhere!x@ours`, `"x@elsewhere"@ours`) is a relay attempt.
 */

import {
  DUNNO,
  type Outcome,
  PERMIT,
  type Question,
  type Restriction,
  rejectWith,
  type Server,
} from '../../src/bus/plugin.ts';
import { messageOf } from '../../src/errors.ts';
import { unquoted } from '../../src/mail/address.ts';
import { lookupFault, makeReply, refuse } from './refusal.ts';
import { destinationOf, recipientOf, recipientSubject } from './session.ts';

export function relayRestrictions(server: Server): Readonly<Record<string, Restriction>> {
  /** One outcome for our own destinations, one for all others. */
  const byDestination = (
    ours: Outcome,
    elsewhere: (question: Question, recipient: string) => Outcome,
  ): Restriction => ({
    check: async (question) => {
      const recipient = recipientOf(question);
      if (recipient === null) return DUNNO;
      try {
        return (await destinationOf(server, question, recipient)) === 'ours' ? ours : elsewhere(question, recipient);
      } catch (error) {
        return lookupFault(server, question, `address classes: ${messageOf(error)}`, error, recipient);
      }
    },
  });
  const denied = (lower: number, enhanced: string) => (question: Question, recipient: string) => {
    const code = question.connection.parameters.number('relay_domains_reject_code') - lower;
    return rejectWith(makeReply(code, enhanced, `<${unquoted(recipient)}>: Relay access denied`));
  };
  return {
    permit_auth_destination: byDestination(PERMIT, () => DUNNO),
    reject_unauth_destination: byDestination(DUNNO, denied(0, '5.7.1')),
    defer_unauth_destination: byDestination(DUNNO, denied(100, '4.7.1')),
    // Postfix also lets clients relay if their name is in relay_domains; here they need mynetworks or a login.
    check_relay_domains: byDestination(PERMIT, (question, recipient) =>
      refuse(
        question.connection.parameters.number('relay_domains_reject_code'),
        '5.7.1',
        recipientSubject(recipient),
        'Relay access denied',
      ),
    ),
    // Postfix's for our own destinations. An MX record that names us is no reason to relay for a foreign domain: list such
    // domains in relay_domains.
    permit_mx_backup: byDestination(PERMIT, () => DUNNO),
  };
}
