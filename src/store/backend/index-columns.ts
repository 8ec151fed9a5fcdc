/** The prepared columns of a content: what FETCH and SEARCH need of a message without reading it. */
import type { MessageIndex } from '../../mail/message.ts';

export interface IndexColumns {
  readonly sentAt: number | null;
  readonly messageId: string;
  readonly envelope: string;
  readonly bodyStructure: string;
  readonly search: string;
  readonly root: string;
}

export const toColumns = (index: MessageIndex): IndexColumns => ({
  sentAt: index.sentAt === null ? null : Math.trunc(index.sentAt),
  messageId: index.messageId,
  envelope: index.envelope,
  bodyStructure: index.bodyStructure,
  search: JSON.stringify(index.search),
  root: JSON.stringify(index.root),
});
