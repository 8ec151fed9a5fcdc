/** The commands of the MTA (libmilter/mfdef.h, SMFIC_), and by which flags a milter declines them or their answers. */

import { STEPS, type SymbolStage } from './options.ts';
import { encodePacket } from './packet.ts';

export interface Command {
  readonly letter: string;
  /** Its name in log lines. */
  readonly name: string;
  /** The flag of a milter that does not want it; 0 if it always comes. */
  readonly declined: number;
  /** The flag of a milter that does not answer it. */
  readonly silent: number;
  /** The earliest version of the protocol that has it. */
  readonly since: number;
  /** Which macros go before it. */
  readonly symbols: SymbolStage | 'unknown';
}

const command = (
  letter: string,
  name: string,
  symbols: Command['symbols'],
  declined: number,
  silent: number,
  since = 2,
): Command => ({ letter, name, declined, silent, since, symbols });

export const COMMANDS = {
  connect: command('C', 'SMFIC_CONNECT', 'connect', STEPS.noConnect, STEPS.silentConnect),
  helo: command('H', 'SMFIC_HELO', 'helo', STEPS.noHelo, STEPS.silentHelo),
  mail: command('M', 'SMFIC_MAIL', 'mail', STEPS.noMail, STEPS.silentMail),
  rcpt: command('R', 'SMFIC_RCPT', 'rcpt', STEPS.noRcpt, STEPS.silentRcpt),
  data: command('T', 'SMFIC_DATA', 'data', STEPS.noData, STEPS.silentData, 4),
  unknown: command('U', 'SMFIC_UNKNOWN', 'unknown', STEPS.noUnknown, STEPS.silentUnknown, 3),
  header: command('L', 'SMFIC_HEADER', 'endOfHeader', STEPS.noHeader, STEPS.silentHeader),
  endOfHeader: command('N', 'SMFIC_EOH', 'endOfHeader', STEPS.noEndOfHeader, STEPS.silentEndOfHeader),
  body: command('B', 'SMFIC_BODY', 'endOfMessage', STEPS.noBody, STEPS.silentBody),
  endOfMessage: command('E', 'SMFIC_BODYEOB', 'endOfMessage', 0, 0),
} as const satisfies Readonly<Record<string, Command>>;

export const OFFER = 'O';
export const ABORT = encodePacket('A');
export const QUIT = encodePacket('Q');

/** Octets of a body that go in one packet. */
export const BODY_CHUNK = 65_535;

/** Each text with its NUL; a NUL within one would end it early. */
export const strings = (...texts: readonly string[]): string =>
  texts.map((text) => `${text.replaceAll('\0', '')}\0`).join('');

export const encodeMacros = (command: Command, values: readonly (readonly [string, string])[]): Buffer =>
  encodePacket('D', command.letter, strings(...values.flat()));

/** `port` counts only with an address. */
export function encodeConnect(name: string, ip: string, port: number): Buffer {
  const end = Buffer.alloc(2);
  end.writeUInt16BE(port);
  return encodePacket('C', strings(name), ip.includes(':') ? '6' : '4', end, strings(ip));
}
