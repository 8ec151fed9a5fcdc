/** Fields common to every delivery's log line (requirement P19). */
import type { LogAddress } from '../lookup/log-address.ts';
import type { Recipient } from '../mail/envelope.ts';

/** `to=<a@b>, orig_to=<c@d>` */
export function recipientWords(recipient: Pick<Recipient, 'address' | 'original'>, form: LogAddress): string {
  const { address, original } = recipient;
  const to = `to=<${form(address)}>`;
  return original === '' || original === address ? to : `${to}, orig_to=<${form(original)}>`;
}

/** As in Postfix's log: seconds, two significant digits, at most `digits` after the point; 0 is nothing at all. */
function formatDelay(ms: number, digits: number): string {
  const seconds = Math.max(0, ms) / 1000;
  if (seconds >= 10 || seconds === 0) return String(Math.round(seconds));
  const text = Number(Number(seconds.toPrecision(2)).toFixed(digits));
  return String(text === 0 ? 10 ** -digits : text);
}

/**
 * `delay=1.2, delays=0.1/0.1/0/1`: before the queue, in the queue, connecting, sending. `digits`: see
 * delay_logging_resolution_limit.
 */
export function formatDelays(stages: readonly [number, number, number, number], digits: number): string {
  const total = stages.reduce((sum, ms) => sum + Math.max(0, ms), 0);
  return `delay=${formatDelay(total, digits)}, delays=${stages.map((ms) => formatDelay(ms, digits)).join('/')}`;
}
