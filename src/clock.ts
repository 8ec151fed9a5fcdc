/**
 * Time is injected, so that tests never sleep: milliseconds since 1970 UTC. Also the month and day names and the digit
 * formatting of dates.
 */
export type Clock = () => number;

export const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'] as const;
export const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const;

/** 0 for `Jan` in any case; -1 if it is not the name of a month. */
export const monthIndex = (name: string): number =>
  MONTHS.findIndex((month) => month.toLowerCase() === name.toLowerCase());

export const twoDigits = (n: number): string => (n < 10 ? `0${n}` : String(n));
