/**
 * The header of a message before it is judged: what would cost more than it is worth is left out, and said.
 *
 * Whoever signs a message may sign it often, name ten thousand fields, or send a header of a million lines: each costs
 * the verifier more than the sender.
 */

export interface Guarded {
  /** What is verified: header and empty line. */
  readonly header: Buffer;
  /** Signatures that are not looked at. */
  readonly dropped: number;
  /** Nothing of the message is verified, only From is known. */
  readonly isTooLarge: boolean;
}

export const LIMITS = {
  headerOctets: 256 * 1024,
  headerLines: 5_000,
  fields: 1_000,
  /** DKIM signatures of a message, from the top. */
  signatures: 20,
  /** Octets of one signature, or of one From. */
  field: 16 * 1024,
  /** Octets of bodies that are hashed for one message: each signature may want a hash of its own. */
  hashed: 256 * 1024 * 1024,
  /** RFC 8617 section 4.2.1: 50 sets of three fields. */
  arcFields: 150,
} as const;

interface Block {
  /** Octets as latin1, with its line end. */
  readonly text: string;
  readonly name: string;
}

/** `block`: the header with its empty line, if it has one; `size`: octets of the whole message. */
export function guardHeader(block: Buffer, size: number): Guarded {
  const text = block.toString('latin1');
  const fields = fieldsOf(text);
  const arc = fields === null ? 0 : fields.filter(({ name }) => name.startsWith('arc-')).length;
  if (fields === null || arc > LIMITS.arcFields) return { header: fromAlone(text), dropped: 0, isTooLarge: true };
  const most = Math.max(1, Math.min(LIMITS.signatures, Math.floor(LIMITS.hashed / Math.max(1, size))));
  let [kept, dropped] = [0, 0];
  const left = fields.filter(({ name, text: field }) => {
    if (name === 'from') return field.length <= LIMITS.field;
    if (name !== 'dkim-signature') return true;
    if (kept < most && field.length <= LIMITS.field) {
      kept += 1;
      return true;
    }
    dropped += 1;
    return false;
  });
  return {
    header: left.length === fields.length ? block : joined(left),
    dropped,
    isTooLarge: false,
  };
}

const joined = (fields: readonly Block[]): Buffer =>
  Buffer.from(`${fields.map(({ text }) => text).join('')}\r\n`, 'latin1');

/** Null for more than is looked at. */
function fieldsOf(text: string): Block[] | null {
  if (text.length > LIMITS.headerOctets) return null;
  const fields: Block[] = [];
  let lines = 0;
  let at = 0;
  while (at < text.length) {
    const start = at;
    do {
      const end = text.indexOf('\n', at);
      at = end < 0 ? text.length : end + 1;
      lines += 1;
    } while (isFold(text.charCodeAt(at)) && at < text.length);
    const field = text.slice(start, at);
    if (field === '\r\n' || field === '\n') break;
    fields.push({ text: field, name: nameOf(field) });
    if (fields.length > LIMITS.fields || lines > LIMITS.headerLines) return null;
  }
  return fields;
}

const isFold = (code: number): boolean => code === 32 || code === 9;
const nameOf = (field: string): string =>
  field
    .slice(0, Math.max(0, field.indexOf(':')))
    .trim()
    .toLowerCase();

/** The first of From fields, with their lines. */
const MOST_FROM = 3;
const FROM = /^from[ \t]*:.*(?:\n[ \t].*)*\n?/gim;

function fromAlone(text: string): Buffer {
  const fields: string[] = [];
  for (const [field] of text.matchAll(FROM)) {
    if (field.length <= LIMITS.field) fields.push(field.endsWith('\n') ? field : `${field}\r\n`);
    if (fields.length === MOST_FROM) break;
  }
  return Buffer.from(`${fields.join('')}\r\n`, 'latin1');
}
