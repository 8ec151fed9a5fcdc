/**
 * The header as WildDuck keeps it beside the lines (imap-core/lib/indexer/parse-mime-tree.js, `processNodeHeader`): its
 * HTTP API and its filters read it.
 */
import { type AddressListEntry, isGroup, type Mailbox, parseAddressList } from '../../protocol/mime/address-list.ts';
import { decodeLatin1 } from '../../protocol/mime/charset.ts';
import { parseFields, unfold } from '../../protocol/mime/header.ts';
import { parseParameterized } from '../../protocol/mime/parameters.ts';

interface ParsedAddress {
  readonly name: string;
  readonly address?: string;
  readonly group?: readonly ParsedAddress[];
}

interface ParsedValue {
  readonly value: string;
  readonly type: string;
  readonly subtype: string;
  readonly params: Readonly<Record<string, string>>;
  readonly hasParams: boolean;
}

export type ParsedHeader = Readonly<
  Record<string, string | readonly string[] | readonly ParsedAddress[] | ParsedValue>
>;

/** Other names could not be keys in the database. */
const NAME = /^[a-z0-9-]{1,99}$/;
const ADDRESSES = ['from', 'sender', 'reply-to', 'to', 'cc', 'bcc'];
const PARAMETERIZED = ['content-type', 'content-disposition'];
const SINGLE = [
  'in-reply-to',
  'message-id',
  'content-transfer-encoding',
  'content-id',
  'content-description',
  'content-language',
  'content-md5',
  'content-location',
];

/** `lines`: in latin1. */
export function parsedHeader(lines: readonly string[]): ParsedHeader {
  const values = new Map<string, string[]>();
  for (const { name, value } of parseFields(lines.map((line) => `${line}\r\n`).join(''))) {
    const key = name.toLowerCase();
    if (!NAME.test(key)) continue;
    const all = values.get(key) ?? [];
    all.push(unfold(value));
    values.set(key, all);
  }
  if (!values.has('content-type')) values.set('content-type', ['text/plain']);
  return Object.fromEntries([...values].map(([key, all]) => [key, parsed(key, all)]));
}

function parsed(key: string, values: readonly string[]): ParsedHeader[string] {
  const last = values.at(-1) ?? '';
  if (ADDRESSES.includes(key)) return parseAddressList(values.join(',')).map(addressOf);
  if (PARAMETERIZED.includes(key)) return parameterized(last);
  const texts = values.map(decodeLatin1);
  return texts.length === 1 || SINGLE.includes(key) ? decodeLatin1(last) : texts;
}

const addressOf = (entry: AddressListEntry): ParsedAddress =>
  isGroup(entry) ? { name: decodeLatin1(entry.group), group: entry.members.map(mailboxOf) } : mailboxOf(entry);

const mailboxOf = ({ name, local, domain }: Mailbox): ParsedAddress => ({
  address: decodeLatin1(domain === '' ? local : `${local}@${domain}`),
  name: decodeLatin1(name ?? ''),
});

function parameterized(field: string): ParsedValue {
  const { value, parameters } = parseParameterized(field);
  const [type = '', ...subtype] = value.split('/');
  const params = Object.fromEntries(parameters.filter(([name]) => NAME.test(name)));
  return { value, type, subtype: subtype.join('/'), params, hasParams: parameters.length > 0 };
}
