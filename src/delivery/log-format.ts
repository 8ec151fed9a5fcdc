/** Fields common to every delivery's log line (requirement P19). */
import type { Recipient } from '../mail/envelope.ts';

/** `to=<a@b>, orig_to=<c@d>` */
export function recipientWords(recipient: Pick<Recipient, 'address' | 'original'>): string {
  const { address, original } = recipient;
  return original === '' || original === address ? `to=<${address}>` : `to=<${address}>, orig_to=<${original}>`;
}

/** Delays as in Postfix's log: seconds, two significant digits (delay_logging_resolution_limit). */
function formatDelay(ms: number): string {
  const seconds = Math.max(0, ms) / 1000;
  if (seconds < 0.01) return seconds === 0 ? '0' : '0.01';
  return seconds >= 10 ? String(Math.round(seconds)) : String(Number(seconds.toPrecision(2)));
}

/** `delay=1.2, delays=0.1/0.1/0/1`: before the queue, in the queue, connecting, sending. */
export function formatDelays(stages: readonly [number, number, number, number]): string {
  const total = stages.reduce((sum, ms) => sum + Math.max(0, ms), 0);
  return `delay=${formatDelay(total)}, delays=${stages.map(formatDelay).join('/')}`;
}
