/** When somebody is away, as their settings say. */

/** A day of the calendar, or a moment of it: `2026-12-24`, `2026-12-24T18:00`, with a time zone where it is another than the machine's. */
export const MOMENT = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d)?(?:Z|[+-]\d\d:\d\d)?)?$/;

const DAY = /^\d{4}-\d\d-\d\d$/;

/** Milliseconds since 1970 UTC; a day `from` begins it, `to` is whole. Throws where there is no such day. */
export function momentOf(text: string, which: 'from' | 'to'): number {
  const time = DAY.test(text) ? (which === 'from' ? 'T00:00:00' : 'T23:59:59.999') : '';
  const at = new Date(`${text}${time}`).getTime();
  if (Number.isNaN(at)) throw new Error(`${which}: ${text}: there is no such day`);
  return at;
}
