/** How an address is written in a line of the log (Postfix: info_log_address_format). */
import { unquoted } from '../mail/address.ts';
import type { ParameterReader } from './parameters.ts';

/** The local part with its quotes, or without them. */
export type LogAddress = (address: string) => string;

const external: LogAddress = (address) => address;

export const logAddress = (parameters: ParameterReader): LogAddress =>
  parameters.string('info_log_address_format') === 'internal' ? unquoted : external;
