/**
 * The information in the header of one MIME entity (RFC 2045, RFC 2183, RFC 3282, RFC 2557): the properties of a Part
 * that are not offsets.
 */
import type { Part } from '../../mail/message.ts';
import { type Field, unfold } from './header.ts';
import { parseParameterized, stripComments } from './parameters.ts';

export type EntityHeader = Pick<
  Part,
  | 'type'
  | 'subtype'
  | 'parameters'
  | 'id'
  | 'description'
  | 'encoding'
  | 'md5'
  | 'disposition'
  | 'language'
  | 'location'
>;

export type DefaultType = 'text/plain' | 'message/rfc822';

/**
 * Of duplicate fields the first counts. An unreadable Content-Type is treated as the default (RFC 2045 section 5.2).
 */
export function entityHeader(fields: readonly Field[], defaultType: DefaultType): EntityHeader {
  const content = new Map<string, string>();
  for (const { name, value } of fields) {
    const key = contentName(name);
    if (key === null) continue;
    if (!content.has(key)) content.set(key, unfold(value));
  }
  const { value, parameters } = parseParameterized(content.get('type') ?? '');
  const valid = /^([^/]+)\/([^/]+)$/.exec(value);
  const [type = '', subtype = ''] = (valid === null ? defaultType : value).split('/');
  const disposition = content.get('disposition');
  const parsed = disposition === undefined || disposition === '' ? null : parseParameterized(disposition);
  return {
    type,
    subtype,
    parameters: valid === null ? [] : parameters,
    id: nonEmpty(content.get('id')),
    description: nonEmpty(content.get('description')),
    encoding: stripComments(content.get('transfer-encoding') ?? '').toLowerCase() || '7bit',
    md5: nonEmpty(content.get('md5')),
    disposition: parsed === null ? null : { type: parsed.value, parameters: parsed.parameters },
    language: languages(content.get('language')),
    location: nonEmpty(content.get('location')),
  };
}

const PREFIX = 'content-';

/** `type` for Content-Type, in lower case; null for fields that do not begin so. */
export function contentName(name: string): string | null {
  if (name.length <= PREFIX.length || name.charAt(PREFIX.length - 1) !== '-') return null;
  const lower = name.toLowerCase();
  return lower.startsWith(PREFIX) ? lower.slice(PREFIX.length) : null;
}

const nonEmpty = (text: string | undefined): string | null => (text === undefined || text === '' ? null : text);

function languages(field: string | undefined): readonly string[] | null {
  const tags = stripComments(field ?? '')
    .split(/[, \t]+/)
    .filter((tag) => tag !== '')
    .slice(0, 100);
  return tags.length === 0 ? null : tags;
}
