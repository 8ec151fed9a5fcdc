/**
 * Restrictions that keep unknown clients from relaying. One row each.
 *
 * None of them permits relaying, but permit_mx_backup: the core decides again whether a destination is ours. A local part
 * that routes through us (`x%elsewhere@ours`, `elsewhere!x@ours`, `"x@elsewhere"@ours`) is a relay attempt.
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
import { isRouted } from '../../src/lookup/address-resolving.ts';
import { networksOf } from '../../src/lookup/service-networks.ts';
import { domainOf, unquoted } from '../../src/mail/address.ts';
import { isMxBackup } from './mx-backup.ts';
import { lookupFault, makeReply, refusal, refuse } from './refusal.ts';
import { destinationOf, recipientOf, recipientSubject } from './session.ts';

/** The start says that such a domain's mail is relayed for strangers. */
const PERMIT_BACKUP: Outcome = { kind: 'permit', relay: 'list' };

export function relayRestrictions(server: Server): Readonly<Record<string, Restriction>> {
  /** One outcome for our own destinations, one for all others. */
  const byDestination = (
    ours: Outcome,
    elsewhere: (question: Question, recipient: string) => Outcome | Promise<Outcome>,
  ): Restriction => ({
    check: async (question) => {
      const recipient = recipientOf(question);
      if (recipient === null) return DUNNO;
      try {
        return (await destinationOf(server, question, recipient)) === 'ours'
          ? ours
          : await elsewhere(question, recipient);
      } catch (error) {
        return lookupFault(server, question, `address classes: ${messageOf(error)}`, error, recipient);
      }
    },
  });
  const denied = (lower: number, enhanced: string) => (question: Question, recipient: string) => {
    const code = question.connection.parameters.number('relay_domains_reject_code') - lower;
    return rejectWith(makeReply(code, enhanced, `<${unquoted(recipient)}>: Relay access denied`));
  };
  const networks = networksOf(server, 'permit_mx_backup_networks');
  async function backup(question: Question, recipient: string): Promise<Outcome> {
    const { parameters } = question.connection;
    const whole = await server.domains.resolve(recipient);
    const domain = domainOf(whole);
    // Without them, whoever has a domain could name us as its backup.
    if (parameters.list('permit_mx_backup_networks').length === 0) return DUNNO;
    if (domain.startsWith('[') || (isRouted(whole) && !parameters.boolean('allow_untrusted_routing'))) return DUNNO;
    const hostname = parameters.string('myhostname');
    const answer = await isMxBackup(server, { domain, hostname, networks: networks(parameters) });
    if (typeof answer === 'string')
      return { kind: 'defer_if_reject', reply: refusal(450, '4.4.4', recipientSubject(recipient), answer) };
    return answer ? PERMIT_BACKUP : DUNNO;
  }
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
    permit_mx_backup: byDestination(PERMIT, backup),
  };
}
