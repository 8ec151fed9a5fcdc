/**
 * Dates in header fields (RFC 5322 section 3.3, the obsolete syntax of 4.3, and the order of asctime).
 * SEARCH compares them as written, disregarding the time zone (RFC 3501 section 6.4.4).
 */
import { monthIndex } from '../../clock.ts';
import { stripComments } from './parameters.ts';

const RFC_ORDER =
  /^(?:[a-z]+\s*,?\s*)?(\d{1,2})[\s-]+([a-z]{3})[a-z]*[\s-]+(\d{2,4})\s+(\d{1,2})\s*:\s*(\d{1,2})(?:\s*:\s*(\d{1,2}))?/i;
const ASCTIME_ORDER = /^[a-z]{3}\s+([a-z]{3})\s+(\d{1,2})\s+(\d{1,2}):(\d{2}):(\d{2})\s+(?:[a-z]{1,5}\s+)?(\d{4})/i;

/** Milliseconds from 1970 to the sender's local time, or null if it is not a date. `value` is unfolded. */
export function parseDate(value: string): number | null {
  const text = stripComments(value.slice(0, 200));
  const rfc = RFC_ORDER.exec(text);
  if (rfc !== null) {
    const [, day, month, year = '', hour, minute, second = '0'] = rfc;
    return timeOf({ year: fullYear(year), month, day, hour, minute, second });
  }
  const asctime = ASCTIME_ORDER.exec(text);
  if (asctime === null) return null;
  const [, month, day, hour, minute, second, year] = asctime;
  return timeOf({ year: Number(year), month, day, hour, minute, second });
}

interface Parts {
  readonly year: number;
  readonly month: string | undefined;
  readonly day: string | undefined;
  readonly hour: string | undefined;
  readonly minute: string | undefined;
  readonly second: string | undefined;
}

function timeOf(parts: Parts): number | null {
  const month = monthIndex(parts.month ?? '');
  const [day, hour, minute, second] = [
    Number(parts.day),
    Number(parts.hour),
    Number(parts.minute),
    Number(parts.second),
  ];
  if (month < 0 || day < 1 || hour > 23 || minute > 59 || second > 60) return null;
  if (day > new Date(Date.UTC(parts.year, month + 1, 0)).getUTCDate()) return null;
  return Date.UTC(parts.year, month, day, hour, minute, second);
}

/** Two digits below 50 mean 20xx, other years of two or three digits count from 1900. */
function fullYear(year: string): number {
  const n = Number(year);
  if (year.length >= 4) return n;
  return year.length === 2 && n < 50 ? n + 2000 : n + 1900;
}
