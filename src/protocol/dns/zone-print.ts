/** Prints a zone as a master file: absolute names, one record per line; the format in which a secondary stores it. */

import { printRdata } from './rr/rdata.ts';
import { typeName } from './rr/table.ts';
import { type Zone, zoneRecords } from './zone.ts';

export function* printZone(zone: Zone): Generator<string, void, void> {
  for (const record of zoneRecords(zone))
    yield `${record.name}\t${record.ttl}\tIN\t${typeName(record.type)}\t${printRdata(record.type, record.rdata)}\n`;
}
