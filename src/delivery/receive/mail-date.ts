/** Dates as Postfix writes them into headers: `Fri, 20 Nov 2026 22:33:01 +0800 (CST)` (RFC 5322 section 3.3). */
import { DAYS, MONTHS, twoDigits } from '../../clock.ts';

/** Local time; `ms` since 1970 UTC. */
export function mailDate(ms: number): string {
  const at = new Date(ms);
  const offset = -at.getTimezoneOffset();
  const zone = `${offset < 0 ? '-' : '+'}${twoDigits(Math.trunc(Math.abs(offset) / 60))}${twoDigits(Math.abs(offset) % 60)}`;
  const clock = `${twoDigits(at.getHours())}:${twoDigits(at.getMinutes())}:${twoDigits(at.getSeconds())}`;
  const name = offset === 0 ? ' (UTC)' : '';
  return `${DAYS[at.getDay()]}, ${at.getDate()} ${MONTHS[at.getMonth()]} ${at.getFullYear()} ${clock} ${zone}${name}`;
}

/** The same, cached for a second: thousands of messages share one. */
export function cachedMailDate(): (ms: number) => string {
  let second = -1;
  let text = '';
  return (ms) => {
    const now = Math.floor(ms / 1000);
    if (now !== second) {
      second = now;
      text = mailDate(ms);
    }
    return text;
  };
}

/** `20261120223301`, UTC: the first half of a Message-Id. */
export function compactDate(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19).replace(/[-:T]/g, '');
}
