/** What rspamd is told about a message beside its content. */
import type { Message } from '../scanners/judging.ts';

/** A header of a request has a limit; a message that many get is spam or not for all of them. */
const MOST_RECIPIENTS = 100;

export function envelopeOf({ connection, transaction }: Message): Record<string, string | readonly string[]> {
  const about: Record<string, string | readonly string[]> = {
    'Queue-Id': transaction.queueId,
    From: transaction.reversePath,
    Rcpt: transaction.recipients.slice(0, MOST_RECIPIENTS).map(({ address }) => address),
  };
  if (connection === null) return about;
  const { remote, helo, user, tls, parameters } = connection;
  about['IP'] = remote.ip;
  about['MTA-Name'] = parameters.string('myhostname');
  if (helo !== null) about['Helo'] = helo;
  if (remote.name !== 'unknown') about['Hostname'] = remote.name;
  if (user !== null) about['User'] = user.login;
  if (tls !== null) about['TLS-Version'] = tls.protocol;
  return about;
}
