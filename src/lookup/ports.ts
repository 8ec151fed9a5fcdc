/** Ports as rows of master.cf and next hops write them. */
import type { ParameterReader } from './parameters.ts';

/** Names that known_tcp_ports has. */
export type PortNames = ReadonlyMap<string, number>;

/** Names of services(5). */
const SERVICES: PortNames = new Map([
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
export function portOf(text: string, names: PortNames): number | undefined {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : (names.get(text) ?? SERVICES.get(text.toLowerCase()));
  return port === undefined || port > 65_535 ? undefined : port;
}

export interface PortNaming {
  readonly names: ReadonlyMap<string, number>;
  /** What is wrong with an entry. */
  readonly fault: string | undefined;
}

/** `smtps=submissions=465, smtp = 25` */
export function parsePortNames(text: string): PortNaming {
  const names = new Map<string, number>();
  let fault: string | undefined;
  for (const entry of text.split(',').filter((one) => one.trim() !== '')) {
    const words = entry.split('=').map((word) => word.trim());
    const port = Number(words.pop());
    if (
      words.length > 0 &&
      words.every((word) => NAME.test(word)) &&
      Number.isInteger(port) &&
      port > 0 &&
      port < 65_536
    )
      for (const word of words) names.set(word, port);
    else fault ??= `"${entry.trim().slice(0, 80)}": expected name=port, such as submission=587`;
  }
  return { names, fault };
}

/** Not a number. */
const NAME = /^(?!\d+$)[\w.+-]+$/;
const known = new WeakMap<ParameterReader, PortNames>();

/** known_tcp_ports; an entry that is none is left out. */
export function portNamesOf(parameters: ParameterReader): PortNames {
  let names = known.get(parameters);
  if (names === undefined) {
    names = parsePortNames(parameters.string('known_tcp_ports')).names;
    known.set(parameters, names);
  }
  return names;
}
