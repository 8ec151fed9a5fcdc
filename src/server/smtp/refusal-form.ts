/**
 * The form in which refusals go to the client: `soft_bounce` makes final ones temporary, `smtpd_reject_footer` adds a
 * text (postconf(5)).
 */

import type { Connection } from '../../bus/hook.ts';
import { MONTHS, twoDigits } from '../../clock.ts';
import { unquoted } from '../../mail/address.ts';
import { type Reply, reply, softened } from '../../mail/status.ts';
import { expandTemplate, onlyAllowed } from '../../protocol/smtp/template.ts';
import { clientOf } from './maillog.ts';

export interface RefusalForm {
  readonly softBounce: boolean;
  /** A template; '' for none. `\n` divides lines; `\c` at its beginning goes on in the reply's own line. */
  readonly footer: string;
  /** Characters of what is put into it (smtpd_expansion_filter). */
  readonly allowed: ReadonlySet<string>;
}

/** What the client hears, and the log says of a refusal before its footer. */
export const soft = (answer: Reply, { softBounce }: RefusalForm): Reply => (softBounce ? softened(answer) : answer);

/** `transaction`: the one that the answer is about, which may be over. */
export function withFooter(
  answer: Reply,
  { footer, allowed }: Omit<RefusalForm, 'softBounce'>,
  connection: Connection,
  now: number,
  transaction: Connection['transaction'] = connection.transaction,
): Reply {
  if (footer === '' || answer.code < 400) return answer;
  const goesOn = footer.startsWith('\\c');
  // Lines are divided before values are put in: a client's name cannot add one.
  const lines = (goesOn ? footer.slice(2) : footer).split('\\n');
  const values = onlyAllowed(valuesOf(connection, transaction, now), allowed);
  const text = lines.map((line) => expandTemplate(line, values).replaceAll('\n', ' ')).join('\n');
  return reply(answer.code, answer.enhanced, `${answer.text}${goesOn ? '' : '\n'}${text}`);
}

function valuesOf(
  connection: Connection,
  transaction: Connection['transaction'],
  now: number,
): Readonly<Record<string, string>> {
  const { remote, helo, parameters } = connection;
  const at = new Date(now);
  const time = [at.getHours(), at.getMinutes(), at.getSeconds()].map(twoDigits).join(':');
  return {
    client: clientOf(connection),
    client_address: remote.ip,
    client_name: remote.name,
    client_port: String(remote.port),
    helo_name: helo ?? '',
    localtime: `${MONTHS[at.getMonth()]} ${String(at.getDate()).padStart(2)} ${time}`,
    recipient: unquoted(transaction?.recipients[0]?.original ?? ''),
    sender: unquoted(transaction?.reversePath ?? ''),
    server_name: parameters.string('myhostname'),
  };
}
