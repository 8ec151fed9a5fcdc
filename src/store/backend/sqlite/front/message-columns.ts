/** A picture's columns as callers see them. */
import type { Id } from '../../../../mail/account.ts';
import type { MessageColumns } from '../../../mailboxes.ts';
import { listFlags } from '../../flags.ts';
import { NOT_KEPT } from '../calls.ts';
import type { Picture } from './picture.ts';

export function columnsOf({ length, columns }: Picture): MessageColumns {
  const { masks, keywords, keywordSets, contents, prefixes, prefixSets, ...numbers } = columns;
  const flags = (index: number): readonly string[] =>
    listFlags(masks[index] ?? 0, keywordSets[keywords[index] ?? 0] ?? '');
  const content = (index: number): Id => contents[index] ?? 0;
  const prefix = (index: number): string | null =>
    prefixes[index] === NOT_KEPT ? null : (prefixSets[prefixes[index] ?? 0] ?? '');
  return { length, ...numbers, flags, content, prefix };
}
