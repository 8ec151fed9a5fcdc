/**
 * Whether main.cf itself keeps strangers from relaying. Postfix refuses to work where no restriction
 * does; here the core never relays for strangers, so it is a warning.
 */
import type { Service } from './configuration.ts';
import type { Fault } from './fault.ts';

/** Restrictions that end a list before a stranger's mail to elsewhere is accepted. */
const REFUSING = new Set(['reject_unauth_destination', 'defer_unauth_destination', 'reject', 'defer', 'defer_if_permit', 'check_relay_domains']);
const LISTS = ['smtpd_relay_restrictions', 'smtpd_recipient_restrictions'];

export function relayWarnings(services: readonly Service[], file: string): Fault[] {
  return services
    .filter(({ parameters }) => !LISTS.some((name) => parameters.list(name).some((item) => refuses(item, parameters))))
    .map(({ name }) => ({
      file,
      line: 0,
      parameter: LISTS.join(' or '),
      message: `service ${name} has no reject_unauth_destination; mail of strangers to elsewhere is refused all the same`,
    }));
}

/** A restriction class may hold it too. */
function refuses(item: string, parameters: Service['parameters']): boolean {
  if (REFUSING.has(item.toLowerCase())) return true;
  return parameters.list('smtpd_restriction_classes').includes(item) && parameters.list(item).some((inner) => REFUSING.has(inner.toLowerCase()));
}
