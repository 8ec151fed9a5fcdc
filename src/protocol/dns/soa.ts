/** SOA data (RFC 1035 section 3.3.13) and serial arithmetic (RFC 1982). */

import type { DomainName } from './name.ts';
import { WireReader } from './wire.ts';

export interface Soa {
  readonly mname: DomainName;
  readonly rname: DomainName;
  readonly serial: number;
  /** Seconds, here and below. */
  readonly refresh: number;
  readonly retry: number;
  readonly expire: number;
  readonly minimum: number;
}

export function readSoa(rdata: Uint8Array): Soa {
  const data = new WireReader(rdata);
  const mname = data.name();
  const rname = data.name();
  const [serial, refresh, retry, expire, minimum] = [data.u32(), data.u32(), data.u32(), data.u32(), data.u32()];
  return { mname, rname, serial, refresh, retry, expire, minimum };
}

/** Whether serial `a` is newer than `b`. */
export const isNewerSerial = (a: number, b: number): boolean => a !== b && (a - b) >>> 0 < 0x80000000;
