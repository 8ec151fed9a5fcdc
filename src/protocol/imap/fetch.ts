/** Attributes of FETCH (RFC 9051 section 6.4.5, RFC 7162 MODSEQ). */
import type { Scanner } from './scanner.ts';
import { formatSection, type Partial, parsePartial, parseSection, type Section } from './section.ts';

export type FetchColumn =
  | 'FLAGS'
  | 'INTERNALDATE'
  | 'RFC822.SIZE'
  | 'ENVELOPE'
  | 'BODYSTRUCTURE'
  | 'BODY'
  | 'UID'
  | 'MODSEQ';

export interface FetchSection {
  /** The name in the response: `BODY[TEXT]<0>`, `RFC822`. */
  readonly label: string;
  readonly section: Section;
  readonly partial: Partial | null;
  /** Does not set \Seen. */
  readonly peek: boolean;
}

export type FetchItem = { readonly column: FetchColumn } | FetchSection;

const COLUMNS: readonly string[] = [
  'FLAGS',
  'INTERNALDATE',
  'RFC822.SIZE',
  'ENVELOPE',
  'BODYSTRUCTURE',
  'UID',
  'MODSEQ',
] satisfies FetchColumn[];

const FAST: readonly FetchItem[] = [{ column: 'FLAGS' }, { column: 'INTERNALDATE' }, { column: 'RFC822.SIZE' }];
const ALL: readonly FetchItem[] = [...FAST, { column: 'ENVELOPE' }];
const MACROS: ReadonlyMap<string, readonly FetchItem[]> = new Map([
  ['FAST', FAST],
  ['ALL', ALL],
  ['FULL', [...ALL, { column: 'BODY' }]],
]);

const whole = (text: Section['text']): Section => ({ path: [], text, fields: [] });

/** The older names of sections (RFC 3501 section 6.4.5). */
const RFC822: ReadonlyMap<string, FetchSection> = new Map([
  ['RFC822', { label: 'RFC822', section: whole(''), partial: null, peek: false }],
  ['RFC822.HEADER', { label: 'RFC822.HEADER', section: whole('HEADER'), partial: null, peek: true }],
  ['RFC822.TEXT', { label: 'RFC822.TEXT', section: whole('TEXT'), partial: null, peek: false }],
]);

const MAX_ITEMS = 100;

/** A macro, one attribute, or a list of attributes without duplicates. */
export function parseFetchItems(scanner: Scanner): readonly FetchItem[] {
  if (scanner.sees('(')) {
    const items = scanner.list(() => parseItem(scanner));
    const once = new Map(items.map((item) => ['column' in item ? item.column : item.label, item]));
    return once.size > MAX_ITEMS ? scanner.fail('Too many attributes') : [...once.values()];
  }
  const name = attributeName(scanner);
  return MACROS.get(name) ?? [attribute(scanner, name)];
}

const parseItem = (scanner: Scanner): FetchItem => attribute(scanner, attributeName(scanner));

/** Letters, digits and dots: `BODY.PEEK` of `BODY.PEEK[1]`. */
function attributeName(scanner: Scanner): string {
  const match = /[A-Za-z0-9.]*/y;
  match.lastIndex = scanner.position;
  const name = match.exec(scanner.text)?.[0] ?? '';
  if (name === '') scanner.fail(scanner.atEnd ? 'Missing attributes' : 'Invalid attribute');
  scanner.expect(name);
  return name.toUpperCase();
}

function attribute(scanner: Scanner, name: string): FetchItem {
  if ((name === 'BODY' && scanner.sees('[')) || name === 'BODY.PEEK') {
    const section = parseSection(scanner);
    const partial = parsePartial(scanner);
    const label = `BODY[${formatSection(section)}]${partial === null ? '' : `<${partial.offset}>`}`;
    return { label, section, partial, peek: name === 'BODY.PEEK' };
  }
  if (name === 'BODY') return { column: 'BODY' };
  const column = COLUMNS.find((known) => known === name);
  if (column !== undefined) return { column: column as FetchColumn };
  return RFC822.get(name) ?? scanner.fail(`Unknown attribute ${name.slice(0, 40)}`);
}
