/** Ports as rows of master.cf and next hops write them. */

/** Names of services(5). */
const PORTS: ReadonlyMap<string, number> = new Map([
  ['smtp', 25],
  ['mail', 25],
  ['submission', 587],
  ['submissions', 465],
  ['smtps', 465],
  ['ssmtp', 465],
  ['urd', 465],
  ['lmtp', 24],
]);

/** The number of a port that is written as a number or by its name; undefined where it is neither. */
export function portOf(text: string): number | undefined {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : PORTS.get(text.toLowerCase());
  return port === undefined || port > 65_535 ? undefined : port;
}
