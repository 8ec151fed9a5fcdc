/** IMAP dates (RFC 9051 section 9): `date` in SEARCH, `date-time` in INTERNALDATE and APPEND. */
import { MONTHS, monthIndex, twoDigits } from '../../clock.ts';
import type { Scanner } from './scanner.ts';

/** Milliseconds of one day. */
export const DAY = 86_400_000;

function utc(day: number, month: string, year: number): number | null {
  const index = monthIndex(month);
  const date = new Date(Date.UTC(2000, index, day));
  date.setUTCFullYear(year);
  return index < 0 || day < 1 || date.getUTCDate() !== day || date.getUTCMonth() !== index ? null : date.getTime();
}

/** `1-Feb-1994`, with or without quotes: the start of that day, ms since 1970 UTC. */
export function parseDate(scanner: Scanner): number {
  const text = scanner.sees('"') ? scanner.string() : scanner.atom('a date');
  const match = /^(\d{1,2})-([A-Za-z]{3})-(\d{4})$/.exec(text);
  const day = match === null ? null : utc(Number(match[1]), match[2] ?? '', Number(match[3]));
  return day ?? scanner.fail(`Invalid date: expected day-month-year such as 1-Feb-1994`);
}

/** `"17-Jul-1996 02:44:25 -0700"`: ms since 1970 UTC. */
export function parseDateTime(scanner: Scanner): number {
  const text = scanner.string();
  const match = /^([ \d]\d)-([A-Za-z]{3})-(\d{4}) (\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)$/.exec(text);
  const day = match === null ? null : utc(Number(match[1]), match[2] ?? '', Number(match[3]));
  if (match === null || day === null) return scanner.fail('Invalid date-time: expected "dd-Mon-yyyy hh:mm:ss +zzzz"');
  const [hour, minute, second, zoneHours, zoneMinutes] = [match[4], match[5], match[6], match[8], match[9]].map(Number);
  if (
    hour === undefined ||
    minute === undefined ||
    second === undefined ||
    zoneHours === undefined ||
    zoneMinutes === undefined
  )
    return scanner.fail('Invalid time');
  if (hour > 23 || minute > 59 || second > 60 || zoneHours > 23 || zoneMinutes > 59)
    return scanner.fail('Invalid time');
  const zone = (zoneHours * 60 + zoneMinutes) * (match[7] === '-' ? -1 : 1);
  return day + ((hour * 60 + minute - zone) * 60 + second) * 1000;
}

/** `17-Jul-1996 09:44:25 +0000`, without quotes. */
export function formatDateTime(time: number): string {
  const date = new Date(time);
  const day = `${twoDigits(date.getUTCDate())}-${MONTHS[date.getUTCMonth()]}-${String(date.getUTCFullYear()).padStart(4, '0')}`;
  return `${day} ${twoDigits(date.getUTCHours())}:${twoDigits(date.getUTCMinutes())}:${twoDigits(date.getUTCSeconds())} +0000`;
}
