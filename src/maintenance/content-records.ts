/** Records of contents, asked for together: one that cannot be read hides no other. */
import { messageOf } from '../errors.ts';
import type { Id } from '../mail/account.ts';
import type { StoreSource } from '../store/source.ts';
import type { ContentRecord } from '../store/transfer.ts';

/** Null for a content that is not there, an Error for one whose record cannot be read. */
export type ContentRecords = ReadonlyMap<Id, ContentRecord | null | Error>;

export async function contentRecords(
  source: Pick<StoreSource, 'transfer'>,
  contents: readonly Id[],
): Promise<ContentRecords> {
  try {
    const records = await source.transfer.contentRecords(contents);
    return new Map(contents.map((content, i) => [content, records[i] ?? null]));
  } catch (error) {
    const [only] = contents;
    if (only === undefined) return new Map();
    if (contents.length === 1)
      return new Map([[only, new Error(`its prepared index cannot be read: ${messageOf(error)}`, { cause: error })]]);
    const alone: ContentRecords[] = [];
    for (const content of contents) alone.push(await contentRecords(source, [content]));
    return new Map(alone.flatMap((records) => [...records]));
  }
}
