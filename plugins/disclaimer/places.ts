/** Where in a message people read: the text parts that get the disclaimer. */
import type { Part } from '../../src/mail/message.ts';

/** Their octets must stay as they are, or somebody's signature or key does not fit any more. */
const SEALED = /^(?:signed|encrypted|report)$/;
const SEALED_TYPES = /^(?:pkcs7-|x-pkcs7-|pgp-)/;
const MOST = 10;

/** Null: the message is signed or encrypted. */
export function placesIn(root: Part): readonly Part[] | null {
  if (isSealed(root)) return null;
  return textsOf(root).slice(0, MOST);
}

const isSealed = (part: Part): boolean =>
  (part.type === 'multipart' && SEALED.test(part.subtype)) ||
  (part.type === 'application' && SEALED_TYPES.test(part.subtype)) ||
  (part.type === 'multipart' && part.parts.some(isSealed));

function textsOf(part: Part): readonly Part[] {
  if (part.type === 'text')
    return /^(?:plain|html)$/.test(part.subtype) && part.disposition?.type !== 'attachment' ? [part] : [];
  if (part.type !== 'multipart') return [];
  // The forms of one text; of anything else, what is read first.
  if (part.subtype === 'alternative') return part.parts.flatMap(textsOf);
  const [first] = part.parts;
  return first === undefined ? [] : textsOf(first);
}
