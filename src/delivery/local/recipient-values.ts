/** What a command is told of its recipient, by the names of local(8). */

import type { User } from '../../lookup/system-users.ts';
import { type Delimiters, domainOf, localPart, splitDetail, unquoted } from '../../mail/address.ts';
import type { QueueItem } from '../../store/queue.ts';

export interface RecipientValues {
  readonly user: string;
  /** '' for none. */
  readonly extension: string;
  readonly delimiter: string;
  readonly local: string;
  readonly domain: string;
  readonly recipient: string;
  readonly home: string;
  readonly shell: string;
}

export function recipientValues(
  { recipient }: Pick<QueueItem, 'recipient'>,
  person: User | null,
  delimiters: Delimiters,
): RecipientValues {
  const address = unquoted(recipient);
  // As all names of users here.
  const local = localPart(address).toLowerCase();
  const detail = splitDetail(local, delimiters);
  return {
    user: detail?.user ?? local,
    extension: detail?.detail ?? '',
    delimiter: detail === null ? '' : local.charAt(detail.user.length),
    local,
    domain: domainOf(address),
    recipient: address,
    home: person?.home ?? '',
    shell: person?.shell ?? '',
  };
}
