/**
 * Record types, one row each: name, number, fields in wire order, and the names for which
 * addresses are added to the additional section. A type without a row is written as RFC 3597's
 * `TYPE123 \# length hex`, and every type may be written that way.
 */

import type { DomainName } from '../name.ts';
import type { WireReader } from '../wire.ts';
import {
  algorithm,
  certificateType,
  coveredType,
  fingerprint,
  hashedName,
  keyDigest,
  keyRecord,
  namedAlgorithm,
  reservedKey,
  salt,
  type TypeNames,
  typeBitmap,
  typeBits,
  zoneDigest,
  zoneKey,
} from './dnssec.ts';
import {
  base64Rest,
  digits,
  domainName,
  type Field,
  groups,
  hexRest,
  ip4,
  ip6,
  moment,
  nameAt,
  opaque,
  optional,
  quotedRestText,
  restText,
  rfc1035Name,
  seconds,
  tag,
  text,
  texts,
  u8,
  u16,
  u32,
} from './field.ts';
import { amtRelay, ipsecKey } from './gateway.ts';
import { atmAddress, base64OrDash, hostIdentity, nsapAddress, scheme, services } from './historic.ts';
import { location } from './location.ts';
import { addressSuffix, prefixList } from './prefix.ts';
import { regularExpression } from './regular-expression.ts';
import { serviceParameters } from './service.ts';

/** The name that record data points to, and the types of records that save the client another query. */
export interface Lead {
  readonly name: DomainName;
  readonly types: readonly number[];
  /**
   * For SVCB and HTTPS: `.` means the owner itself, CNAMEs are followed, and an alias leads first to a record of its
   * own type.
   */
  readonly service?: 'alias' | 'service';
}

export interface RecordType {
  readonly name: string;
  readonly number: number;
  readonly fields: readonly Field[];
  /** The name that the data points to, or null. */
  readonly additional?: (data: WireReader) => Lead | null;
  /** Only one record of this type per name. */
  readonly singleton?: true;
}

/** Type numbers used in code. */
export const TYPE = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  WKS: 11,
  PTR: 12,
  MINFO: 14,
  MX: 15,
  TXT: 16,
  RP: 17,
  AFSDB: 18,
  RT: 21,
  AAAA: 28,
  SRV: 33,
  A6: 38,
  DNAME: 39,
  OPT: 41,
  DS: 43,
  RRSIG: 46,
  NSEC: 47,
  DNSKEY: 48,
  NSEC3: 50,
  NSEC3PARAM: 51,
  TLSA: 52,
  CDS: 59,
  SPF: 99,
  TSIG: 250,
  IXFR: 251,
  AXFR: 252,
  MAILB: 253,
  MAILA: 254,
  ANY: 255,
} as const;

/** Query and meta types, which have a name but no data in a zone (RFC 6895 section 3.1). */
const QUESTION_TYPES: Readonly<Record<string, number>> = {
  OPT: 41,
  TKEY: 249,
  TSIG: 250,
  IXFR: 251,
  AXFR: 252,
  MAILB: 253,
  MAILA: 254,
  ANY: 255,
};

export const isQuestionType = (number: number): boolean => number === TYPE.OPT || (number >= 128 && number <= 255);

/** Number of `MX`, `mx`, `TYPE15`; null if the word is not a type. */
export function typeNumber(word: string): number | null {
  const name = word.toUpperCase();
  const row = BY_NAME.get(name);
  if (row !== undefined) return row.number;
  const question = QUESTION_TYPES[name];
  if (question !== undefined) return question;
  const generic = /^TYPE(0|[1-9][0-9]{0,4})$/.exec(name)?.[1];
  return generic === undefined || Number(generic) > 65535 ? null : Number(generic);
}

/** `MX`, or `TYPE15` if there is no row. */
export const typeName = (number: number): string =>
  BY_NUMBER.get(number)?.name ??
  Object.entries(QUESTION_TYPES).find(([, value]) => value === number)?.[0] ??
  `TYPE${number}`;

const types: TypeNames = { number: typeNumber, name: typeName };

const ADDRESSES = [1, 28];

/** Additional records, usually addresses, for the name after so many octets of the data. */
const after =
  (octets: number, leadsTo: readonly number[] = ADDRESSES): NonNullable<RecordType['additional']> =>
  (data) => ({ name: nameAt(data, octets), types: leadsTo });

/** RFC 9460 section 4.2. */
const serviceLead: NonNullable<RecordType['additional']> = (data) => ({
  service: data.u16() === 0 ? 'alias' : 'service',
  name: data.name(),
  types: ADDRESSES,
});

