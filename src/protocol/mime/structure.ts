/**
 * BODYSTRUCTURE and BODY from the tree of parts (RFC 9051 section 7.5.2).
 *
 * Parameter values beyond US-ASCII are sent in the format of RFC 2231 (`filename*`), which every client supports.
 * The grammar does not allow a multipart without parts or a message/rfc822 without a message: they are shown with one
 * empty text part, as in Dovecot, and `partsOf` returns that part for BODY[1] too.
 */
import type { Part } from '../../mail/message.ts';
import { imapNString, imapString } from './imap-string.ts';

type Parameters = Part['parameters'];

const EMPTY_ENVELOPE = `(${Array(10).fill('NIL').join(' ')})`;

/** `extensible`: BODYSTRUCTURE, otherwise BODY. */
export function bodyStructure(part: Part, extensible: boolean): string {
  const extension = extensible ? ` ${disposition(part)} ${language(part)} ${imapNString(part.location)}` : '';
  if (part.type === 'multipart') {
    const children = partsOf(part)
      .map((child) => bodyStructure(child, extensible))
      .join('');
    return `(${children} ${imapString(part.subtype)}${extensible ? ` ${parameters(part.parameters)}` : ''}${extension})`;
  }
  const size = part.bodyEnd - part.bodyStart;
  const head = `${imapString(part.type)} ${imapString(part.subtype)} ${parameters(withCharset(part))}`;
  const body = `${head} ${imapNString(part.id)} ${imapNString(part.description)} ${imapString(part.encoding)} ${size}`;
  return `(${body}${specifics(part, extensible)}${extensible ? ` ${imapNString(part.md5)}` : ''}${extension})`;
}

export const isMessage = (part: Pick<Part, 'type' | 'subtype'>): boolean =>
  part.type === 'message' && (part.subtype === 'rfc822' || part.subtype === 'global');

function specifics(part: Part, extensible: boolean): string {
  if (part.type === 'text') return ` ${part.lines}`;
  if (!isMessage(part)) return '';
  const body = partsOf(part).map((enclosed) => bodyStructure(enclosed, extensible));
  return ` ${part.envelope ?? EMPTY_ENVELOPE} ${body.join('')} ${part.lines}`;
}

/** The parts of a multipart or message/rfc822 as clients number them: at least one. Other entities have none. */
export function partsOf(part: Part): readonly Part[] {
  return part.parts.length > 0 || (part.type !== 'multipart' && !isMessage(part))
    ? part.parts
    : [emptyText(part.bodyEnd)];
}

const emptyText = (at: number): Part => ({
  type: 'text',
  subtype: 'plain',
  parameters: [],
  id: null,
  description: null,
  encoding: '7bit',
  md5: null,
  disposition: null,
  language: null,
  location: null,
  headerStart: at,
  bodyStart: at,
  bodyEnd: at,
  lines: 0,
  parts: [],
  envelope: null,
});

/** Text without a charset is US-ASCII (RFC 2045 section 5.2). */
function withCharset(part: Part): Parameters {
  return part.type !== 'text' || part.parameters.some(([name]) => name === 'charset')
    ? part.parameters
    : [...part.parameters, ['charset', 'us-ascii']];
}

function parameters(list: Parameters): string {
  if (list.length === 0) return 'NIL';
  return `(${list.map(([name, value]) => (isAscii(value) ? `${imapString(name)} ${imapString(value)}` : `${imapString(`${name}*`)} ${imapString(extended(value))}`)).join(' ')})`;
}

function disposition({ disposition: d }: Part): string {
  return d === null ? 'NIL' : `(${imapString(d.type)} ${parameters(d.parameters)})`;
}

function language(part: Part): string {
  return part.language === null ? 'NIL' : `(${part.language.map(imapString).join(' ')})`;
}

const isAscii = (text: string): boolean => !/[^\x00-\x7f]/.test(text);

/** RFC 2231 section 4; encodeURIComponent does not encode `'()*`, which have a special meaning there. */
function extended(value: string): string {
  return `utf-8''${encodeURIComponent(value.toWellFormed()).replace(/['()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)}`;
}
