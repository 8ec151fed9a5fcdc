/** The attachments that WildDuck's HTTP API shows of a message (imap-core/lib/indexer/indexer.js, `getMaildata`). */
import type { Part } from '../../mail/message.ts';
import { isInlineText, type MovedBody } from './tree.ts';

export interface StoredBody extends MovedBody {
  /** Of its file in GridFS. */
  readonly id: Buffer;
  readonly contentHash: string;
}

export function attachmentFields(stored: readonly StoredBody[], root: Part) {
  const related = new Set(relatedParts(root, false));
  const attachments = stored
    .filter(({ body, part }) => body.length > 0 && part.type !== 'multipart' && !isInlineText(part))
    .map(({ attachmentId, body, part, contentHash }) => ({
      id: attachmentId,
      filename: named('filename', part.disposition?.parameters) ?? named('name', part.parameters) ?? 'attachment',
      contentType: `${part.type}/${part.subtype}`,
      disposition: part.disposition?.type ?? false,
      transferEncoding: part.encoding,
      cid: part.id,
      related: related.has(part),
      sizeKb: Math.ceil((part.encoding === 'base64' ? body.length * 0.73 : body.length) / 1024),
      size: body.length,
      fileContentHash: contentHash,
    }));
  return attachments.length === 0 ? { ha: false } : { attachments, ha: attachments.some((each) => !each.related) };
}

/** Content-Id, without its angle brackets, to the attachment's id. */
export const cidsOf = (stored: readonly MovedBody[]): ReadonlyMap<string, string> =>
  new Map(
    stored.flatMap(({ attachmentId, part }) =>
      part.id === null ? [] : [[part.id.replace(/[<>]/g, '').trim(), attachmentId] as const],
    ),
  );

function* relatedParts(part: Part, related: boolean): Generator<Part> {
  if (related) yield part;
  for (const child of part.parts) yield* relatedParts(child, related || part.subtype === 'related');
}

const named = (name: string, parameters: Part['parameters'] = []): string | undefined =>
  parameters.find(([each]) => each === name)?.[1];