/** NAPTR's flags tell which type the client will query next (RFC 3404 section 4.1). */
const NEXT_TYPES: Readonly<Record<string, readonly number[]>> = { a: ADDRESSES, s: [33] };
const rewritten: NonNullable<RecordType['additional']> = (data) => {
  data.bytes(4);
  const types = NEXT_TYPES[Buffer.from(data.bytes(data.u8())).toString('latin1').toLowerCase()];
  data.bytes(data.u8());
  data.bytes(data.u8());
  return types === undefined ? null : { name: data.name(), types };
};

const signature: readonly Field[] = [
  coveredType(types),
  algorithm,
  u8(),
  u32(),
  moment,
  moment,
  u16(),
  domainName(),
  base64Rest,
];
const key: readonly Field[] = [zoneKey];
const digest: readonly Field[] = [u16('a key tag'), algorithm, keyDigest];
const service: readonly Field[] = [u16('a priority'), domainName('a target name'), serviceParameters];
const association: readonly Field[] = [u8(), u8(), u8(), hexRest];

const ROWS: readonly RecordType[] = [
  { name: 'A', number: 1, fields: [ip4] },
  { name: 'NS', number: 2, fields: [rfc1035Name("a name server's name")], additional: after(0) },
  { name: 'MD', number: 3, fields: [rfc1035Name()] },
  { name: 'MF', number: 4, fields: [rfc1035Name()] },
  { name: 'CNAME', number: 5, fields: [rfc1035Name()], singleton: true },
  {
    name: 'SOA',
    number: 6,
    fields: [
      rfc1035Name("the primary name server's name"),
      rfc1035Name("the administrator's mailbox as a domain name"),
      u32('the serial, a number up to 4294967295'),
      seconds('the refresh time such as 1D'),
      seconds('the retry time such as 1H'),
      seconds('the expire time such as 1W'),
      seconds('the minimum TTL such as 3H'),
    ],
    singleton: true,
  },
  { name: 'MB', number: 7, fields: [rfc1035Name()], additional: after(0) },
  { name: 'MG', number: 8, fields: [rfc1035Name()] },
  { name: 'MR', number: 9, fields: [rfc1035Name()] },
  { name: 'NULL', number: 10, fields: [opaque] },
  { name: 'WKS', number: 11, fields: [ip4, services] },
  { name: 'PTR', number: 12, fields: [rfc1035Name()] },
  { name: 'HINFO', number: 13, fields: [text('the machine'), text('the operating system')] },
  { name: 'MINFO', number: 14, fields: [rfc1035Name(), rfc1035Name()] },
  {
    name: 'MX',
    number: 15,
    fields: [u16('a preference such as 10'), rfc1035Name("a mail server's name")],
    additional: after(2),
  },
  { name: 'TXT', number: 16, fields: [texts] },
  { name: 'RP', number: 17, fields: [domainName("a person's mailbox as a domain name"), domainName()] },
  { name: 'AFSDB', number: 18, fields: [u16('a subtype'), domainName()], additional: after(2) },
  { name: 'X25', number: 19, fields: [digits] },
  { name: 'ISDN', number: 20, fields: [text(), optional(text())] },
  { name: 'RT', number: 21, fields: [u16('a preference'), domainName()], additional: after(2, [19, 20, ...ADDRESSES]) },
  { name: 'NSAP', number: 22, fields: [nsapAddress] },
  { name: 'NSAP-PTR', number: 23, fields: [domainName()] },
  { name: 'SIG', number: 24, fields: signature },
  { name: 'KEY', number: 25, fields: [keyRecord] },
  { name: 'PX', number: 26, fields: [u16('a preference'), domainName(), domainName()] },
  { name: 'GPOS', number: 27, fields: [text('a longitude'), text('a latitude'), text('an altitude')] },
  { name: 'AAAA', number: 28, fields: [ip6] },
  { name: 'LOC', number: 29, fields: [location] },
  { name: 'NXT', number: 30, fields: [domainName('the next name'), typeBits(types)] },
  { name: 'EID', number: 31, fields: [hexRest] },
  { name: 'NIMLOC', number: 32, fields: [hexRest] },
  {
    name: 'SRV',
    number: 33,
    fields: [u16('a priority'), u16('a weight'), u16('a port'), domainName("a server's name")],
    additional: after(6),
  },
  { name: 'ATMA', number: 34, fields: [atmAddress] },
  {
    name: 'NAPTR',
    number: 35,
    fields: [u16('an order'), u16('a preference'), text('flags'), text('a service'), regularExpression, domainName()],
    additional: rewritten,
  },
  { name: 'KX', number: 36, fields: [u16('a preference'), domainName()], additional: after(2) },
  { name: 'CERT', number: 37, fields: [certificateType, u16('a key tag'), namedAlgorithm, base64Rest] },
  { name: 'A6', number: 38, fields: [addressSuffix] },
  { name: 'DNAME', number: 39, fields: [domainName()], singleton: true },
  { name: 'SINK', number: 40, fields: [u8(), u8(), u8(), optional(base64Rest)] },
  { name: 'APL', number: 42, fields: [prefixList] },
  { name: 'DS', number: 43, fields: digest },
  { name: 'SSHFP', number: 44, fields: [u8('an algorithm'), fingerprint] },
  { name: 'IPSECKEY', number: 45, fields: [ipsecKey] },
  { name: 'RRSIG', number: 46, fields: signature },
  { name: 'NSEC', number: 47, fields: [domainName('the next name'), typeBitmap(types, 1)], singleton: true },
  { name: 'DNSKEY', number: 48, fields: key },
  { name: 'DHCID', number: 49, fields: [base64Rest] },
  {
    name: 'NSEC3',
    number: 50,
    fields: [u8('a hash algorithm'), u8('flags'), u16('iterations'), salt, hashedName, typeBitmap(types)],
  },
  { name: 'NSEC3PARAM', number: 51, fields: [u8('a hash algorithm'), u8('flags'), u16('iterations'), salt] },
  { name: 'TLSA', number: 52, fields: association },
  { name: 'SMIMEA', number: 53, fields: association },
  { name: 'HIP', number: 55, fields: [hostIdentity] },
  { name: 'NINFO', number: 56, fields: [texts] },
  { name: 'RKEY', number: 57, fields: [reservedKey] },
  { name: 'TALINK', number: 58, fields: [domainName(), domainName()] },
  { name: 'CDS', number: 59, fields: digest },
  { name: 'CDNSKEY', number: 60, fields: key },
  { name: 'OPENPGPKEY', number: 61, fields: [base64Rest] },
  { name: 'CSYNC', number: 62, fields: [u32(), u16(), typeBitmap(types)] },
  { name: 'ZONEMD', number: 63, fields: [u32('a serial'), u8('a scheme'), zoneDigest] },
  { name: 'SVCB', number: 64, fields: service, additional: serviceLead },
  { name: 'HTTPS', number: 65, fields: service, additional: serviceLead },
  { name: 'DSYNC', number: 66, fields: [coveredType(types), scheme, u16('a port'), domainName()] },
  { name: 'HHIT', number: 67, fields: [base64Rest] },
  { name: 'BRID', number: 68, fields: [base64Rest] },
  { name: 'SPF', number: 99, fields: [texts] },
  { name: 'UINFO', number: 100, fields: [opaque] },
  { name: 'UID', number: 101, fields: [opaque] },
  { name: 'GID', number: 102, fields: [opaque] },
  { name: 'UNSPEC', number: 103, fields: [opaque] },
  { name: 'NID', number: 104, fields: [u16('a preference'), groups(4, 2, ':')] },
  { name: 'L32', number: 105, fields: [u16('a preference'), ip4] },
  { name: 'L64', number: 106, fields: [u16('a preference'), groups(4, 2, ':')] },
  { name: 'LP', number: 107, fields: [u16('a preference'), domainName()], additional: after(2, [105, 106]) },
  { name: 'EUI48', number: 108, fields: [groups(6, 1, '-')] },
  { name: 'EUI64', number: 109, fields: [groups(8, 1, '-')] },
  { name: 'URI', number: 256, fields: [u16('a priority'), u16('a weight'), quotedRestText('a URI in quotes')] },
  { name: 'CAA', number: 257, fields: [u8('flags, 0 or 128'), tag, restText('a value in quotes')] },
  { name: 'AVC', number: 258, fields: [texts] },
  { name: 'DOA', number: 259, fields: [u32(), u32(), u8('a location'), text('a media type'), base64OrDash] },
  { name: 'AMTRELAY', number: 260, fields: [amtRelay] },
  { name: 'RESINFO', number: 261, fields: [texts] },
  { name: 'WALLET', number: 262, fields: [texts] },
  { name: 'TA', number: 32768, fields: digest },
  { name: 'DLV', number: 32769, fields: digest },
];

const BY_NUMBER: ReadonlyMap<number, RecordType> = new Map(ROWS.map((row) => [row.number, row]));
const BY_NAME: ReadonlyMap<string, RecordType> = new Map(ROWS.map((row) => [row.name, row]));

export const recordType = (number: number): RecordType | undefined => BY_NUMBER.get(number);
/** For suggestions in error messages. */
export const TYPE_NAMES: readonly string[] = ROWS.map((row) => row.name);
