/** What the administrator is told by mail. */
import type { PluginMail } from '../../src/bus/plugin.ts';
import type { Address } from '../../src/mail/address.ts';
import { busiestDay, dayCounts, type Ledger } from './ledger.ts';

export interface Alarm {
  readonly administrator: Address;
  /** The account, or the address of a client in mynetworks. */
  readonly who: string;
  readonly kind: 'pause' | 'stop';
  readonly why: string;
  readonly ledger: Ledger;
  readonly now: number;
  /** Seconds. */
  readonly pause: number;
}

export function alarmLetter({ administrator, who, kind, why, ledger, now, pause }: Alarm): PluginMail {
  const [messages, recipients, bounces] = dayCounts(ledger, now);
  const addresses = Object.entries(ledger.from).map(([ip, count]) => `  ${ip} (${count})`);
  const done =
    kind === 'pause'
      ? `Its mail to other servers is refused for now (450) for ${Math.round(pause / 60)} minutes. If it goes on, it is stopped.`
      : 'Its mail to other servers is refused (554) until you lift that.';
  const how = who.includes('@')
    ? [
        'If somebody else has the password, give the account a new one; that also lifts this:',
        `  posthorn user passwd ${who}`,
        'If all is well, this lifts it too:',
        `  posthorn user disable ${who}`,
        `  posthorn user enable ${who}`,
      ]
    : [`If all is well, put ${who} into "exempt" of the plugin's configuration, and reload.`];
  const text = [
    `${who} sends unusual mail: ${why}.`,
    '',
    done,
    '',
    `In the last 24 hours it sent ${messages} messages to ${recipients} recipients, of whom ${bounces} bounced.`,
    `Its busiest day before had ${busiestDay(ledger, now)} recipients.`,
    'It sent from these addresses lately (messages):',
    ...addresses,
    '',
    ...how,
  ];
  const subject = kind === 'pause' ? `${who} sends unusual mail` : `${who} is stopped from sending`;
  return {
    from: '',
    to: [administrator],
    message: `To: <${administrator}>\nSubject: ${subject}\n\n${text.join('\n')}\n`,
  };
}
